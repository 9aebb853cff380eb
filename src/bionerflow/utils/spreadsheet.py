"""CSV files that people open in spreadsheet programs: texts of others must not run as formulas."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: What spreadsheet programs take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: Any) -> Any:
    """Return a value that no spreadsheet program runs: a text gets an apostrophe before a formula.

    This is the escape that OWASP recommends for CSV; spreadsheet programs show the text alone.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def as_csv(frame: "pd.DataFrame") -> str:
    """Return a table that has texts of others as CSV, without its index."""
    return frame.astype(object).map(cell).to_csv(index=False, lineterminator="\n")
