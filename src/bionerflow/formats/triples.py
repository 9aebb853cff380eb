"""`BCL6; is a; protein`, one line per entity (mfner, section 3.2)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from bionerflow.data.schema import Entity
from bionerflow.formats.answers import is_prose, lines, says_nothing
from bionerflow.formats.base import NOTHING, PREFIX, Format
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import in_other_form, read_items
from bionerflow.formats.items import USUAL
from bionerflow.formats.names import names_pattern
from bionerflow.formats.plain_lines import once, said_with_type
from bionerflow.formats.terms import ground_item, only_type

LINK = "; is a; "
_PARTS = r"[\"”']?[ \t]{0,9}(?:[;；,，|\t]|->|→|(?<= )[-–—/](?= ))[ \t]{0,9}[\"“']?"
_IS = (
    r"(?:is[ _]?an?|is|isa)(?:[ _](?:type|kind|sort|form|instance)[ _]of(?:[ _]an?)?)?"
    r"|instance[ _]of|(?:rdf:)?type(?:[ _]of)?|是(?:一[种个类])?|属于|为"
)
_LINK = re.compile(
    rf"(?:{_PARTS}(?:(?:predicate|relation|rel)[ \t]?[:：=][ \t]?)?(?:{_IS}){_PARTS}"
    rf"(?:(?:object|tail|type)[ \t]?[:：=][ \t]?)?|[ \t]is an? (?:type|kind) of (?:an? )?)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[(<\[]?(?:subject|head|entity)[ \t]?[:：=][ \t]?", re.IGNORECASE)
#: The names of columns above triples.
_HEAD = re.compile(r"(?:subject|head|entity|text)\W{1,9}(?:predicate|relation)\W.*", re.IGNORECASE)
_BREAKS = re.compile(r"[\r\n]")
_AROUND = {"(": ")", "（": "）", "<": ">", "[": "]", '"': '"', "'": "'"}


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
        if in_other_form(answer):
            for item in read_items(answer, reading, USUAL, only_type(reading.types)):
                ground_item(item, reading)
            return
        said = once(lines(_one_per_line(answer, reading)))
        if not said and NOTHING not in answer:
            reading.drop("malformed", answer)
        for line in said:
            *_, link = [None, *_LINK.finditer(line.written)]
            if _HEAD.fullmatch(line.said):
                continue
            if link:
                subject, name = line.written[: link.start()], line.written[link.end() :]
                if type := reading.type_of(_named(name.strip(), reading)):
                    reading.ground(type, _subject(subject, reading))
            elif typed := said_with_type(line.said, reading):
                reading.ground(typed[1], typed[0])
            elif not is_prose(line.written) and not says_nothing(line.said, reading.types):
                reading.drop("malformed", line.written)


@lru_cache(maxsize=256)
def _ends(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of the end of a triple with another one behind it in its line."""
    return re.compile(rf"({_LINK.pattern}{names_pattern(types)})(?:[)）][,;]?|[.,;])[ \t]+", re.I)


def _one_per_line(answer: str, reading: Reading) -> str:
    several = len(_LINK.findall(answer)) > answer.count("\n") + 1
    return _ends(reading.types).sub(r"\1\n", answer) if several else answer


def _named(name: str, reading: Reading) -> str:
    return name if name in reading.types else name.rstrip(")）>]\"'")


def _subject(written: str, reading: Reading) -> str:
    """Take a bullet, a number and marks off a mention, which the sentence has not there."""
    if reading.stands(written):
        return written
    said = next((line.said for line in lines(written)), written)
    label = _LABEL.match(said)
    said = said[label.end() :] if label else said
    while said[:1] in _AROUND and not reading.stands(said):
        said = said[1:].removesuffix(_AROUND[said[0]])
    return said
