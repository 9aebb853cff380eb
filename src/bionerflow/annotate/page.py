"""Annotated passages as one page that needs no network, and runs no script but its own."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

from bionerflow.annotate.output import text_file
from bionerflow.annotate.passages import Annotated
from bionerflow.annotate.summary import Summary

STYLES = ("report/page.css", "annotate/page.css")
SCRIPTS = ("report/spans.js", "annotate/page.js")
ABOUT = ("run", "corpus", "format", "selector", "threshold")
DATA = "\u2402data\u2403"


def html(annotated: Iterable[Annotated], out: Path, summary: Summary) -> None:
    """Write the page; its data are written as they come."""
    head, _, foot = _page(out.stem, _about(summary.facts)).partition(DATA)
    with text_file(out) as file:
        file.write(head)
        separator = "["
        for one in annotated:
            file.write(f"{separator}\n{htmlsafe_json_dumps(_row(one))}")
            separator = ","
        file.write("[]" if separator == "[" else "\n]")
        file.write(foot)


def _about(facts: Mapping[str, Any]) -> str:
    """Return by what was annotated, in words."""
    said = [f"{name} {facts[name]}" for name in ABOUT if facts.get(name) is not None]
    return f"Annotated by {', '.join(said)}." if said else ""


def _page(title: str, about: str) -> str:
    said = {"title": title.replace(DATA, ""), "about": about.replace(DATA, "")}
    return rendered("page.html.j2", STYLES, SCRIPTS, data=DATA, **said)


def rendered(template: str, styles: Iterable[str], scripts: Iterable[str], **values: Any) -> str:
    """Return a page with these styles and scripts in it, which are all that it may run."""
    page = Environment(
        loader=PackageLoader("bionerflow", "annotate"), autoescape=True, undefined=StrictUndefined
    ).get_template(template)
    style, script = _joined(styles), _joined(scripts)
    hashes = {"style_hash": _hash(style), "script_hash": _hash(script)}
    return page.render(style=style, script=script, **hashes, **values)


def _joined(names: Iterable[str]) -> str:
    return "\n".join((files("bionerflow") / name).read_text("utf-8") for name in names)


def _hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy lets a script or style through."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _row(one: Annotated) -> list[object]:
    """Return [id, start, text, mentions], a mention as [type, spans, confidence, probability]."""
    mentions = [
        [mention.entity.type, mention.entity.spans, mention.confidence, mention.probability]
        for mention in sorted(one.mentions, key=lambda m: (m.entity.start, -m.entity.end))
    ]
    return [one.passage.id, one.passage.start, one.passage.text, mentions]
