"""What people do between two calls of Snakemake, and during one, on a small corpus."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import yaml
from flow import Flow

OWN = ("--configfile", "own.yaml")
RENDERED, OTHER = (
    f"results/render/own/train.{name}.parquet" for name in ("conv_term", "multi_term")
)
SENTENCE = "The\tO\n{gene}\tB-Gene\ngene\tO\nhas\tO\n{n}\tO\nexons\tO\n.\tO\n\n"


def raw(gene):
    return "".join(SENTENCE.format(gene=gene, n=n) for n in range(60))


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Return a copy of the repository in which a corpus of the user's is rendered."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "mine.tsv").write_text(raw("BRCA1"), "utf-8")
    corpus = {
        "title": "own", "language": "en", "dataset": "own", "types": ["Gene"], "licence": "mine",
        "citation": "none", "reader": "iob", "files": {"a.tsv": {"local": "mine.tsv"}},
        "splits": [{"files": ["a.tsv"], "into": {"train": 0.5, "dev": 0.25, "test": 0.25}}],
    }  # fmt: skip
    (folder / "corpora.yaml").write_text(yaml.safe_dump({"corpora": {"own": corpus}}), "utf-8")
    experiment = {
        "corpora": ["own"],
        "models": ["smollm2-135m"],
        "configurations": {"one": {"formats": ["conv_term"]}},
    }
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment), "utf-8")
    config = {"name": "tiny", "corpora": "corpora.yaml", "primary_paper": "own"}
    config["experiments"] = {"own": "experiment.yaml"}
    (folder / "own.yaml").write_text(yaml.safe_dump(config), "utf-8")
    its = Flow(folder)
    well(its.snakemake(RENDERED, *OWN))
    return its


@pytest.fixture
def rules(flow):
    """Return what tells the rules of the jobs that would run."""
    return lambda: {job.rule for job in flow.jobs(RENDERED, *OWN)}


def made(flow):
    """Return the bytes of the results, logs apart, by name."""
    files = [path for path in (flow.folder / "results").rglob("*") if path.is_file()]
    return {str(p): p.read_bytes() for p in files if "logs" not in p.parts}


def well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def read_only(folder):
    """Take the right to write from a folder; root needs a mount for that."""
    mount = ["mount", "--bind", "-o", "ro", folder, folder]
    if os.geteuid() == 0:
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("no folder can be mounted here")
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    else:
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
    try:
        yield
    finally:
        undo = ["umount", folder] if os.geteuid() == 0 else ["chmod", "-R", "u+w", folder]
        subprocess.run(undo, check=True)


def test_a_corpus_that_is_exchanged_between_runs_is_made_again(flow, rules):
    """Also by a file that is older than all that was made of the one before."""
    assert rules() == set()
    (flow.folder / "mine.tsv").write_text(raw("TP53"), "utf-8")
    os.utime(flow.folder / "mine.tsv", (1, 1))
    assert rules() == {"download", "corpora", "render"}
    (flow.folder / "mine.tsv").write_text(raw("BRCA1"), "utf-8")
    assert rules() == set()


def test_time_stamps_in_the_future_re_run_nothing(flow, rules):
    now = time.time()
    files = [path for path in flow.folder.rglob("*") if ".snakemake" not in path.parts]
    for moment in (now + 86_400, now):  # the second for the tests that follow
        for path in files:
            os.utime(path, (moment, moment))
        assert rules() == set()


def test_results_that_became_read_only_are_used_and_not_changed(flow, rules):
    before = made(flow)
    with read_only(flow.folder / "results"):
        assert rules() == set()
        other = flow.snakemake(OTHER, *OWN)
    assert other.returncode == 1
    assert re.search("Read-only|ermission denied|cannot be written", other.stdout + other.stderr)
    assert made(flow) == before


def test_of_two_main_processes_in_one_folder_one_is_refused(flow):
    command = [sys.executable, "-m", "snakemake", OTHER, *OWN, "--cores", "1"]
    both = [
        subprocess.Popen(
            command, cwd=flow.folder, env=flow.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate()[0] for process in both]
    assert 0 in [process.returncode for process in both], said
    for process, its in zip(both, said, strict=True):
        assert process.returncode == 0 or "cannot be locked" in its or "LockException" in its
    assert (flow.folder / OTHER).is_file()
