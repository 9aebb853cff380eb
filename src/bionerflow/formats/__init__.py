"""The sixteen output formats of the three papers (docs/papers.md), UniversalNER's, plug-ins'."""

from bionerflow.formats.base import Format, Parsed
from bionerflow.formats.bio import MultiBio
from bionerflow.formats.brat import MultiBrat
from bionerflow.formats.code import MultiCode, SingleCode
from bionerflow.formats.spans import JsonIndex, MultiSpan, SingleSpan
from bionerflow.formats.symbolic import Symbolic
from bionerflow.formats.tags import Html, MultiTag, SingleTag
from bionerflow.formats.terms import ConvTerm, JsonEntity, MultiTerm, SingleTerm, Uniner
from bionerflow.formats.triples import MultiTriple
from bionerflow.utils.plugins import Registry

__all__ = ["FORMATS", "Format", "Parsed", "format_named"]

OWN: tuple[Format, ...] = (
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
    Uniner(),
)


def _is_format(found: object) -> bool:
    return isinstance(found, Format)


FORMATS: Registry[Format] = Registry(
    "format", {one.name: one for one in OWN}, _is_format, "a bionerflow.formats.Format"
)


def format_named(name: str) -> Format:
    """Return the format of this name; raises UserError with the nearest name."""
    return FORMATS.named(name)
