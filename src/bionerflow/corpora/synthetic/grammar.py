"""Grammars of annotated sentences; their notation is in resources/sample/README.md."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bionerflow.data.schema import Entity

WEIGHTED = re.compile(r"(?:(\d+)\* )?(.+)")
PIECES = re.compile(
    r"<(?P<draw>\w+)>|\{(?P<open>\w+(?:\.\d+)?)\||(?P<close>\})|(?P<text>[^<{}]+|<)"
)
NOTHING = "_"


class Piece(NamedTuple):
    """A part of an alternative; `kind` is draw, open, close or text."""

    kind: str
    value: str


Alternative = tuple[Piece, ...]


@dataclass(frozen=True)
class Grammar:
    """A synthetic corpus: its rules, and its lexicons with and without the words held back."""

    language: str
    form: str
    splits: Mapping[str, int]
    rules: Mapping[str, Sequence[Alternative]]
    training_words: Mapping[str, Sequence[str]]
    all_words: Mapping[str, Sequence[str]]


def load_grammar(path: Path) -> Grammar:
    """Read a grammar and the lexicons that it names, which stand beside it."""
    data = read_yaml(path)
    lexicons = read_yaml(path.with_name(data["lexicons"]))["lexicons"]
    known = {name: items(lexicon["words"]) for name, lexicon in lexicons.items()}
    held_back = {name: items(lexicon.get("held_back", "")) for name, lexicon in lexicons.items()}
    return Grammar(
        language=data["language"],
        form=data["form"],
        splits=data["splits"],
        rules={name: alternatives(lines) for name, lines in data["rules"].items()},
        training_words=known,
        all_words={name: known[name] + held_back[name] for name in known},
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping written as UTF-8."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def items(text: str) -> list[str]:
    """Return the items of a comma-separated list; commas inside an item have no space after."""
    return [item for item in re.split(r",\s+", text.strip()) if item]


def alternatives(lines: str) -> list[Alternative]:
    """Return the alternatives of a rule, each as many times as its weight says."""
    found = []
    for line in lines.splitlines():
        weight, body = WEIGHTED.fullmatch(line).groups()  # type: ignore[union-attr]
        found += [parse(body)] * int(weight or 1)
    return found


def parse(body: str) -> Alternative:
    """Return the pieces of an alternative."""
    if body == NOTHING:
        return ()
    return tuple(Piece(str(m.lastgroup), m[str(m.lastgroup)]) for m in PIECES.finditer(body))


class Draft:
    """One sentence while it is drawn: its text and the spans of its entities."""

    def __init__(
        self, grammar: Grammar, words: Mapping[str, Sequence[str]], rng: random.Random
    ) -> None:
        self.grammar, self.words, self.rng = grammar, words, rng
        self.text = ""
        self.drawn: set[tuple[str, str]] = set()
        self.labelled: list[tuple[str, list[tuple[int, int]]]] = []

    def draw(self, name: str) -> None:
        """Append a draw from the rule, or else the lexicon, of this name."""
        rule = self.grammar.rules.get(name)
        if rule is None:
            self.append(self.word(name))
        else:
            self.expand(self.rng.choice(rule))

    def word(self, name: str) -> str:
        """Draw a word that this sentence does not have from that lexicon while there is one."""
        fresh = [word for word in self.words[name] if (name, word) not in self.drawn]
        word = self.rng.choice(fresh or self.words[name])
        self.drawn.add((name, word))
        return word

    def expand(self, alternative: Alternative) -> None:
        """Append an alternative; a numbered label gathers fragments within the alternative."""
        fragments: dict[str, list[tuple[int, int]]] = {}
        opened: list[tuple[list[tuple[int, int]], int]] = []
        for kind, value in alternative:
            if kind == "draw":
                self.draw(value)
            elif kind == "text":
                self.append(value)
            elif kind == "open":
                opened.append((self.spans_of(value, fragments), len(self.text)))
            else:
                spans, start = opened.pop()
                spans.append((start, len(self.text)))

    def spans_of(
        self, label: str, fragments: dict[str, list[tuple[int, int]]]
    ) -> list[tuple[int, int]]:
        """Return the list that takes the spans of an entity with this label."""
        if label in fragments:
            return fragments[label]
        type, numbered, _ = label.partition(".")
        spans: list[tuple[int, int]] = []
        self.labelled.append((type, spans))
        if numbered:
            fragments[label] = spans
        return spans

    def append(self, text: str) -> None:
        """Append text; what would be a second space, or the first character, is left out."""
        if text.startswith(" ") and (not self.text or self.text.endswith(" ")):
            text = text[1:]
        self.text += text

    def finish(self) -> tuple[str, tuple[Entity, ...]]:
        """Return the sentence, its first letter a capital, and its entities in text order."""
        text = self.text[:1].upper() + self.text[1:]
        entities = {Entity.at(type, spans, text) for type, spans in self.labelled}
        return text, tuple(sorted(entities, key=lambda entity: (entity.spans, entity.type)))


def draw_sentence(
    grammar: Grammar, words: Mapping[str, Sequence[str]], rng: random.Random
) -> tuple[str, tuple[Entity, ...]]:
    """Draw a sentence and its entities."""
    draft = Draft(grammar, words, rng)
    draft.draw("sentence")
    return draft.finish()
