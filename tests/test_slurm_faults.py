"""What else a real Slurm does to jobs, at every stage that computes with a model.

One workflow goes through all of it: its jobs wait for ever, are held, meet a node that cannot
prepare them, run on while nobody controls the cluster, are preempted, have no memory left, and are
killed between two of their results. Then it ends, and has what an undisturbed one has.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import scheduler
import yaml
from clustered import PATIENCE, REMOTE, Clone, job, went_on_from
from killed import EXPERIMENT, final, furnish, settings
from scheduler import Slurm, wait

#: Some minutes on two cores.
pytestmark = pytest.mark.long

TRAINED, ANSWERING = (f"tiny.micro.{name}.draw1" for name in ("trained", "answering"))
LOG = f"results/logs/train/{TRAINED}.log"
OWN = ["--configfile", "own.yaml"]
#: The job of each stage as Slurm shows it, what it makes, and its last result.
JOBS = {
    "ifd": job("ifd", "micro_own_conv_term_superfiltering"),
    "train": job("train", TRAINED),
    "predict": job("predict", ANSWERING),
    "select": job("fit_selector", "llm_cls"),
    "annotate": job("annotate_share", "notes_1_1"),
}
LAST = {
    "ifd": "results/ifd/micro/own.conv_term.superfiltering.json",
    "train": f"results/train/{TRAINED}/metrics.json",
    "predict": f"results/predict/{ANSWERING}.json",
    "select": "results/select/llm_cls/metrics.json",
    "annotate": "results/annotations/notes.parts/1of1.json",
}
#: What a job keeps at work, and the how manieth of it the job is at when it is disturbed.
KEPT = {
    "ifd": (r"checkpoints/ifd/.*\.json$", 1),
    "train": (rf"checkpoints/{TRAINED}/.*/whole$", 2),
    "predict": (r"checkpoints/predict/.*\.json$", 2),
    "select": (r"checkpoints/select/.*/whole$", 2),
    "annotate": (r"checkpoints/annotations/.*\.jsonl$", 1),
}
#: The next of it, for a job that goes on.
NEXT = {stage: (pattern, 1) for stage, (pattern, _) in KEPT.items()}
ATTEMPTS = 5  # after which the plug-in gives its jobs up, unless the profile says otherwise
MEMORY = 1500  # MB of each job
MINUTES = 90  # of each job at first; the partition allows an hour
REFUSED = "results/render/own/dev.multi_term.parquet"
SQUEUE = """#!/bin/sh
{squeue} "$@"
status=$?
echo $status >> {folder}/squeue.calls
exit $status
"""


class Disturbed(Clone):
    """A clone with a small corpus, whose jobs can be disturbed."""

    def __init__(self, folder: Path) -> None:
        """Copy the repository, make corpus and model, and have all calls of squeue counted."""
        super().__init__(folder)
        furnish(folder, configuration())
        self.faults = folder / "faults"
        self.faults.mkdir()
        (folder / "bin").mkdir()
        squeue = folder / "bin/squeue"
        squeue.write_text(SQUEUE.format(squeue=shutil.which("squeue"), folder=folder))
        squeue.chmod(0o755)

    def environment(self, path: str = "") -> dict[str, str]:
        """Return an environment in which jobs meet faults."""
        its = super().environment(str(self.folder / "tests/cluster/faults"))
        search = os.pathsep.join([str(self.folder / "bin"), its["PATH"]])
        its |= {"FAULTS": str(self.faults), "PATH": search}
        return its | {"PYTHONDONTWRITEBYTECODE": ""}  # each job would compile the library anew

    def request(self, minutes: int) -> None:
        """Have jobs request so many minutes from now on."""
        file = self.folder / "models.yaml"
        models = yaml.safe_load(file.read_text())
        models["models"]["micro"]["resources"]["runtime_min"] = minutes
        file.write_text(yaml.safe_dump(models))

    def undisturbed(self) -> dict[str, Any]:
        """Make all results without the cluster; return them, and remove what is to be disturbed."""
        status, said = self.finish_all("undisturbed", *LAST.values(), *OWN, "--cores", "2")
        assert status == 0, said
        results = self.results()
        self.forget()
        return results

    def begin(self, fault: str, when: dict[str, tuple[str, int]], *more: str) -> None:
        """Start a main process whose jobs meet a fault."""
        faults = {stage: [*moment, fault] for stage, moment in when.items()}
        (self.faults / "faults.json").write_text(json.dumps(faults))
        self.said = fault
        self.main = self.start(fault, *LAST.values(), *more, *OWN, *REMOTE)

    def end(self, status: int) -> str:
        """Return what the main process has said when it has ended, with this status."""
        assert self.main.wait(2 * PATIENCE) == status, self.read(self.said)
        return self.read(self.said)

    def at(self, moment: str) -> bool:
        """Return whether all jobs are `paused`, or have been `told` meanwhile to end."""
        return {path.stem for path in self.faults.glob(f"*.{moment}")} == JOBS.keys()

    def without_answer(self) -> int:
        """Return how often squeue has failed."""
        calls = self.folder / "squeue.calls"
        return calls.read_text().split().count("1") if calls.exists() else 0

    def status(self) -> str:
        """Return what `bionerflow status` prints."""
        command = [sys.executable, "-m", "bionerflow", "status"]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True,
            check=True,
        ).stdout  # fmt: skip

    def results(self) -> dict[str, Any]:
        """Return what the stages made, apart from what is measured."""
        made = {str(Path(last).parent) for last in LAST.values()}
        return {
            name: its
            for name, its in final(self.folder).items()
            if any(name.startswith(folder) for folder in made)
        }

    def forget(self) -> None:
        """Remove what the stages made, and what they kept at work."""
        shutil.rmtree(self.folder / "results/checkpoints")
        for stage, last in LAST.items():
            path = self.folder / last
            if stage in {"train", "select", "annotate"}:
                shutil.rmtree(path.parent)
            else:
                path.unlink()
                path.with_suffix(".parquet").unlink()


def configuration() -> dict[str, Any]:
    """Return the settings of a flow whose stages need not wait for each other."""
    its = settings()
    base = EXPERIMENT["base"] | {"curate": {"train": 24, "dev": 4}}
    base["predict"] = {"test": 20, "max_new_tokens": 8, "batch_size": 1}  # two shards
    one = {"formats": ["conv_term"]}
    its["experiment"] = {key: EXPERIMENT[key] for key in ("corpora", "models", "selectors")}
    its["experiment"] |= {"base": base, "configurations": {"trained": one, "answering": one}}
    asked = {"cpus": 1, "memory_mb": MEMORY, "runtime_min": MINUTES}
    its["models"]["models"]["micro"]["resources"] = asked
    its["own"]["annotations"] = {"notes": {"inputs": ["notes.txt"], "run": ANSWERING}}
    return its


class Story(NamedTuple):
    """What was seen of the cluster on the way."""

    undisturbed: dict[str, Any]
    found: dict[str, Any]  # results, in the end
    waits: dict[str, str]  # what `status` says of jobs that wait, by the reason
    drained: str  # why the node of the failed prolog is drained
    lasted: dict[str, str]  # the states of jobs after a time without a controller
    said: dict[str, str]  # what main processes said, by what happened to their jobs
    trained: dict[str, str]  # the logs of the training, likewise


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with scheduler.running(limits=scheduler.can_limit_memory()) as its:
        its.drain("n2", "n3")
        yield its


@pytest.fixture(scope="module")
def story(cluster, tmp_path_factory) -> Iterator[Story]:
    """Go through all faults to the end."""
    clone = Disturbed(tmp_path_factory.mktemp("shared"))
    undisturbed = clone.undisturbed()
    try:
        yield through_all(cluster, clone, undisturbed)
    finally:
        clone.main.kill()


def through_all(cluster: Slurm, clone: Disturbed, undisturbed: dict[str, Any]) -> Story:
    """Have the jobs meet one fault after the other, then end; return what was seen."""
    (clone.faults / "pause").touch()
    clone.begin("pause", KEPT, REFUSED, "--set-resources", "render:mem_mb=999999")
    waits = wait_for_help(cluster, clone)
    drained = fail_to_prepare(cluster, clone, waits)
    lasted = lose_the_controller(cluster, clone)
    preempt(clone)
    said, trained = {"preempted": clone.end(1)}, {"preempted": clone.read(LOG)}
    clone.request(30)
    if cluster.limits:
        clone.begin("memory", NEXT)
        said["memory"], trained["memory"] = clone.end(1), clone.read(LOG)
    clone.begin("kill", {stage: (rf"{re.escape(last)}$", 1) for stage, last in LAST.items()})
    said["kill"], trained["kill"] = clone.end(1), clone.read(LOG)
    clone.begin("end", {})
    said["end"] = clone.end(0)
    return Story(undisturbed, clone.results(), waits, drained, lasted, said, trained)


def wait_for_help(cluster: Slurm, clone: Disturbed) -> dict[str, str]:
    """Let jobs wait for what will never be, then hold them; return what the user is told."""
    waits = {}

    def all_wait(reason: str) -> bool:
        found = cluster.jobs()
        return all(name in found and found[name].reason == reason for name in JOBS.values())

    wait(lambda: all_wait("PartitionTimeLimit"), PATIENCE)
    waits["PartitionTimeLimit"] = clone.status()
    for its in cluster.jobs().values():
        # `hold` of root is an administrator's.
        subprocess.run(["scontrol", "uhold", its.id], check=True)
        cluster.update(jobid=its.id, timelimit="30")
    wait(lambda: all_wait("JobHeldUser"), PATIENCE)
    waits["JobHeldUser"] = clone.status()
    return waits


def fail_to_prepare(cluster: Slurm, clone: Disturbed, waits: dict[str, str]) -> str:
    """Let a prolog fail for all jobs, and repair it; return why the node is drained."""
    ids = [its.id for its in cluster.jobs().values()]
    with cluster.failing_prolog():
        subprocess.run(["scontrol", "release", ",".join(ids)], check=True)
        # Those that were not launched when the node was drained wait for another one.
        wait(lambda: not_launched(cluster), PATIENCE)
        waits["launch failed"] = clone.status()
        drained = scheduler.said("sinfo", "-hN", "-n", "n1", "-p", "all", "-o", "%T %E")
    for its in cluster.jobs().values():
        if "held" in its.reason:
            subprocess.run(["scontrol", "release", its.id], check=True)
        cluster.update(jobid=its.id, starttime="now")
    cluster.resume("n1")
    return drained


def not_launched(cluster: Slurm) -> bool:
    """Return whether a launch has failed, and no job is being launched or cleaned up any more."""
    found = cluster.jobs().values()
    failed = any("launch failed" in its.reason for its in found)
    return failed and all(its.state == "PENDING" for its in found)


def lose_the_controller(cluster: Slurm, clone: Disturbed) -> dict[str, str]:
    """Have no controller while all jobs are at work; return their states after it."""
    wait(lambda: clone.at("paused"), PATIENCE)
    with cluster.without_controller():
        failed = clone.without_answer()
        wait(lambda: clone.without_answer() > failed + ATTEMPTS, PATIENCE)
    wait(lambda: cluster.jobs().keys() >= {*JOBS.values()}, PATIENCE)
    return {name: job.state for name, job in cluster.jobs().items()}


def preempt(clone: Disturbed) -> None:
    """Have a more urgent job take the node; let the jobs go on once all have got SIGTERM.

    Neither `squeue` nor the time of preemption tell when: jobs are RUNNING within the grace time.
    """
    request = ["-p", "urgent", "--exclusive", "-w", "n1", "-o", os.devnull]
    subprocess.run(["sbatch", *request, "--wrap", "true"], check=True, capture_output=True)
    wait(lambda: clone.at("told"), PATIENCE)
    (clone.faults / "pause").unlink()


@pytest.fixture(params=JOBS)
def stage(request) -> str:
    return request.param


def line(text: str, *words: str) -> str:
    """Return the first line of a text that has all words, or nothing."""
    lines = (line for line in text.splitlines() if all(word in line for word in words))
    return next(lines, "")


def called(stage: str) -> str:
    """Return how a job is called in what the user is told."""
    return JOBS[stage].removeprefix("rule_").replace("_wildcards_", " ")


def test_after_all_faults_the_results_are_those_of_an_undisturbed_flow(story):
    assert story.found.keys() == story.undisturbed.keys()
    changed = [name for name, its in story.found.items() if its != story.undisturbed[name]]
    assert changed == []


def test_a_job_that_never_starts_is_told_with_the_reason_and_what_to_do(story, stage):
    told = line(story.waits["PartitionTimeLimit"], "waiting (PartitionTimeLimit)")
    assert "Lower runtime_min of its model in config/models.yaml" in told
    assert called(stage) in told


def test_a_request_that_no_node_can_meet_is_told_as_it_is_submitted(story):
    assert "Memory specification can not be satisfied" in story.said["preempted"]


def test_a_held_job_is_told_with_how_to_release_it(story, stage):
    told = line(story.waits["JobHeldUser"], "waiting (JobHeldUser)")
    assert "`scontrol release JOB`" in told
    assert called(stage) in told


def test_a_failed_prolog_drains_its_node_and_is_told(story):
    assert re.match(r"drain\w* Prolog error", story.drained)
    told = line(story.waits["launch failed"], "waiting (launch failed")
    assert "since a prolog failed" in told
    assert "`scontrol release JOB`" in told
    assert any(called(stage) in told for stage in JOBS)


def test_jobs_run_on_without_a_controller_and_are_watched_again_after_it(story, stage):
    assert story.lasted[JOBS[stage]] == "RUNNING"
    assert line(story.said["preempted"], called(stage), "ended:")


def test_a_preempted_job_is_told_and_may_be_started_again(story, stage):
    told = line(story.said["preempted"], f"{called(stage)} (Slurm job", "ended:")
    assert "preempted" in told
    assert "Start again" in told


def test_a_preempted_training_takes_a_checkpoint_within_the_grace_time(story):
    assert "Stopped by SIGTERM after a checkpoint" in story.trained["preempted"]
    again = story.trained.get("memory", story.trained["kill"])
    assert went_on_from(again) > 0


def test_a_job_without_memory_is_told_with_what_it_requested(story, stage):
    if "memory" not in story.said:
        pytest.skip(f"memory cannot be limited here: {scheduler.CGROUPS / 'memory'} is read-only")
    told = line(story.said["memory"], f"{called(stage)} (Slurm job", "ended:")
    assert f"out of memory; it requested mem_mb={MEMORY}" in told
    assert "Raise memory_mb" in told


def test_a_job_that_is_killed_between_its_results_is_done_again(story, stage):
    rule = called(stage).partition(" ")[0]
    assert f"Error in rule {rule}:" in story.said["kill"]
    assert f"rule {rule}:" in story.said["end"]
    assert story.said["end"].count("rule ") >= len(JOBS)
