"""The sixteen output formats of the three papers (docs/papers.md)."""

from bionerflow.formats.base import Format, Parsed
from bionerflow.formats.bio import MultiBio
from bionerflow.formats.code import MultiCode, SingleCode
from bionerflow.formats.spans import JsonIndex, MultiBrat, MultiSpan, SingleSpan
from bionerflow.formats.tags import Html, MultiTag, SingleTag, Symbolic
from bionerflow.formats.terms import ConvTerm, JsonEntity, MultiTerm, SingleTerm
from bionerflow.formats.triples import MultiTriple
from bionerflow.utils.errors import UserError, nearest

__all__ = ["FORMATS", "Format", "Parsed", "format_named"]

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        ConvTerm(),
        SingleTerm(),
        MultiTerm(),
        SingleTag(),
        MultiTag(),
        SingleSpan(),
        MultiSpan(),
        SingleCode(),
        MultiCode(),
        MultiTriple(),
        MultiBio(),
        MultiBrat(),
        JsonIndex(),
        Html(),
        Symbolic(),
        JsonEntity(),
    )
}


def format_named(name: str) -> Format:
    """Return the format of this name; raises UserError with the nearest name."""
    if name not in FORMATS:
        raise UserError(f"there is no output format '{name}'.{nearest(name, FORMATS)}")
    return FORMATS[name]
