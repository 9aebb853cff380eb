"""Names of entity types, as models vary them."""

import re
from functools import lru_cache

from bionerflow.formats.lookalikes import folded

#: A longer string is no name of a type.
LONGEST_NAME = 200
#: Keys and headings under which models write types and mentions, as `plain` writes them.
TYPE_KEYS = (
    *("type", "types", "entitytype", "label", "category", "class", "entitylabel", "entityclass"),
    *("tag", "nertag", "semantictype", "kind", "entity", "类型", "类别", "标签", "实体类型"),
)
TEXT_KEYS = (
    *("text", "mention", "name", "entity", "span", "term", "word", "value", "string", "surface"),
    *("entitytext", "entityname", "surfaceform", "phrase", "token", "content", "实体", "文本"),
    "名称",
)
_SEPARATORS = re.compile(r"[\s_-]+")
_EDGES = " \t\r\n*_`'\"“”‘’.,:;，。：；()（）[]【】<>"
_KINDS = re.compile(
    r"(?:[\s_-]+(?:entit(?:y|ies)|mentions?|names?|types?)|实体|名称|类型?)$", re.IGNORECASE
)


def plain(name: str) -> str:
    """Write a name without what models vary: letter case, spaces, hyphens, look-alikes."""
    return _plain(name) if len(name) <= LONGEST_NAME else _SEPARATORS.sub("", folded(name))


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return _SEPARATORS.sub("", folded(name))


def _other_numbers(name: str) -> list[str]:
    """Return the plurals of a plain name, and the singulars that it may be the plural of."""
    found = [f"{name}s", f"{name}es"]
    if name.endswith("y"):
        found.append(f"{name[:-1]}ies")
    if name.endswith("ies"):
        found.append(f"{name[:-3]}y")
    if name.endswith("s"):
        found += [name[:-1], name.removesuffix("es")]
    return found


@lru_cache(maxsize=256)
def _known(types: tuple[str, ...]) -> dict[str, str]:
    """Map plain names to types; a type's own name wins over another one's plural."""
    known: dict[str, str] = {}
    for type in types:
        known.setdefault(plain(type), type)
    for name, type in list(known.items()):
        for other in _other_numbers(name):
            known.setdefault(other, type)
    return known


@lru_cache(maxsize=4096)
def _meant(name: str, types: tuple[str, ...]) -> str:
    known = _known(types)
    bare = name.strip(_EDGES)
    for form in (name, bare, _KINDS.sub("", bare)):
        if type := known.get(plain(form)):
            return type
    return ""


def meant_type(name: object, types: tuple[str, ...]) -> str:
    """Find the type that a name means: singular or plural, with or without marks around it.

    Args:
        name: What an answer says.
        types: The types asked for.

    Returns:
        One of `types`, or "" if the name means none of them.
    """
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        return ""
    return name if name in types else _meant(name, types)


@lru_cache(maxsize=256)
def names_pattern(types: tuple[str, ...]) -> str:
    """Write a regular expression for the names of types, singular or plural, longest first."""
    names = sorted(types, key=len, reverse=True)
    longest = max(map(len, [" ", *(one for name in names for one in _SEPARATORS.findall(name))]))
    between = rf"[\s_-]{{0,{longest}}}"
    forms = [between.join(map(re.escape, _SEPARATORS.split(name))) for name in names]
    return f"(?:{'|'.join(forms)})(?:e?s)?"
