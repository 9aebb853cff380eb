"""Which positive sentences a strong model trains on: pure functions from IFD scores to ids.

Each takes the scores of all positives (None where there is none), how many to keep, and a seed.
The IFD strategies choose among the conversations that have a score. Ties are broken by id.
"""

from collections.abc import Callable, Mapping

from bionerflow.data.sampling import draw

Scores = Mapping[str, float | None]
Strategy = Callable[[Scores, int, str], list[str]]


def keep_all(scores: Scores, count: int, seed: str) -> list[str]:
    """Keep every positive."""
    return list(scores)


def random(scores: Scores, count: int, seed: str) -> list[str]:
    """Draw `count` of all positives: the control at the same share."""
    return draw(scores, count, seed)


def top_ifd(scores: Scores, count: int, seed: str) -> list[str]:
    """Keep the `count` hardest (bioselecttune's hybrid strategy, with all negatives beside)."""
    return _hardest_first(scores)[:count]


def bottom_ifd(scores: Scores, count: int, seed: str) -> list[str]:
    """Keep the `count` easiest."""
    ranked = _hardest_first(scores)
    return ranked[max(len(ranked) - count, 0) :]


def middle_ifd(scores: Scores, count: int, seed: str) -> list[str]:
    """Keep the `count` around the median."""
    ranked = _hardest_first(scores)
    begin = max(len(ranked) - count, 0) // 2
    return ranked[begin : begin + count]


def below_one(scores: Scores, count: int, seed: str) -> list[str]:
    """Keep every positive with a score below one."""
    return [id for id in _hardest_first(scores) if (scores[id] or 0) < 1]


def _hardest_first(scores: Scores) -> list[str]:
    usable = {id: ifd for id, ifd in scores.items() if ifd is not None}
    return sorted(usable, key=lambda id: (-usable[id], id))


#: By the names that `CurateSettings.strategy` takes.
STRATEGIES: dict[str, Strategy] = {
    "all": keep_all,
    "random": random,
    "top_ifd": top_ifd,
    "bottom_ifd": bottom_ifd,
    "middle_ifd": middle_ifd,
    "below_one": below_one,
}
