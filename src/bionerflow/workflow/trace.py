"""`bionerflow trace`: the way from a table's cell back to commands and raw files, and repeated."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bionerflow.tables.define import Cell, Definition
from bionerflow.tables.fill import measured, read_evaluations, read_metrics
from bionerflow.tables.made import MADE
from bionerflow.utils.errors import UserError, nearest
from bionerflow.utils.files import read_json
from bionerflow.workflow.check import plan_of
from bionerflow.workflow.jobs import Job, behind, planned
from bionerflow.workflow.plan import Plan

#: What of a working directory a repetition starts without.
NOT_LINKED = {"results", ".snakemake", ".git", ".venv"}

#: What is told of a number, by the columns of the long form.
FACTS = (
    "metric", "value", "sd", "low", "high", "n_sentences", "n_gold", "model", *MADE, "reason",
)  # fmt: skip


class Traced(NamedTuple):
    """A cell with its table: where its number stands, and the files that it is computed from."""

    plan: Plan
    table: str
    definition: Definition
    cell: Cell
    number: dict[str, Any]
    files: list[str]


def find(table: str, row: str, column: str, configfiles: Sequence[str]) -> Traced:
    """Return a measured cell of a table that was made.

    Args:
        table: `{paper}/{table}`, or the table's name alone where it is the primary paper's.
        row: The row's title or key.
        column: The column's title.
        configfiles: What is laid over the shipped configuration.

    Raises:
        UserError: there is no such table, row or column, or the table was not made yet.
    """
    plan = plan_of(configfiles)
    name = table.removeprefix("results/tables/").removesuffix(".csv")
    if name in plan.tables.counts or name in plan.tables.ours:
        raise UserError(
            f"{name} is counted from corpora, without a run: results/tables/{name}.long.csv names "
            "the corpora's hashes, and results/corpora/{corpus}/report.json is what was counted."
        )
    name = name if "/" in name else f"{plan.config.primary_paper}/{name}"
    definition = plan.table(*name.split("/", 1))
    cell = _cell(definition, row, column)
    number = _number(name, cell)
    return Traced(plan, name, definition, cell, number, _files(plan, definition, cell, number))


def _cell(definition: Definition, row: str, column: str) -> Cell:
    keys = {title: key for key, title in definition.rows.items()}
    key = keys.get(row, row)
    cells = {(cell.row, cell.column): cell for cell in definition.cells}
    rows, columns = dict.fromkeys(r for r, _ in cells), dict.fromkeys(c for _, c in cells)
    if key not in rows:
        raise UserError(f"{definition.name} has no row '{row}'.{nearest(row, [*keys, *rows])}")
    if (key, column) not in cells:
        raise UserError(f"{definition.name} has no column '{column}'.{nearest(column, columns)}")
    return cells[key, column]


def _number(name: str, cell: Cell) -> dict[str, Any]:
    file = Path("results", "tables", f"{name}.long.csv")
    if not file.is_file():
        raise UserError(f"There is no {file} yet: make it with `snakemake {file}`.")
    long = pd.read_csv(file, keep_default_na=False, dtype=str)
    its = long[(long["row"] == cell.row) & (long["column"] == cell.column)]
    return {str(key): value for key, value in its.to_dict("records")[0].items()}


def _files(plan: Plan, definition: Definition, cell: Cell, number: dict[str, Any]) -> list[str]:
    """Return what the cell is computed from: scores, records of runs, or predictions."""
    ids = number["runs"].split() or [id for its in cell.models.values() for id in its]
    if definition.kind != "grid":
        files = [plan.prediction_file(id) for id in [*ids, *cell.against]]
        if definition.kind == "abstention":
            files += [f"results/predict/dev/{id}" for id in ids if id in plan.runs]
        return [f"{file}.parquet" for file in files]
    if cell.metric.startswith("run."):
        names = ("metrics", "footprint") if ".footprint." in cell.metric else ("metrics",)
        return [f"results/train/{id}/{name}.json" for id in ids for name in names]
    return [f"results/evaluate/{id}.json" for id in [*ids, *cell.against]]


def trace(found: Traced, options: Sequence[str]) -> str:
    """Return the way back from a cell as text: its number, runs, commands, models, raw files.

    Args:
        found: The cell.
        options: Arguments of Snakemake's command line (`--configfile`, `--profile`).
    """
    number, cell = found.number, found.cell
    head = f"{found.table}, row {found.definition.rows[cell.row]!r}, column {cell.column!r}"
    if not found.files:
        return f"{head}: empty ({number['reason']})"
    jobs = behind(found.files, planned(found.files, "--forceall", *options))
    lines = [f"{head}: {number['text'] or 'empty'}", ""]
    lines += [f"{fact}: {number[fact]}" for fact in FACTS if number.get(fact)]
    lines += ["", "Runs", *_runs(found.files), "", "Commands, first to last"]
    lines += [line for n, job in enumerate(jobs, 1) for line in _step(n, job)]
    return "\n".join([*lines, "", "Raw files and models", *_sources(found.plan, jobs)])


def _runs(files: Iterable[str]) -> list[str]:
    """Return what the runs behind files recorded of machine and versions."""
    lines = []
    for run in dict.fromkeys(_run(file) for file in files):
        file = Path("results", "train", run, "metrics.json")
        if not file.is_file():
            lines.append(f"  {run}: not at hand")
            continue
        its = read_json(file).get("environment", {})
        versions = ", ".join(f"{k} {v}" for k, v in its.get("versions", {}).items())
        machine = its.get("gpu") or its.get("processor")
        lines.append(f"  {run}: {machine}, Python {its.get('python')}, {versions}")
    return lines


def _run(file: str) -> str:
    path = Path(file)
    name = path.parent.name if path.parts[1] == "train" else path.name.rpartition(".")[0]
    return name.partition("+")[0]


def _step(n: int, job: Job) -> list[str]:
    names = " ".join(job.wildcards.values())
    made = sorted(output for output in job.outputs if not output.endswith(".sha256"))
    return [f"{n}. {job.rule} {names}".rstrip(), f"   $ {job.command}", f"   -> {' '.join(made)}"]


def _sources(plan: Plan, jobs: Iterable[Job]) -> list[str]:
    """Return the raw files and models that jobs fetch, with checksums and addresses."""
    lines = []
    for job in jobs:
        its = job.wildcards
        if job.rule == "download":
            path = f"results/raw/{its['corpus']}/{its['file']}"
            entry = plan.corpora[its["corpus"]].entry(its["file"])
            came = entry.get("local") or entry.get("url") or "by hand"
            lines.append(f"  {path}: {came}, sha256 {_said(f'{path}.sha256')}")
        elif job.rule == "sample":
            lines.append(f"  results/raw/{its['corpus']}: generated, seed {plan.config.seed}")
        elif job.rule in ("prefetch", "package_model", "local_model"):
            card = Path(f"{plan.model_folder(its['model'])}.json")
            known = read_json(card) if card.is_file() else {}
            revision = f", revision {known['revision']}" if "revision" in known else ""
            lines.append(f"  {card.with_suffix('')}{revision}")
            sums = known.get("files", {})
            lines += [f"    {name}: sha256 {sums[name]}" for name in sorted(sums)]
    return lines


def _said(file: str) -> str:
    return Path(file).read_text("utf-8").strip() if Path(file).is_file() else "not at hand"


def repeat(found: Traced, folder: Path, options: Sequence[str]) -> str:
    """Make the cell anew in an empty folder, from raw files on, and say whether it is equal.

    A cell of a significance or cases table depends on the whole table, which is made.

    Args:
        found: The cell.
        folder: Where it is made; everything of the working directory but results is linked there.
        options: Arguments of Snakemake's command line.

    Raises:
        UserError: the folder is not empty, or a job failed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for part in Path.cwd().iterdir():
        if part.name not in NOT_LINKED and part.resolve() != folder.resolve():
            (folder / part.name).symlink_to(part)
    whole = found.definition.kind != "grid"
    targets = [f"results/tables/{found.table}.csv"] if whole else found.files
    command = [sys.executable, "-m", "snakemake", *targets, "--cores", str(os.cpu_count())]
    command += options  # no shell: the arguments are the user's own
    done = subprocess.run(command, cwd=folder, check=False)  # noqa: S603
    if done.returncode:
        raise UserError(f"The repetition in {folder} failed: Snakemake's messages are above.")
    again, before = _again(found, folder, whole), (found.number["text"], found.number["value"])
    if again == before:
        return f"repeated in {folder}: {again[0]} ({again[1]}), equal to the digit"
    return f"repeated in {folder}: {again[0]} ({again[1]}), DIFFERS from {before[0]} ({before[1]})"


def _again(found: Traced, folder: Path, whole: bool) -> tuple[str, str]:
    """Return text and value of the cell as the folder has it, written as in the long form."""
    cell = found.cell
    if whole:
        file = folder / "results/tables" / f"{found.table}.long.csv"
        long = pd.read_csv(file, keep_default_na=False, dtype=str)
        its = long[(long["row"] == cell.row) & (long["column"] == cell.column)].iloc[0]
        return its["text"], its["value"]
    shown = found.number["model"]
    models = {shown: cell.models[shown]} if shown in cell.models else cell.models
    alone = cell.model_copy(update={"models": models})
    definition = found.definition.model_copy(update={"cells": [alone]})
    files = [folder / file for file in found.files]
    scores = [file for file in files if file.parent.name == "evaluate"]
    [number] = measured(
        definition, read_evaluations(scores), read_metrics(set(files) - set(scores))
    )
    frame = pd.DataFrame([{"value": number.get("value")}]).to_csv(index=False)
    return number.get("text", ""), frame.splitlines()[1].strip('"')
