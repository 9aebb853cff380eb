"""What is generated from the settings: JSON schemas for editors, and config/README.md.

Call `python -m bionerflow.config.reference` in the repository after a change of the settings.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bionerflow.config.base import Settings
from bionerflow.config.corpora import Corpora
from bionerflow.config.experiments import Experiment
from bionerflow.config.models import Models
from bionerflow.config.tables import Tables
from bionerflow.config.workflow import Config
from bionerflow.utils.files import write_text


class File(NamedTuple):
    """A kind of configuration file."""

    path: str
    kind: type[Settings]


FILES = {
    "config": File("config.yaml, and each file given with `--configfile`", Config),
    "corpora": File("corpora.yaml", Corpora),
    "models": File("models.yaml", Models),
    "experiment": File("experiments/*.yaml", Experiment),
    "tables": File("tables.yaml", Tables),
}

README_HEAD = """\
# Configuration

`config.yaml` is at the papers' scale. `--configfile` lays another file over it and `--config` a
single key: `--config mirror=/path/to/corpora`. An unknown key is refused, with the nearest
valid one. This page is generated from the code by `make schemas`.

A configuration of your own is a small file that is laid over `config.yaml`: `demo.yaml` and
`small.yaml` are such files, and `bionerflow new-corpus` writes one for a corpus of yours
(docs/own-corpus.md).
"""


def generate() -> dict[str, str]:
    """Return the generated files' texts by their path in the repository."""
    texts = {"config/README.md": "\n".join([README_HEAD, *_readme()])}
    for name, file in FILES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        text = json.dumps(schema | file.kind.model_json_schema(), ensure_ascii=False, indent=2)
        texts[f"workflow/schemas/{name}.schema.json"] = text + "\n"
    return texts


def _readme() -> Iterator[str]:
    for file in FILES.values():
        yield f"## {file.path}\n"
        schema = file.kind.model_json_schema()
        yield from _table(schema)
        for name, nested in schema.get("$defs", {}).items():
            yield f"### {name}\n"
            yield from _table(nested)


def _table(schema: dict[str, Any]) -> Iterator[str]:
    yield schema["description"] + "\n"
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    for key, field in schema["properties"].items():
        cells = [f"`{key}`", _type(field), _default(field), field.get("description", "")]
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    yield ""


def _default(field: dict[str, Any]) -> str:
    if "default" not in field:
        return "must be given"
    return "its own" if "$ref" in field else f"`{json.dumps(field['default'])}`"


def _type(field: dict[str, Any]) -> str:
    """Return what a key takes, in words."""
    match field:
        case {"$ref": reference}:
            words = reference.split("/")[-1]
        case {"enum": values}:
            words = ", ".join(f"`{value}`" for value in values)
        case {"const": value}:
            words = f"`{value}`"
        case {"anyOf": choices} | {"oneOf": choices}:
            words = " or ".join(map(_type, choices))
        case {"type": "array", "items": items}:
            words = f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            words = f"name: {_type(values)}"
        case _:
            words = field.get("type", "anything")
    return words


if __name__ == "__main__":
    for path, text in generate().items():
        write_text(Path(path), text)
        print(path)
