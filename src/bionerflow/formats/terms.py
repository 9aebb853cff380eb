"""Formats that list surface strings as JSON: mfner's three term formats, bioselecttune's one."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from bionerflow.data.schema import Entity, Problem, Turn
from bionerflow.formats.answers import cleaned
from bionerflow.formats.base import PREFIX, Format, Parsed, by_position
from bionerflow.formats.grounding import Reading
from bionerflow.formats.item_lists import exact_items, read_items
from bionerflow.formats.items import USUAL, Item, Keys

_TURN = re.compile(r"^[ \t*#_]{0,9}Type[ \t]{0,9}[:：][ \t*_]{0,9}(.+)$", re.MULTILINE)


def to_json(value: object) -> str:
    """Write JSON with the text's own characters."""
    return json.dumps(value, ensure_ascii=False)


def only_type(types: Sequence[str]) -> str | None:
    """Return the type of items that say none: the only one asked for, or nothing."""
    return types[0] if len(types) == 1 else None


def ground_item(item: Item, reading: Reading) -> None:
    """Ground the mention that an item says."""
    if item.type is None or item.text is None:
        reading.drop("malformed", item.whole)
    elif type := reading.type_of(item.type):
        reading.ground(type, item.text)


def ground_exact(
    answer: str, start: str, reading: Reading, keys: Keys, type: str | None = None
) -> bool:
    """Ground the items of an answer in the format's own form; tell whether it has this form."""
    items = None
    if answer.startswith(start):
        items = exact_items(answer[len(start) :], reading, keys, type)
    for item in items or []:
        reading.ground(cast("str", item.type), item.text)
    return items is not None


class SingleTerm(Format):
    """`Answer: ["activated lymphocytes", "lymphocytes"]` for one type (mfner, section 3.2)."""

    name = "single_term"
    discontinuous = True
    per_type = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the strings."""
        return f"{PREFIX} {to_json([entity.text for entity in entities])}"

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Ground the strings of a list of strings."""
        return ground_exact(answer, f"{PREFIX} ", reading, USUAL, reading.types[0])

    def read(self, answer: str, reading: Reading) -> None:
        """Ground the strings."""
        for item in read_items(answer, reading, USUAL, reading.types[0]):
            ground_item(item, reading)


class ConvTerm(SingleTerm):
    """A conversation, a turn a type; the answer of each is that of `single_term`."""

    name = "conv_term"
    per_type = False

    def render(
        self,
        text: str,
        entities: Iterable[Entity],
        types: Sequence[str],
        order: str = "position",
    ) -> list[Turn]:
        """Ask for each type in turn and answer."""
        entities = tuple(entities)
        turns = []
        for type in types:
            turns.append(Turn("user", f"Type: {type}"))
            turns += super().render(text, entities, (type,), order)
        return turns

    def parse(
        self,
        output: str | Sequence[str],
        text: str,
        types: Sequence[str],
        lookalikes: bool = True,
    ) -> Parsed:
        """Read the answers in the order of the types, or a conversation in one string."""
        asked = tuple(types)
        if isinstance(output, str) and len(asked) > 1 and not _TURN.search(output):
            return super().parse(output, text, asked, lookalikes)
        if not isinstance(output, str):
            return self._turns(dict(zip(asked, output, strict=False)), text, lookalikes)
        whole = Reading(text, asked)
        answer, cut = cleaned(output, text, asked)
        if cut:
            whole.drop("truncated", "the answer ends within thoughts")
        answers = {} if cut and not answer.strip() else _answers(answer, whole)
        return self._turns(answers, text, lookalikes, whole.parsed().problems)

    def _turns(
        self,
        answers: Mapping[str, str],
        text: str,
        lookalikes: bool,
        problems: tuple[Problem, ...] = (),
    ) -> Parsed:
        """Read the answer for each type; `problems` are those of the conversation."""
        entities: list[Entity] = []
        told, alike = list(problems), 0
        for type, answer in answers.items():
            part = super().parse(answer, text, (type,), lookalikes)
            entities += part.entities
            told += part.problems
            alike += part.lookalikes
        return Parsed(tuple(sorted(entities, key=by_position)), tuple(told), alike)


def _answers(output: str, reading: Reading) -> dict[str, str]:
    """Cut a conversation in one string into types and their answers."""
    pieces = _TURN.split(output)
    if len(pieces) == 1:
        return {reading.types[0]: output}
    said: dict[str, list[str]] = {}
    for name, answer in zip(pieces[1::2], pieces[2::2], strict=True):
        if type := reading.type_of(name.strip()):
            said.setdefault(type, []).append(answer)
    return {type: "\n".join(answers) for type, answers in said.items()}


class Uniner(SingleTerm):
    """`["activated lymphocytes", "lymphocytes"]` for one type: UniversalNER's conversations.

    Zhou et al. (2024), UniversalNER, section 3.2. Their reader takes the first JSON list at the
    beginning of an answer and nothing from any other; such lists are read alike here, and what
    theirs gives up on is repaired as in other formats.
    """

    name = "uniner"
    prompt = "uniner"
    given = 1

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the strings."""
        return to_json([entity.text for entity in entities])

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Ground the strings of a list of strings."""
        return ground_exact(answer, "", reading, USUAL, reading.types[0])


class MultiTerm(Format):
    """`Answer: [{"text": "BCL6", "type": "protein"}]`, all types (mfner, section 3.2)."""

    name = "multi_term"
    discontinuous = True
    start = f"{PREFIX} "
    keys = USUAL

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write one object per entity."""
        return self.start + to_json([self._item(entity) for entity in entities])

    def _item(self, entity: Entity) -> dict[str, str]:
        return {self.keys.text: entity.text, self.keys.type: entity.type}

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Ground the string of each object of a list of objects with the format's keys."""
        return ground_exact(answer, self.start, reading, self.keys)

    def read(self, answer: str, reading: Reading) -> None:
        """Ground the string of each object."""
        for item in read_items(answer, reading, self.keys, only_type(reading.types)):
            ground_item(item, reading)


class JsonEntity(MultiTerm):
    """`[{"entity": "Disease", "name": "ataxia-telangiectasia"}]` (bioselecttune)."""

    name = "json_entity"
    prompt = "bioselecttune"
    start = ""
    keys = Keys("entity", "name")

    def instruction(self, types: Sequence[str], language: str) -> str:
        """Name the types as words of a sentence, as the paper does ("chemical entities")."""
        words = [type.lower().replace("_", " ") for type in types] if language != "zh" else types
        return super().instruction(words, language)

    def _item(self, entity: Entity) -> dict[str, str]:
        return {self.keys.type: entity.type, self.keys.text: entity.text}
