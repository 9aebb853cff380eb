"""A small flow over all stages, in processes that are killed: what a later one goes on from."""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from flow import Flow, carry_out
from forked import Process
from tiny import tiny_model

from bionerflow.corpora.synthetic import write_raw
from bionerflow.workflow.jobs import Job, planned

RUN = "tiny.micro.conv_term.draw1"
TARGETS = [
    "results/tables/mfner/table5.csv",
    f"results/evaluate/{RUN}+llm_cls.json",
    "results/annotations/notes.jsonl",
]
SENTENCES = {"train.tsv": 40, "devel.tsv": 20, "test.tsv": 20}
CORPUS = {
    "title": "own", "language": "en", "dataset": "own", "types": ["Disease"], "licence": "none",
    "citation": "none", "reader": "iob",
}  # fmt: skip
STEPS = {"effective_batch_size": 4, "learning_rate": 1e-3}
EXPERIMENT = {
    "corpora": ["own"],
    "models": ["micro"],
    "base": {
        "curate": {"train": 24, "dev": 4, "strategy": "top_ifd", "rho": 0.5, "scorer": "micro"},
        "train": {"num_train_epochs": 8, "validations_per_epoch": 1, **STEPS},
        "predict": {"test": 12, "max_new_tokens": 8, "batch_size": 2},
    },
    "configurations": {"conv_term": {"formats": ["conv_term"]}},
    "selectors": {"llm_cls": {"base": "micro", "samples": 40, "num_train_epochs": 3, **STEPS}},
    "also": ["conv_term+llm_cls"],
}
#: Where not even root may make a file: no stage needs a home.
NO_HOME = {"HOME": "/proc/self/home", "XDG_CACHE_HOME": "/proc/self/cache", "HF_HUB_OFFLINE": "1"}
#: What is measured, and differs between any two runs.
MEASURED = {
    "seconds", "tokens_per_second", "memory_mb", "environment", "checksum", "kwh", "co2e_g",
    "hours", "train_runtime", "train_samples_per_second", "train_steps_per_second",
}  # fmt: skip


def prepared(folder: Path) -> list[Job]:
    """Make a copy of the repository with a small corpus and model; return the jobs, in order."""
    folder.mkdir()
    flow = Flow(folder)
    furnish(folder, settings())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(flow.folder)
        return planned(TARGETS, "--configfile", "own.yaml")


def furnish(folder: Path, settings: Mapping[str, Any]) -> None:
    """Put a small corpus, model and text into a copy of the repository, and YAML files."""
    tiny_model(folder / "micro")
    write_raw("sample_flat", folder / "resources/sample", 1, folder / "raw")
    for name, count in SENTENCES.items():
        file = folder / "raw" / name
        file.write_text(
            "\n\n".join(file.read_text("utf-8").split("\n\n")[:count]) + "\n\n", "utf-8"
        )
    (folder / "notes.txt").write_text("Colorectal cancer and severe asthma in mice. " * 30, "utf-8")
    for name, value in settings.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")


def settings() -> dict[str, Any]:
    """Return the contents of the configuration's files."""
    sources = {name: {"local": f"raw/{name}"} for name in SENTENCES}
    splits = zip(SENTENCES, ("train", "dev", "test"), strict=True)
    splits = [{"files": [name], "into": split} for name, split in splits]
    model = {"source": "local", "path": "micro", "licence": "none", "resources": {"cpus": 1}}
    notes = {"inputs": ["notes.txt"], "run": RUN, "selector": "llm_cls"}
    own = {"name": "tiny", "primary_paper": "mfner", "corpora": "corpora.yaml"}
    own |= {"models": "models.yaml", "experiments": {"mfner": "experiment.yaml"}}
    return {
        "corpora": {"corpora": {"own": CORPUS | {"files": sources, "splits": splits}}},
        "models": {"models": {"micro": model}},
        "experiment": EXPERIMENT,
        "own": own | {"annotations": {"notes": notes}},
    }


def live(folder: Path, jobs: Sequence[Job]) -> None:
    """Do what is not done yet, as Snakemake does: a job that was killed loses its outputs first."""
    os.chdir(folder)
    os.environ.update(NO_HOME)
    for number, job in enumerate(jobs):
        done = Path("done", str(number))
        if not done.exists():
            for output in map(Path, job.outputs):
                shutil.rmtree(output) if output.is_dir() else output.unlink(missing_ok=True)
            told(Path("begun"), number)
            carry_out([job])
            told(done, number)


def told(path: Path, number: int) -> None:
    """Write a number to a file, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(str(number))
    part.replace(path)


def started(folder: Path, jobs: Sequence[Job]) -> Any:
    """Start a process that goes on with the jobs."""
    process = Process(target=live, args=(folder, jobs))
    process.start()
    return process


def durations(folder: Path, count: int) -> list[float]:
    """Return the seconds that each job of an undisturbed flow took."""
    ends = [(folder / "done" / str(n)).stat().st_mtime for n in range(count)]
    return [0.1, *(end - begun for begun, end in pairwise(ends))]


def reached(folder: Path) -> int:
    """Return the number of the job that has begun last."""
    begun = folder / "begun"
    return int(begun.read_text()) if begun.exists() else -1


def kill_within(process: Any, folder: Path, number: int, seconds: float) -> bool:
    """Kill a process so many seconds after it is at a job; tell whether it was still alive."""
    while process.is_alive() and reached(folder) < number:
        time.sleep(0.005)
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode != 0


def final(folder: Path) -> dict[str, Any]:
    """Return all files of results but logs: their bytes, or JSON without what is measured."""
    files = [path for path in (folder / "results").rglob("*") if path.is_file()]
    return {
        name: _unmeasured(json.loads(path.read_bytes()))
        if path.suffix == ".json"
        else path.read_bytes()
        for path in files
        if "logs" not in (name := str(path.relative_to(folder))).split("/")
    }


def _unmeasured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmeasured(its) for key, its in value.items() if key not in MEASURED}
    return [_unmeasured(its) for its in value] if isinstance(value, list) else value
