"""Which drawn conversations the strategy keeps, by their IFD scores, and why.

Scores are ranked within a corpus and format: across them they do not compare.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bionerflow.config.stages import SCORELESS, CurateSettings
from bionerflow.curate.strategies import STRATEGIES
from bionerflow.data.schema import SCORES, open_rows, read_card
from bionerflow.utils.errors import UserError

Group = tuple[str, str]  # corpus and format


class Scored(NamedTuple):
    """A conversation's IFD score, or the reason why there is none."""

    ifd: float | None
    reason: str | None


UNSCORED, ONE_TOKEN = Scored(None, "no_score"), Scored(None, "one_token_answer")
#: What no sentence of a pool may be left with; other reasons befall single sentences.
UNUSABLE = (UNSCORED, ONE_TOKEN)


class Drawn(NamedTuple):
    """A drawn conversation: is there an entity in it, and how is it scored."""

    group: Group
    id: str
    positive: bool
    score: Scored


class Verdict(NamedTuple):
    """Whether a conversation is kept, its score, and the reason."""

    kept: bool
    ifd: float | None
    reason: str


ScoreTable = Mapping[Group, Mapping[tuple[str, tuple[str, ...]], Scored]]


def read_scores(paths: Iterable[Path], settings: CurateSettings) -> ScoreTable:
    """Read score files, named `{corpus}.{format}.{mode}.parquet`, by corpus and format.

    Raises:
        UserError: a file holds scores of another mode than the settings name.
    """
    scores = {}
    for path in paths:
        corpus, format, _ = path.stem.rsplit(".", 2)
        mode = read_card(path)["mode"]
        if mode != settings.mode:
            raise UserError(f"{path} holds {mode} scores, the run asks for {settings.mode}.")
        table = open_rows(path, SCORES).read()
        keys = zip(table["id"].to_pylist(), map(tuple, table["types"].to_pylist()), strict=True)
        values = map(Scored, table["ifd"].to_pylist(), table["reason"].to_pylist())
        scores[corpus, format] = dict(zip(keys, values, strict=True))
    return scores


def judge(
    table: pa.Table, scores: ScoreTable, settings: CurateSettings, seed: int
) -> list[Verdict]:
    """Say of each row of CONVERSATIONS whether it is kept, and why.

    Positives and negatives are two pools, each with a strategy and a share of its own.
    """
    drawn = list(_drawn(table, scores))
    pools: dict[tuple[Group, bool], dict[str, Scored]] = {}
    for row in drawn:
        pools.setdefault((row.group, row.positive), {})[row.id] = row.score
    kept = {
        (group, positive): _keep(group, pool, settings, positive, seed)
        for (group, positive), pool in pools.items()
    }
    return [_verdict(row, row.id in kept[row.group, row.positive], settings) for row in drawn]


def _drawn(table: pa.Table, scores: ScoreTable) -> Iterator[Drawn]:
    """Yield the rows of CONVERSATIONS with their scores."""
    groups = zip(table["corpus"].to_pylist(), table["format"].to_pylist(), strict=True)
    keys = zip(table["id"].to_pylist(), map(tuple, table["types"].to_pylist()), strict=True)
    positive = pc.greater(pc.list_value_length(table["entities"]), 0).to_pylist()
    for group, key, one in zip(groups, keys, positive, strict=True):
        yield Drawn(group, key[0], one, scores.get(group, {}).get(key, UNSCORED))


def _policy(settings: CurateSettings, positive: bool) -> tuple[str, float]:
    """Return the strategy and the share that hold for positives, or for negatives."""
    if positive:
        return settings.strategy, settings.rho
    return settings.negatives, settings.negatives_rho


def _keep(
    group: Group, pool: Mapping[str, Scored], settings: CurateSettings, positive: bool, seed: int
) -> set[str]:
    """Return the ids of a pool that its strategy keeps.

    Scores of one and above mean that the prompt did not help: Superfiltering drops them.

    Raises:
        UserError: the strategy asks for scores and the pool has none.
    """
    strategy, rho = _policy(settings, positive)
    if strategy not in SCORELESS and all(score in UNUSABLE for score in pool.values()):
        kind = "positive" if positive else "negative"
        why = " (answers of one token: take `mode: chat`, which scores end marks too)"
        raise UserError(
            f"Strategy {strategy} needs IFD scores and has none for {'.'.join(group)}, {kind} "
            f"sentences{why if ONE_TOKEN in pool.values() else ''}: name a scorer, or choose "
            "another strategy."
        )
    scores = {id: score.ifd for id, score in pool.items()}
    if strategy not in SCORELESS and settings.ifd_at_least_one == "drop":
        scores = {id: None if ifd is not None and ifd >= 1 else ifd for id, ifd in scores.items()}
    return set(STRATEGIES[strategy](scores, share_of(rho, len(pool)), f"{seed}:random"))


def share_of(rho: float, n: int) -> int:
    """Return `rho * n` rounded half up, at least 1 of a pool that is not empty.

    `rho` is taken as it is written: 0.29 of 100 is 29, although 0.29 * 100 < 29 in floating point.
    """
    exact = (Decimal(str(rho)) * n).to_integral_value(ROUND_HALF_UP)
    return max(int(exact), min(n, 1))


def _verdict(row: Drawn, kept: bool, settings: CurateSettings) -> Verdict:
    ifd, (strategy, _) = row.score.ifd, _policy(settings, row.positive)
    if kept:
        return Verdict(True, ifd, strategy if row.positive else "negative")
    if strategy in SCORELESS:
        return Verdict(False, ifd, "not_chosen")
    if ifd is None:
        return Verdict(False, None, str(row.score.reason))
    barred = ifd >= 1 and (settings.ifd_at_least_one == "drop" or strategy == "below_one")
    return Verdict(False, ifd, "ifd_at_least_one" if barred else "not_chosen")
