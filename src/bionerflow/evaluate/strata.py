"""Gold mentions split by what makes them easy or hard, so that recall can be told of each part."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

#: The smallest value of each part: how often the string stands in training, tokens, depth of
#: nesting. The last part is open.
PARTS = {"frequency": (0, 1, 2, 6, 21), "tokens": (1, 2, 3, 4, 5), "depth": (0, 1, 2)}


def strata(gold: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Return correct, gold and recall of each part of each split, by the part's label ("2-5")."""
    return {name: _recalls(gold, name, lowest) for name, lowest in PARTS.items()}


def _recalls(gold: pd.DataFrame, name: str, lowest: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    place = np.digitize(gold[name], lowest) - 1
    every, correct = (
        np.bincount(part, minlength=len(lowest)) for part in (place, place[gold["correct"]])
    )
    return {
        label: {
            "correct": int(right),
            "gold": int(there),
            "recall": round(right / there, 6) if there else None,
        }
        for label, right, there in zip(labels(lowest), correct, every, strict=True)
    }


def labels(lowest: tuple[int, ...]) -> list[str]:
    """Return how parts are called that begin with these values."""
    closed = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(lowest)]
    return [*closed, f"{lowest[-1]}+"]
