"""The workflow on the real Slurm of `scheduler`: main processes, jobs, and what they say."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from flow import Flow
from scheduler import Slurm

REMOTE = [
    *("--profile", "slurm", "--slurm-no-account", "--latency-wait", "10"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "2"),
]
PATIENCE = 1800  # seconds; only what hangs takes as long, on a machine at other work too


class Clone(Flow):
    """A copy of the repository on the cluster's shared disk."""

    def __init__(self, folder: Path) -> None:
        """Copy the repository with the profile and the tests' configuration."""
        folder.mkdir(exist_ok=True)
        super().__init__(folder)
        for part in ("profiles/slurm", "tests/cluster"):
            shutil.copytree(ROOT / part, folder / part)
        (folder / "slurm").symlink_to("profiles/slurm")

    def start(self, said: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a main process; what it says goes to the file `said`."""
        with (self.folder / said).open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
                cwd=self.folder,
                env=self.environment(),
                stdout=file,
                stderr=file,
            )

    def finish_all(self, said: str, *arguments: str) -> tuple[int, str]:
        """Run a main process to its end; return its status and what it says."""
        status = self.start(said, *arguments).wait(2 * PATIENCE)
        return status, self.read(said)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text("utf-8")


def job(rule: str, wildcards: str) -> str:
    """Return how Snakemake calls a job to Slurm."""
    return f"rule_{rule}_wildcards_{wildcards}"


def running(cluster: Slurm) -> set[str]:
    return {what for what, job in cluster.jobs().items() if job.state == "RUNNING"}


def went_on_from(log: str) -> int:
    """Return the step from which a training went on, or 0."""
    found = re.search(r"goes on from step (\d+)", log)
    return int(found[1]) if found else 0
