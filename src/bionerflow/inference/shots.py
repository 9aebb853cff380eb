"""Few-shot prompts: training examples as earlier turns of the conversation."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bionerflow.data.sampling import draw
from bionerflow.data.schema import Turn
from bionerflow.formats.queries import Asked
from bionerflow.utils.errors import UserError

#: A query's corpus, format and types.
Kind = tuple[str, str, tuple[str, ...]]


def with_shots(
    queries: Iterable[Asked], training: Iterable[Asked], shots: int, seed: int
) -> list[Asked]:
    """Put the same training examples before each query of a corpus, format and types.

    They are drawn by seed among the training sentences that have an entity of the types that are
    asked for; a larger number of shots contains the smaller one.

    Raises:
        UserError: a corpus has no such sentence.
    """
    if not shots:
        return list(queries)
    examples = _drawn(training, shots, seed)
    return [_after(query, examples) for query in queries]


def _drawn(training: Iterable[Asked], shots: int, seed: int) -> dict[Kind, list[Asked]]:
    known: dict[Kind, dict[str, Asked]] = defaultdict(dict)
    for query in training:
        if query.entities:
            known[_kind(query)][query.id] = query
    return {kind: [its[id] for id in draw(its, shots, seed)] for kind, its in known.items()}


def _after(query: Asked, examples: dict[Kind, list[Asked]]) -> Asked:
    its = [one.turns for one in examples.get(_kind(query), [])]
    if not its:
        raise UserError(
            f"{query.corpus} has no training sentence with {', '.join(query.types)} that could be "
            "an example: set predict.shots to 0."
        )
    return after(query, its)


def after(query: Asked, examples: Sequence[Sequence[Turn]]) -> Asked:
    """Put answered conversations before a query, as earlier turns; the system turn stays first."""
    answered = sum(turn.role == "assistant" for turns in examples for turn in turns)
    system = query.turns[0].role == "system"
    earlier = [turn for turns in examples for turn in turns[system:]]
    turns = (*query.turns[:system], *earlier, *query.turns[system:])
    return replace(query, turns=turns, given=answered + query.given)


def _kind(query: Asked) -> Kind:
    return query.corpus, query.format, query.types
