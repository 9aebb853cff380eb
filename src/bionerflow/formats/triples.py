"""`BCL6; is a; protein`, one line per entity (mfner, section 3.2)."""

import re
from collections.abc import Sequence

from bionerflow.data.schema import Entity
from bionerflow.formats.answers import is_prose, lines, says_nothing
from bionerflow.formats.base import NOTHING, PREFIX, Format
from bionerflow.formats.grounding import Reading

LINK = "; is a; "
_LINK = re.compile(
    r"[ \t]?[;；,，|][ \t]{0,9}is[ _]an?[ \t]{0,9}[;；,，|][ \t]{0,9}", re.IGNORECASE
)
_BREAKS = re.compile(r"[\r\n]")
_AROUND = {"(": ")", "（": "）", "<": ">", "[": "]", '"': '"'}


def one_line(string: str) -> str:
    """Write a string that holds line breaks on one line; grounding finds it all the same."""
    return _BREAKS.sub(" ", string)


class MultiTriple(Format):
    """Triples with the relation "is a"."""

    name = "multi_triple"
    discontinuous = True
    edges = False
    marks_in_types = ";；\r\n"

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write one line per entity."""
        triples = [f"{one_line(entity.text)}{LINK}{entity.type}" for entity in entities]
        return "\n".join([PREFIX, *triples]) if triples else f"{PREFIX} {NOTHING}"

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Ground the subjects of lines whose subject and type are written as they stand."""
        head, *rows = answer.split("\n")
        if head != PREFIX:
            return answer == f"{PREFIX} {NOTHING}"
        triples = [row.rpartition(LINK) for row in rows]
        for subject, _, type in triples:
            if type not in reading.types or subject not in reading.text or not subject.strip():
                return False
        for subject, _, type in triples:
            reading.ground(type, subject)
        return bool(triples)

    def read(self, answer: str, reading: Reading) -> None:
        """Ground the subject of each triple; a text's own semicolons belong to the subject."""
        said = list(lines(answer))
        if not said and NOTHING not in answer:
            reading.drop("malformed", answer)
        for line in said:
            *_, link = [None, *_LINK.finditer(line.written)]
            if link:
                subject, name = line.written[: link.start()], line.written[link.end() :]
                if type := reading.type_of(_named(name.strip(), reading)):
                    reading.ground(type, _subject(subject, reading))
            elif not is_prose(line.written) and not says_nothing(line.said, reading.types):
                reading.drop("malformed", line.written)


def _named(name: str, reading: Reading) -> str:
    return name if name in reading.types else name.rstrip(')）>]"')


def _subject(written: str, reading: Reading) -> str:
    """Take a bullet, a number and marks off a mention, which the sentence has not there."""
    if reading.stands(written):
        return written
    said = next((line.said for line in lines(written)), written)
    if said[:1] in _AROUND and not reading.stands(said):
        return said[1:].removesuffix(_AROUND[said[0]])
    return said
