"""Python code that appends the entities to a list (mfner, section 3.2); read, never executed."""

from collections.abc import Sequence

from bionerflow.data.schema import Entity
from bionerflow.formats.appended import added
from bionerflow.formats.base import PREFIX, Format
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import read_items
from bionerflow.formats.items import USUAL, items_of
from bionerflow.formats.repair import Word, loads
from bionerflow.formats.terms import ground_item, only_type, to_json

_FUNCTION = '''{prefix}
```py
def named_entity_recognition(input_text):
    """ extract entities from the input_text. """
    input_text = {text}
    entity_list = []
    # extracted entities for {types}.
'''


class MultiCode(Format):
    """`entity_list.append({"text": "BCL6", "type": "protein"})`, one line per entity."""

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

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read a function whose every call appends one JSON value."""
        values = _appended(answer)
        if values is None:
            return False
        self._ground(values, reading)
        return True

    def _ground(self, values: Sequence[object], reading: Reading) -> None:
        for value in values:
            for item in items_of(value, reading, USUAL, only_type(reading.types)):
                if isinstance(item.text, Word):
                    reading.drop("malformed", item.whole)
                else:
                    ground_item(item, reading)

    def read(self, answer: str, reading: Reading) -> None:
        """Read what is appended or assigned to the list; the sentence is a literal of its own."""
        values = list(added(answer, reading))
        if values:
            self._ground(values, reading)
        elif "entity_list" in answer or "def " in answer:
            if not answer.rstrip().endswith(("```", "entity_list")) and "return" not in answer:
                reading.drop("truncated", answer[-80:])
        else:
            for item in read_items(answer, reading, USUAL, only_type(reading.types)):
                ground_item(item, reading)


_EMPTY, _CALL = "    entity_list = []\n", "    entity_list.append("


def _appended(answer: str) -> list[object] | None:
    """Return what the calls append, of an answer as `write` gives it; None of another one.

    The sentence is a literal without line ends: it cannot hold what parts the calls from it.
    """
    if not answer.startswith(f"{PREFIX}\n```py\n") or not answer.endswith("\n```"):
        return None
    first, *calls = answer.partition(_EMPTY)[2].split("\n")[:-1] or [""]
    if not first.startswith("    #") or "<" in first:  # a mark of thoughts is none of ours
        return None
    values = []
    for call in calls:
        if not (call.startswith(_CALL) and call.endswith(")")):
            return None
        try:
            values.append(loads(call[len(_CALL) : -1]))
        except ValueError:
            return None
    return values


class SingleCode(MultiCode):
    """The same for one type: `entity_list.append("BCL6")` (the printed listing is wrong)."""

    name = "single_code"
    per_type = True

    def _asked(self, types: Sequence[str]) -> str:
        return f"{types[0]} type"

    def _argument(self, entity: Entity) -> str:
        return to_json(entity.text)
