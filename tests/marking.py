"""A stand-in for a model: it marks words, so that what must be found is known for any text."""

import re

from bionerflow.annotate.passages import Answered, Mention
from bionerflow.schema import Entity

WORD = re.compile(r"\w{6,}")


def marks(text: str) -> list[Mention]:
    """Mark each long word, a part nested in it, and a discontinuous mention over it."""
    found = []
    for match in WORD.finditer(text):
        at = match.start()
        confidence = len(match[0]) % 4 / 4
        found += [
            Mention(Entity.at("Word", [match.span()], text), confidence, 0.5),
            Mention(Entity.at("Part", [(at, at + 3)], text), confidence),
            Mention(Entity.at("Split type", [(at, at + 2), (at + 4, at + 6)], text)),
        ]
    return found


class Marker:
    """Marks sentences; `asked` are all of them."""

    key = "marker"

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self.asked: list[str] = []

    def __call__(self, sentences: list[str]) -> list[Answered]:
        self.asked += sentences
        return [Answered(marks(text)) for text in sentences]
