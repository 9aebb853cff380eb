"""The workflow on a real Slurm: the whole way, with all that clusters do to jobs on it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import clustered
import pytest
import scheduler
from clustered import PATIENCE, Clone, running, went_on_from
from scheduler import Slurm, wait
from tiny import tiny_model

#: A quarter of an hour on two cores.
pytestmark = pytest.mark.long

NAMES = ("conv_term", "7best", "disk_full", "over_time")
CANCELLED, LOST, FULL, LATE = RUNS = [f"tiny.micro.{name}.draw1" for name in NAMES]
INTERVAL = 15  # steps between two checkpoints: 120 conversations by 8
TABLE = "results/tables/table5.csv"
MADE = [TABLE, *(f"results/predict/{run}.parquet" for run in (CANCELLED, LOST))]
ALL = [TABLE, *(f"results/train/{run}/metrics.json" for run in (FULL, LATE))]
PREPARED = [f"results/curate/{run}/train.parquet" for run in RUNS]
LOCAL = ["--configfile", "tests/cluster/config.yaml"]
REMOTE = [*LOCAL, *clustered.REMOTE]
SMALL = "4m"  # a disk with room for one checkpoint and no second


class Interrupted(NamedTuple):
    """How a training was found when it had ended before its end."""

    reached: int  # the last step that it logged
    kept: int  # the step of its last whole checkpoint
    made: list[str]  # results
    log: str


class Trainings(Clone):
    """A clone with the model that the tests' configuration trains."""

    def __init__(self, folder: Path) -> None:
        """Copy the repository and make the model."""
        super().__init__(folder)
        shape = {"hidden_size": 128, "head_dim": 64, "num_key_value_heads": 2}
        tiny_model(folder / "tests/cluster/micro", **shape)

    def log(self, run: str) -> str:
        """Return the log of a run's last training, so far."""
        file = f"results/logs/train/{run}.log"
        return self.read(file) if (self.folder / file).is_file() else ""

    def weights(self, run: str) -> bytes:
        """Return a run's weights."""
        return (self.folder / f"results/train/{run}/model/model.safetensors").read_bytes()

    def gpus(self, run: str) -> str:
        """Return the GPUs that a run's training saw."""
        metrics = json.loads(self.read(f"results/train/{run}/metrics.json"))
        return metrics["environment"]["visible_gpus"]

    def checkpoints(self, run: str) -> Path:
        return self.folder / "results/checkpoints" / run

    def kept(self, run: str) -> int:
        """Return the step of a run's last whole checkpoint, or 0."""
        whole = self.checkpoints(run).glob("*/checkpoint-*/whole")
        return max((int(path.parent.name.partition("-")[2]) for path in whole), default=0)

    def interrupted(self, run: str) -> Interrupted:
        """Return what is there of a run whose training ended before its end."""
        made = sorted(path.name for path in self.folder.glob(f"results/train/{run}/*"))
        with next(self.checkpoints(run).glob("*/curve.jsonl")).open() as curve:
            reached = [json.loads(line)["step"] for line in curve]
        return Interrupted(reached[-1], self.kept(run), made, self.log(run))


def job(run: str) -> str:
    """Return how Snakemake calls a run's training to Slurm."""
    return clustered.job("train", run)


class Story(NamedTuple):
    """What was seen of the cluster on the way."""

    clone: Trainings
    interrupted: dict[str, Interrupted]
    mounted: bool  # whether FULL's disk could be made small
    requeued: str  # LOST's log on its second node
    refused: tuple[int, str]  # a second main process beside the first
    first: str
    second: str
    late: str  # LATE's log of its second start


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with scheduler.running() as its:
        yield its


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Trainings:
    """Return a clone in which all was made without the cluster."""
    clone = Trainings(tmp_path_factory.mktemp("local"))
    status, said = clone.finish_all("said", TABLE, *LOCAL, "--cores", "2")
    assert status == 0, said
    return clone


@pytest.fixture(scope="module")
def story(cluster, tmp_path_factory) -> Iterator[Story]:
    """Interrupt the way to the table by all that clusters do, then go on to its end."""
    clone = Trainings(tmp_path_factory.mktemp("shared"))
    mounted = mount(clone.checkpoints(FULL))
    try:
        assert clone.finish_all("prepared", *PREPARED, *REMOTE)[0] == 0
        cluster.drain("n1", "n2")
        first = clone.start("first", *ALL, *REMOTE)
        wait(lambda: job(LATE) in cluster.jobs(), PATIENCE)
        refused = clone.finish_all("refused", *ALL, *REMOTE)
        place(cluster)
        interrupted = interrupt(cluster, clone)
        first.kill()
        if mounted:
            move_to_a_larger_disk(clone.checkpoints(FULL))
        wait(lambda: not cluster.jobs(), PATIENCE)
        interrupted[LATE] = clone.interrupted(LATE)
        requeued = clone.log(LOST)
        assert clone.finish_all("unlocked", *LOCAL, "--unlock")[0] == 0
        second = clone.start("second", *ALL, *REMOTE)
        wait(lambda: job(LATE) in running(cluster) and went_on_from(clone.log(LATE)), PATIENCE)
        subprocess.run(["scancel", cluster.jobs()[job(LATE)].id], check=True)
        second.wait(PATIENCE)
        said = (clone.read("first"), clone.read("second"))
        yield Story(clone, interrupted, mounted, requeued, refused, *said, clone.log(LATE))
    finally:
        subprocess.run(["umount", clone.checkpoints(FULL)], capture_output=True, check=False)


def place(cluster: Slurm) -> None:
    """Put one training on a node of its own, the others side by side."""
    wait(lambda: {job(run) for run in RUNS} <= cluster.jobs().keys(), PATIENCE)
    for run in RUNS:
        id = cluster.jobs()[job(run)].id
        cluster.update(jobid=id, reqnodelist="n2" if run == LOST else "n1")
    cluster.resume("n1", "n2")


def interrupt(cluster: Slurm, clone: Trainings) -> dict[str, Interrupted]:
    """Interrupt each training once it has a checkpoint; return how those are found that ended."""
    ids = {run: cluster.jobs()[job(run)].id for run in RUNS}
    found, left = {}, {CANCELLED, LOST, LATE}

    def next_ones() -> bool:
        for run in [run for run in left if clone.kept(run)]:
            left.remove(run)
            if run == CANCELLED:
                subprocess.run(["scancel", ids[run]], check=True)
            elif run == LATE:
                cluster.update(jobid=ids[run], timelimit="1")
            else:
                cluster.lose("n2")
                found[LOST] = clone.interrupted(LOST)
        return not left

    wait(next_ones, PATIENCE)
    wait(lambda: cluster.jobs()[job(LOST)].state == "PENDING", PATIENCE)
    cluster.update(jobid=ids[LOST], reqnodelist="", starttime="now")
    wait(lambda: not {job(CANCELLED), job(FULL)} & cluster.jobs().keys(), PATIENCE)
    return found | {run: clone.interrupted(run) for run in (CANCELLED, FULL)}


def mount(folder: Path) -> bool:
    """Make a folder a disk of its own with little room; tell whether that is allowed here."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def move_to_a_larger_disk(folder: Path) -> None:
    """Put what a small disk holds into the folder that it is mounted at."""
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()
    kept.rename(folder)


def test_the_way_over_the_cluster_ends_in_what_one_machine_makes(story, local):
    assert [(story.clone.folder / file).read_bytes() for file in MADE] == [
        (local.folder / file).read_bytes() for file in MADE
    ]


def test_all_jobs_run_on_the_cluster(story):
    said = story.clone.read("prepared") + story.first + story.second
    local = set(re.findall(r"^localrule (\w+):", said, re.MULTILINE))
    assert local == {"alias", "local_model"}


def test_trainings_on_one_node_have_each_its_own_gpu(story):
    one, other = story.clone.gpus(CANCELLED), story.clone.gpus(FULL)
    assert {one, other} < {"0", "1", "2"}
    assert one != other


@pytest.mark.parametrize("run", RUNS, ids=["scancel", "node set down", "full disk", "time limit"])
def test_an_interrupted_training_leaves_no_result_and_repeats_one_interval_at_most(story, run):
    if run == FULL and not story.mounted:
        pytest.skip("no full disk here: mounting is refused")
    its = story.interrupted[run]
    assert its.made == []
    assert 0 < its.kept <= its.reached <= its.kept + INTERVAL
    again = {LOST: story.requeued, LATE: story.late}.get(run, story.clone.log(run))
    assert went_on_from(again) == its.kept


@pytest.mark.parametrize("run", [CANCELLED, LOST, FULL], ids=["scancel", "node down", "full disk"])
def test_an_interrupted_training_ends_in_the_weights_of_one_that_nothing_disturbed(
    story, local, run
):
    assert story.clone.weights(run) == local.weights(CANCELLED)


@pytest.mark.parametrize("run", [CANCELLED, LATE], ids=["scancel", "time limit"])
def test_sigterm_loses_no_step(story, run):
    its = story.interrupted[run]
    assert "Stopped by SIGTERM after a checkpoint" in its.log
    assert its.kept >= its.reached


def test_a_full_disk_is_told_in_words(story):
    if not story.mounted:
        pytest.skip("no full disk here: mounting is refused")
    assert "There is no room left for the checkpoints in" in story.interrupted[FULL].log


def test_what_ended_before_the_main_process_was_killed_is_not_done_again(story):
    done = set(re.findall(r"^rule (\w+):", story.second, re.MULTILINE))
    assert done == {"train", "predict", "evaluate", "table"}
    assert "Error in rule" in story.second


def test_a_second_main_process_is_refused_while_the_first_lives(story):
    status, said = story.refused
    assert status == 1
    assert "cannot be locked" in said or "LockException" in said
