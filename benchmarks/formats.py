"""Speed of rendering and parsing, format by format, beside a naive codec.

    python benchmarks/formats.py results/corpora/ncbi_disease/train.parquet Disease

Prints sentences a second of CPU time on one core (the best of a few passes), and strict F1 of what
is read back. The naive codecs are what published scripts do: JSON strings taken at their first
occurrence, tags taken out by a regular expression.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from bionerflow.formats import FORMATS
from bionerflow.schema import Entity, Example, read_examples

PASSES = 3
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


def best(work: Callable[[Any], Any], items: Sequence[Any]) -> float:
    """Return the items a second of the best pass."""
    seconds = []
    for _ in range(PASSES):
        start = time.process_time()
        for item in items:
            work(item)
        seconds.append(time.process_time() - start)
    return len(items) / max(min(seconds), 1e-9)


def measure(
    name: str,
    examples: list[Example],
    render: Callable[[Example], Any],
    parse: Callable[[tuple[Example, Any]], Sequence[Entity]],
) -> None:
    """Print one line."""
    answers = [(example, render(example)) for example in examples]
    read = [set(parse(pair)) for pair in answers]
    gold = [set(example.entities) for example in examples]
    hits = sum(len(r & g) for r, g in zip(read, gold, strict=True))
    f1 = 200 * hits / max(sum(map(len, read)) + sum(map(len, gold)), 1)
    print(f"{name:16}{best(render, examples):12,.0f}{best(parse, answers):12,.0f}{f1:10.2f}")


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", help="a split of a corpus, as the stage corpora writes it")
    parser.add_argument("types", help="with commas between; formats of one type take the first")
    args = parser.parse_args()
    examples = list(read_examples(args.examples))
    types = tuple(args.types.split(","))
    print(f"{'format':16}{'render/s':>12}{'parse/s':>12}{'F1':>10}")
    for name, format in FORMATS.items():
        asked = format.queries(types)[0]
        measure(
            name,
            examples,
            lambda e, f=format, q=asked: [
                turn.content for turn in f.render(e.text, e.entities, q) if turn.role == "assistant"
            ],
            lambda pair, f=format, q=asked: f.parse(pair[1], pair[0].text, q).entities,
        )
    measure("naive terms", examples, naive_term_render, lambda p: naive_term_parse(p[1], p[0].text))
    measure("naive tags", examples, naive_tag_render, lambda p: naive_tag_parse(p[1], p[0].text))


if __name__ == "__main__":
    main()
