"""One GPU a job on a machine without a scheduler."""

import os
import subprocess
import sys
import uuid

import pytest
from transformers import TrainingArguments

from bionerflow.config.stages import TrainSettings
from bionerflow.train.arguments import training_arguments

SAY = "import os, sys; print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True); sys.stdin.read()"


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a job which says its GPUs and runs until its input ends."""
    script = tmp_path / "say.py"
    script.write_text(SAY)
    started = []

    def job(count, visible, **environment):
        name = [sys.executable, "-m", "bionerflow.workflow.gpus", str(count), str(script)]
        own = {"CUDA_VISIBLE_DEVICES": visible, "TMPDIR": str(tmp_path)} | environment
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(name, env=os.environ | own, text=True, **pipes)
        started.append(process)
        return process

    yield job
    for process in started:
        process.kill()
        process.communicate()


def gpus(process):
    return process.stdout.readline().strip()


def test_jobs_of_one_machine_use_different_gpus_and_the_next_waits_for_a_free_one(start):
    names = [f"GPU-{uuid.uuid4()}" for _ in range(2)]
    first, second = (start(1, ",".join(names)) for _ in range(2))
    assert {gpus(first), (other := gpus(second))} == set(names)
    third = start(1, ",".join(names))
    with pytest.raises(subprocess.TimeoutExpired):
        third.wait(1)
    second.kill()
    assert gpus(third) == other


def test_a_job_of_the_scheduler_keeps_what_it_was_given(start):
    assert [gpus(start(1, "1", SLURM_JOB_ID="7")) for _ in range(2)] == ["1", "1"]


def test_a_job_that_asks_for_no_gpu_sees_none(start):
    assert gpus(start(0, "0,1")) == ""
    assert gpus(start(0, "0", SLURM_JOB_ID="7")) == ""


def test_jobs_inside_an_allocation_of_several_gpus_use_different_ones(start):
    names = [f"GPU-{uuid.uuid4()}" for _ in range(3)]
    first, second = (start(1, ",".join(names), SLURM_JOB_ID="7") for _ in range(2))
    assert {gpus(first), gpus(second)} == set(names[:2])


def test_more_gpus_than_there_are_is_an_error(start):
    _, said = start(3, "0,1").communicate(timeout=30)
    assert said == "error: the job asks for 3 GPUs, and there are 2.\n"


def test_the_effective_batch_is_what_was_asked_whatever_a_process_sees(tmp_path, monkeypatch):
    prepare = TrainingArguments.__post_init__

    def see_four(args):
        prepare(args)
        args._n_gpu = 4

    monkeypatch.setattr(TrainingArguments, "__post_init__", see_four)
    args = training_arguments(TrainSettings(effective_batch_size=8), [{}] * 32, tmp_path, 1, False)
    assert (args.train_batch_size, args.n_gpu) == (8, 1)
