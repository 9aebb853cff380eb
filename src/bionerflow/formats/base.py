"""What a format is: a codec between entities and the answer that a model learns to write."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

import yaml

from bionerflow.data.schema import Entity, Turn
from bionerflow.formats.answers import (
    NOTHING,
    PREFIX,
    cleaned,
    core,
    is_none,
    joined,
    says_nothing,
)
from bionerflow.formats.grounding import Parsed, Reading, by_position

__all__ = ["NOTHING", "ORDERS", "PREFIX", "Format", "Parsed", "by_position", "instruction_text"]


def by_name(entity: Entity) -> tuple:
    """Order by the alphabet: the order of mfner's printed examples (its section 3.2)."""
    return entity.text.casefold(), *by_position(entity)


ORDERS: dict[str, Callable[[Entity], tuple]] = {"position": by_position, "alphabet": by_name}


class Format(ABC):
    """A codec of one output format, with what it declares to carry without loss.

    `nested` and `discontinuous` entities; `crossing`: entities of one type that overlap without
    one lying inside the other; `own_offsets`: the answer says where a mention stands, by numbers
    or marks, so that no string has to be found; `whole_tokens`: mentions begin and end with
    white-space tokens; `edges`: mentions may begin and end with white space; `marks_in_types`: the
    characters that a type's name must not have; `per_type`: one type per query; `prompt`: the
    family of prompts; `given`: so many first turns of the assistant belong to the prompt.
    """

    name: str
    nested = True
    discontinuous = False
    crossing = True
    own_offsets = False
    whole_tokens = False
    edges = True
    marks_in_types = ""
    per_type = False
    prompt = "mfner"
    given = 0

    def queries(self, types: Sequence[str]) -> list[tuple[str, ...]]:
        """Spread the corpus's types over queries: all at once, or one type each."""
        return [(type,) for type in types] if self.per_type else [tuple(types)]

    def instruction(self, types: Sequence[str], language: str) -> str:
        """Describe the answer to the model, in the corpus's language."""
        return instruction_text(self.name, language).replace("{types}", ", ".join(types))

    def can_carry(self, entities: Iterable[Entity]) -> bool:
        """Tell whether the format declares to carry these entities of one text without loss."""
        entities = tuple(entities)
        if not all(self.carries(e) and self._comes_back(e) for e in entities):
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

    def unwritable(self, types: Iterable[str]) -> list[str]:
        """Return the types whose names the format cannot write so that they are read back."""
        return [type for type in types if not self._writes(type)]

    def _writes(self, type: str) -> bool:
        spaced = self.marks_in_types and type != type.strip()
        return not spaced and not any(mark in type for mark in self.marks_in_types)

    def _comes_back(self, entity: Entity) -> bool:
        """Tell whether an entity that is written is read back, as far as itself tells."""
        said = entity.text
        if not self._writes(entity.type) or not (self.edges or said == said.strip()):
            return False
        if self.own_offsets:
            return True
        gaps = [after.start - before.end for before, after in pairwise(entity.spans)]
        # Fragments that only a space or a line end may part are read as one piece.
        return bool(said.strip()) and not is_none(said) and all(gap > 2 for gap in gaps)

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

    def parse(
        self,
        output: str | Sequence[str],
        text: str,
        types: Sequence[str],
        lookalikes: bool = True,
    ) -> Parsed:
        """Read a model's answer: never raises on a string, never a span outside the text.

        Args:
            output: The answer, or the answers of a conversation.
            text: The sentence.
            types: The types asked for.
            lookalikes: Whether a mention that does not stand in the sentence as it is written is
                looked for but for characters that look alike: ’ and ', µ and μ, hyphens, letter
                case, composed and decomposed letters. Such mentions are counted.

        Returns:
            Entities, problems, and the number of entities found by look-alikes; in linear time.
        """
        reading = Reading(text, tuple(types), self.discontinuous, lookalikes)
        answer = joined(output)
        if not self.read_exact(answer, reading):
            self._read_answer(*cleaned(answer, text, reading.types), reading)
        return reading.parsed()

    def read_exact(self, answer: str, reading: Reading) -> bool:
        """Read an answer that has exactly the form that `write` gives, fast; tell if it has."""
        return False

    def _read_answer(self, answer: str, cut: bool, reading: Reading) -> None:
        """Read an answer without thoughts, unless it says that there is nothing to be found."""
        if cut:
            reading.drop("truncated", "the answer ends within thoughts")
        if cut and not answer.strip():
            return
        answer = core(answer, reading.text)
        said = answer.strip()
        if said[:1] in "[{<" or said in reading.text or not says_nothing(said, reading.types):
            self.read(answer, reading)

    @abstractmethod
    def write(self, text: str, entities: Sequence[Entity], types: Sequence[str]) -> str:
        """Write the answer for entities in their order."""

    @abstractmethod
    def read(self, answer: str, reading: Reading) -> None:
        """Read the answer proper, without the text around it (`answers`)."""


@cache
def _instructions() -> dict[str, dict[str, str]]:
    return yaml.safe_load((files(__package__) / "instructions.yaml").read_text("utf-8"))


def instruction_text(name: str, language: str) -> str:
    """Look up the instruction of a format; it is English for a language without texts."""
    languages = _instructions()[name]
    return languages.get(language, languages["en"])
