"""Training killed by SIGKILL at random moments ends as if it had never been killed."""

import glob
import random
import time

import pytest
import torch
from forked import Process
from test_train import settings, task, weights
from tiny import tiny_model

from bionerflow.models.loading import load_tokenizer
from bionerflow.train.finetune import train
from bionerflow.train.trainer import last_checkpoint

KILLS = 10
RECIPE = settings(method="lora", num_train_epochs=8, validations_per_epoch=2, learning_rate=3e-3)


def f1_of_weights(model):
    """Return what stands for F1: a number that the weights alone decide."""
    return float(weights(model).double().abs().sum() % 1)


def live(base, folder):
    """Train until it is done."""
    tokenizer = load_tokenizer(base)
    model, metrics = train(base, tokenizer, task(32), RECIPE, folder, 1, f1_of_weights)
    torch.save((weights(model), metrics["dev_f1"], metrics["tokens"]), folder / "result.part")
    (folder / "result.part").rename(folder / "result")


@pytest.fixture
def life(tmp_path):
    """Return what begins a process that trains until it is done or killed."""
    base = tiny_model(tmp_path / "base")

    def begin(folder):
        folder.mkdir(exist_ok=True)
        process = Process(target=live, args=(base, folder))
        process.start()
        return process

    return begin


def entries(folder):
    """Return how much a training has written: its checkpoints' files and its curve's lines."""
    curve = folder / "curve.jsonl"
    lines = curve.read_text().count("\n") if curve.is_file() else 0
    return lines + len(glob.glob(f"{folder}/checkpoint-*/*"))


def test_a_training_killed_ten_times_ends_with_the_weights_of_an_undisturbed_one(life, tmp_path):
    undisturbed = life(tmp_path / "undisturbed")
    undisturbed.join()
    rng, reached = random.Random(), []
    for _ in range(KILLS):
        process, before = life(tmp_path / "killed"), entries(tmp_path / "killed")
        moment = rng.randint(0, 20)
        while process.is_alive() and abs(entries(tmp_path / "killed") - before) < moment:
            time.sleep(0.002)
        time.sleep(rng.random() / 50)
        process.kill()
        process.join()
        reached.append(last_checkpoint(tmp_path / "killed"))
    life(tmp_path / "killed").join()
    whole, ended = (torch.load(tmp_path / name / "result") for name in ("undisturbed", "killed"))
    assert torch.equal(ended[0], whole[0])
    assert ended[1:] == whole[1:]
    assert len({*reached} - {None}) >= 2, "the kills came before there was anything to continue"
