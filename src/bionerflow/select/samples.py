"""Training samples: mentions of the training set, and near misses (unified, section II.C).

Rulings where the paper is silent: half and half, a corpus; a near miss that is gold is none; start,
end and type are changed equally often; of a discontinuous mention one fragment is changed; a token
is a Chinese character, another script's word or a single punctuation mark.
"""

import random
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bionerflow.data.schema import Example, Span

HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
TOKEN = re.compile(rf"[{HAN}]|[^\W{HAN}]+|[^\w\s]")
SHIFTS = (-2, -1, 1, 2)
BRACKETS = ("[", "]")

Kind = Literal["gold", "start", "end", "type"]


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """What may be a mention: a type and spans, in text order, of a sentence."""

    type: str
    spans: tuple[Span, ...]
    sentence: str

    def marked(self, marks: tuple[str, str] = BRACKETS) -> str:
        """Return the type, then the sentence with marks around each fragment (equations 1 and 2).

        Literal brackets are those of the paper's code, also where the sentence has its own.
        """
        pieces, at = [f"{self.type}: "], 0
        for start, end in self.spans:
            pieces += [self.sentence[at:start], marks[0], self.sentence[start:end], marks[1]]
            at = end
        return "".join([*pieces, self.sentence[at:]])


@dataclass(frozen=True, slots=True)
class Sample:
    """A candidate; `kind` says that it is gold, or what was changed."""

    candidate: Candidate
    kind: Kind


def mentions(examples: Iterable[Example]) -> list[Candidate]:
    """Return the different gold mentions, sorted."""
    return sorted(
        {
            Candidate(entity.type, entity.spans, example.text)
            for example in examples
            for entity in example.entities
        }
    )


def draw(gold: Sequence[Candidate], count: int, seed: str) -> list[Sample]:
    """Draw `count` samples of a corpus, half of them gold and half near misses, all different.

    Where the corpus has too few, there are fewer, still half and half.
    """
    rng = random.Random(seed)
    shuffled = rng.sample(gold, len(gold))
    wrong = _near_misses(shuffled, min(count // 2, len(gold)), rng)
    samples = [Sample(candidate, "gold") for candidate in shuffled[: len(wrong)]] + wrong
    rng.shuffle(samples)
    return samples


def _near_misses(gold: Sequence[Candidate], count: int, rng: random.Random) -> list[Sample]:
    """Draw near misses in turn: a mention has its second when all that can have their first."""
    types = sorted({mention.type for mention in gold})
    known, drawn, queue = set(gold), list[Sample](), deque(gold)
    while queue and len(drawn) < count:
        mention = queue.popleft()
        options = [miss for miss in near_misses(mention, types) if miss.candidate not in known]
        if options:
            kind = rng.choice(sorted({miss.kind for miss in options}))
            drawn.append(rng.choice([miss for miss in options if miss.kind == kind]))
            known.add(drawn[-1].candidate)
            queue.append(mention)
    return drawn


def near_misses(mention: Candidate, types: Iterable[str]) -> Iterator[Sample]:
    """Yield every near miss of a mention, gold or not, within its sentence and never empty."""
    tokens = [Span(*match.span()) for match in TOKEN.finditer(mention.sentence)]
    for n, span in enumerate(mention.spans):
        for start in _shifted(span.start, (token.start for token in tokens)):
            yield from _with_fragment(mention, n, Span(start, span.end), "start")
        for end in _shifted(span.end, (token.end for token in tokens)):
            yield from _with_fragment(mention, n, Span(span.start, end), "end")
    for type in types:
        if type != mention.type:
            yield Sample(Candidate(type, mention.spans, mention.sentence), "type")


def _shifted(position: int, boundaries: Iterable[int]) -> list[int]:
    """Return the boundaries one and two tokens to the left and right of a position."""
    places = sorted({position, *boundaries})
    at = places.index(position)
    return [places[at + shift] for shift in SHIFTS if 0 <= at + shift < len(places)]


def _with_fragment(mention: Candidate, n: int, fragment: Span, kind: Kind) -> Iterator[Sample]:
    """Yield the mention with its n-th fragment replaced, unless fragments then touch or vanish."""
    spans = (*mention.spans[:n], fragment, *mention.spans[n + 1 :])
    apart = all(left.end < right.start for left, right in pairwise(spans))
    if fragment.start < fragment.end and apart:
        yield Sample(Candidate(mention.type, spans, mention.sentence), kind)
