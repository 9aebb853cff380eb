"""Several processes train as one does: the effective batch is the setting, not their number.

accelerate shards a model on accelerators alone; here it is told that a CPU is one.
"""

import os
import socket

import pytest
import torch
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from forked import Process
from test_train import curve, settings, task, weights
from tiny import tiny_model

from bionerflow.config.stages import TrainSettings
from bionerflow.config.trainer import LoraSettings
from bionerflow.inference.generate import generate
from bionerflow.models.loading import load_base, load_causal, load_tokenizer, save
from bionerflow.train import memory
from bionerflow.train.finetune import fit, train
from bionerflow.train.memory import check_memory
from bionerflow.utils.errors import UserError

RECIPE = settings(
    num_train_epochs=4,
    learning_rate=1e-3,
    tokens_per_pass=200,
    max_length=100,
    validations_per_epoch=1,
)


def train_to(out, base, recipe, checkpoints, dies_at=None):
    """Train on 21 conversations in batches of 8, several passes each; write what was found.

    Each epoch is validated, and in the one named the process dies.
    """
    AcceleratorState._reset_state(reset_partial_state=True)  # what a new process begins with
    tokenizer = load_tokenizer(base)
    answers = []

    def validate(model):
        if len(answers) + 1 == dies_at:
            os._exit(9)
        answers.append(generate(model, tokenizer, task(3, seed=2), 4, 3))
        return 0.5

    model, metrics = train(base, tokenizer, task(21), recipe, checkpoints, 1, validate)
    held = sum(w.to_local().numel() if recipe.fsdp else w.numel() for w in model.parameters())
    save(model, tokenizer, out / "model")
    found = {"losses": curve(metrics, "loss"), "held": held, "answers": answers}
    torch.save(found | {"settings": metrics["settings"]}, out / os.environ.get("RANK", "0"))


def as_one_of_several(environment, *arguments):
    """Train as one process of several, on a CPU that accelerate takes for an accelerator."""
    os.environ.update(environment)
    begin = AcceleratorState.__init__

    def sharding(self, *args, fsdp_plugin=None, **others):
        begin(self, *args, fsdp_plugin=fsdp_plugin, **others)
        if fsdp_plugin:
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin

    AcceleratorState.__init__ = sharding
    train_to(*arguments)


def side_by_side(count, out, *arguments):
    """Return what each of `count` processes that train together ends with, if it does."""
    out.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    together = [
        Process(
            target=as_one_of_several,
            args=(
                address | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)},
                out,
                *arguments,
            ),
        )
        for rank in range(count)
    ]
    for process in together:
        process.start()
    for process in together:
        process.join(300)
        process.kill()
    return [torch.load(file, weights_only=False) for file in sorted(out.glob("[0-9]"))]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("base"))


def alone(folder, base, recipe):
    """Return what one process ends with."""
    folder.mkdir()
    train_to(folder, base, recipe, folder / "checkpoints")
    return torch.load(folder / "0", weights_only=False)


def trained(folder):
    return weights(load_causal(folder / "model"))


def test_two_processes_end_with_the_weights_of_one(base, tmp_path):
    one = alone(tmp_path / "one", base, RECIPE)
    first, second = side_by_side(2, tmp_path / "two", base, RECIPE, tmp_path / "checkpoints")
    assert torch.allclose(trained(tmp_path / "two"), trained(tmp_path / "one"), atol=1e-4)
    assert (trained(tmp_path / "one") - weights(load_base(base))).abs().max() > 1e-3
    assert first["losses"] == pytest.approx(one["losses"], rel=1e-4)
    assert first["answers"] == second["answers"] == one["answers"]
    assert [both["settings"]["per_device_train_batch_size"] for both in (one, first)] == [8, 4]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_two_processes_that_share_out_the_weights_end_with_those_of_one(method, base, tmp_path):
    recipe = RECIPE.model_copy(update={"method": method, "lora": LoraSettings(lora_dropout=0)})
    one = alone(tmp_path / "one", base, recipe)
    sharded = recipe.model_copy(update={"fsdp": True})
    halves = side_by_side(2, tmp_path / "two", base, sharded, tmp_path / "checkpoints")
    assert torch.allclose(trained(tmp_path / "two"), trained(tmp_path / "one"), atol=1e-4)
    assert sum(half["held"] for half in halves) == one["held"]
    assert all(half["held"] < 0.6 * one["held"] for half in halves)
    for half in halves:
        assert half["losses"] == pytest.approx(one["losses"], rel=1e-4)
        assert half["answers"] == one["answers"]


def test_a_sharded_run_that_was_killed_goes_on_from_its_checkpoint(base, tmp_path):
    sharded = RECIPE.model_copy(update={"fsdp": True})
    arguments = base, sharded, tmp_path / "checkpoints"
    assert side_by_side(2, tmp_path / "killed", *arguments, 3) == []
    resumed = side_by_side(2, tmp_path / "killed", *arguments)
    whole = side_by_side(2, tmp_path / "whole", base, sharded, tmp_path / "others")
    assert [len(one["answers"]) for one in (*resumed, *whole)] == [2, 2, 4, 4]
    assert torch.equal(trained(tmp_path / "killed"), trained(tmp_path / "whole"))


def test_quantised_weights_are_not_shared_out():
    with pytest.raises(ValueError, match="quantised weights stay whole"):
        TrainSettings(method="qlora", fsdp=True)


def test_memory_is_asked_for_a_device_s_share(base, monkeypatch):
    model = load_base(base)
    needed = 12 * model.num_parameters()
    monkeypatch.setattr(memory, "_free", lambda device: needed * 3 // 4)
    check_memory(model, shards=2)
    with pytest.raises(UserError, match="beside the model"):
        check_memory(model)


def test_an_effective_batch_that_cannot_be_dealt_out_evenly_is_refused(base, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UserError, match="multiple of the number of processes, 3"):
        fit(load_base(base), load_tokenizer(base), task(4), settings(), tmp_path, 1)
