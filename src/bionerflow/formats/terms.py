"""Formats that list surface strings as JSON: mfner's three term formats, bioselecttune's one."""

import json
import re
from collections.abc import Iterable, Sequence

from bionerflow.formats.base import PREFIX, Format, Parsed, by_position
from bionerflow.formats.grounding import Reading
from bionerflow.formats.repair import json_items
from bionerflow.schema import Entity, Turn

_TURN = re.compile(r"^[ \t]*Type[ \t]*[:：][ \t]*(.+)$", re.MULTILINE)


def to_json(value: object) -> str:
    """Write JSON with the text's own characters."""
    return json.dumps(value, ensure_ascii=False)


def read_strings(answer: str, type: str, reading: Reading) -> None:
    """Ground each string of a JSON array."""
    items, problems = json_items(answer)
    reading.problems += problems
    for item in items:
        reading.ground(type, item)


class SingleTerm(Format):
    """`Answer: ["activated lymphocytes", "lymphocytes"]` for one type (mfner, section 3.2)."""

    name = "single_term"
    discontinuous = True
    per_type = True

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the strings."""
        return f"{PREFIX} {to_json([entity.text for entity in entities])}"

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Ground the strings."""
        reading = Reading(text, types, discontinuous=True)
        read_strings(answer, types[0], reading)
        return reading.parsed()


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

    def parse(self, output: str | Sequence[str], text: str, types: Sequence[str]) -> Parsed:
        """Read the answers in the order of the types, or a conversation in one string."""
        reading = Reading(text, tuple(types))
        if isinstance(output, str):
            answers = _answers(output, reading)
        else:
            answers = dict(zip(types, output, strict=False))
        entities: list[Entity] = []
        problems = list(reading.parsed().problems)
        for type, answer in answers.items():
            parsed = self.read(answer, text, (type,))
            entities += parsed.entities
            problems += parsed.problems
        return Parsed(tuple(sorted(entities, key=by_position)), tuple(problems))


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


class MultiTerm(Format):
    """`Answer: [{"text": "BCL6", "type": "protein"}]`, all types (mfner, section 3.2)."""

    name = "multi_term"
    discontinuous = True
    start = f"{PREFIX} "
    text_key = "text"
    type_key = "type"

    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write an object an entity."""
        return self.start + to_json([self._item(entity) for entity in entities])

    def _item(self, entity: Entity) -> dict[str, str]:
        return {self.text_key: entity.text, self.type_key: entity.type}

    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Ground the string of each object."""
        items, problems = json_items(answer)
        reading = Reading(text, types, discontinuous=True)
        reading.problems += problems
        for item in items:
            if not isinstance(item, dict) or not {self.text_key, self.type_key} <= item.keys():
                reading.drop("malformed", item)
            elif type := reading.type_of(item[self.type_key]):
                reading.ground(type, item[self.text_key])
        return reading.parsed()


class JsonEntity(MultiTerm):
    """`[{"entity": "Disease", "name": "ataxia-telangiectasia"}]` (bioselecttune)."""

    name = "json_entity"
    prompt = "bioselecttune"
    start = ""
    text_key = "name"
    type_key = "entity"

    def instruction(self, types: Sequence[str], language: str) -> str:
        """Name the types as words of a sentence, as the paper does ("chemical entities")."""
        words = [type.lower().replace("_", " ") for type in types] if language != "zh" else types
        return super().instruction(words, language)

    def _item(self, entity: Entity) -> dict[str, str]:
        return {self.type_key: entity.type, self.text_key: entity.text}
