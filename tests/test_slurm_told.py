"""What the user is told of Slurm's jobs, and what jobs are told by Slurm."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import snakemake_executor_plugin_slurm as plugin
import yaml
from conftest import ROOT
from scheduler import wait

from bionerflow.workflow.slurm import ended, keep_to_squeue, logs, waiting
from bionerflow.workflow.status import status

RUN = "tiny.micro.one.draw1"
SQUEUE = """#!/bin/sh
cat <<'.'
{lines}
.
exit {code}
"""
SNAKEFILE = """
from bionerflow.workflow.slurm import pass_on_sigterm
pass_on_sigterm()
rule train:
    output: "made"
    shell: "trap '' TERM; python job.py && touch made"
"""
JOB = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped by SIGTERM"))
Path("at-work").touch()
while not Path("ended").exists():
    time.sleep(0.05)
"""
HEAD = "    resources: tmpdir=/tmp, gpu=1, runtime=90, mem_mb=1500, mem_mib=1431\n"
#: As Slurm 22.05 writes them.
ENDS = {
    "out of memory; it requested mem_mb=1500. Raise memory_mb":
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.0. Some of your processes may "
        "have been killed by the cgroup out-of-memory handler.",
    "out of memory": "srun: error: n1: task 0: Out Of Memory",
    "its time is over; it requested runtime=90 minutes. Raise runtime_min":
        "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-12-01T10:58:05 DUE TO TIME LIMIT ***",
    "its node failed.":
        "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-12-01T10:58:05 DUE TO NODE FAILURE, "
        "SEE SLURMCTLD LOG FOR DETAILS ***",
    "cancelled, by scancel or since a more urgent job preempted it.":
        "slurmstepd: error: *** STEP 1.0 ON n1 CANCELLED AT 2026-12-01T10:58:05 ***",
}  # fmt: skip


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Return what makes a squeue that prints lines; `{here}` is the folder of the workflow."""

    def make(*lines, code=0):
        file = tmp_path / "bin/squeue"
        file.parent.mkdir(exist_ok=True)
        printed = "\n".join(lines).replace("{here}", str(tmp_path))
        file.write_text(SQUEUE.format(lines=printed, code=code))
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")

    return make


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("PartitionTimeLimit", "Lower runtime_min of its model in config/models.yaml"),
        ("JobHeldUser", "`scontrol release JOB` lets it start"),
        ("JobHeldAdmin", "held by an administrator"),
        ("launch failed requeued held", "since a prolog failed"),
        ("BadConstraints", "it will never start"),
        ("AssocGrpGRESMinutes", "a limit of your account"),
        ("QOSMaxJobsPerUserLimit", "a limit of your QOS"),
        ("ReqNodeNotAvail, UnavailableNodes:n1", "down, drained or reserved"),
        ("Resources", "waiting (Resources): Jobs: 12 train"),
    ],
)
def test_a_job_that_waits_is_told_with_its_reason(squeue, tmp_path, reason, told):
    squeue(f"12|{reason}|rule_train_wildcards_{RUN}|{{here}}")
    (line,) = waiting(tmp_path)
    assert told in line
    assert line.startswith(f"waiting ({reason}): ")
    assert line.endswith(f"Jobs: 12 train {RUN}")


def test_jobs_of_one_reason_share_a_line_and_those_of_other_folders_are_left_out(squeue, tmp_path):
    squeue(
        f"12|Priority|rule_train_wildcards_{RUN}|{{here}}",
        "13|Priority|rule_report|{here}",
        "14|Priority|(null)|{here}/elsewhere",
        "15|Resources|my own job|{here}",
    )
    assert waiting(tmp_path) == [
        f"waiting (Priority): Jobs: 12 train {RUN}, 13 report",
        "waiting (Resources): Jobs: 15 my own job",
    ]


def test_a_scheduler_that_does_not_answer_is_told(squeue, tmp_path, monkeypatch):
    squeue("slurm_load_jobs error", code=1)
    assert "Slurm does not answer" in waiting(tmp_path)[0]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert waiting(tmp_path) == []


def test_the_status_has_what_waits_also_before_anything_has_run(squeue, tmp_path):
    squeue(f"12|JobHeldUser|rule_train_wildcards_{RUN}|{{here}}")
    assert "waiting (JobHeldUser): held by its owner." in status(tmp_path / "results")


@pytest.mark.parametrize("told", ENDS)
def test_a_job_that_slurm_ended_is_told_with_what_to_do(tmp_path, told):
    log = tmp_path / "rule_train" / RUN / "5.log"
    log.parent.mkdir(parents=True)
    before = logs(tmp_path)
    log.write_text(f"{HEAD}{ENDS[told]}\n")
    (line,) = ended(before, tmp_path)
    assert line.startswith(f"train {RUN} (Slurm job 5) ended: {told}")
    assert "{" not in line
    assert line.endswith("Start again: it goes on from what it had finished.")
    assert ended(logs(tmp_path), tmp_path) == []


def test_a_job_that_failed_by_itself_is_left_to_its_own_log(tmp_path):
    (tmp_path / "rule_report").mkdir()
    (tmp_path / "rule_report/5.log").write_text(f"{HEAD}error: The disk is full.\n")
    assert ended(set(), tmp_path) == []


def watched(monkeypatch, silent, attempts):
    """Return the jobs that the plug-in still knows after so many questions without an answer."""
    asked = []

    async def query(command, logger):
        asked.append(command)
        answered = len(asked) > silent and command.startswith("squeue")
        return ({"7": "RUNNING"}, 0.1) if answered else (None, None)

    monkeypatch.setattr(plugin, "query_job_status", query)
    monkeypatch.setattr(plugin, "is_query_tool_available", lambda name: True)
    ages = iter([300, None])
    monkeypatch.setattr(plugin, "get_min_job_age", lambda: next(ages))
    keep_to_squeue()
    keep_to_squeue()
    assert plugin.get_min_job_age() == 300
    settings = SimpleNamespace(init_seconds_before_status_checks=40, status_attempts=attempts)
    counts = dict.fromkeys(("failures", "calls", "total_seconds"), 0)
    counts |= {"min_seconds": 1.0, "max_seconds": 1.0}
    executor = MagicMock(status_rate_limiter=nullcontext(), run_uuid="x")
    executor.configure_mock(**{f"_status_query_{name}": its for name, its in counts.items()})
    executor.workflow.executor_settings = settings
    executor.get_status_command = lambda: "squeue"
    executor.next_seconds_between_status_checks = 40
    jobs = [SimpleNamespace(external_jobid="7", aux={})]

    async def known():
        return [job async for job in plugin.Executor.check_active_jobs(executor, jobs)]

    return asyncio.run(known()), jobs


@pytest.fixture
def signalled(tmp_path, monkeypatch):
    """Return what sends SIGTERM to a Snakemake whose job is at work, and returns the process."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(JOB)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    command = [sys.executable, "-m", "snakemake", "--mode", "remote", "--cores", "1", "made"]

    def begin():
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        wait((tmp_path / "at-work").exists, 60)
        process.send_signal(signal.SIGTERM)
        return process

    yield begin
    (tmp_path / "ended").touch()


def test_a_job_gets_the_sigterm_that_slurm_sends_to_snakemake_alone(signalled, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    process = signalled()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped by SIGTERM" in said


def test_outside_of_slurm_snakemake_lets_its_jobs_end_at_sigterm(signalled, monkeypatch, tmp_path):
    monkeypatch.delenv("SLURM_STEP_ID", raising=False)
    process = signalled()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    (tmp_path / "ended").touch()
    _, said = process.communicate(timeout=60)
    assert "Stopped by SIGTERM" not in said
    assert (tmp_path / "made").exists()


def test_a_scheduler_that_is_silent_for_an_hour_loses_no_job(monkeypatch):
    """Neither by too few questions nor by those to `sacct`, which has no answer."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    assert profile["max-status-checks-per-second"] == 1
    known, jobs = watched(monkeypatch, 3599, profile["slurm-status-attempts"])
    assert known == jobs


def test_without_the_profile_the_plug_in_forgets_its_jobs(monkeypatch):
    """Once it does not any more, the setting is of no use."""
    assert watched(monkeypatch, 5, 5)[0] == []
