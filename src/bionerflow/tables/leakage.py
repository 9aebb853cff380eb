"""The table of what test sets (rows) share with training sets (columns)."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bionerflow.config.tables import Titled
from bionerflow.corpora.leakage import Leak
from bionerflow.tables.counts import REASON
from bionerflow.tables.made import counted
from bionerflow.tables.write import write_csv, write_printed


def wide_form(leaks: Sequence[Leak]) -> pd.DataFrame:
    """Return the percent of each test set's sentences that each training set holds.

    What shares none is "0", an empty test set has no row; a corpus that is left out has its reason.
    """
    trained = dict.fromkeys(leak.train_corpus for leak in leaks if not leak.reason)
    rows: dict[str, dict[str, str]] = {}
    for leak in leaks:
        row = rows.setdefault(leak.test_corpus, {"": leak.test_corpus})
        if leak.test_sentences:
            share = 100 * (leak.shared_sentences or 0) / leak.test_sentences
            row[leak.train_corpus] = f"{share:.1f}" if share else "0"
        elif leak.reason:
            row[REASON] = leak.reason
    columns = ["", *trained, *([REASON] if any(leak.reason for leak in leaks) else [])]
    return pd.DataFrame(rows.values(), columns=columns).fillna("")


def write_leakage(out: Path, leaks: Sequence[Leak], titled: Titled, folder: Path) -> None:
    """Write results/tables/leakage.csv, .md, .tex, and .long.csv: one row per pair, with counts.

    `folder`: results/corpora, where the corpora were counted.
    """
    frame = pd.DataFrame(map(asdict, leaks), columns=list(Leak.__dataclass_fields__), dtype=object)
    splits = {"train_corpus": ["train"], "test_corpus": ["test"]}
    write_csv(out.with_suffix(".long.csv"), counted(frame, folder, splits))
    write_printed(out, titled.title, titled.caption, wide_form(leaks))
