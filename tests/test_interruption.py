"""What schedulers do to a training: SIGTERM on its way, and a second start beside the first."""

import os
import signal

import pytest
import torch
from tiny import TEXTS, tiny_model

from bionerflow.config.stages import TrainSettings
from bionerflow.data.schema import Turn
from bionerflow.models.loading import load_tokenizer
from bionerflow.train.finetune import train
from bionerflow.train.preemption import alone
from bionerflow.utils.errors import UserError

RECIPE = TrainSettings(
    num_train_epochs=3, learning_rate=1e-2, effective_batch_size=4, validations_per_epoch=1
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def test_sigterm_ends_a_training_after_a_checkpoint_and_the_next_start_goes_on_from_it(
    base, tmp_path, capsys
):
    words = " ".join(TEXTS).split(" ")
    task = [[Turn("user", word), Turn("assistant", word)] for word in words[:12]]

    def run(folder, killed):
        scores = iter([0.1, 0.2, 0.3])

        def validate(_):
            if killed:
                os.kill(os.getpid(), signal.SIGTERM)
            return next(scores)

        model, _ = train(base, load_tokenizer(base), task, RECIPE, tmp_path / folder, 1, validate)
        return torch.cat([weight.detach().flatten() for weight in model.parameters()])

    before = signal.getsignal(signal.SIGTERM)
    whole = run("whole", killed=False)
    with pytest.raises(UserError, match=r"Stopped by SIGTERM after a checkpoint"):
        run("killed", killed=True)
    assert signal.getsignal(signal.SIGTERM) == before
    assert (tmp_path / "killed" / "checkpoint-4" / "trainer_state.json").is_file()
    assert torch.equal(run("killed", killed=False), whole)
    assert "goes on from step 4" in capsys.readouterr().err


def test_checkpoints_are_one_job_s_at_a_time(tmp_path):
    with alone(tmp_path / "run"), pytest.raises(UserError, match=r"Another job writes"):
        alone(tmp_path / "run").__enter__()
    with alone(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
