"""BRAT's standoff lines, which state offsets and quote the mention (mfner, section 3.2)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from bionerflow.data.schema import Entity
from bionerflow.formats.answers import is_prose, lines, says_nothing
from bionerflow.formats.base import NOTHING, PREFIX, Format
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import in_other_form, read_items
from bionerflow.formats.names import names_pattern
from bionerflow.formats.plain_lines import once
from bionerflow.formats.spans import INDICES, place_item, place_quoted
from bionerflow.formats.terms import only_type
from bionerflow.formats.triples import one_line

_OFFSETS = r"(\d{1,9}[ ,\-]\d{1,9}(?: ?; ?\d{1,9}[ ,\-]\d{1,9})*)(?: (.*))?"
_OFFSETS_LAST = re.compile(r"\d[ ,\-]\d{1,9}$")
_NUMBER = re.compile(r"[TR]\d{1,9}[ :.]+")
_LINE = re.compile(r"T\d{1,9}\t([^\t]+) (\d{1,9}) (\d{1,9})((?:;\d{1,9} \d{1,9})*)\t(.*)")
_ANY_TYPE = re.compile(rf"(\S.*?) {_OFFSETS}")


class MultiBrat(Format):
    """`T1<TAB>cell_type 48 69<TAB>activated lymphocytes`, one line per entity (mfner, 3.2)."""

    name = "multi_brat"
    discontinuous = True
    own_offsets = True
    marks_in_types = "\t\r\n"

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write standoff lines; fragments in text order."""
        rows = [_standoff(n, entity) for n, entity in enumerate(entities, start=1)]
        return "\n".join([PREFIX, *rows]) if rows else f"{PREFIX} {NOTHING}"

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read lines of mentions that stand at their offsets, as `write` writes them."""
        head, *rows = answer.split("\n")
        if head != PREFIX:
            return answer == f"{PREFIX} {NOTHING}"
        found = []
        for row in rows:
            match = _LINE.fullmatch(row)
            if match is None or match[1] not in reading.types:
                return False
            spans = [[int(match[2]), int(match[3])]]
            if match[4]:
                pairs = [pair.split(" ") for pair in match[4][1:].split(";")]
                spans += [[int(start), int(end)] for start, end in pairs]
            pieces = [reading.text[start:end] for start, end in spans]
            said = " ".join(pieces)
            if "" in pieces or (said != match[5] and one_line(said) != match[5]):
                return False
            found.append((match[1], spans))
        for type, spans in found:
            place_quoted(reading, type, spans, None)
        return bool(found)

    def read(self, answer: str, reading: Reading) -> None:
        """Read standoff lines, with tabs or spaces between their fields."""
        if in_other_form(answer):
            for item in read_items(answer, reading, INDICES, only_type(reading.types)):
                place_item(item, reading)
            return
        said = once(lines(_with_tabs(answer, reading.text)))
        if not said and NOTHING not in answer:
            reading.drop("malformed", answer)
        for line in said:
            flat = _NUMBER.sub("", " ".join(line.said.split()), count=1)
            match = _known_type(reading.types).fullmatch(flat) or _ANY_TYPE.fullmatch(flat)
            if match is None:
                if named := _no_offsets(reading.types).fullmatch(flat):
                    _ground_named(named, reading)
                elif not is_prose(line.written) and not says_nothing(line.said, reading.types):
                    reading.drop("malformed", line.written)
            elif type := reading.type_of(match[1]):
                fields = line.said.split("\t", 2)
                with_offsets = len(fields) > 2 and _OFFSETS_LAST.search(fields[1])
                quoted = fields[2] if with_offsets else match[3]
                _read_standoff(reading, type, match[2], quoted)


@lru_cache(maxsize=256)
def _known_type(types: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the pattern of a line with a known type, whose name may end in numbers."""
    return re.compile(rf"({names_pattern(types)}) {_OFFSETS}", re.IGNORECASE)


#: What stands for a tab in answers: the name of the key, its escape, bars.
_TABS = re.compile(r"<TAB>|\\t|⇥|[ \t]{0,9}\|[ \t]{0,9}", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(（](\d{1,9})[ ,\-:]{1,3}(\d{1,9})[\])）]")
_WITH_COMMAS = re.compile(
    r"^[ \t]{0,9}(T\d{1,9})[,;][ \t]?([^\n,;]{1,80})[,;][ \t]?(\d{1,9})[,;][ \t]?(\d{1,9})[,;]"
    r"[ \t]?(?=\S)([^\n]{1,1000})",
    re.MULTILINE,
)
_TYPE_LAST = re.compile(r"^(T\d{1,9}[\t ]+)?(\d{1,9} \d{1,9})\t([^\t\d]+)\t", re.MULTILINE)


def _with_tabs(answer: str, text: str) -> str:
    """Write an answer with tabs for what stands for them, offsets without brackets and last."""
    if "\\n" in answer and "\n" not in answer and "\\n" not in text:
        answer = answer.replace("\\n", "\n")
    answer = _WITH_COMMAS.sub(r"\1\t\2 \3 \4\t\5", answer)
    if not any(match[0] in text for match in _TABS.finditer(answer)):
        rows = [_TABS.sub("\t", row.strip().strip("|").strip(" ")) for row in answer.split("\n")]
        answer = "\n".join(rows)
    return _TYPE_LAST.sub(r"\1\3 \2\t", _BRACKETED.sub(r"\1 \2", answer))


@lru_cache(maxsize=256)
def _no_offsets(types: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"({names_pattern(types)})[ :]+(?=.*[^\W\d])(.*\S)", re.IGNORECASE)


def _ground_named(named: re.Match[str], reading: Reading) -> None:
    if type := reading.type_of(named[1]):
        reading.ground(type, named[2].strip('"“”'))


def _standoff(n: int, entity: Entity) -> str:
    offsets = ";".join(f"{span.start} {span.end}" for span in entity.spans)
    return f"T{n}\t{entity.type} {offsets}\t{one_line(entity.text)}"


def _read_standoff(reading: Reading, type: str, offsets: str, quoted: str | None) -> None:
    numbers = [int(number) for number in re.findall(r"\d+", offsets)]
    spans = list(zip(numbers[::2], numbers[1::2], strict=True))
    if quoted and sorted(spans) != spans:
        said = [reading.text[start:end] for start, end in spans]
        quoted = None if " ".join(said).split() == quoted.split() else quoted
    place_quoted(reading, type, sorted(spans), quoted or None)
