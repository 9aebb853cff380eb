"""Which drawn conversations the strategy keeps, by their IFD scores, and why.

Scores are ranked within a corpus and format: across them they do not compare.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bionerflow.curate.strategies import SCORELESS, STRATEGIES
from bionerflow.errors import UserError
from bionerflow.schema import SCORES, open_rows, read_card
from bionerflow.settings import CurateSettings

Group = tuple[str, str]  # corpus and format


class Scored(NamedTuple):
    """A conversation's IFD score, or the reason why there is none."""

    ifd: float | None
    reason: str | None


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
    """Say of each row of CONVERSATIONS whether the strategy keeps it, and why."""
    groups = list(zip(table["corpus"].to_pylist(), table["format"].to_pylist(), strict=True))
    ids, types = table["id"].to_pylist(), map(tuple, table["types"].to_pylist())
    positive = pc.greater(pc.list_value_length(table["entities"]), 0).to_pylist()
    _need(scores, set(groups), settings)
    scored = [
        scores.get(group, {}).get(key, Scored(None, "no_score"))
        for group, key in zip(groups, zip(ids, types, strict=True), strict=True)
    ]
    positives: dict[Group, dict[str, float | None]] = {}
    for group, id, one, score in zip(groups, ids, positive, scored, strict=True):
        if one:
            positives.setdefault(group, {})[id] = score.ifd
    kept = {group: _keep(values, settings, seed) for group, values in positives.items()}
    return [
        _verdict(score, id in kept[group], settings) if one else Verdict(True, None, "negative")
        for group, id, one, score in zip(groups, ids, positive, scored, strict=True)
    ]


def _need(scores: ScoreTable, groups: set[Group], settings: CurateSettings) -> None:
    missing = sorted(groups - set(scores))
    if missing and settings.strategy not in SCORELESS:
        raise UserError(
            f"Strategy {settings.strategy} needs IFD scores and has none for "
            f"{', '.join('.'.join(group) for group in missing)}: score them, or name a scorer."
        )


def _keep(positives: Mapping[str, float | None], settings: CurateSettings, seed: int) -> set[str]:
    """Return the positives of one corpus and format that the strategy keeps."""
    count = int(settings.rho * len(positives))
    return set(STRATEGIES[settings.strategy](positives, count, f"{seed}:random"))


def _verdict(score: Scored, kept: bool, settings: CurateSettings) -> Verdict:
    if kept or settings.strategy in SCORELESS:
        return Verdict(kept, score.ifd, settings.strategy if kept else "not_chosen")
    if score.ifd is None:
        return Verdict(False, None, score.reason or "no_score")
    return Verdict(False, score.ifd, "not_chosen" if score.ifd < 1 else "ifd_at_least_one")
