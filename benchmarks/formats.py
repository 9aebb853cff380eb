"""Speed of rendering and parsing, format by format, beside a naive codec.

    python benchmarks/formats.py --examples results/corpora/{corpus}/train.parquet --types Disease

All sentences, one after another on one core: a row a format and direction, with the strict F1 of
what is read back. The naive codecs are what published scripts do: JSON strings taken at their first
occurrence, tags taken out by a regular expression; speedups are against the first.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from contest import Row, contest, printed

from bionerflow.data.schema import Entity, Example, read_examples
from bionerflow.formats import FORMATS

TAG = re.compile(r"<(\w+)>(.*?)</\1>")


def naive_term_render(example: Example) -> str:
    """Write strings with types as JSON."""
    return json.dumps([{"text": e.text, "type": e.type} for e in example.entities])


def naive_term_parse(answer: str, text: str) -> list[Entity]:
    """Take each string at its first occurrence."""
    found = [(item["type"], item["text"], text.find(item["text"])) for item in json.loads(answer)]
    return [Entity.at(t, [(at, at + len(s))], text) for t, s, at in found if at >= 0]


def naive_tag_render(example: Example) -> str:
    """Put tags around mentions from the right."""
    text = example.text
    for entity in sorted(example.entities, key=lambda e: -e.start):
        tagged = f"<{entity.type}>{entity.text}</{entity.type}>"
        text = text[: entity.start] + tagged + text[entity.end :]
    return text


def naive_tag_parse(answer: str, text: str) -> list[Entity]:
    """Find tags, count off what they add."""
    entities, added = [], 0
    for match in TAG.finditer(answer):
        start = match.start() - added
        entities.append(Entity.at(match[1], [(start, start + len(match[2]))], text))
        added += len(match[0]) - len(match[2])
    return entities


class Codec(NamedTuple):
    """How sentences are written as answers, and answers read back."""

    render: Callable[[Example], Any]
    parse: Callable[[Any, str], Sequence[Entity]]


def codecs(types: tuple[str, ...]) -> dict[str, Codec]:
    """Return the naive codecs and the project's, by name; formats of one type take the first."""
    found = {
        "naive terms": Codec(naive_term_render, naive_term_parse),
        "naive tags": Codec(naive_tag_render, naive_tag_parse),
    }
    for name, format in FORMATS.items():
        asked = format.queries(types)[0]
        found[name] = Codec(
            lambda e, f=format, q=asked: [
                turn.content for turn in f.render(e.text, e.entities, q) if turn.role == "assistant"
            ],
            lambda answers, text, f=format, q=asked: f.parse(answers, text, q).entities,
        )
    return found


def measure(examples: list[Example], types: tuple[str, ...], repetitions: int) -> list[Row]:
    """Return the rows of rendering and of parsing."""
    known = codecs(types)
    answers = {n: [codec.render(example) for example in examples] for n, codec in known.items()}
    written, _ = contest(
        "render",
        {name: partial(written_again, codec, examples) for name, codec in known.items()},
        *(len(examples), "sentences", repetitions),
    )
    read, _ = contest(
        "parse",
        {name: partial(read_again, known[name], examples, answers[name]) for name in known},
        *(len(examples), "sentences", repetitions),
    )
    scores = {name: strict_f1(known[name], examples, answers[name]) for name in known}
    return [row | {"f1": f"{scores[row['way']]:.2f}"} for row in written + read]


def written_again(codec: Codec, examples: list[Example]) -> None:
    """Render all sentences; nothing is kept, as where they are written out window by window."""
    for example in examples:
        codec.render(example)


def read_again(codec: Codec, examples: list[Example], answers: list[Any]) -> None:
    """Parse all answers."""
    for answer, example in zip(answers, examples, strict=True):
        codec.parse(answer, example.text)


def strict_f1(codec: Codec, examples: list[Example], answers: list[Any]) -> float:
    """Return the micro F1 of exact spans and types that are read back, in percent."""
    gold = [set(example.entities) for example in examples]
    pairs = zip(answers, examples, strict=True)
    read = [set(codec.parse(answer, example.text)) for answer, example in pairs]
    hits = sum(len(one & other) for one, other in zip(read, gold, strict=True))
    return 200 * hits / max(sum(map(len, read)) + sum(map(len, gold)), 1)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", required=True, help="a split, as the stage corpora writes it")
    parser.add_argument("--types", required=True, help="with commas between")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    types = tuple(args.types.split(","))
    printed(measure(list(read_examples(args.examples)), types, args.repetitions))


if __name__ == "__main__":
    main()
