"""Predictions of other programs: a line of JSON per sentence, scored as any other system's.

    {"corpus": "genia", "id": "MEDLINE:95369245:0", "entities": [{"type": "protein",
     "spans": [[0, 4]]}]}

`id` is the sentence's in results/corpora/{corpus}/test.parquet, offsets are half-open and count
Unicode code points of its text, and several spans are one discontinuous mention. An entity may have
a `confidence` between 0 and 1. A sentence in which nothing was found has an empty list: one that is
not in the file at all was not answered, which is an error.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from bionerflow.config.base import Settings, parse
from bionerflow.data.schema import Entity
from bionerflow.formats.queries import Asked
from bionerflow.utils.errors import UserError
from bionerflow.utils.files import write_text

FILE = "predictions.jsonl"


class Found(Settings):
    """One mention that was predicted."""

    type: str
    spans: list[tuple[Annotated[int, Field(ge=0)], int]] = Field(min_length=1)
    confidence: float | None = Field(None, ge=0, le=1)


class Sentence(Settings):
    """A line of the file: all mentions that were predicted in a sentence."""

    corpus: str
    id: str
    entities: list[Found]


class External:
    """Predictions by corpus and sentence."""

    label = "predictions"

    def __init__(self, sentences: Mapping[tuple[str, str], Sentence], file: Path) -> None:
        """Keep what was read from a file."""
        self.sentences, self.file = sentences, file

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read and check a file.

        Raises:
            UserError: a line is not of this form, or a sentence has two lines.
        """
        found: dict[tuple[str, str], Sentence] = {}
        with file.open("rb") as lines:
            for n, line in enumerate(lines, start=1):
                if line.strip():
                    one = parse(Sentence, _value(line, f"{file}:{n}"), f"{file}:{n}")
                    if (one.corpus, one.id) in found:
                        raise UserError(
                            f"{file}:{n}: {one.corpus} has the sentence '{one.id}' twice."
                        )
                    found[one.corpus, one.id] = one
        return cls(found, file)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the copy that `save` wrote."""
        return cls.read(folder / FILE)

    def save(self, folder: Path) -> None:
        """Write a copy into a folder."""
        lines = (
            json.dumps(one.model_dump(), ensure_ascii=False) for one in self.sentences.values()
        )
        write_text(folder / FILE, "".join(f"{line}\n" for line in lines))

    def answer(self, queries: Sequence[Asked]) -> Iterator[list[tuple[Entity, float | None]]]:
        """Yield the mentions that were predicted in each query's sentence.

        Raises:
            UserError: sentences are not in the file, or a mention does not fit its sentence.
        """
        absent = [query for query in queries if (query.corpus, query.id) not in self.sentences]
        if absent:
            raise UserError(
                f"{self.file} lacks {len(absent):,} of {len(queries):,} test sentences, the first "
                f"of which is {absent[0].corpus} '{absent[0].id}': give each a line, with an empty "
                "list where nothing was found."
            )
        for query in queries:
            found = self.sentences[query.corpus, query.id].entities
            entities = {self._entity(one, query): one.confidence for one in found}
            yield list(entities.items())

    def _entity(self, found: Found, query: Asked) -> Entity:
        where = f"{self.file}: {query.corpus} '{query.id}'"
        if found.type not in query.types:
            raise UserError(
                f"{where}: the type '{found.type}' is none of {', '.join(query.types)}."
            )
        borders = [border for span in sorted(found.spans) for border in span]
        empty = any(start >= end for start, end in found.spans)
        if empty or borders != sorted(borders) or borders[-1] > len(query.text):
            raise UserError(
                f"{where}: the spans {found.spans} must not be empty, overlap each other or end "
                f"after its text, which has {len(query.text)} characters."
            )
        return Entity.at(found.type, found.spans, query.text)


def _value(line: bytes, where: str) -> object:
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: this is not JSON: {error}") from None
