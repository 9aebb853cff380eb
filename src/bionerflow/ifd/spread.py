"""How the IFD of a corpus's sentences is spread: what curation sees of a corpus, in one line."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from bionerflow.data.schema import SCORES, open_rows

QUANTILES = (10, 25, 50, 75, 90)


def spreads(paths: Iterable[Path]) -> dict[str, dict[str, float | int | None]]:
    """Return the spread of each corpus, by name; its formats are pooled.

    Args:
        paths: Files of scores, named `{corpus}.{format}.{mode}.parquet`.
    """
    scores: dict[str, list[pa.ChunkedArray]] = {}
    for path in paths:
        corpus = path.stem.rsplit(".", 2)[0]
        scores.setdefault(corpus, []).append(open_rows(path, SCORES).read(["ifd"])["ifd"])
    return {
        corpus: spread(np.concatenate([one.drop_null().to_numpy() for one in its]))
        for corpus, its in scores.items()
    }


def spread(ifd: np.ndarray) -> dict[str, float | int | None]:
    """Return number, quantiles, mean and the share of one or more; None where there is no score."""
    names = [*(f"q{n}" for n in QUANTILES), "mean", "at_least_one"]
    if not len(ifd):
        return {"n": 0} | dict.fromkeys(names)
    values = [*np.percentile(ifd, QUANTILES), ifd.mean(), (ifd >= 1).mean()]
    return {"n": len(ifd)} | {
        name: round(float(value), 6) for name, value in zip(names, values, strict=True)
    }
