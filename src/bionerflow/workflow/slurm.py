"""What Slurm does to the jobs of a workflow: why some wait, and why others were ended.

`squeue` tells the first, the logs that Slurm keeps of failed jobs the second.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

#: Where the executor plug-in keeps the logs of failed jobs: `rule_{rule}/{wildcards}/{job}.log`.
LOGS = Path(".snakemake/slurm_logs")
#: Seconds for `squeue`: a busy controller takes long, and a status must not hang.
PATIENCE = 20
FORMAT = "%i|%r|%k|%Z"  # job, reason, the plug-in's comment, working directory
NAME = re.compile(r"(?:rule|group)_(?P<rule>.+?)(?:_wildcards_(?P<wildcards>.*))?")
#: How the reasons begin that do not pass by themselves, and what to do.
WAITS = {
    "JobHeldUser": "held by its owner. `scontrol release JOB` lets it start.",
    "JobHeldAdmin": "held by an administrator. Ask them.",
    "launch failed": "its node could not prepare it, most often since a prolog failed, and it is "
    "held. Tell the administrators (`sinfo -R` lists drained nodes), then `scontrol release JOB`.",
    "JobHoldMaxRequeue": "started again too often, and is held. Tell the administrators, then "
    "`scontrol release JOB`.",
    "PartitionTimeLimit": "it requests more minutes than its partition allows and will never "
    "start. Lower runtime_min of its model in config/models.yaml or set slurm_partition in the "
    "profile, cancel it (`scancel JOB`) and start again; or `scontrol update jobid=JOB "
    "timelimit=MINUTES`.",
    "PartitionNodeLimit": "it requests more than its partition allows and will never start. Set "
    "slurm_partition in the profile, `scancel JOB`, and start again.",
    "BadConstraints": "no node has what it requests: it will never start. Correct the resources of "
    "its model in config/models.yaml or gpu_models, `scancel JOB`, and start again.",
    "Partition": "its partition takes no jobs now. Ask the administrators or set slurm_partition.",
    "Invalid": "its account or QOS is refused. Correct slurm_account in the profile, `scancel "
    "JOB`, and start again.",
    "Assoc": "a limit of your account. It starts when others of its jobs have ended, or never if "
    "it alone is above the limit: `scontrol show job JOB`.",
    "QOS": "a limit of your QOS. It starts when other jobs have ended, or never if it alone is "
    "above the limit: `scontrol show job JOB`.",
    "DependencyNeverSatisfied": "it depends on a job that failed. `scancel JOB` and start again.",
    "ReqNodeNotAvail": "the nodes that it needs are down, drained or reserved: `sinfo -R`.",
    "Nodes required": "the nodes that it needs are down, drained or reserved: `sinfo -R`.",
}
AGAIN = "Start again: it goes on from what it had finished."
#: What Slurm writes into the log of a job that it ends.
ENDS = {
    r"oom[-_ ]kill|Out Of Memory|exceeded \S*\s?memory limit": "out of memory; it requested "
    "mem_mb={mem_mb}. Raise memory_mb of its model in config/models.yaml (for a job without a "
    f"model, mem_mb in the profile) or lower its batch size. {AGAIN}",
    "DUE TO TIME LIMIT": "its time is over; it requested runtime={runtime} minutes. Raise "
    f"runtime_min of its model in config/models.yaml, unless it is more than halfway. {AGAIN}",
    "DUE TO NODE FAILURE": f"its node failed. {AGAIN}",
    "CANCELLED AT": f"cancelled, by scancel or since a more urgent job preempted it. {AGAIN}",
}


def keep_to_squeue() -> None:
    """Have the executor plug-in ask `squeue` also after the controller did not answer once.

    Before it asks for its jobs, the plug-in asks the controller how long `squeue` lists ended ones.
    Without an answer it takes `sacct`, and on a cluster without accounting it forgets all jobs then
    and waits for ever. Here the last answer stands for a missing one.
    """
    plugin: Any = sys.modules.get("snakemake_executor_plugin_slurm")  # Snakemake imports it
    if plugin and not isinstance(plugin.get_min_job_age, Remembered):
        plugin.get_min_job_age = Remembered(plugin.get_min_job_age)


class Remembered:
    """A question whose last answer stands for one that is None."""

    def __init__(self, ask: Callable[[], int | None]) -> None:
        """Remember nothing yet."""
        self.ask = ask
        self.known: int | None = None

    def __call__(self) -> int | None:
        """Return the answer, or the last one."""
        answer = self.ask()
        self.known = self.known if answer is None else answer
        return self.known


def pass_on_sigterm() -> None:
    """Have the Snakemake of a job step pass SIGTERM on to the processes of its job.

    Slurm that tracks processes by cgroups signals only the first process of a step. That is
    Snakemake, which waits for its job to end: a training would not learn that it is cancelled,
    preempted or at its time limit, and would be killed without a checkpoint.
    """
    from snakemake.scheduling.job_scheduler import JobScheduler

    if "SLURM_STEP_ID" in os.environ:
        scheduler: Any = JobScheduler
        scheduler.exit_gracefully = _passing_on(scheduler.exit_gracefully)


def _passing_on(handler: Callable[..., None]) -> Callable[..., None]:
    """Return a handler of SIGTERM that first sends it to all descendants of this process."""

    def handle(*arguments: Any) -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        handler(*arguments)

    return handle


def waiting(folder: Path) -> list[str]:
    """Return a line per reason for which jobs that were submitted in a folder wait.

    Where there is no Slurm, none wait; where it does not answer, the only line says so.
    """
    if not shutil.which("squeue"):
        return []
    command = ["squeue", "--me", "--noheader", "--states=PENDING", f"--format={FORMAT}"]
    try:
        said = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
    except (subprocess.SubprocessError, OSError):
        return ["Slurm does not answer (squeue): jobs that run go on without it; try again."]
    return _told(said.stdout.splitlines(), folder)


def _told(lines: Iterable[str], folder: Path) -> list[str]:
    """Return what is said of the lines of `squeue` that are about jobs of a folder."""
    jobs = defaultdict(list)
    for line in lines:
        job, reason, comment, place = line.split("|", 3)
        if Path(place).resolve() == folder.resolve():
            jobs[reason].append(f"{job} {_named(comment)}")
    return [f"waiting ({reason}): {_hint(reason)}Jobs: {', '.join(its)}"
            for reason, its in sorted(jobs.items())]  # fmt: skip


def _hint(reason: str) -> str:
    return next((f"{its} " for start, its in WAITS.items() if reason.startswith(start)), "")


def _named(comment: str) -> str:
    """Return the rule and wildcards of a job from the comment or path that the plug-in gave it."""
    its = NAME.fullmatch(comment)
    return f"{its['rule']} {its['wildcards'] or ''}".strip() if its else comment


def logs(folder: Path = LOGS) -> set[Path]:
    """Return the logs that Slurm has kept of jobs."""
    return set(folder.rglob("*.log"))


def ended(before: set[Path], folder: Path = LOGS) -> list[str]:
    """Return a line per job that Slurm has ended since there were the logs `before`: why."""
    return [f"{_named('_wildcards_'.join(log.relative_to(folder).parts[:-1]))} (Slurm job"
            f" {log.stem}) ended: {why}" for log in sorted(logs(folder) - before)
            if (why := _why(log.read_text("utf-8", "replace")))]  # fmt: skip


def _why(log: str) -> str | None:
    """Return why Slurm ended a job, or nothing where it ended by itself."""
    for pattern, why in ENDS.items():
        if re.search(pattern, log):
            asked = dict(re.findall(r"\b(mem_mb|runtime)=(\d+)", log))
            return why.format_map(defaultdict(lambda: "?", asked))
    return None
