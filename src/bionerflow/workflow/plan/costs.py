"""How many tokens a run trains on, reads and writes: estimates, made before any data is there."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bionerflow.config.models import Resources
from bionerflow.config.runs import Run
from bionerflow.config.stages import SelectorSettings

#: Assumptions: tokens of a conversation and of the answer in it, entities of a sentence, sentences
#: of a corpus that no limit is set on; the share of sentences that have an entity.
CONVERSATION, ANSWER, ENTITIES, SENTENCES = 290, 40, 2, 10_000
POSITIVE = 0.5


class Work(NamedTuple):
    """What a job has a model do: tokens that it is trained on (or reads) and that it writes."""

    model: str
    trained: float
    written: float

    def seconds(self, rates: Resources) -> float | None:
        """Return how long it takes at these rates, or None where one is not known."""
        parts = (
            (self.trained, rates.trained_per_second),
            (self.written, rates.written_per_second),
        )
        if any(tokens and not rate for tokens, rate in parts):
            return None
        return sum(tokens / rate for tokens, rate in parts if rate)


def trained(run: Run) -> float:
    """Return the tokens of a run's training: a sentence is one conversation, in one format."""
    sentences = _limited(run.corpora, run.curate.limits, run.curate.train)
    kept = POSITIVE * run.curate.rho + (1 - POSITIVE) * run.curate.negatives_rho
    share = 1 if run.train.equal_steps else kept
    return sentences * share * run.train.num_train_epochs * CONVERSATION


def validated(run: Run) -> float:
    """Return the tokens that a run writes on dev while it is trained."""
    sentences = (run.curate.dev or SENTENCES) * len(run.corpora)
    return sentences * run.train.num_train_epochs * run.train.validations_per_epoch * ANSWER


def tested(run: Run) -> float:
    """Return the tokens that a run writes on test: each sentence is answered in each format."""
    sentences = _limited(run.corpora + run.unseen, run.predict.limits, run.predict.test)
    return sentences * len(run.formats) * (ANSWER + run.predict.thinking)


def scored() -> float:
    """Return the tokens that a scorer reads of a corpus in a format."""
    return SENTENCES * CONVERSATION


def filtered(run: Run) -> float:
    """Return the tokens that a selector reads of a run's predictions."""
    sentences = _limited(run.corpora + run.unseen, run.predict.limits, run.predict.test)
    return sentences * len(run.formats) * ENTITIES * CONVERSATION


def fitted(selector: SelectorSettings, corpora: Iterable[str]) -> float:
    """Return the tokens of a selector's training."""
    return selector.samples * len(list(corpora)) * selector.num_train_epochs * CONVERSATION


def _limited(corpora: Iterable[str], limits: Mapping[str, int], limit: int | None) -> int:
    return sum(limits.get(corpus, limit or SENTENCES) for corpus in corpora)
