"""What tables leave to the formats' declared capacities: formats shown, corpora pooled, notes.

The formats are imported where they are asked: the workflow reads tables in each of its jobs.
"""

from collections.abc import Collection, Sequence

from bionerflow.tables.settings import CARRIED, NOT, Axis, Grid


def by_capacity(
    table: Grid, paper: str, corpora: Sequence[str], discontinuous: Collection[str]
) -> Grid:
    """Return a table with names in place of conditions on what formats can carry.

    `corpora` are the experiment's, `discontinuous` those that have discontinuous entities. The
    formats that a condition chooses from are the paper's.
    """
    if table.pool != CARRIED and not any(map(_conditions, table.rows + table.columns)):
        return table
    rows, columns = ([_named(axis, paper) for axis in axes] for axes in (table.rows, table.columns))
    formats = [name for axis in rows + columns for name in axis.get("format", [])]
    pool = _pooled(formats, corpora, discontinuous) if table.pool == CARRIED else table.pool
    return table.model_copy(update={"rows": rows, "columns": columns, "pool": pool})


def own_gap(metric: str, format: str | None) -> str:
    """Say that a gap between kinds of entities is the format's own, as it cannot write one kind."""
    kind = metric.removeprefix("delta_")
    if kind == metric or format is None:
        return ""
    from bionerflow.formats import format_named

    carried = getattr(format_named(format), kind)
    return "" if carried else f"{format} cannot write {kind} entities: the gap is the format's own"


def _conditions(axis: Axis) -> list[str]:
    return [name for name in axis.get("format", []) if name.startswith(NOT)]


def _named(axis: Axis, paper: str) -> Axis:
    """Put the paper's formats, in the order of their names, for conditions on them."""
    if not _conditions(axis):
        return axis
    from bionerflow.formats import FORMATS

    family = sorted(name for name, format in FORMATS.items() if format.prompt == paper)
    formats: dict[str, None] = {}
    for name in axis["format"]:
        kind = name.removeprefix(NOT)
        formats |= dict.fromkeys(
            [name] if kind == name else [f for f in family if not getattr(FORMATS[f], kind)]
        )
    return {**axis, "format": list(formats)}


def _pooled(
    formats: Sequence[str], corpora: Sequence[str], discontinuous: Collection[str]
) -> list[str]:
    """Return the corpora whose entities all formats can carry."""
    from bionerflow.formats import format_named

    return [
        corpus
        for corpus in corpora
        if all(format_named(f).carries_all_of(corpus in discontinuous) for f in formats)
    ]
