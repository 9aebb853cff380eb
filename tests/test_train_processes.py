"""Several processes train as one does: the effective batch is the setting, not their number."""

import multiprocessing
import os
import socket

import pytest
import torch
from accelerate.state import AcceleratorState
from test_train import curve, settings, task, weights
from tiny import tiny_model

from bionerflow.chat import Chat
from bionerflow.errors import UserError
from bionerflow.models import load_base, load_tokenizer
from bionerflow.train import fit
from bionerflow.train.data import FILLER, Conversations, collate, device_rows, pack


def train_to(file, base, folder, environment=()):
    """Train on 21 conversations in batches of 8, 2 a pass; write weights and losses to a file."""
    os.environ.update(environment)
    AcceleratorState._reset_state(reset_partial_state=True)  # what a new process begins with
    tokenizer = load_tokenizer(base)
    recipe = settings(epochs=4, learning_rate=1e-3, device_batch_tokens=200, max_length=100)
    model, metrics = fit(load_base(base), tokenizer, task(21), recipe, folder, 1)
    torch.save((weights(model), curve(metrics, "loss"), metrics["settings"]), file)


def side_by_side(count, base, folder):
    """Return what each of `count` processes that train together ends with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    together = [
        multiprocessing.get_context("fork").Process(
            target=train_to,
            args=(
                folder / str(rank),
                base,
                folder / "checkpoints",
                address | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)},
            ),
        )
        for rank in range(count)
    ]
    for process in together:
        process.start()
    for process in together:
        process.join(300)
        process.kill()
    return [torch.load(folder / str(rank)) for rank in range(count)]


def test_two_processes_end_with_the_weights_of_one(tmp_path):
    base = tiny_model(tmp_path / "base")
    train_to(tmp_path / "alone", base, tmp_path / "checkpoints-alone")
    alone, losses, recorded = torch.load(tmp_path / "alone")
    first, second = side_by_side(2, base, tmp_path)
    assert torch.equal(first[0], second[0])
    assert torch.allclose(first[0], alone, atol=1e-4)
    assert (first[0] - weights(load_base(base))).abs().max() > 1e-3
    assert first[1] == pytest.approx(losses, rel=1e-4)
    for both, accumulated in ((recorded, 4), (first[2], 2)):
        assert (both["device_batch_size"], both["gradient_accumulation"]) == (2, accumulated)


def test_the_effective_batch_is_dealt_out_evenly_or_refused():
    sixteen = settings(batch_size=16, device_batch_tokens=400)
    assert [device_rows(sixteen, 100, devices) for devices in (1, 2, 4, 8)] == [4, 4, 4, 2]
    with pytest.raises(UserError, match="multiple of the number of processes, 3"):
        device_rows(sixteen, 100, 3)


def test_a_filler_teaches_nothing(tmp_path):
    base = tiny_model(tmp_path)
    data = Conversations(Chat(load_tokenizer(base)).encode(task(2)), 1024)
    model = load_base(base).eval()
    for batched in (collate, pack):
        losses = [
            float(model(**batched([data[n] for n in rows])).loss)
            for rows in ((0, 1), (0, 1, FILLER))
        ]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
        assert float(model(**batched([data[FILLER]]), num_items_in_batch=3).loss) == 0
