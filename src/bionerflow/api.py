"""The public interface: load a run, annotate texts, evaluate lists of entities.

    import bionerflow

    model = bionerflow.load("results/train/demo.smollm2-135m.conv_term.draw1")
    for found in model.annotate(["BRCA1 mutations cause breast cancer."]):
        for entity in found.entities:
            print(entity.type, entity.start, entity.end, entity.text, entity.confidence)

What needs PyTorch is imported when a model is loaded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bionerflow.annotate.chunks import annotate_chunk, chunks
from bionerflow.annotate.passages import Annotated, Annotator, Mention, Passage
from bionerflow.data.schema import Entity, Problem
from bionerflow.evaluate.lists import Lists, scores_of
from bionerflow.utils.errors import UserError


@dataclass(frozen=True, slots=True)
class PredictedEntity(Entity):
    """An entity that a model found.

    Attributes:
        confidence: The model's own, from 0 to 1: the product of the probabilities of the tokens
            that write the entity. None where the format or the engine has none.
        probability: The selector's, from 0 to 1, where one filtered the entities.
    """

    confidence: float | None = None
    probability: float | None = None

    @classmethod
    def of(cls, mention: Mention) -> Self:
        """Return a mention as a predicted entity."""
        its = mention.entity
        return cls(
            its.type,
            its.spans,
            its.text,
            confidence=mention.confidence,
            probability=mention.probability,
        )


@dataclass(frozen=True, slots=True)
class Annotation:
    """A text, the entities in it, and what in the model's answers could not be used."""

    text: str
    entities: tuple[PredictedEntity, ...]
    problems: tuple[Problem, ...]


class Model:
    """A trained run, ready to annotate texts; `load` opens one."""

    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator

    def annotate(self, texts: Iterable[str]) -> Iterator[Annotation]:
        """Yield each text with its entities, in order.

        Texts are taken as they are needed, about 65,000 characters at once. They may be of any
        length: they are split into sentences, and entities have offsets in the whole text.
        """
        if isinstance(texts, str):
            raise UserError("annotate: `texts` is a list of texts, not one text: write [text].")
        passages = (Passage(n, str(n), 0, text) for n, text in enumerate(texts))
        return (
            _annotation(one)
            for chunk in chunks(passages)
            for one in annotate_chunk(chunk, self.annotator)
        )


def _annotation(one: Annotated) -> Annotation:
    entities = tuple(map(PredictedEntity.of, one.mentions))
    return Annotation(one.passage.text, entities, tuple(one.problems))


def load(run: str | Path, **options: Any) -> Model:
    """Load a trained run, or a chat model that is asked for types of one's own.

    Args:
        run: The folder of a run, its `model` folder, the id of a run in `results/train`, or the
            name of an adapter that comes with the project; with `types`, a chat model.
        **options: `corpus` and `format` (which to ask for, where the run was trained on several),
            `selector` (a trained selector's folder or id), `threshold` (the probability from which
            the selector keeps an entity), `batch_size` (queries per batch) and `engine` (which one
            answers: keys of the settings of `predict`). Of a chat model: `types` to find, their
            `definitions`, `examples` with marked mentions such as `[gout](Disease)`, `format` and
            `language`.

    Raises:
        UserError: there is no such run or selector, or an option is missing or unknown.
    """
    try:
        from bionerflow.annotate.model import RunModel
        from bionerflow.annotate.zero_shot import BaseModel
    except ModuleNotFoundError as error:
        raise UserError(
            f"The package {error.name} is missing: pip install 'bionerflow[inference]'."
        ) from error
    return Model((BaseModel if "types" in options else RunModel)(str(run), **options))


def annotate(
    texts: Iterable[str], model: str | Path | Model, **options: Any
) -> Iterator[Annotation]:
    """Yield each text with the entities that a model finds in it.

    Args:
        texts: The texts, of any length.
        model: What `load` returns, or takes.
        **options: Those of `load`.
    """
    return (model if isinstance(model, Model) else load(model, **options)).annotate(texts)


def evaluate(
    texts: Sequence[str], gold: Lists, predicted: Lists, documents: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the scores of predicted entities against gold ones.

    `scores["strict"]["f1"]` has `value`, and `low` and `high` of its 95 % bootstrap interval;
    `scores["types"]` has precision, recall and F1 per type, and `scores["relaxed"]` those of
    overlaps. The other keys, and what each number means, are in docs/evaluation.md.

    Args:
        texts: The texts.
        gold: The right entities of each text.
        predicted: The entities that were found in each text.
        documents: The document of each text, over which intervals are drawn; by default, each text
            is a document.

    Raises:
        UserError: the lists differ in length, or an entity lies outside its text.
    """
    return scores_of(texts, gold, predicted, documents)
