"""Answers that list items, in the format's own form or in any other."""

import json
import re
from collections.abc import Iterator
from typing import Any

from bionerflow.formats.answers import is_none
from bionerflow.formats.appended import added
from bionerflow.formats.grounding import Reading
from bionerflow.formats.items import Item, Keys, is_pair, items_of
from bionerflow.formats.json_values import json_values
from bionerflow.formats.markup import has_table

#: The beginning of a list or object of Python.
_PYTHON = re.compile(r"[\[({]\s{0,20}[\[({]?\s{0,20}'[^']{1,300}'\s{0,9}[,:]")


def read_items(answer: str, reading: Reading, keys: Keys, type: str | None) -> Iterator[Item]:
    """Yield the items of an answer; problems with its form go to the reading.

    Args:
        answer: The answer, without what stands around it.
        reading: The sentence and the types asked for.
        keys: The format's own keys, which are looked for first.
        type: The type of items that say none, where only one is asked for.
    """
    calls = list(added(answer, reading)) if ".append(" in answer else []
    for value in calls or json_values(answer, reading, type):
        yield from items_of(value, reading, keys, type)


def in_other_form(answer: str) -> bool:
    """Tell whether an answer that should be lines is JSON or a table."""
    said = answer.strip()
    as_json = (said[:1] in ("[", "{") and '"' in said) or bool(_PYTHON.match(said))
    return as_json or has_table(answer)


def exact_items(answer: str, reading: Reading, keys: Keys, type: str | None) -> list[Item] | None:
    """Return the items of a list in the format's own form; None if it has another form.

    The same as `read_items` on such an answer (a test compares them), in less time. The types are
    among those asked for, mentions are strings, spans are pairs.
    """
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list):
        return None
    if type:
        items = [_bare(part, reading, type) for part in value]
    elif _repeats(answer, len(value), keys):
        return None
    else:
        items = [_own(part, reading, keys) for part in value]
    return None if None in items else items  # type: ignore[return-value]


def _repeats(answer: str, items: int, keys: Keys) -> bool:
    """Tell whether an object lacks or repeats a key; of these, `json.loads` takes the last."""
    for key in keys.quoted:  # faster than `any` of a generator  # noqa: SIM110
        if answer.count(key) != items:
            return True
    return False


def _bare(said: Any, reading: Reading, type: str) -> Item | None:
    """Read a string or a pair of offsets; None of anything else."""
    if said.__class__ is str:
        return Item(type, said) if said in reading.text and not is_none(said) else None
    return Item(type, None, said, said) if is_pair(said) else None


def _own(said: Any, reading: Reading, keys: Keys) -> Item | None:
    """Read an object with the format's keys; None of anything else."""
    if said.__class__ is not dict or said.keys() != keys.all:
        return None
    named, text, span = said[keys.type], None, None
    if keys.span:
        span = said[keys.span[0]] if len(keys.span) == 1 else [said[key] for key in keys.span]
        if not is_pair(span):
            return None
    if keys.text:
        text = said[keys.text]
        if text.__class__ is not str:
            return None
    return Item(named, text, span, said) if named in reading.types else None
