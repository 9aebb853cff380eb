"""BIO tags of words in layers of nesting, as numbers that an encoder learns, and back."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from bionerflow.baselines.words import words
from bionerflow.data.schema import Entity, Span
from bionerflow.formats.base import by_position
from bionerflow.formats.bio import layered, tag_name
from bionerflow.formats.queries import Asked

Tags = list[str]


def gold_layers(query: Asked) -> tuple[list[Span], list[Tags]]:
    """Return a sentence's words and their tags, a list per layer; no discontinuous mentions."""
    places = words(query.text)
    whole = [entity for entity in query.entities if len(entity.spans) == 1]
    return places, layered(places, sorted(whole, key=by_position))


def tag_set(types: Iterable[str]) -> list[str]:
    """Return the tags of types: O, then B and I of each."""
    return ["O", *(f"{prefix}-{tag_name(type)}" for type in types for prefix in "BI")]


def layers_of(layers: Sequence[Tags], count: int) -> list[Tags]:
    """Return exactly `count` layers: empty ones are added, what lies deeper is left out."""
    empty = ["O"] * len(layers[0])
    return [*layers[:count], *[empty] * (count - len(layers))]


def chunks(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the type name, first word and the word after the last one of each tagged mention.

    A mention may begin with I, as in conlleval and seqeval.
    """
    start, current = 0, ""
    for n, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if current and not (prefix == "I" and name == current):
            yield current, start, n
            current = ""
        if name and not current:
            start, current = n, name


def mentions(
    layers: Iterable[Sequence[str]], places: Sequence[Span], text: str, types: Iterable[str]
) -> Iterator[tuple[Entity, int, int, int]]:
    """Yield the entities of tagged layers, each once, with its layer, first and last word + 1."""
    named = {tag_name(type): type for type in types}
    seen: set[Entity] = set()
    found = chain.from_iterable(
        ((n, *chunk) for chunk in chunks(tags)) for n, tags in enumerate(layers)
    )
    for layer, name, first, last in found:
        span = (places[first].start, places[last - 1].end)
        entity = Entity.at(named[name], [span], text)
        if entity not in seen:
            seen.add(entity)
            yield entity, layer, first, last
