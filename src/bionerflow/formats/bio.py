"""BIO tags of white-space tokens, a layer for each level of overlap (mfner, section 3.2)."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter

from bionerflow.data.schema import Entity, Span
from bionerflow.formats.answers import is_prose
from bionerflow.formats.base import Format
from bionerflow.formats.grounding import Reading
from bionerflow.formats.names import names_pattern
from bionerflow.formats.tagged_tokens import place_tagged, tagged_tokens

CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_TOKEN = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
_LAYER = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+|\d{1,3}[.)][ \t]+)?[*_`]{0,3}"
    r"Layer[ \t]*\d+[*_`]{0,3}[ \t]*[:：][*_`]{0,3}",
    re.MULTILINE | re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")
_start, _end = attrgetter("start"), attrgetter("end")
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def tokens(text: str) -> list[Span]:
    """Return the white-space tokens; a CJK character is one by itself (ruling)."""
    return [Span._make(match.span()) for match in _TOKEN.finditer(text)]


class MultiBio(Format):
    """`Layer 1: O O B-protein …`, one line per layer.

    Tokens carry the sentence's punctuation: it is taken off a mention's edges in reading, and a
    mention that has such an edge itself, or ends inside a token, is beyond the format.
    """

    name = "multi_bio"
    own_offsets = True
    whole_tokens = True
    edges = False

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Put each entity into the first layer that has room for it."""
        layers = layered(tokens(text), entities)
        return "\n".join(f"Layer {n}: {' '.join(tags)}" for n, tags in enumerate(layers, start=1))

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read layers with one known tag per token."""
        places = tokens(reading.text)
        known = _known_tags(reading.types)
        layers = []
        for n, line in enumerate(answer.split("\n"), start=1):
            head, _, written = line.partition(": ")
            tags = written.split(" ")
            if head != f"Layer {n}" or len(tags) != len(places) or not known.issuperset(tags):
                return False
            layers.append(tags)
        for tags in layers:
            _read_layer(tags, places, reading)
        return True

    def read(self, answer: str, reading: Reading) -> None:
        """Read each layer; a mention needs all its tags."""
        places = tokens(reading.text)
        if any(_SPACES.search(type) for type in reading.types):
            answer = _spaced_tags(reading.types).sub(lambda tag: tag_name(tag[0]), answer)
        known = _known_tags(reading.types)
        pieces = _LAYER.split(answer)
        if len(pieces) == 1 and (alone := _without_layers(answer, known)):
            return _read_layer(alone, places, reading)
        if len(pieces) == 1 and (tagged := tagged_tokens(answer)):
            for name, start, end in place_tagged(tagged, reading):
                if type := reading.type_of(name):
                    reading.add(type, (_trimmed(reading.text, start, end),))
            return None
        if len(pieces) == 1 or (pieces[0].strip() and not is_prose(pieces[0])):
            reading.drop("malformed", pieces[0])
        for layer in pieces[1:]:
            tags, _, after = layer.strip(" \t\r\n`").partition("\n")
            if after.strip() and not is_prose(after):
                tags = f"{tags} {after}"
            fields = tags.replace("`", " ").split()
            _read_layer([_tag_in(field, known) for field in fields], places, reading)
        return None


def layered(places: Sequence[Span], entities: Iterable[Entity]) -> list[list[str]]:
    """Tag tokens in layers: each entity stands in the first layer that has room for it.

    An entity has all tokens that it overlaps; there is always one layer.
    """
    layers = [["O"] * len(places)]
    for entity in entities:
        first = bisect_right(places, entity.start, key=_end)
        last = bisect_left(places, entity.end, key=_start)
        if first < last:
            _tag(layers, entity.type, first, last)
    return layers


@lru_cache(maxsize=1024)
def tag_name(type: str) -> str:
    """Write the name of a type within a tag, which ends at white space."""
    return _SPACES.sub("_", type)


@lru_cache(maxsize=256)
def _known_tags(types: tuple[str, ...]) -> frozenset[str]:
    return frozenset(["O", *(f"{prefix}-{tag_name(type)}" for prefix in "BI" for type in types)])


@lru_cache(maxsize=256)
def _spaced_tags(types: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b[BI]-{names_pattern(types)}(?!\S)", re.IGNORECASE)


_A_TAG = re.compile(r"O|[BI][-_]\S+")


def _tag_in(field: str, known: frozenset[str]) -> str:
    """Return the tag that a field says, which may stand in quotes or behind its token."""
    if field in known:
        return field
    bare = field.strip("\"'[](),;")
    last = bare.rpartition("/")[2]
    tag = last if _A_TAG.fullmatch(last) and not _A_TAG.fullmatch(bare) else bare
    return f"{tag[0]}-{tag[2:]}" if tag[:2] in ("B_", "I_") else tag or field


def _without_layers(answer: str, known: frozenset[str]) -> list[str]:
    """Return the tags of an answer of tags alone."""
    tags = [_tag_in(field, known) for field in answer.strip(" \n`").split()]
    return tags if all(map(_A_TAG.fullmatch, tags)) else []


def _tag(layers: list[list[str]], type: str, start: int, end: int) -> None:
    for tags in layers:
        if all(tag == "O" for tag in tags[start:end]):
            break
    else:
        tags = ["O"] * len(layers[0])
        layers.append(tags)
    name = tag_name(type)
    tags[start:end] = [f"B-{name}"] + [f"I-{name}"] * (end - start - 1)


def _read_layer(tags: list[str], places: list[Span], reading: Reading) -> None:
    if len(tags) != len(places):
        kind = "truncated" if len(tags) < len(places) else "malformed"
        reading.drop(kind, f"{len(tags)} tags for {len(places)} tokens")
    for first, last, name in _chunks(tags, reading):
        if last >= min(len(tags), len(places)) and len(tags) != len(places):
            reading.drop("truncated", f"the mention at the end of {len(tags)} tags")
        elif type := reading.type_of(name):
            span = _trimmed(reading.text, places[first].start, places[last - 1].end)
            reading.add(type, (span,))


def _chunks(tags: list[str], reading: Reading) -> Iterator[tuple[int, int, str]]:
    """Yield the first tag, the tag after the last and the type of each mention."""
    start, current = 0, ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if current and not (prefix == "I" and name == current):
            yield start, i, current
            current = ""
        if prefix in ("B", "I") and name:
            start, current = (start, current) if current else (i, name)
        elif tag != "O":
            reading.drop("malformed", tag)


def _trimmed(text: str, start: int, end: int) -> Span:
    """Take off what a token has at its edges from the sentence: stops, quotes, lone brackets."""
    while end - start > 2:
        first, last, inner = text[start], text[end - 1], text[start:end]
        if first in _BRACKETS.values() and _BRACKETS.get(last) == first:
            start, end = start + 1, end - 1
        elif last in ".,;:!?\"'" or (last in _BRACKETS and _BRACKETS[last] not in inner):
            end -= 1
        elif first in "\"'" or (first in "([{" and not any(c in inner for c in ")]}")):
            start += 1
        else:
            break
    return Span(start, end)
