r"""Candidates a second that a selector judges, in its own batches and in batches of eight.

    python -P benchmarks/selector.py --base results/models/small/nano \
        --examples results/corpora/genia/train.parquet

Untrained LLM-CLS on the base model; mentions and near misses of real sentences. Prints one JSON
object; on a CPU the seconds are the process's own, which other processes do not lengthen much.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bionerflow.schema import read_examples
from bionerflow.select.kinds import build
from bionerflow.select.samples import draw, mentions
from bionerflow.settings import SelectorSettings

EIGHT = 8


def main() -> None:
    """Judge the same candidates both ways and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of a causal model")
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--candidates", type=int, default=2000)
    args = parser.parse_args()
    samples = draw(mentions(read_examples(args.examples)), args.candidates, "benchmark")
    candidates = [sample.candidate for sample in samples]
    selector = build(args.base, SelectorSettings(base="b"), sorted({c.type for c in candidates}))
    selector.probabilities(candidates[:EIGHT])
    eights = [candidates[at : at + EIGHT] for at in range(0, len(candidates), EIGHT)]
    own, seconds = _timed(lambda: selector.probabilities(candidates))
    other, slow = _timed(lambda: [p for eight in eights for p in selector.probabilities(eight)])
    print(
        json.dumps(
            {
                "candidates": len(candidates),
                "tokens": sum(map(len, selector.encode(candidates))),
                "device": str(selector.encoder.device),
                "threads": torch.get_num_threads(),
                "candidates_per_s": len(candidates) / seconds,
                "candidates_per_s_in_eights": len(candidates) / slow,
                "speedup": slow / seconds,
                "largest_difference": max(abs(a - b) for a, b in zip(own, other, strict=True)),
            },
            indent=2,
        )
    )


def _timed(work: Callable[[], list[float]]) -> tuple[list[float], float]:
    """Return what `work` returns, and its seconds; what it returns has left the device."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    begun = clock()
    return work(), clock() - begun


if __name__ == "__main__":
    main()
