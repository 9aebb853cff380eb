"""What each number of a table was made of and with: corpora, engine, commit, environment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from bionerflow.data.schema import read_card, verified
from bionerflow.utils.environment import MADE_WITH, distinct, made_with, together

#: The columns of the long form that say it. An entry of `corpus_hash` is `{corpus}/{split}:{hash}`,
#: the first digits of the SHA-256 of results/corpora/{corpus}/{split}.parquet.
MADE = ("engine", "corpus_hash", *MADE_WITH)
DIGITS = 12
NO_CORPORA, ALL_CORPORA = "", "all"

#: By prediction set: engine, `corpora` (the SHA-256 of each one's test split) and MADE_WITH.
Made = Mapping[str, Mapping[str, Any]]


def made_of(
    number: Mapping[str, Any], made: Made, recorded: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return the columns MADE of a number.

    Args:
        number: With `runs`, the prediction sets that it rests on, and `corpora`.
        made: What made these.
        recorded: What runs recorded of their training (metrics.json), which comes first.
    """
    ids = str(number.get("runs", "")).split()
    answers = [made[id] for id in ids if id in made]
    runs = dict.fromkeys(id.partition("+")[0] for id in ids)
    trained = [recorded[run].get("environment", {}) for run in runs if run in recorded]
    every = {name: sha for one in answers for name, sha in (one.get("corpora") or {}).items()}
    asked = number["corpora"]
    names = sorted(every) if asked == ALL_CORPORA else asked.split()
    return {
        "engine": ", ".join(sorted(distinct(str(one.get("engine", "")) for one in answers))),
        "corpus_hash": " ".join(
            _hash(name, "test", every[name]) for name in names if name in every
        ),
        **together(*trained, *answers),
    }


def read_made(predictions: Mapping[str, Path], gold: Path) -> Made:
    """Return what made prediction sets, from the cards beside their files and the gold corpora's.

    Args:
        predictions: Parquet files by the ids of their prediction sets.
        gold: The folder of {corpus}/test.parquet.
    """
    return {
        id: {**read_card(path), "corpora": _tested(path, gold)} for id, path in predictions.items()
    }


def _tested(path: Path, gold: Path) -> dict[str, str]:
    corpora = pq.read_table(verified(path), columns=["corpus"])["corpus"].unique().to_pylist()
    return {corpus: read_card(gold / corpus / "test.parquet")["sha256"] for corpus in corpora}


def counted(frame: pd.DataFrame, folder: Path, splits: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return a long form of what was counted here, with the corpora's hashes and MADE_WITH.

    Args:
        frame: A row without a corpus, such as a published number, stays without both.
        folder: results/corpora.
        splits: The columns that name a corpus, with the splits of it that were counted.
    """
    cards = [(column, split) for column, its in splits.items() for split in its]
    hashes = [
        " ".join(
            _hash(row[column], split, read_card(card)["sha256"])
            for column, split in cards
            if isinstance(row[column], str)
            and (card := folder / row[column] / f"{split}.parquet").with_suffix(".json").is_file()
        )
        for row in frame.to_dict("records")
    ]
    made = {key: [value if its else "" for its in hashes] for key, value in made_with().items()}
    return frame.assign(corpus_hash=hashes, **made)


def _hash(corpus: str, split: str, sha256: str) -> str:
    return f"{corpus}/{split}:{sha256[:DIGITS]}"
