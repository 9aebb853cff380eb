"""A corpus of one's own: found in a folder, checked, and entered into a configuration.

Four files are written: `corpora.yaml`, the entry with reader, types, files and splits;
`experiment.yaml`, the recommended recipe; `config.yaml`, what `snakemake --configfile` takes;
`report.json`, all that was found odd.
"""

import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from bionerflow.corpora.documents import Reading
from bionerflow.corpora.download import fetch
from bionerflow.corpora.leakage import contents, leaks
from bionerflow.corpora.normalise import normalise, read
from bionerflow.corpora.settings import SPLITS, CorpusSettings
from bionerflow.errors import UserError
from bionerflow.files import read_json, write_json, write_text
from bionerflow.own.folder import Found, entered, found
from bionerflow.own.recipe import configuration, experiment
from bionerflow.schema import EXAMPLES, read_rows
from bionerflow.settings.base import parse
from bionerflow.settings.models import Model

KINDS = ("nested", "overlapping", "same_extent")


def new_corpus(
    folder: Path, name: str, language: str, model: str, models: Mapping[str, Model], out: Path
) -> dict[str, Any]:
    """Check the annotated texts in `folder`, write their configuration into `out`, report.

    Returns the corpus's report (`corpora.normalise`), with `reader`, the number of `files` of each
    split, `repeated`: sentences that occur more than once, with their places, `leaks`: test and dev
    sentences that training shows, and `flags`. It is written, too.

    Raises:
        UserError: there is nothing to read, or it cannot be told which form or split it is of.
    """
    files = found(folder)
    out.mkdir(parents=True, exist_ok=True)
    entry = entry_of(files, name, language, out)
    with tempfile.TemporaryDirectory() as work:
        report = checked(name, entry, Path(work))
    report |= {"reader": files.reader, "files": {s: len(its) for s, its in files.splits.items()}}
    entry |= report["flags"]
    texts = {
        "corpora.yaml": {"corpora": {name: entry}},
        "experiment.yaml": experiment(name, model, models[model]),
        "config.yaml": configuration(name, out),
    }
    for file, text in texts.items():
        write_text(out / file, yaml.safe_dump(text, sort_keys=False, allow_unicode=True))
    write_json(out / "report.json", report)
    return report


def entry_of(files: Found, name: str, language: str, out: Path) -> dict[str, Any]:
    """Return the corpus's entry; its types are all that the files have."""
    sources, parts = entered(files, out)
    entry: dict[str, Any] = {"title": name, "language": language, "dataset": name, "types": ["-"]}
    entry |= {"licence": "your own", "citation": "-", "reader": files.reader, "files": sources}
    entry |= {"nested": True, "discontinuous": True, "splits": parts}
    settings = parse(CorpusSettings, entry, name)
    raw = {file: Path(source["local"]).read_bytes() for file, source in sources.items()}
    reading = Reading()
    for part in settings.splits:
        deque(read(name, settings, part, raw, reading), maxlen=0)
    types = sorted(reading.mentions)
    if not types:
        raise UserError(f"No mention was found in {len(raw)} files read as {files.reader}.")
    return entry | {"types": types}


def checked(name: str, entry: Mapping[str, Any], work: Path) -> dict[str, Any]:
    """Normalise the corpus in `work` as the workflow will; return what is to be told of it."""
    settings = parse(CorpusSettings, entry, name)
    for file in settings.files:
        fetch(settings.entry(file), work / "raw" / file)
    normalise(name, settings, work / "raw", work)
    report = read_json(work / "report.json")
    splits = report["splits"].values()
    flags = {
        "nested": any(split[kind] for split in splits for kind in KINDS),
        "discontinuous": any(split["discontinuous"] for split in splits),
    }
    return report | {"flags": flags, "repeated": repeated(work), "leaks": leaked(work)}


def repeated(work: Path) -> dict[str, list[str]]:
    """Return the sentences that occur more than once, each with its splits and ids."""
    places: dict[str, list[str]] = {}
    for split in SPLITS:
        for row in read_rows(work / f"{split}.parquet", EXAMPLES):
            places.setdefault(row["text"], []).append(f"{split} {row['id']}")
    return {text: found for text, found in places.items() if len(found) > 1}


def leaked(work: Path) -> dict[str, dict[str, Any]]:
    """Return what training shows of dev and of test (`corpora.leakage.Leak`)."""
    shown = {"train": contents(work / "train.parquet")}
    hidden = {split: contents(work / f"{split}.parquet") for split in ("dev", "test")}
    return {leak.test_corpus: asdict(leak) for leak in leaks(shown, hidden)}
