"""Judging candidates: beginnings read once, beside whole sentences in batches of eight.

    python benchmarks/selector.py --examples results/corpora/genia/train.parquet

Candidates: the mentions of the first sentences and a near miss of each, in a drawn order, as a
generator's right and wrong ones. The first way is the baseline: the adapter beside the weights, as
peft loads it; eight candidates as they come, each with its whole sentence. The second has the
adapter added to the weights and is else the same. An untrained `llm_cls` on random weights, or on
the model of --base. `tokens_read`: without padding; `largest_difference`: between its probabilities
and those of the first way.
"""

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from contest import contest, printed
from shapes import SHAPES, random_model, tokenizer_for

from bionerflow.config.stages import SelectorSettings
from bionerflow.data.schema import Turn, read_examples
from bionerflow.models.loading import save
from bionerflow.select.kinds import build
from bionerflow.select.samples import Candidate, mentions, near_misses
from bionerflow.select.sharing import beginnings

EIGHT = 8


def main() -> None:
    """Judge the same candidates in all ways in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="folder of a causal model")
    parser.add_argument("--shape", choices=SHAPES, default="1m")
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--in-eights", type=int, help="candidates of the first ways, if not all")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    candidates = drawn(args.examples, args.candidates)
    types = sorted({candidate.type for candidate in candidates})
    settings = SelectorSettings(base="base")
    with tempfile.TemporaryDirectory() as folder:
        base = args.base or _saved(args.shape, [c.marked() for c in candidates], Path(folder))
        peft, merged = (seeded(build(base, settings, types)) for _ in range(2))
        merged.merged()
    some, whole = candidates[: args.in_eights], peft.encode(candidates)
    ways = {
        "batches of eight": lambda: in_eights(peft, some),
        "batches of eight, merged": lambda: in_eights(merged, some),
        "bionerflow": lambda: merged.probabilities(candidates),
    }
    shape = args.base or args.shape
    amounts = {way: len(some) for way in ways} | {"bionerflow": len(candidates)}
    rows, found = contest("selector", ways, amounts, "candidates", args.repetitions, shape=shape)
    kept = beginnings(candidates, whole)
    shared = sum(sum(one.common.values()) - len(one.ids) for one in kept)
    for row in rows:
        one, other = (
            torch.tensor(found[way][: len(some)]) for way in (next(iter(ways)), row["way"])
        )
        tokens = sum(map(len, whole[: row["amount"]]))
        row["tokens_read"] = tokens - (shared if row["way"] == "bionerflow" else 0)
        row["largest_difference"] = f"{(one - other).abs().max().item():.1e}"
    printed(rows)


def drawn(examples: Path, count: int) -> list[Candidate]:
    """Return at least `count` candidates of whole sentences, or all."""
    rng = random.Random("benchmark")
    found: dict[Candidate, None] = {}
    for example in read_examples(examples):
        if len(found) >= count:
            break
        gold = mentions([example])
        types = {mention.type for mention in gold}
        for mention in gold:
            missed = [miss.candidate for miss in near_misses(mention, types)]
            found |= dict.fromkeys([mention, *rng.sample(missed, min(1, len(missed)))])
    return rng.sample(list(found), len(found))


def seeded(selector: Any) -> Any:
    """Give a selector the weights of a trained one's size: an untrained adapter adds nothing."""
    random_numbers = torch.Generator().manual_seed(0)
    for weights in selector.trained().values():
        weights.data.copy_(torch.randn(weights.shape, generator=random_numbers) * 0.05)
    return selector.eval()


@torch.inference_mode()
def in_eights(selector: Any, candidates: Sequence[Candidate]) -> list[float]:
    """Return probabilities as a plain loop gives them."""
    eights = [candidates[at : at + EIGHT] for at in range(0, len(candidates), EIGHT)]
    logits = torch.cat([selector.score(selector.encode(eight)) for eight in eights])
    return torch.sigmoid(logits).tolist()


def _saved(shape: str, texts: list[str], folder: Path) -> Path:
    tokenizer = tokenizer_for([[Turn("user", text)] for text in texts])
    save(random_model(shape, tokenizer), tokenizer, folder)
    return folder


if __name__ == "__main__":
    main()
