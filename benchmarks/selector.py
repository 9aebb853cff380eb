"""Judging candidates: batches of like lengths beside batches of eight as they come.

    python benchmarks/selector.py --examples results/corpora/genia/train.parquet

An untrained selector on random weights, or on the model of --base. `largest_difference`: between
the probabilities of the two ways.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from contest import contest, printed
from shapes import SHAPES, random_model, tokenizer_for

from bionerflow.models import save
from bionerflow.schema import Turn, read_examples
from bionerflow.select.kinds import build
from bionerflow.select.samples import draw, mentions
from bionerflow.settings import SelectorSettings

EIGHT = 8


def main() -> None:
    """Judge the same candidates both ways in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="folder of a causal model")
    parser.add_argument("--shape", choices=SHAPES, default="mini")
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    samples = draw(mentions(read_examples(args.examples)), args.candidates, "benchmark")
    candidates = [sample.candidate for sample in samples]
    types = sorted({candidate.type for candidate in candidates})
    with tempfile.TemporaryDirectory() as folder:
        base = args.base or _saved(args.shape, [c.marked for c in candidates], Path(folder))
        selector = build(base, SelectorSettings(base="base"), types)
    eights = [candidates[at : at + EIGHT] for at in range(0, len(candidates), EIGHT)]
    ways = {
        "batches of eight": lambda: [p for eight in eights for p in selector.probabilities(eight)],
        "bionerflow": lambda: selector.probabilities(candidates),
    }
    shape = args.base or args.shape
    rows, found = contest(
        "selector", ways, len(candidates), "candidates", args.repetitions, shape=shape
    )
    one, other = (torch.tensor(list(found[way])) for way in ways)
    for row in rows:
        row["tokens"] = sum(map(len, selector.encode(candidates)))
        row["largest_difference"] = f"{(one - other).abs().max().item():.1e}"
    printed(rows)


def _saved(shape: str, texts: list[str], folder: Path) -> Path:
    tokenizer = tokenizer_for([[Turn("user", text)] for text in texts])
    save(random_model(shape, tokenizer), tokenizer, folder)
    return folder


if __name__ == "__main__":
    main()
