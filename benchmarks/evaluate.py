"""Scoring generated predictions, beside seqeval and nervaluate on the same, in turn.

    python benchmarks/evaluate.py --entities 1000000

All ways give precision, recall and F1 of the same flat mentions. The others take lists that are
made beforehand, and give no interval: seqeval as it is for IOB2 (strict), seqeval in the mode that
it has for any tags, and nervaluate, which has one call for all that it counts. Ours reads Parquet
files and gives intervals of 1,000 resamples: the strict score alone, which is what the others are
to be compared with, and everything that a result file holds (seven other conventions, errors,
kinds, calibration).
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contest import Way, contest, printed
from nervaluate import Evaluator
from seqeval.metrics import sequence_labeling, v1
from seqeval.scheme import IOB2

from bionerflow.data.schema import (  # fmt: skip
    CONVERSATIONS,
    PREDICTIONS,
    Entity,
    Example,
    entity_row,
    write_examples,
    write_rows,
)
from bionerflow.evaluate import evaluate
from bionerflow.evaluate.keys import STRICT, hits
from bionerflow.evaluate.mentions import read_sample
from bionerflow.evaluate.scores import document_counts, with_interval

TOKENS, TYPES = 24, ("gene", "disease", "chemical", "species")
DOCUMENT = 8  # sentences
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


def tags(side: Side) -> list[str]:
    """Return a sentence's mentions as IOB2 tags."""
    found = ["O"] * TOKENS
    for first, end, type in side:
        found[first:end] = [f"B-{type}"] + [f"I-{type}"] * (end - first - 1)
    return found


def strict(predictions: Path, gold: Path) -> Any:
    """Return the strict score with its interval alone."""
    sample = read_sample(predictions, gold)
    expected = sample.gold.frame
    expected["correct"] = hits(expected, sample.predicted.frame, STRICT)
    return with_interval(document_counts(sample))


def ways(paths: list[Path], sentences: list[tuple[str, Side, Side]]) -> dict[str, Way]:
    """Return the ways; the lists that the other scorers take are made beforehand."""
    tagged = [[tags(s[side]) for s in sentences] for side in (1, 2)]
    listed = [
        [[{"label": t, "start": a, "end": b - 1} for a, b, t in s[side]] for s in sentences]
        for side in (1, 2)
    ]
    return {
        "seqeval, strict": lambda: v1.precision_recall_fscore_support(
            *tagged, average="micro", scheme=IOB2
        ),
        "seqeval, any tags": lambda: sequence_labeling.precision_recall_fscore_support(
            *tagged, average="micro"
        ),
        "nervaluate": lambda: Evaluator(*listed, tags=list(TYPES), loader="dict").evaluate(),
        "bionerflow, strict with interval": lambda: strict(*paths[:2]),
        "bionerflow, everything": lambda: evaluate(*paths),
    }


def main() -> None:
    """Read the arguments, generate, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without the other scorers")
    args = parser.parse_args()
    sentences = list(generate(args.entities))
    with tempfile.TemporaryDirectory() as folder:
        compared = ways(written(Path(folder), sentences), sentences)
        if args.alone:
            compared = {way: work for way, work in compared.items() if "bionerflow" in way}
        rows, _ = contest("scoring", compared, args.entities, "entities", args.repetitions)
    printed(rows)


if __name__ == "__main__":
    main()
