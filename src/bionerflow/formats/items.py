"""The items of an answer in JSON or code: their keys, and all the shapes that models give them.

An item says a type, a mention, offsets, or some of these. It may be a string, a pair, or an object
with keys of other names; items may be wrapped in objects, or grouped by type.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bionerflow.formats.answers import is_none, says_nothing
from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import TEXT_KEYS, TYPE_KEYS, meant_type, plain
from bionerflow.formats.plain_lines import mentions_in, named_mention, said_with_type
from bionerflow.formats.repair import Word, loads

SPAN_KEYS = ("span", "spans", "offsets", "offset", "position", "positions", "indices", "range")
START_KEYS = ("startidx", "start", "begin", "startchar", "startoffset", "startindex", "startpos")
END_KEYS = ("endidx", "end", "stop", "endchar", "endoffset", "endindex", "endpos")
_WRAPPERS = (
    *("entities", "entitylist", "entity", "results", "result", "answer", "answers", "output"),
    *("data", "mentions", "items", "annotations", "response", "list", "namedentities", "ner"),
    *("extractedentities", "predictions", "spans", "names", "texts", "terms", "words", "values"),
    *("arguments", "parameters", "args", "input", "extractions", "content"),
    *("types", "categories", "groups", "labels"),
    *("实体", "结果", "实体列表"),
)


class Item(NamedTuple):
    """What an answer says of a mention; what it does not say is None."""

    type: object
    text: object = None
    span: object = None
    whole: object = None


@dataclass(frozen=True)
class Keys:
    """The keys of a format's own objects: the type's, the mention's, those of the offsets."""

    type: str = "type"
    text: str = "text"
    span: tuple[str, ...] = ()

    @cached_property
    def quoted(self) -> tuple[str, ...]:
        """The keys as they stand in JSON."""
        return tuple(f'"{key}":' for key in self.all)

    @cached_property
    def all(self) -> set[str]:
        """All of the keys; offsets alone may say where a mention stands."""
        return {self.type, *self.span, *([self.text] if self.text else [])}


#: Of formats whose items are strings, or have the most usual keys.
USUAL = Keys()


def items_of(value: object, reading: Reading, keys: Keys, type: str | None) -> Iterator[Item]:
    """Yield the items in a value."""
    waiting: list[tuple[object, object]] = [(value, type)]
    while waiting:
        value, said = waiting.pop()
        if isinstance(value, dict):
            parts = _of_object(value, said, reading, keys)
        elif isinstance(value, list):
            parts = _of_list(value, said, reading)
        elif value is None or (isinstance(value, str) and _is_nothing(value, reading)):
            continue
        elif isinstance(value, str) and not isinstance(value, Word):
            parts = _of_string(value, said, reading)
        else:
            parts = [Item(said, value, None, value)]
        for part in reversed(parts):
            if isinstance(part, Item):
                waiting.append((part, None))
            else:
                waiting.append(part)
        while waiting and isinstance(waiting[-1][0], Item):
            yield waiting.pop()[0]  # type: ignore[misc]


def _is_nothing(words: str, reading: Reading) -> bool:
    return not reading.stands(words) and says_nothing(words, reading.types)


Parts = list["Item | tuple[object, object]"]


def _of_string(value: str, said: object, reading: Reading) -> Parts:
    """Read a string: a mention, several with commas, one with its type, or JSON in a string."""
    if value[:1] in ("[", "{") and not reading.stands(value):
        try:
            return [(loads(value), said)]
        except ValueError:
            pass
    if not reading.stands(value):
        typed = said_with_type(value, reading) if said is None else None
        if typed := typed or named_mention(value, reading):
            return [Item(typed[1], one, None, value) for one in mentions_in(typed[0], reading)]
    return [Item(said, one, None, value) for one in mentions_in(value, reading)]


def _of_list(values: list[object], said: object, reading: Reading) -> Parts:
    """Read a list: a pair of offsets, an item without keys, or a list of items."""
    if len(values) == 1 and isinstance(values[0], str) and is_none(values[0]):
        return []
    numbers = [value for value in values if value.__class__ is int]
    if values and all(isinstance(value, int | float) for value in values):
        several = said is not None and len(values) > 2 and len(values) % 2 == 0
        pairs = [values[n : n + 2] for n in range(0, len(values), 2)] if several else [values]
        return [Item(said, None, pair, values) for pair in pairs]
    if said is not None and _are_offsets(values, reading):
        return [Item(said, None, values, values)]
    if said is not None and len(numbers) == 2 and len(values) == 3:
        return [Item(said, text, numbers, values) for text in values if isinstance(text, str)]
    if said is None and 2 <= len(values) <= 5:
        types = [value for value in values if meant_type(value, reading.types)]
        rest = [v for v in values if isinstance(v, str) and v not in types and v != "is a"]
        spans = [value for value in values if isinstance(value, list) and len(value) == 2]
        if len(types) == 1 and len(numbers) in (0, 2) and len(rest) <= 1:
            span = numbers or (spans[0] if spans else None)
            if rest or span:
                return [Item(types[0], rest[0] if rest else None, span, values)]
    return [(value, said) for value in values]


def _are_offsets(values: list[object], reading: Reading) -> bool:
    """Tell whether a list is two numbers in quotes, which the sentence has not."""
    words = [value for value in values if isinstance(value, str) and value.isdecimal()]
    return len(words) == len(values) == 2 and not all(map(reading.stands, words))


def _of_object(value: dict[str, object], said: object, reading: Reading, keys: Keys) -> Parts:
    """Read an object: an item, a group under a type, a map from mentions to types, a wrapper."""
    type = value.get(keys.type)
    if isinstance(type, str) and type in reading.types and isinstance(value.get(keys.text), str):
        return [Item(type, value[keys.text], _span(value), value)]
    named = {plain(str(key)): key for key in value}
    type_key = _type_key(value, named, reading, keys)
    text_key = _text_key(value, named, keys, type_key)
    span = _span({plain(str(key)): one for key, one in value.items()})
    known = text_key is not None and not (type_key is None and said is None)
    if not known and (found := _by_values(value, said, reading)):
        return _several(*found, span, value)
    wrapped = [key for key in map(named.get, _WRAPPERS) if key and _wraps(value, key, type_key)]
    type = said if type_key is None else value[type_key]
    if wrapped and (text_key is None or text_key in wrapped or type_key is None):
        return [(value[key], type) for key in wrapped]
    types_are_keys = type is None and any(meant_type(key, reading.types) for key in value)
    if not types_are_keys and (text_key is not None or span is not None):
        text = None if text_key is None else value[text_key]
        if isinstance(text, str) and span is None:
            text = mentions_in(text, reading)
        return _several(type, text, span, value)
    if (type_key is not None and len(value) == 1) or not value:
        return [Item(type, None, None, value)] if value else []
    return _grouped(value, said, reading)


def _by_values(
    value: dict[str, object], said: object, reading: Reading
) -> tuple[object, object] | None:
    """Read an object by what its values are: one names a type, one stands in the sentence."""
    if any(meant_type(key, reading.types) or reading.stands(key) for key in value):
        return None
    kinds, texts = [], []
    for held in value.values():
        words = held if isinstance(held, list) else [held]
        if not words or not all(isinstance(word, str) for word in words):
            continue
        if all(meant_type(word, reading.types) for word in words):
            kinds.append(held)
        elif all(map(reading.stands, words)):
            texts.append(held)
    if len(texts) != 1 or len(kinds) > 1 or not (kinds or said):
        return None
    return (kinds[0] if kinds else said), texts[0]


def _wraps(value: dict[str, object], key: str, type_key: str | None) -> bool:
    held = value[key]
    inner = isinstance(held, str) and held.lstrip()[:1] in ("[", "{")
    return key != type_key and (inner or isinstance(held, list | dict)) and not is_pair(held)


def is_pair(value: object) -> bool:
    """Tell whether a value is a list of two whole numbers."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and value[0].__class__ is int
        and value[1].__class__ is int
    )


def _type_key(
    value: dict[str, object], named: dict[str, str], reading: Reading, keys: Keys
) -> str | None:
    """Find the key whose value names a type; without one, the key that should."""
    present = [named[key] for key in (plain(keys.type), *TYPE_KEYS) if key in named]
    for key in present:
        said = value[key]
        types = said if isinstance(said, list) else [said]
        if types and all(meant_type(type, reading.types) for type in types):
            return key
    present = [key for key in present if not _lists_objects(value[key])]
    own = [key for key in present if plain(key) not in (plain(keys.text), "entity", "kind")]
    return keys.type if keys.type in present else own[0] if own else None


def _text_key(
    value: dict[str, object], named: dict[str, str], keys: Keys, type_key: str | None
) -> str | None:
    """Find the key whose value is the mention."""
    for key in (plain(keys.text), *TEXT_KEYS):
        name = named.get(key)
        if name is not None and name != type_key and not _offsets(value[name], key):
            return name
    return None


def _offsets(value: object, key: str) -> bool:
    return key in SPAN_KEYS and not isinstance(value, str)


def _span(value: dict[str, object]) -> object:
    """Return the offsets that an object says: a pair, a list of pairs, or None."""
    for key in SPAN_KEYS:
        if key in value and not isinstance(value[key], str):
            return value[key]
    for starts, ends in ((START_KEYS, END_KEYS), (("start_idx",), ("end_idx",))):
        start = next((value[key] for key in starts if key in value), None)
        end = next((value[key] for key in ends if key in value), None)
        if start is not None or end is not None:
            return [start, end]
    return None


def _several(type: object, text: object, span: object, whole: object) -> Parts:
    """Make an item of each type, mention and pair of offsets that one object says."""
    types = type if isinstance(type, list) else [type]
    texts = text if isinstance(text, list) else [text]
    spans = span if isinstance(span, list) and span and not _flat(span) else [span]
    if len(texts) > 1 and len(spans) == len(texts):
        pairs = list(zip(texts, spans, strict=True))
    elif len(texts) > 1:
        pairs = [(text, None) for text in texts]
    else:
        pairs = [(text, span) for text in texts for span in spans]
    return [Item(type, text, span, whole) for type in types for text, span in pairs]


def _flat(span: list[object]) -> bool:
    return not all(isinstance(part, list) for part in span)


def _grouped(value: dict[str, object], said: object, reading: Reading) -> Parts:
    """Read an object with other keys: types, mentions, or names that wrap items."""
    parts: Parts = []
    for key, held in value.items():
        type = meant_type(key, reading.types)
        if type:
            parts.append((held, type))
        elif isinstance(held, str) and meant_type(held, reading.types):
            parts.append(Item(held, key, None, value))
        elif isinstance(held, dict) and reading.stands(key) and (kind := _kind_of(held, reading)):
            parts.append(Item(kind, key, _span(held), value))
        elif isinstance(held, dict) or _lists_objects(held):
            parts.append((held, said))
        elif isinstance(held, str) and said is not None and reading.stands(held):
            parts.append(Item(said, held, None, value))
        elif isinstance(held, int | float) and not reading.stands(key):
            continue  # such as a count
        elif isinstance(held, str) and held.strip() == reading.text.strip():
            continue
        elif held not in ([], None) and not (isinstance(held, str) and _is_nothing(held, reading)):
            kind = "unknown_type" if isinstance(held, list) else "malformed"
            reading.drop(kind, key if isinstance(held, list) else value)
    return parts


def _lists_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _kind_of(value: dict[str, object], reading: Reading) -> str:
    """Return the type that an object says of the mention that is its key, if it says no other."""
    said = {plain(str(key)): one for key, one in value.items()}
    if any(key in said for key in ("text", "mention", "name", "span")):
        return ""
    return next(
        (kind for key in TYPE_KEYS if (kind := meant_type(said.get(key), reading.types))), ""
    )
