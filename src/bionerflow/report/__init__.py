"""results/report.html: one page that needs no network, from files that the workflow has made."""

import base64
import csv
import platform
from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bionerflow.config.corpora import CorpusSettings
from bionerflow.config.tables import Tables
from bionerflow.config.workflow import FootprintSettings
from bionerflow.report.browser import sentences
from bionerflow.report.compared import paired_tests
from bionerflow.report.figures import Drawing, drawn
from bionerflow.report.found import (
    PICTURE,
    best_overall,
    best_per_corpus,
    by_f1,
    left_out,
    picture,
    published,
)
from bionerflow.tables.write import notes
from bionerflow.train.footprint import footprint
from bionerflow.utils.files import read_json, write_text
from bionerflow.utils.plotting import png

#: What all trainings together took.
SPENT = ("hours", "kwh", "co2e_g")
PACKAGES = ("bionerflow", "torch", "transformers", "peft", "datasets", "snakemake")


def write_report(
    out: str | Path,
    tables: Iterable[Path],
    figures: Iterable[Path],
    definitions: Tables,
    corpora: Mapping[str, CorpusSettings],
    evaluations: Iterable[Path],
    metrics: Iterable[Path],
    predictions: Iterable[Path],
    gold: Path,
    constants: FootprintSettings,
    limit: int,
) -> None:
    """Write the page: tables, figures, runs, scores, corpora, and at most `limit` sentences.

    `tables` are results/tables/{paper}/{table}.csv, `figures` results/figures/{paper}/{figure}.png,
    `metrics` results/train/{run}/metrics.json, of which energy is estimated with `constants`,
    `predictions` results/predict/*.parquet whose sentences the error browser shows.
    """
    scores = by_f1([_distinct(read_json(path)) for path in evaluations])
    runs = {path.parent.name: read_json(path) for path in metrics}
    predictions = list(predictions)
    costs = {name: footprint(run, constants) for name, run in runs.items()}
    names = {score["corpus"] for result in scores for score in result["scores"]} - {None}
    page = Environment(
        loader=PackageLoader("bionerflow", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html.j2")
    papers: dict[str, list[dict[str, Any]]] = {}
    for table in (_table(path, definitions) for path in tables):
        papers.setdefault(table["paper"], []).append(table)
    order = {result["predictions"]: n for n, result in enumerate(scores)}
    text = page.render(
        found=_found(scores, [table for group in papers.values() for table in group])
        | {"tests": _tests(scores, {path.stem: path for path in predictions}, gold)},
        papers=papers,
        figures=[_printed(path, definitions) for path in figures],
        drawn=[_drawing(one) for one in drawn(runs, scores)],
        results=scores,
        runs={name: run | {"footprint": costs[name]} for name, run in runs.items()},
        spent={key: sum(cost[key] for cost in costs.values()) for key in SPENT},
        corpora={name: corpora[name] for name in sorted(names & set(corpora))},
        versions=_versions(),
        sentences=sentences(
            sorted(predictions, key=lambda path: (order.get(path.stem, len(order)), path)),
            gold,
            limit,
        ),
    )
    write_text(out, text)


def _found(scores: list[Any], tables: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page begins with."""
    corpora = best_per_corpus(scores)
    known = ChainMap(*(table["published"] for table in tables))
    drawing = picture(scores)
    rest = left_out(scores)
    caption = PICTURE + (
        f" {rest} more, below these or of other corpora, are under Scores." if rest else ""
    )
    return {
        "overall": best_overall(scores),
        "corpora": corpora,
        "published": {row.on: known[row.on] for row in corpora if row.on in known},
        "picture": _figure("All runs.", caption, png(drawing)) if drawing else None,
        "empty": [table for table in tables if table["reasons"]],
        "cells": sum(sum(table["reasons"].values()) for table in tables),
    }


def _tests(scores: list[Any], predictions: Mapping[str, Path], gold: Path) -> list[dict[str, Any]]:
    """Return the tests of what the page begins with: all corpora together, then each of them."""
    overall = best_overall(scores)
    return paired_tests(([overall] if overall else []) + best_per_corpus(scores), predictions, gold)


def _drawing(one: Drawing) -> dict[str, Any]:
    return _figure(one.title, one.caption, png(one.figure)) | {"first": one.first}


def _table(path: Path, definitions: Tables) -> dict[str, Any]:
    """Read a table with its title and caption; its name is `{paper}/{table}`, or one of ours."""
    paper = "" if path.stem in definitions.ours else path.parent.name
    name = f"{paper}/{path.stem}".strip("/")
    titled = definitions.titled(name)
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    with path.with_suffix(".long.csv").open(encoding="utf-8", newline="") as file:
        numbers = list(csv.DictReader(file))
    return {
        "paper": paper or "ours",
        "name": name,
        "title": titled.title,
        "caption": titled.caption + notes(numbers),
        "head": head,
        "rows": rows,
        "reasons": _reasons(numbers),
        "measured": _is_measured(numbers),
        "published": published(numbers),
    }


def _is_measured(numbers: Iterable[Mapping[str, str]]) -> bool:
    """Tell whether a table has a number of ours, or is not one of measured and published ones."""
    ours = [cell for cell in numbers if cell.get("source") in ("measured", "counted")]
    return not ours or any(cell["text"] for cell in ours)


def _reasons(numbers: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Count the cells of a table that are empty, by the reason why nothing was measured."""
    cells = [cell for cell in numbers if cell.get("source") == "measured"]
    return dict(Counter(cell["reason"] for cell in cells if not cell["text"]).most_common())


def _distinct(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out the records that repeat others: pooled over one corpus, or over one format."""
    corpora, formats = (
        {score[name] for score in result["scores"]} - {None} for name in ("corpus", "format")
    )
    shown = [
        score
        for score in result["scores"]
        if (score["corpus"] or len(corpora) > 1) and (score["format"] or len(formats) > 1)
    ]
    return {**result, "shown": shown}


def _printed(path: Path, definitions: Tables) -> dict[str, str]:
    """Read a figure with its title and caption; its name is `{paper}/{figure}`."""
    name = f"{path.parent.name}/{path.stem}"
    definition = definitions.figure(name)
    return _figure(f"{name}. {definition.title}.", definition.caption, path.read_bytes())


def _figure(title: str, caption: str, png: bytes) -> dict[str, str]:
    """Return a figure as a data URI, with its title and caption."""
    data = base64.b64encode(png).decode("ascii")
    return {"title": title, "caption": caption, "uri": f"data:image/png;base64,{data}"}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
