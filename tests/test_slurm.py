"""The workflow on a real Slurm: the whole way, and what clusters do to jobs."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scheduler
from conftest import ROOT
from flow import Flow
from scheduler import Slurm

TABLE = "results/tables/table5.csv"
RUNS = ["tiny.micro.7best.draw1", "tiny.micro.conv_term.draw1"]
MADE = [TABLE, *(f"results/predict/{run}.parquet" for run in RUNS)]
LOCAL = ["--configfile", "tests/cluster/config.yaml"]
REMOTE = [
    *LOCAL,
    *("--profile", "slurm", "--slurm-no-account", "--latency-wait", "10"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "2"),
]


class Clone(Flow):
    """A copy of the repository on the cluster's shared disk."""

    def __init__(self, folder: Path) -> None:
        """Copy the repository with the profile and the tests' configuration."""
        folder.mkdir(exist_ok=True)
        super().__init__(folder)
        for part in ("profiles/slurm", "tests/cluster"):
            shutil.copytree(ROOT / part, folder / part)
        (folder / "slurm").symlink_to("profiles/slurm")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a main process."""
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish_all(self, *arguments: str) -> str:
        """Run a main process to its good end; return what it says."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=1200)
        assert process.returncode == 0, said
        return said

    def metrics(self, run: str) -> Any:
        """Return what is recorded of a training."""
        return json.loads((self.folder / f"results/train/{run}/metrics.json").read_text())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with scheduler.running() as its:
        yield its


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Clone:
    """Return a clone in which all was made without the cluster."""
    clone = Clone(tmp_path_factory.mktemp("local"))
    clone.finish_all(TABLE, *LOCAL, "--cores", "1")
    return clone


def test_the_whole_way_runs_on_the_cluster_and_gives_what_one_machine_gives(
    cluster, local, tmp_path
):
    clone = Clone(tmp_path)
    with cluster.drained("n2"):  # so that the runs share a node of two GPUs
        said = clone.finish_all(TABLE, *REMOTE)
    assert [(clone.folder / file).read_bytes() for file in MADE] == [
        (local.folder / file).read_bytes() for file in MADE
    ]
    rules = [line.split()[-1][:-1] for line in said.splitlines() if line.startswith("localrule ")]
    assert rules == ["alias"]
    assert {clone.metrics(run)["environment"]["visible_gpus"] for run in RUNS} == {"0", "1"}
