"""A corpus of the user's own: found in a folder, checked, and entered into a configuration.

Four files are written: `corpora.yaml`, the entry with reader, types, files and splits;
`experiment.yaml`, the recommended recipe; `config.yaml`, what `snakemake --configfile` takes;
`report.json`, all that was found odd.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from bionerflow.config.base import parse
from bionerflow.config.corpora import SPLITS, CorpusSettings
from bionerflow.config.models import Model
from bionerflow.corpora.documents import UNREADABLE, Reading
from bionerflow.corpora.download import fetch
from bionerflow.corpora.leakage import contents, leaks
from bionerflow.corpora.new_corpus.choices import CHOICES, Choices
from bionerflow.corpora.new_corpus.folder import Found, entered, found
from bionerflow.corpora.new_corpus.guesses import (
    Guess,
    LineEnds,
    columns,
    folders,
    joiner,
    token_lists,
)
from bionerflow.corpora.new_corpus.recipe import configuration, experiment
from bionerflow.corpora.normalise import normalise, read, reading_of
from bionerflow.data.schema import EXAMPLES, read_rows
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import read_json, write_json, write_text

KINDS = ("nested", "overlapping", "same_extent")


def new_corpus(
    folder: Path,
    name: str,
    language: str,
    model: str,
    models: Mapping[str, Model],
    out: Path,
    choices: Choices = CHOICES,
) -> dict[str, Any]:
    """Check the annotated texts in `folder`, write their configuration into `out`, report.

    Returns the corpus's report (`corpora.normalise`), with `reader`, the number of `files` of each
    split, `repeated`: sentences that occur more than once, with their places, `leaks`: test and dev
    sentences that training shows, `flags`, `guesses` in words, and `files_passed_over`. It is
    written, too.

    Raises:
        UserError: there is nothing to read, or it cannot be told which form or split it is of.
    """
    files = found(folder, choices)
    out.mkdir(parents=True, exist_ok=True)
    entry, guesses = entry_of(files, name, language, out, choices)
    with tempfile.TemporaryDirectory() as work:
        report = checked(name, entry, Path(work))
    report |= {"reader": files.reader, "files": {s: len(its) for s, its in files.splits.items()}}
    report |= {"guesses": guesses, "files_passed_over": files.passed_over}
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


def entry_of(
    files: Found, name: str, language: str, out: Path, choices: Choices
) -> tuple[dict[str, Any], list[str]]:
    """Return the corpus's entry, whose types are all that the files have, and what was guessed."""
    sources, parts = entered(files, out)
    raw = {file: Path(source["local"]).read_bytes() for file, source in sources.items()}
    guess = options_of(files, raw, choices.options())
    entry: dict[str, Any] = {"title": name, "language": language, "dataset": name, "types": ["-"]}
    entry |= {"licence": "your own", "citation": "-", "reader": files.reader, "files": sources}
    entry |= {"options": guess.options} if guess.options else {}
    entry |= {"nested": True, "discontinuous": True, "splits": parts} | choices.settings()
    settings = parse(CorpusSettings, entry, name)
    reading, line_ends = reading_of(settings), LineEnds()
    for part in settings.splits:
        its = {file: raw[file] for file in part.files}
        for document in read(name, settings, part, its, reading):
            line_ends.add(document)
    types = sorted(type for type in reading.mentions if type != UNREADABLE)
    if not types:
        raise UserError(f"No mention was found in {len(raw)} files read as {files.reader}.")
    found, evidence = of_texts(reading, line_ends, choices)
    return entry | {"types": types} | found, guess.evidence + evidence


def options_of(files: Found, raw: Mapping[str, bytes], given: Mapping[str, Any]) -> Guess:
    """Return the options of the corpus's reader, as given or guessed.

    Raises:
        UserError: an option is given that the reader has not, or the evidence is split.
    """
    if files.reader == "iob":
        return columns(raw, {**given, **numbers(given)})
    if files.reader in ("tokens", "gliner", "w2ner"):
        guess = joiner(token_lists(raw, files.reader), given)
        return Guess({**given, **guess.options}, guess.evidence)
    if files.reader == "brat":
        paths = (path for paths in files.splits.values() for path in paths)
        guess = folders((path.relative_to(files.folder).as_posix() for path in paths), given)
        return Guess({**given, **guess.options}, guess.evidence)
    return Guess(dict(given), [])


def numbers(given: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the layers of token files as numbers of columns."""
    layers = given.get("layers") or []
    if not all(layer.isdecimal() for layer in layers):
        raise UserError(f"--layers {' '.join(layers)}: columns are counted from 0.")
    return {"layers": [int(layer) for layer in layers]} if layers else {}


def of_texts(
    reading: Reading, line_ends: LineEnds, choices: Choices
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that the texts and mentions tell, and why: offsets and line ends."""
    found: dict[str, Any] = {}
    evidence: list[str] = []
    fit = reading.explained()
    if fit and fit.certain and choices.offsets is None and choices.shift is None:
        found |= fit.counting.settings()
        evidence.append(f"Of mentions that miss their text, {fit}: so they are read.")
    if choices.line_ends is None:
        are_borders, said = line_ends.guess()
        found |= {"line_ends": True} if are_borders else {}
        evidence += said
    return found, evidence


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
