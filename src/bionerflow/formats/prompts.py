"""Prompts: what a model is asked, as the three papers ask it, in the corpus's language."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from bionerflow.data.schema import Entity, Turn
from bionerflow.formats import Format
from bionerflow.formats.marked import MarkedText
from bionerflow.utils.errors import UserError

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Asking:
    """What prompts say of a corpus: its name in prompts, language, types and their definitions.

    `examples` are answered before each sentence, where types of one's own have some.
    """

    dataset: str
    language: str
    types: tuple[str, ...]
    definitions: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[MarkedText, ...] = ()


def conversation(
    asking: Asking,
    format: Format,
    text: str,
    entities: Iterable[Entity],
    types: Sequence[str],
) -> list[Turn]:
    """Write a query for `types` and its gold answers: user and assistant turns alternate.

    Prompts are English for a language that has none of its own.
    """
    words = _words(format.prompt, asking.language)
    slots = {
        "dataset": asking.dataset,
        "instruction": format.instruction(types, asking.language),
        "text": text,
        "types": words.get("join", ", ").join(types),
        "definitions": _definitions(words, asking.definitions, types),
    }
    template = words["user"]
    if not slots["definitions"]:
        template = re.sub(r"\n.*\{definitions\}", "", template)
    prompt = [Turn("system", _fill(words["system"], slots))] if "system" in words else []
    prompt.append(Turn("user", _fill(template, slots)))
    if "question" in words:
        prompt.append(Turn("assistant", words["assistant"]))
        prompt.append(Turn("user", _fill(words["question"], slots)))
    return _joined(prompt + format.render(text, entities, types))


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Join turns of one role that follow each other: chat templates want them to alternate."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = Turn(turn.role, f"{joined[-1].content}\n\n{turn.content}")
        else:
            joined.append(turn)
    return joined


def _fill(template: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda slot: slots[slot[1]], template)


def _definitions(
    words: Mapping[str, str], definitions: Mapping[str, str], types: Sequence[str]
) -> str:
    defined = [type for type in types if type in definitions]
    if not defined or "define" not in words:
        return ""
    return " ".join(
        _fill(words["define"], {"type": type, "definition": definitions[type]}) for type in defined
    )


def said(format: Format, language: str) -> dict[str, str]:
    """Return all that is said in a format and language of the texts that prompts are made of."""
    return _words(format.prompt, language) | {
        "instruction": format.instruction(["{types}"], language)
    }


@cache
def _texts() -> dict[str, dict[str, dict[str, str]]]:
    return yaml.safe_load((files("bionerflow.formats") / "prompts.yaml").read_text("utf-8"))


def _words(family: str, language: str) -> dict[str, str]:
    languages = _texts()[family]
    return languages.get(language, languages["en"])


def read_definitions(path: str | Path) -> dict[str, str]:
    """Read the definitions of types: those of a corpus (resources/definitions), or one's own.

    Raises:
        UserError: the file is no YAML of types, each with a definition.
    """
    try:
        entries = yaml.safe_load(Path(path).read_text("utf-8"))
        found = {
            type: entry["definition"] if isinstance(entry, dict) else entry
            for type, entry in entries.items()
        }
    except (OSError, yaml.YAMLError, ValueError, AttributeError, KeyError) as error:
        raise UserError(f"{path} cannot be read as definitions ({_short(error)}).") from None
    if wrong := [type for type, said in found.items() if not isinstance(said, str)]:
        raise UserError(f"{path}: '{wrong[0]}' needs a definition in words.")
    return found


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
