"""The strictest and the most lenient accepted scheme beside each other, and who changes place."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy import stats

#: Typed exact spans, and overlap with the same type (docs/evaluation.md).
SCHEMES = {"strict": ("strict", "f1", "value"), "lenient": ("relaxed", "f1")}
COLUMNS = [
    "corpus", "format", "predictions", "strict", "lenient", "rank_strict", "rank_lenient", "change",
    "kendall_tau",
]  # fmt: skip

#: Records of scores by prediction set, then by (corpus, format); a null one is pooled.
Evaluations = Mapping[str, Mapping[tuple[Any, Any], Mapping[str, Any]]]


def schemes(evaluations: Evaluations) -> pd.DataFrame:
    """Return both scores and ranks of prediction sets, by corpus and format, the best first.

    Only sets of the same number of sentences and gold mentions are ranked together. `change` is by
    how many places a set rises under the lenient scheme; `kendall_tau` how far both orders agree.
    """
    rows = [
        {"corpus": corpus or "all", "format": format or "all", "predictions": id}
        | {"sentences": record["n"]["sentences"], "gold": record["n"]["gold"]}
        | {name: _at(record, path) for name, path in SCHEMES.items()}
        for id, records in evaluations.items()
        for (corpus, format), record in records.items()
    ]
    columns = ["sentences", "gold", *COLUMNS]
    frame = pd.DataFrame(rows, columns=columns[:7]).dropna(subset=list(SCHEMES))
    groups = frame.groupby(["corpus", "format", "sentences", "gold"])
    ranked = [_ranked(group) for _, group in groups if len(group) > 1]
    return pd.concat(ranked)[COLUMNS] if ranked else pd.DataFrame(columns=COLUMNS)


def _at(record: Any, path: tuple[str, ...]) -> float | None:
    for step in path:
        record = record[step]
    return record


def _ranked(group: pd.DataFrame) -> pd.DataFrame:
    """Add ranks; equal scores share the best of their places."""
    ranks = group[list(SCHEMES)].astype(float).rank(ascending=False, method="min").astype(int)
    tau = stats.kendalltau(group["strict"], group["lenient"]).statistic
    ranked = group.assign(
        rank_strict=ranks["strict"],
        rank_lenient=ranks["lenient"],
        change=ranks["strict"] - ranks["lenient"],
        kendall_tau=round(float(tau), 4),
    )
    return ranked.sort_values(["rank_strict", "predictions"])
