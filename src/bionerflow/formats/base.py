"""What a format is: a codec between entities and the answer that a model learns to write."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from bionerflow.schema import Entity, Problem, Span, Turn

PREFIX = "Answer:"
NOTHING = "None"
_PREFIX = re.compile(r"(?:[\s\S]*</think>)?\s*Answer\s*[:：] ?")


@dataclass(frozen=True, slots=True)
class Parsed:
    """Entities of an answer in text order, and what in it could not be used."""

    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...]


def by_position(entity: Entity) -> tuple[int, int, str, tuple[Span, ...]]:
    """Order by start, longer first: the order of the text."""
    return entity.spans[0][0], -entity.spans[-1][1], entity.type, entity.spans


def by_name(entity: Entity) -> tuple:
    """Order by the alphabet: the order of mfner's printed examples (its section 3.2)."""
    return entity.text.casefold(), *by_position(entity)


ORDERS: dict[str, Callable[[Entity], tuple]] = {"position": by_position, "alphabet": by_name}


class Format(ABC):
    """A codec of one output format, with what it declares to carry without loss.

    `nested` and `discontinuous` entities; `crossing`: entities of one type that overlap without
    one lying inside the other; `own_offsets`: the answer says where a mention stands, by numbers
    or marks, so that no string has to be found; `whole_tokens`: mentions begin and end with
    white-space tokens; `per_type`: one type a query; `prompt`: the family of prompts.
    """

    name: str
    nested = True
    discontinuous = False
    crossing = True
    own_offsets = False
    whole_tokens = False
    per_type = False
    prompt = "mfner"

    def queries(self, types: Sequence[str]) -> list[tuple[str, ...]]:
        """Spread the corpus's types over queries: all at once, or one type each."""
        return [(type,) for type in types] if self.per_type else [tuple(types)]

    def instruction(self, types: Sequence[str], language: str) -> str:
        """Describe the answer to the model, in the corpus's language."""
        return instruction_text(self.name, language).replace("{types}", ", ".join(types))

    def can_carry(self, entities: Iterable[Entity]) -> bool:
        """Tell whether the format declares to carry these entities of one text without loss."""
        entities = tuple(entities)
        if not all(map(self.carries, entities)):
            return False
        if self.nested and self.crossing:
            return True
        return not any(
            self._forbids(a, b)
            for i, a in enumerate(entities)
            for b in entities[i + 1 :]
            if a.start < b.end and b.start < a.end
        )

    def carries_all_of(self, discontinuous: bool) -> bool:
        """Tell whether the format can write all of a corpus with or without discontinuous ones."""
        return self.discontinuous or not discontinuous

    def carries(self, entity: Entity) -> bool:
        """Tell whether the format can write this one entity."""
        return self.discontinuous or len(entity.spans) == 1

    def _forbids(self, a: Entity, b: Entity) -> bool:
        inside = (a.start - b.start) * (a.end - b.end) <= 0
        return not self.nested if inside else (a.type == b.type and not self.crossing)

    def render(
        self,
        text: str,
        entities: Iterable[Entity],
        types: Sequence[str],
        order: str = "position",
    ) -> list[Turn]:
        """Write the turns that follow the prompt: the answer that names the entities of `types`.

        Entities of other types, and those that the format cannot write, are left out.
        """
        chosen = [e for e in dict.fromkeys(entities) if e.type in types and self.carries(e)]
        chosen.sort(key=ORDERS[order])
        return [Turn("assistant", self.write(text, chosen, types))]

    def parse(self, output: str | Sequence[str], text: str, types: Sequence[str]) -> Parsed:
        """Read a model's answer: never raises on a string, never a span outside the text."""
        answer = output if isinstance(output, str) else "\n".join(output)
        return self.read(answer, text, tuple(types))

    @abstractmethod
    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the answer for entities in their order."""

    @abstractmethod
    def read(self, answer: str, text: str, types: tuple[str, ...]) -> Parsed:
        """Read the answer."""


def body(answer: str) -> str:
    """Take off what precedes the answer proper: thoughts and the word "Answer:"."""
    start = _PREFIX.match(answer)
    if start:
        return answer[start.end() :]
    return answer.rpartition("</think>")[2] if "</think>" in answer else answer


@cache
def _instructions() -> dict[str, dict[str, str]]:
    return yaml.safe_load((files(__package__) / "instructions.yaml").read_text("utf-8"))


def instruction_text(name: str, language: str) -> str:
    """Look up the instruction of a format; it is English for a language without texts."""
    languages = _instructions()[name]
    return languages.get(language, languages["en"])
