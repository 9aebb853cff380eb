"""Speed of scoring generated predictions, beside seqeval and nervaluate on a part of them.

    python benchmarks/evaluate.py --entities 1000000 --folder DIR

Writes gold and predictions of that many gold entities to DIR, then prints the seconds (of the clock
and of the CPU) that `evaluate` takes, with all conventions and 1,000 resamples, and for the first
part of the sentences the CPU seconds of all three scorers.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nervaluate import Evaluator
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from bionerflow.evaluate import evaluate
from bionerflow.schema import (  # fmt: skip
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)

TOKENS, TYPES = 24, ("gene", "disease", "chemical", "species")
DOCUMENT = 8  # sentences
PART = 20_000  # sentences that the other scorers are given
Side = list[tuple[int, int, str]]  # first token, the one after the last, type


def chunks(rng: random.Random) -> Side:
    """Return flat mentions of one to three tokens, three and a third a sentence on average."""
    place, found = 0, []
    while place < TOKENS - 3:
        length = rng.randint(1, 3)
        if rng.random() < 0.27:
            found.append((place, place + length, rng.choice(TYPES)))
        place += length
    return found


def answered(rng: random.Random, gold: Side) -> Side:
    """Return mentions with lost, moved and retyped ones."""
    return [
        (a + (b - a > 1 and rng.random() < 0.15), b, t if rng.random() < 0.9 else rng.choice(TYPES))
        for a, b, t in gold
        if rng.random() < 0.85
    ]


def generate(entities: int) -> Iterator[tuple[str, Side, Side]]:
    """Yield text, gold and prediction of sentences until there are enough gold entities."""
    rng, words, count = random.Random(1), [f"word{i}" for i in range(5000)], 0
    while count < entities:
        gold = chunks(rng)
        count += len(gold)
        yield " ".join(rng.choices(words, k=TOKENS)), gold, answered(rng, gold)


def written(folder: Path, sentences: list[tuple[str, Side, Side]]) -> list[Path]:
    """Write gold, predictions and an empty training file; return what `evaluate` takes."""
    rows, examples = [], []
    for i, (text, gold, found) in enumerate(sentences):
        starts = [0, *(j + 1 for j, char in enumerate(text) if char == " "), len(text) + 1]
        sides = [
            [Entity.at(t, [(starts[a], starts[b] - 1)], text) for a, b, t in side]
            for side in (gold, found)
        ]
        examples.append(Example(str(i), str(i // DOCUMENT), "en", text, tuple(sides[0])))
        row = {"corpus": "c", "format": "f", "id": str(i), "answers": [], "problems": []}
        rows.append(row | {"entities": [entity_row(entity) for entity in sides[1]]})
    paths = [folder / "run.parquet", folder, folder / "train.parquet"]
    write_examples(folder / "c" / "test.parquet", examples)
    write_rows(paths[0], rows, PREDICTIONS)
    write_rows(paths[2], [], CONVERSATIONS)
    return paths


def timed(name: str, work: Callable[[], Any]) -> float:
    """Print and return the CPU seconds of `work`."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    seconds = time.process_time() - cpu
    print(f"{name:<40} {seconds:7.2f} s CPU {time.perf_counter() - clock:7.2f} s clock", flush=True)
    return seconds


def tags(side: Side) -> list[str]:
    """Return a sentence's mentions as IOB2 tags."""
    found = ["O"] * TOKENS
    for first, end, type in side:
        found[first:end] = [f"B-{type}"] + [f"I-{type}"] * (end - first - 1)
    return found


def main() -> None:
    """Read the arguments, generate, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    sentences = list(generate(args.entities))
    paths = written(args.folder / "all", sentences)
    print(f"{len(sentences)} sentences, {sum(len(s[1]) for s in sentences)} gold entities")
    timed("bionerflow, all", lambda: evaluate(*paths))
    part = sentences[:PART]
    paths = written(args.folder / "part", part)
    ours = timed(f"bionerflow, {len(part)} sentences", lambda: evaluate(*paths))
    tagged = [[tags(s[side]) for s in part] for side in (1, 2)]
    listed = [
        [[{"label": t, "start": a, "end": b - 1} for a, b, t in s[side]] for s in part]
        for side in (1, 2)
    ]
    others = {
        "seqeval": lambda: classification_report(*tagged, mode="strict", scheme=IOB2),
        "nervaluate": lambda: Evaluator(*listed, tags=list(TYPES), loader="dict").evaluate(),
    }
    for name, work in others.items():
        print(f"  {timed(f'{name}, {len(part)} sentences', work) / ours:.1f} times ours")


if __name__ == "__main__":
    main()
