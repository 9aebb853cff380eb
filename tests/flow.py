"""The real workflow on a copy of the repository: which jobs would run, and all of them done."""

import os
import random
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from conftest import ROOT

from bionerflow.workflow import jobs as planning

PARTS = ("Snakefile", "workflow", "src", "config", "resources", "environment.yml")
BLOCK = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)+)Shell command: (.*)$", re.MULTILINE)
FILE = re.compile(r"\.(?!brat$)[A-Za-z]\w*$")  # what else jobs make are folders
CALL = re.compile(r"(workflow/scripts/\w+\.py) (.*?) 2>&1 \| tee", re.DOTALL)
BIG = 2_000_000  # bytes; Snakemake compares by content below a million


class Job(NamedTuple):
    """A job that Snakemake would run, and why."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    command: str
    reason: str

    @property
    def script(self) -> str:
        """The script that the job calls, or nothing."""
        found = re.search(r"workflow/scripts/\w+\.py", self.command)
        return found[0] if found else ""


class Flow:
    """A copy of what the workflow needs of the repository, with nothing made yet."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        """Copy the repository; `arguments` come with every call of Snakemake."""
        self.folder, self.arguments = folder, arguments
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)

    def snakemake(self, *arguments: str, path: str = "", **options: Any) -> Any:
        """Call Snakemake in the copy; the copy's library, and `path` before it, is imported."""
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *self.arguments, *arguments, "--cores", "2"],
            cwd=self.folder,
            env=self.environment(path),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    def environment(self, path: str = "") -> dict[str, str]:
        """Return the environment in which the copy's library, and `path` before it, is imported."""
        found = os.pathsep.join(filter(None, [path, str(self.folder / "src")]))
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return os.environ | {"PYTHONPATH": found, "PATH": programs}

    def jobs(self, *arguments: str, **options: Any) -> list[Job]:
        """Return the jobs that would run."""
        done = self.snakemake("-n", "-p", *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return [job(*block) for block in BLOCK.findall(done.stdout)]

    def finish(self, jobs: Iterable[Job]) -> None:
        """Make every output by its name alone and have Snakemake record the jobs as done."""
        for output in sorted(output for job in jobs for output in job.outputs):
            path = self.folder / output
            is_file = FILE.search(output)
            path = path if is_file else path / "model.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(output)
            if not is_file or path.suffix == ".parquet":
                os.truncate(path, BIG)
        done = self.snakemake("--touch", "--forceall")
        assert done.returncode == 0, done.stdout + done.stderr

    def touch(self) -> None:
        """Give every file and folder a new time stamp, in an order by chance."""
        paths = [p for p in self.folder.rglob("*") if ".snakemake" not in p.parts]
        random.Random(1).shuffle(paths)
        start = time.time() - len(paths)
        for seconds, path in enumerate(paths):
            os.utime(path, (start + seconds, start + seconds))

    @contextmanager
    def changed(self, path: str, old: str, new: str) -> Iterator[None]:
        """Replace a text that occurs once in a file for the time of a block."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    @contextmanager
    def edited(self, path: str, edit: Any) -> Iterator[None]:
        """Let `edit` change the value of a YAML file for the time of a block."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        value = yaml.safe_load(text)
        edit(value)
        file.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    def modules(self, script: str) -> set[str]:
        """Return the library's files that a script imports, found in its byte code."""
        if not script:
            return set()
        finder = ModuleFinder(path=[str(self.folder / "src")])
        finder.run_script(str(self.folder / script))
        files = (module.__file__ for module in finder.modules.values() if module.__file__)
        return {str(Path(file).relative_to(self.folder)) for file in files}


def job(rule: str, lines: str, command: str) -> Job:
    """Read one job of a dry run's output."""
    said = dict(line.strip().partition(": ")[::2] for line in lines.splitlines())
    inputs, outputs = (frozenset(said.get(key, "").split(", ")) for key in ("input", "output"))
    return Job(rule, inputs - {""}, outputs - {""}, command, said.get("reason", ""))


def outputs(jobs: Iterable[Job]) -> set[str]:
    """Return what jobs write."""
    return {output for job in jobs for output in job.outputs}


def and_following(first: Iterable[Job], jobs: Iterable[Job]) -> set[str]:
    """Return what jobs write, and all that is made of it."""
    made = outputs(first)
    while more := outputs(job for job in jobs if job.inputs & made) - made:
        made |= more
    return made


def carry_out(jobs: Iterable[planning.Job]) -> None:
    """Run the scripts of planned jobs in this process, in which torch is loaded once."""
    for its in jobs:
        for script, arguments in CALL.findall(its.command):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", [script, *shlex.split(arguments)])
                runpy.run_path(script, run_name="__main__")
