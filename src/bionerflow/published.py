"""The numbers that the papers print, from resources/published/{paper}/{table}.csv.

Long form, one row a number: row, column (as in the measured table or as printed), value, sd
(where one is printed), source. A number that the paper does not print has no row.
"""

from pathlib import Path

import pandas as pd

from bionerflow.errors import UserError

COLUMNS = ["row", "column", "value", "sd", "source"]


def read_published(path: str | Path) -> pd.DataFrame:
    """Read a table's published numbers in the order of the file.

    Raises:
        UserError: another header, a value that is not a number, or a cell entered twice.
    """
    frame = pd.read_csv(path, dtype={"row": str, "column": str, "source": str})
    if list(frame.columns) != COLUMNS:
        raise UserError(f"{path}: the columns must be {', '.join(COLUMNS)}.")
    for column in ("value", "sd"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    if frame["value"].isna().any():
        line = frame.index[frame["value"].isna()][0] + 2
        raise UserError(f"{path}, line {line}: the value is not a number.")
    twice = frame[frame.duplicated(["row", "column"])]
    if len(twice):
        row, column = twice.iloc[0][["row", "column"]]
        raise UserError(f"{path}: ({row}, {column}) is entered twice.")
    return frame
