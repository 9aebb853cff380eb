"""Confidence in a predicted entity: the probability that the model gave to the words that name it.

It is the product of the probabilities of the answer's tokens that write the entity, each given all
before it. Whether it is calibrated is measured in `evaluate`.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from bionerflow.data.schema import Entity
from bionerflow.formats import Format
from bionerflow.inference.engines.base import Answer
from bionerflow.inference.prefix import shared


def confidences(
    tokenizer: Any, answer: Answer, entities: Iterable[Entity], text: str, format: Format
) -> Iterator[float | None]:
    """Yield the confidence in each entity of an answer; None if the answer has no probabilities.

    Entities that are written alike are taken in their order. One that stands in the answer in none
    of the ways known here has the probability of the whole answer.
    """
    seen: Counter[tuple[int, int]] = Counter()
    for entity in entities:
        if not answer.logprobs:
            yield None
            continue
        start, end = next(
            (
                place
                for words in (_written(entity, text, format), entity.text)
                if (place := _place(answer.text, words, seen))
            ),
            (0, len(answer.text)),
        )
        seen[start, end] += 1
        yield math.exp(sum(_logprobs(tokenizer, answer, start, end)))


def _written(entity: Entity, text: str, format: Format) -> str:
    """Return what the format writes for the entity: an answer with it, less one without any."""
    types = (entity.type,)
    alone, empty = format.write(text, [entity], types), format.write(text, [], types)
    start = shared(alone, empty)
    alone, empty = alone[start:], empty[start:]
    return alone[: len(alone) - shared(alone[::-1], empty[::-1])].strip()


def _place(answer: str, words: str, seen: Counter[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the first place of the words that no entity has taken, else their last place."""
    place, at = None, answer.find(words) if words else -1
    while at >= 0:
        place = at, at + len(words)
        if not seen[place]:
            break
        at = answer.find(words, at + 1)
    return place


def _logprobs(tokenizer: Any, answer: Answer, start: int, end: int) -> tuple[float, ...]:
    """Return the log-probabilities of the tokens that write characters `start` to `end`."""

    def characters(n: int) -> int:
        return len(tokenizer.decode(answer.ids[:n]))

    counts = range(len(answer.ids) + 1)
    first = bisect_right(counts, start, key=characters) - 1
    return answer.logprobs[first : bisect_left(counts, end, key=characters)]
