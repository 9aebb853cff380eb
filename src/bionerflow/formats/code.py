"""Python code that appends the entities to a list (mfner, section 3.2); read, never executed."""

import ast
import json
import re
import warnings
from collections.abc import Sequence
from itertools import pairwise

from bionerflow.formats.base import PREFIX, Format, Parsed
from bionerflow.formats.grounding import Reading
from bionerflow.formats.terms import to_json
from bionerflow.schema import Entity

_APPEND = re.compile(r"\bentity_list\s*\.\s*append\s*\(\s*")
_LITERAL = re.compile(r"\s*(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')\s*([:,}\])]?)")
_FUNCTION = '''{prefix}
```py
def named_entity_recognition(input_text):
    """ extract entities from the input_text. """
    input_text = {text}
    entity_list = []
    # extracted entities for {types}.
'''


class MultiCode(Format):
    """`entity_list.append({"text": "BCL6", "type": "protein"})`, a line an entity."""

    name = "multi_code"
    discontinuous = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the function as the paper prints it."""
        head = _FUNCTION.format(prefix=PREFIX, text=to_json(text), types=self._asked(types))
        calls = [f"    entity_list.append({self._argument(entity)})\n" for entity in entities]
        return head + "".join(calls) + "```"

    def _asked(self, types: Sequence[str]) -> str:
        return f"{', '.join(types)} types"

    def _argument(self, entity: Entity) -> str:
        return to_json({"text": entity.text, "type": entity.type})

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Read the string literals of each call; the sentence is a literal of its own."""
        reading = Reading(text, types, discontinuous=True)
        calls = [match.end() for match in _APPEND.finditer(answer)]
        if not calls and "entity_list" not in answer:
            reading.drop("malformed", answer)
        for start, end in pairwise([*calls, len(answer)]):
            self._read_call(answer, start, end, reading)
        return reading.parsed()

    def _read_call(self, answer: str, start: int, end: int, reading: Reading) -> None:
        start += answer.startswith("{", start)
        fields = dict(zip(*[iter(_literals(answer, start, end))] * 2, strict=False))
        if not {"text", "type"} <= fields.keys():
            reading.drop("truncated" if end == len(answer) else "malformed", answer[start:end])
        elif type := reading.type_of(fields["type"]):
            reading.ground(type, fields["text"])


class SingleCode(MultiCode):
    """The same for one type: `entity_list.append("BCL6")` (the printed listing is wrong)."""

    name = "single_code"
    per_type = True

    def _asked(self, types: Sequence[str]) -> str:
        return f"{types[0]} type"

    def _argument(self, entity: Entity) -> str:
        return to_json(entity.text)

    def _read_call(self, answer: str, start: int, end: int, reading: Reading) -> None:
        strings = _literals(answer, start, end)
        if strings:
            reading.ground(reading.types[0], strings[0])
        else:
            reading.drop("truncated" if end == len(answer) else "malformed", answer[start:end])


def _literals(answer: str, start: int, end: int) -> list[str]:
    """Read the string literals of a call, up to what is none."""
    found: list[str] = []
    while literal := _LITERAL.match(answer, start, end):
        try:
            found.append(_value(literal[1]))
        except (ValueError, SyntaxError):
            return found
        start = literal.end()
        if literal[2] in ("}", ")", "]", ""):
            break
    return found


def _value(literal: str) -> str:
    """Evaluate one string literal, as JSON where it is JSON too."""
    try:
        return json.loads(literal)
    except ValueError:
        with warnings.catch_warnings(action="ignore"):
            return ast.literal_eval(literal)
