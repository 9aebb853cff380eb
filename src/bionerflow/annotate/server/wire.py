"""What requests and answers of the REST interface hold."""

from collections.abc import Iterator
from typing import Annotated as Typed
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bionerflow.annotate.passages import Annotated, mention_row
from bionerflow.annotate.server.batches import Batch, State
from bionerflow.annotate.server.models import Asked, Offer
from bionerflow.data.schema import problem_row

#: Limits of one batch, and of its request in bytes.
TEXTS, CHARACTERS, TYPES, EXAMPLES, BYTES = 1000, 200_000, 20, 20, 2_000_000

Name = Typed[str, StringConstraints(min_length=1, max_length=200)]
Type = Typed[str, StringConstraints(min_length=1, max_length=100)]
Words = Typed[str, StringConstraints(min_length=1, max_length=2000)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Document(Strict):
    """A text to annotate."""

    text: str = Field(max_length=CHARACTERS)
    id: Name | None = Field(None, description="of the document; without it, its number from 1")


class BatchRequest(Strict):
    """Texts, and how they are to be annotated."""

    model: Name = Field(description="name of a model (see /api/models)")
    documents: list[Document] = Field(min_length=1, max_length=TEXTS)
    types: list[Type] = Field(
        [],
        max_length=TYPES,
        description="of a run: the types to keep (default: all); of a chat model: those to find",
    )
    definitions: dict[Type, Words] = Field(
        {}, max_length=TYPES, description="of a chat model: what types mean, by type"
    )
    examples: list[Words] = Field(
        [],
        max_length=EXAMPLES,
        description="of a chat model: texts that the prompt answers first, each with its mentions "
        "marked as in `[breast cancer](Disease)`",
    )
    engine: str | None = Field(None, description="what answers; without it, the first offered")
    corpus: str | None = Field(None, description="of a run that was trained on several corpora")
    format: str | None = Field(None, description="output format, where there are several")

    @model_validator(mode="after")
    def _not_too_long(self) -> "BatchRequest":
        if sum(len(one.text) for one in self.documents) > CHARACTERS:
            raise ValueError(f"the texts together have more than {CHARACTERS:,} characters")
        return self

    def asked(self, engine: str) -> Asked:
        """Return what is asked for."""
        types = tuple(dict.fromkeys(self.types))
        return Asked(
            self.model,
            self.engine or engine,
            self.corpus,
            self.format,
            types,
            tuple(self.definitions.items()),
            tuple(self.examples),
        )

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield id and text of each document."""
        for number, one in enumerate(self.documents, start=1):
            yield one.id or str(number), one.text


class BatchStatus(BaseModel):
    """How far a batch is."""

    id: str
    state: State
    progress: float = Field(description="share of the sentences that is answered, 0 to 1")
    error: str | None = None

    @classmethod
    def of(cls, batch: Batch) -> "BatchStatus":
        """Return the status of a batch."""
        return cls(id=batch.id, state=batch.state, progress=batch.progress, error=batch.error)


class Spanned(BaseModel):
    """A half-open range of Unicode code points of the text."""

    start: int
    end: int


class FoundEntity(BaseModel):
    """An entity; a discontinuous one has several spans."""

    type: str
    spans: list[Spanned]
    text: str
    confidence: float | None = Field(description="the model's own, 0 to 1, where it has one")
    probability: float | None = Field(description="the selector's, where one filters")


class Unusable(BaseModel):
    """Something in an answer of the model that could not be used."""

    kind: str = Field(description="malformed, unknown_type, not_in_text, ambiguous or truncated")
    detail: str


class AnnotatedDocument(BaseModel):
    """A text with the entities found in it."""

    id: str
    text: str
    entities: list[FoundEntity]
    problems: list[Unusable]

    @classmethod
    def of(cls, one: Annotated) -> "AnnotatedDocument":
        """Return an annotated text."""
        entities: list[Any] = [mention_row(mention) for mention in one.mentions]
        problems: list[Any] = [problem_row(problem) for problem in one.problems]
        text = one.passage.text
        return cls(id=one.passage.id, text=text, entities=entities, problems=problems)


class Result(BaseModel):
    """The documents of a batch, in the order of the request."""

    documents: list[AnnotatedDocument]


class ModelInfo(BaseModel):
    """A model that can be asked."""

    name: str
    kind: Literal["run", "chat"]
    corpora: dict[str, list[str]] = Field(description="of a run: the types of each corpus")
    formats: list[str]

    @classmethod
    def of(cls, offer: Offer) -> "ModelInfo":
        """Return what a model can be asked for."""
        kind: Literal["run", "chat"] = "run" if offer.card else "chat"
        return cls(name=offer.name, kind=kind, corpora=offer.corpora, formats=offer.formats)


class Form(BaseModel):
    """A form in which a result can be fetched."""

    name: str
    title: str
    ending: str = Field(description="of the file's name; zip for a form of several files")


class Limits(BaseModel):
    """What one batch may hold at most."""

    documents: int = TEXTS
    characters: int = CHARACTERS
    types: int = TYPES
    examples: int = EXAMPLES
    bytes: int = BYTES


class Offered(BaseModel):
    """What can be chosen."""

    models: list[ModelInfo]
    engines: list[str]
    forms: list[Form]
    limits: Limits = Limits()


class Health(BaseModel):
    """Whether the server works, and what it has to do."""

    status: Literal["ok", "stopped"]
    version: str
    waiting: int = Field(description="batches that are not finished")
    kept: int = Field(description="batches that are finished and can be fetched")


class Error(BaseModel):
    """Why a request was refused, in words."""

    error: str
