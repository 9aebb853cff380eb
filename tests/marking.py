"""A stand-in for a model: it marks words, so that what must be found is known for any text."""

import re

from bionerflow.annotate.passages import Answered, Mention
from bionerflow.data.schema import Entity

WORD = re.compile(r"\w{6,}")
#: Emoji, and letters with combining characters.
ODD = re.compile("[\U0001f300-\U0001faff]|\\w[\u0300-\u036f]")
#: Two words with any white space between, line ends and tabs too.
WIDE = re.compile(r"\w+\s+\w+")


def marks(text: str) -> list[Mention]:
    """Mark long words, a part nested in each, a discontinuous mention over it, and odd places."""
    found = []
    for match in WORD.finditer(text):
        at = match.start()
        confidence = len(match[0]) % 4 / 4
        found += [
            Mention(Entity.at("Word", [match.span()], text), confidence, 0.5),
            Mention(Entity.at("Part", [(at, at + 3)], text), confidence),
            Mention(Entity.at("Split type", [(at, at + 2), (at + 4, at + 6)], text)),
        ]
    for type, pattern in (("Odd", ODD), ("Wide", WIDE)):
        found += [Mention(Entity.at(type, [m.span()], text), 1.0) for m in pattern.finditer(text)]
    return found


class Marker:
    """Marks sentences; `asked` are all of them."""

    key = "marker"

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self.asked: list[str] = []

    def fits(self, sentence: str) -> bool:
        """Say yes."""
        return True

    def __call__(self, sentences: list[str]) -> list[Answered]:
        """Mark each sentence."""
        self.asked += sentences
        return [Answered(marks(text)) for text in sentences]
