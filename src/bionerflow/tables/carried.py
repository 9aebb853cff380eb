"""Which gaps between kinds of entities belong to the format and not to the model."""


def own_gap(metric: str, format: str | None) -> str:
    """Say that a gap between kinds of entities is the format's own, as it cannot write one kind.

    The formats are imported where they are asked: the workflow reads tables in each of its jobs.
    """
    kind = metric.removeprefix("delta_")
    if kind == metric or format is None:
        return ""
    from bionerflow.formats import format_named

    carried = getattr(format_named(format), kind)
    return "" if carried else f"{format} cannot write {kind} entities: the gap is the format's own"
