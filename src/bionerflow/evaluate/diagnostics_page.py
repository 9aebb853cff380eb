"""The page of a corpus's diagnostics, as Markdown and as one HTML file that needs no network."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from bionerflow.evaluate.diagnostics import measures
from bionerflow.utils.files import write_json, write_text

#: The families with their titles and what is to be known of their measures.
FAMILIES = {
    "scale": ("Scale and density", "Documents, sentences, tokens and mentions of each split."),
    "labels": (
        "Labels",
        "Mentions per type. Evenness: entropy of the types over its largest value.",
    ),
    "structure": (
        "Structure",
        "Nested: inside another mention or around one. Lengths of mentions are in tokens.",
    ),
    "lexical": (
        "Lexical",
        "Words and mention strings are lower-cased. Ambiguous: distinct strings of several types.",
    ),
    "overlap": (
        "Overlap with training",
        "Shares of a split that training shows. Scores on seen and unseen mentions differ: read "
        "both. Sentences are compared without white space and case, short ones left out. Document "
        "identifiers say nothing where the corpus's files have none.",
    ),
}
METADATA = ("Metadata", "What the configuration says of the corpus, and the files it is read from.")


class Section(NamedTuple):
    """A table of the page."""

    title: str
    caption: str
    head: list[str]
    rows: list[list[str]]


def write_diagnostics(out: Path, corpus: str, found: dict[str, Any]) -> None:
    """Write `out` (.json), and the page beside it as .md and .html.

    `found` are the families of bionerflow.evaluate.diagnostics, and `metadata`.
    """
    write_json(out, {"corpus": corpus} | found)
    title = f"Diagnostics of {found['metadata'].get('title') or corpus}"
    sections = list(_sections(found))
    write_text(out.with_suffix(".md"), _markdown(title, sections))
    write_text(out.with_suffix(".html"), _html(title, sections))


def _sections(found: Mapping[str, Any]) -> Iterator[Section]:
    for name, (title, caption) in FAMILIES.items():
        family = found[name]
        rows = [
            [_words(measure), *(_told(values.get(measure)) for values in family.values())]
            for measure in measures(family)
        ]
        yield Section(title, caption, ["", *family], rows)
    rows = [[_words(key), _told(value)] for key, value in found["metadata"].items()]
    yield Section(*METADATA, ["", "value"], rows)


def _words(measure: str) -> str:
    return measure.replace("_", " ")


def _told(value: Any) -> str:
    """Write a number with at most four decimals; what is not defined is empty."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_told(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if type(value) is int else str(value)


def _markdown(title: str, sections: list[Section]) -> str:
    parts = [f"# {title}"]
    for section in sections:
        lines = [section.head, ["---", *["--:"] * (len(section.head) - 1)], *section.rows]
        table = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
        parts += [f"## {section.title}", section.caption, table]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _html(title: str, sections: list[Section]) -> str:
    page = Environment(
        loader=PackageLoader("bionerflow", "evaluate"), autoescape=True, undefined=StrictUndefined
    ).get_template("diagnostics.html.j2")
    style = (files("bionerflow") / "report/page.css").read_text("utf-8")
    return page.render(title=title, sections=sections, style=style) + "\n"
