"""A corpus's report in words, for who made the annotations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bionerflow.config.corpora import SPLITS
from bionerflow.corpora.leakage import SHORTEST

SHOWN, WIDTH = 3, 160  # lines of a kind, and characters of each
COUNTED = {"documents": "documents", "sentences": "sentences", "mentions": "entities"}
REASONS = {
    "text_differs": "the mention as written is not the text at its offsets",
    "white_space_differs": "the mention differs from the text in white space alone",
    "fragments_out_of_order": "the fragments of a mention were not in the order of the text",
    "inside_without_begin": "an I- tag stands without a B- tag before it, and was taken for one",
    "empty_span": "a mention has no length",
    "outside_text": "a mention's offsets are outside of its text",
    "fragments_overlap": "the fragments of a mention overlap",
    "duplicate": "the same type stands twice at the same place",
    "no_text": "an annotation's text is missing",
    "no_annotation_file": "a text has no file of annotations, and counts as one without mentions",
    "spelled_otherwise": "the mention is spelled otherwise than its text (case, signs, accents)",
    "white_space_at_edge": "white space at the edge of a mention was cut off",
    "white_space_alone": "a mention is white space alone",
    "fragments_joined": "fragments that white space alone parts were made one",
    "unreadable": "a line looks like a mention and cannot be read",
    "outside_passages": "an annotation is outside of the passages",
    "tag_of_outside": "a tag such as I-O was read as O",
    "byte_order_mark_counted": "the offsets of a file count its byte order mark",
    "characters_lost": "offsets count characters that the file lost (spaces of the title, a mark)",
    "unknown_type": "a mention is of a type that the corpus does not have",
}


def told(report: Mapping[str, Any]) -> str:
    """Return the report: what was read, what is odd, what splits share."""
    splits = report["splits"]
    rows = {
        **{what: {s: splits[s][key] for s in SPLITS} for what, key in COUNTED.items()},
        **{type: {s: splits[s]["types"].get(type, 0) for s in SPLITS} for type in types(report)},
    }
    table = pd.DataFrame(rows).T.to_string()
    return "\n".join([read_as(report), "", table, "", *lines(report)])


def read_as(report: Mapping[str, Any]) -> str:
    """Return how the files were taken: form and splits."""
    files = report["files"]
    said = f"{sum(files.values())} files were read as {report['reader']}"
    if "all" in files:
        return (
            f"{said}. None names a split: whole documents are dealt 80, 10 and 10 % at random, "
            "by seed."
        )
    named = ", ".join(f"{files[split]} of {split}" for split in SPLITS if split in files)
    dev = "" if "dev" in files else " A tenth of the training documents, drawn by seed, is dev."
    return f"{said}: {named}.{dev}"


def types(report: Mapping[str, Any]) -> list[str]:
    """Return the types that any split has."""
    return sorted({type for split in report["splits"].values() for type in split["types"]})


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what else there is to say, a line each."""
    kinds = [kind for kind, has in report["flags"].items() if has] or [
        "neither nested nor discontinuous"
    ]
    yield f"Mentions are {' and '.join(kinds)}."
    yield from report["guesses"]
    yield from passed_over(report)
    characters = report["characters"]
    yield (
        f"Sentences have {characters['median']} characters (median), 99 % up to "
        f"{characters['percentile_99']}, the longest {characters['longest']}."
    )
    yield f"{report['lost']} of {report['mentions']} mentions could not be used."
    if report["offsets"]:
        yield f"Of mentions that miss their text, {report['offsets']}."
    by_loss = sorted(report["findings"].items(), key=lambda item: -item[1]["lost"])
    for reason, found in by_loss:
        yield f"{found['count']} times, {found['lost']} lost: {REASONS.get(reason, reason)}"
        yield from some(found["mentions"])
    yield f"{len(report['repeated'])} sentences occur more than once."
    for split, leak in report["leaks"].items():
        yield (
            f"{leak['shared_sentences']} of {leak['test_sentences']} sentences of {split} "
            f"({SHORTEST} characters and more) are in train."
        )
    across = [
        f"{', '.join(places)}: {text}"
        for text, places in report["repeated"].items()
        if len("".join(text.split())) >= SHORTEST and len({p.split()[0] for p in places}) > 1
    ]
    yield from some(across)
    yield from warnings(report)


def passed_over(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was not read: files, and what readers counted."""
    files = report["files_passed_over"]
    if files:
        yield f"{len(files)} files were not read:"
        yield from some(files)
    kinds = [f"{count} {kind}" for kind, count in sorted(report["passed_over"].items())]
    if kinds:
        yield f"Not read: {', '.join(kinds)}."


def some(found: Sequence[str]) -> Iterator[str]:
    """Yield the first lines, and how many there are more."""
    yield from (f"    {line[:WIDTH]}" for line in found[:SHOWN])
    if len(found) > SHOWN:
        yield f"    and {len(found) - SHOWN} more"


def warnings(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what keeps a model from learning, or scores from meaning anything."""
    splits = report["splits"]
    for split in (split for split in SPLITS if not splits[split]["entities"]):
        yield f"Warning: {split} has no mention."
    for type in types(report):
        if splits["train"]["entities"] and not splits["train"]["types"].get(type):
            yield f"Warning: train has no {type}: a model cannot learn it."
    alike: dict[str, list[str]] = {}
    for type in types(report):
        alike.setdefault("".join(filter(str.isalnum, type.casefold())), []).append(type)
    for same in (same for same in alike.values() if len(same) > 1):
        yield f"Warning: {' and '.join(same)} may be one type: `type_map` makes them one."
