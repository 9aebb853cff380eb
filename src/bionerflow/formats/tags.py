"""Formats with tags in the sentence: mfner's two, unified's HTML."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from bionerflow.data.schema import Entity
from bionerflow.formats.align import Mark
from bionerflow.formats.grounding import Reading
from bionerflow.formats.marks import ESCAPE, TagFormat, mark_of
from bionerflow.formats.names import meant_type, names_pattern
from bionerflow.formats.other_marks import with_signs, with_tags

LONGEST_TAG = 500


class SingleTag(TagFormat):
    """`@@activated @@lymphocytes####` for one type (mfner, section 3.2, after GPT-NER)."""

    name = "single_tag"
    per_type = True
    special = "@#"

    def opening(self, entity: Entity) -> str:
        """Open."""
        return "@@"

    def closing(self, entity: Entity) -> str:
        """Close."""
        return "##"

    def read_copies(self, answer: str, reading: Reading) -> None:
        """Read the copy of the sentence, with marks of another kind, too."""
        if not ("@@" in answer and "##" in answer):
            answer = with_signs(answer, reading)
        super().read_copies(answer, reading)

    def scan(self, string: str, reading: Reading, escaped: bool) -> Iterator[Mark]:
        """Yield pairs of signs."""
        for match in _SIGNS[escaped].finditer(string):
            yield mark_of(match, match[0] == "@@", "")


_SIGNS = [re.compile("@@|##"), re.compile(r"\\[@#]|@@|##")]


class MultiTag(TagFormat):
    """`<protein>BCL6</protein>` (mfner, section 3.2)."""

    name = "multi_tag"
    special = "<＜"
    marks_in_types = "<>＜＞/\n\r"
    #: Models add attributes, which have a sign of equality, and mentions, after a colon.
    after_name = (
        r"(?:\s{1,9}[\w:-]{1,40}\s{0,9}=[^<>\n]{0,200}|\s{0,9}:[^<>\n]{0,500})?\s{0,9}[>＞]"
    )

    def opening(self, entity: Entity) -> str:
        """Open with the type."""
        return f"<{entity.type}>"

    def closing(self, entity: Entity) -> str:
        """Close with the type."""
        return f"</{entity.type}>"

    def read_copies(self, answer: str, reading: Reading) -> None:
        """Read each copy of the sentence in the answer; a tag may say its type in an attribute."""
        if next(iter(self.scan(answer, reading, False)), None) is None:
            answer = with_tags(answer, reading)
        if "=" in answer and _TYPED.search(answer):
            answer = _by_type(answer, reading)
        super().read_copies(answer, reading)

    def without_unknown(self, copy: str, reading: Reading) -> str:
        """Take out tags that neither name a type nor occur in the sentence."""
        standing: dict[str, bool] = {}

        def kept(match: re.Match[str]) -> str:
            tag = match[0]
            if tag not in standing:
                known = meant_type(match[2].strip(), reading.types)
                standing[tag] = bool(known) or tag in reading.text
            if not standing[tag] and not match[1]:
                reading.drop("unknown_type", match[2])
            return tag if standing[tag] else ""

        return _ANY_TAG.sub(kept, copy)

    def scan(self, string: str, reading: Reading, escaped: bool) -> Iterator[Mark]:
        """Yield tags with the names of types, as models vary them."""
        for match in tag_pattern(reading.types, self.after_name, escaped).finditer(string):
            yield mark_of(match, not match[1], meant_type(match[2], reading.types))


@lru_cache(maxsize=256)
def tag_pattern(types: tuple[str, ...], after_name: str, escaped: bool) -> re.Pattern[str]:
    """Compile the pattern of tags: a slash or nothing, the type."""
    tag = rf"[<＜]\s{{0,9}}(/?)\s{{0,9}}({names_pattern(types)}){after_name}"
    return re.compile(rf"\\[<>＜＞]|{tag}" if escaped else tag, re.IGNORECASE)


_ANY_TAG = re.compile(r"[<＜](/?)([^<>＜＞\n/:]{1,60})(:[^<>＜＞\n]{0,500})?[>＞]")


_TYPED = re.compile(
    r"[<＜](?P<tag>[A-Za-z]\w{0,40})\s[^<>\n]{0,100}?=\s{0,9}[\"'“]?(?P<type>[^<>\n=\"'”]{1,80})[\"'”]?"
    r"\s{0,9}[>＞]|[<＜]/(?P<closed>[A-Za-z]\w{0,40})\s{0,9}[>＞]"
)


def _by_type(answer: str, reading: Reading) -> str:
    """Write `<entity type="protein">BCL6</entity>` with the type as the tag's name."""
    opened: dict[str, list[str]] = {}

    def named(match: re.Match[str]) -> str:
        if match["closed"]:
            types = opened.get(match["closed"])
            return f"</{types.pop()}>" if types else match[0]
        type = meant_type(match["type"], reading.types)
        if not type or meant_type(match["tag"], reading.types):
            return match[0]
        opened.setdefault(match["tag"], []).append(type)
        return f"<{type}>"

    return _TYPED.sub(named, answer)


class Html(MultiTag):
    """`<DNA:peri-kappa B site>peri-kappa B site</DNA:peri-kappa B site>` (unified, Fig. 3).

    An opening mark says all of an entity, so that entities may cross and a cut answer loses none
    that it has opened.
    """

    name = "html"
    prompt = "unified"
    crossing = True
    special = "<>＜＞"
    marks_in_types = "<>＜＞/:：\n\r"
    after_name = r"\s{0,9}[:：>＞]"

    def carries(self, entity: Entity) -> bool:
        """Tell whether a tag can hold the mention."""
        return super().carries(entity) and len(entity.text) < LONGEST_TAG

    def opening(self, entity: Entity) -> str:
        """Open with the type and the mention."""
        return f"<{entity.type}:{entity.text}>"

    def closing(self, entity: Entity) -> str:
        """Close with the type and the mention."""
        return f"</{entity.type}:{entity.text}>"

    def compose(self, text: str, entities: Sequence[Entity], escaped: bool) -> str:
        """Write the sentence alone."""
        return self.mark_up(text, entities, escaped)

    def exact_copies(self, answer: str, reading: Reading) -> list[tuple[str, str]] | None:
        """Return the answer as a copy."""
        return [(reading.types[0], answer)]

    def scan(self, string: str, reading: Reading, escaped: bool) -> Iterator[Mark]:
        """Yield tags; a mention in a tag is the longest part of the sentence that can be one."""
        done = 0
        # Models leave the mention out of one tag of a pair.
        bare: dict[str, int] = {}
        holding: dict[str, int] = {}
        for match in tag_pattern(reading.types, self.after_name, escaped).finditer(string):
            if match.start() < done:
                continue
            if match[0].startswith(ESCAPE):
                yield mark_of(match, False, "")
                continue
            type, opens = meant_type(match[2], reading.types), not match[1]
            if match[0][-1] in ">＞":  # as in `multi_tag`
                closes = _closes(opens, type, bare, holding)
                yield mark_of(match, opens, type, "" if closes else None)
                continue
            done, content = _content(string, match.end(), reading.text, escaped)
            closes = _closes(opens, type, holding, bare)
            yield Mark(match.start(), done, opens, type, None if closes else content)


def _closes(opens: bool, type: str, own: dict[str, int], others: dict[str, int]) -> bool:
    """Count a tag of one kind; tell whether it closes one of the other kind.

    A closing tag closes one of its own kind if any is open.
    """
    if opens:
        own[type] = own.get(type, 0) + 1
    elif own.get(type):
        own[type] -= 1
    elif others.get(type):
        others[type] -= 1
        return True
    return False


def _content(string: str, start: int, text: str, escaped: bool) -> tuple[int, str]:
    """Find the end of a tag that holds a mention, and the mention.

    It may itself hold the closing sign, which is escaped in an escaped string.
    """
    if escaped and (match := _ESCAPED_CONTENT.match(string, start)):
        return match.end(), match[1].replace(ESCAPE, "")
    end = following = string.find(">", start, start + LONGEST_TAG)
    if end < 0:
        return min(start + 1, len(string)), ""
    while following >= 0 and string[start:following] in text:
        end = following
        following = string.find(">", end + 1, start + LONGEST_TAG)
    return end + 1, string[start:end]


_ESCAPED_CONTENT = re.compile(rf"((?:\\.|[^\\>]){{0,{LONGEST_TAG}}})>", re.DOTALL)
