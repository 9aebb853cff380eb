"""What the papers print, from resources/published/{paper}/{table}.csv.

Long form, one row a number: row and column (keys and labels of config/tables.yaml where this
project measures the same), value and sd (where there is one) as printed, source. What a paper
does not print has no row.
"""

from pathlib import Path

import pandas as pd

from bionerflow.utils.errors import UserError

COLUMNS = ["row", "column", "value", "sd", "source"]


def read_published(path: str | Path) -> pd.DataFrame:
    """Read a table's published numbers in the order of the file.

    Returns row, column, source, text (as printed), value and sd (numbers; NaN where words are
    printed, such as an optimizer's name).

    Raises:
        UserError: another header, an empty value, or a cell entered twice.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(frame.columns) != COLUMNS:
        raise UserError(f"{path}: the columns must be {', '.join(COLUMNS)}.")
    if (frame["value"] == "").any():
        line = frame.index[frame["value"] == ""][0] + 2
        raise UserError(f"{path}, line {line}: there is no value.")
    twice = frame[frame.duplicated(["row", "column"])]
    if len(twice):
        row, column = twice.iloc[0][["row", "column"]]
        raise UserError(f"{path}: ({row}, {column}) is entered twice.")
    frame["text"] = frame["value"].where(frame["sd"] == "", frame["value"] + " ± " + frame["sd"])
    for column in ("value", "sd"):
        frame[column] = pd.to_numeric(frame[column].str.replace(",", ""), errors="coerce")
    return frame
