"""Identifiers of concepts, as raw files write them: one, several with a mark between, or none."""

import re
from collections.abc import Mapping
from functools import lru_cache

#: Names under which forms have identifiers, in the order in which they are looked for. They are
#: compared without case, spaces, hyphens and underscores.
NAMES = (
    *("identifier", "identifiers", "kbid", "conceptid", "concept", "cui", "mesh", "meshid", "umls"),
    *("ncbigene", "ncbigeneidentifier", "geneid", "ncbitaxonomy", "taxonomyid", "entityid"),
    *("normalizedid", "normalisedid"),
)
#: What stands where a mention has no concept.
NONE = frozenset(("", "-", "-1", "_", "*", "none", "null", "nil", "nan", "n/a", "cui-less", "unk"))
#: An identifier that may stand in a list of them: D003924, MESH:D003924, 50929(Tax:10090).
ONE = re.compile(r"[\w.:#-]*\d[\w.:#-]*(\(\w+:\d+\))?")
MARKS = re.compile(r"[|,;+]")
#: The knowledge base of an identifier that names none, in forms that need one (BRAT).
NO_BASE = "identifier"


def parted(said: object) -> tuple[str, ...]:
    """Return the identifiers that a value says, each once.

    Several have `|`, `,`, `;` or `+` between. A value is not parted where this leaves a piece that
    is no identifier by itself (`c|SUB|T|1278|G` of tmVar).
    """
    if isinstance(said, str):
        return _pieces(said)
    values = said if isinstance(said, list | tuple) else [said]
    found: dict[str, None] = {}
    for value in values:
        if isinstance(value, str | int) and not isinstance(value, bool):
            found |= dict.fromkeys(_pieces(str(value)))
    return tuple(found)


@lru_cache(maxsize=16384)
def _pieces(said: str) -> tuple[str, ...]:
    value = said.strip()
    if value.casefold() in NONE:
        return ()
    pieces = [piece.strip() for piece in MARKS.split(value)] if MARKS.search(value) else []
    if pieces and all(ONE.fullmatch(piece) or piece.casefold() in NONE for piece in pieces):
        return tuple(dict.fromkeys(piece for piece in pieces if piece.casefold() not in NONE))
    return (value,)


@lru_cache(maxsize=1024)
def name_of(names: tuple[str, ...]) -> str | None:
    """Return which of some names is that of identifiers, the likeliest first."""
    plain = {re.sub(r"[\s_-]", "", name).casefold(): name for name in reversed(names)}
    return next((plain[name] for name in NAMES if name in plain), None)


def of_record(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the identifiers that a mention's record has under one of their names."""
    name = name_of(tuple(values))
    if name is None:
        return ()
    said = values[name]
    return _pieces(said) if isinstance(said, str) else parted(said)
