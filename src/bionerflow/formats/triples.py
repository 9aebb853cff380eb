"""`BCL6; is a; protein`, a line an entity (mfner, section 3.2)."""

import re
from collections.abc import Iterator, Sequence

from bionerflow.formats.base import NOTHING, PREFIX, Format, Parsed, body
from bionerflow.formats.grounding import Reading
from bionerflow.schema import Entity

_LINK = re.compile(r"[ \t]?[;；][ \t]*is an?[ \t]*[;；][ \t]*")
_BREAKS = re.compile(r"[\r\n]")


def one_line(string: str) -> str:
    """Write a string that holds line breaks on one line; grounding finds it all the same."""
    return _BREAKS.sub(" ", string)


def lines(answer: str) -> Iterator[str]:
    """Yield the lines of an answer that say something."""
    for line in body(answer).split("\n"):
        said = line.strip(" \t\r`")
        if said and said != NOTHING:
            yield line


class MultiTriple(Format):
    """Triples with the relation "is a"."""

    name = "multi_triple"
    discontinuous = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write a line an entity."""
        triples = [f"{one_line(entity.text)}; is a; {entity.type}" for entity in entities]
        return "\n".join([PREFIX, *triples]) if triples else f"{PREFIX} {NOTHING}"

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Ground the subject of each triple; a text's own semicolons belong to the subject."""
        reading = Reading(text, types, discontinuous=True)
        for line in lines(answer):
            links = list(_LINK.finditer(line))
            if not links:
                reading.drop("malformed", line)
            elif type := reading.type_of(line[links[-1].end() :].strip()):
                reading.ground(type, line[: links[-1].start()])
        return reading.parsed()
