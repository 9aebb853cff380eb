"""IFD scoring beside a literal transcription of Superfiltering, on the same conversations, in turn.

    python benchmarks/ifd.py --conversations results/render/ncbi_disease/train.json_entity.parquet

Random weights, or a trained --model. Each row says how far the scores are apart, how well bfloat16
ranks as float32 does, and the share of the machine's own rate of matrix products: the work that
counts is what the reference runs through the layers; what is shared or left out is not counted.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import torch
from contest import contest, matrix_rate, printed
from shapes import SHAPES, body, random_model, tokenizer_for

from bionerflow.data.schema import CONVERSATIONS, Turn, read_rows
from bionerflow.ifd.scores import Score, Scorer
from bionerflow.models.loading import load_causal, load_tokenizer
from bionerflow.utils.progress import Progress

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from superfiltering import transcription

Conversation = list[Turn]


def main() -> None:
    """Score the same positives both ways in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a causal model")
    parser.add_argument("--shape", choices=SHAPES, default="30m")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--one-by-one", type=int, help="samples of the first way, if not all")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    rows = [row for row in read_rows(args.conversations, CONVERSATIONS) if row["entities"]]
    conversations = [[Turn(**turn) for turn in row["turns"]] for row in rows[: args.samples]]
    tokenizer = load_tokenizer(args.model) if args.model else tokenizer_for(conversations)
    model = load_causal(args.model) if args.model else random_model(args.shape, tokenizer).eval()
    transcription(tokenizer, model, conversations[0])
    some = conversations[: args.one_by_one]
    work = {"Superfiltering, one by one": some, "bionerflow": conversations}
    ways = {
        "Superfiltering, one by one": lambda: [
            transcription(tokenizer, model, turns) for turns in some
        ],
        "bionerflow": lambda: _scores(model, tokenizer, conversations),
    }
    shape, amounts = args.model or args.shape, {way: len(done) for way, done in work.items()}
    rows, found = contest("ifd", ways, amounts, "samples", args.repetitions, shape=shape)
    losses, scores = found.values()
    expected = [math.exp(one[0] - one[1]) if one else None for one in losses]
    facts = _agreement(expected, [score.ifd for score in scores[: len(some)]])
    facts["bfloat16_rank_correlation"] = _bfloat16(model, tokenizer, conversations)
    peak = matrix_rate(model.dtype, model.device)
    for row in rows:
        tokens = _tokens(tokenizer, work[row["way"]])
        operations = 2 * body(model) * tokens
        row["share_of_matrix_rate"] = f"{operations / float(row['wall_s']) / peak:.2f}"
        row.update(tokens=tokens, **facts)
    printed(rows)


def _tokens(tokenizer: Any, conversations: list[Conversation]) -> int:
    texts = ["\n".join(turn.content for turn in turns) for turns in conversations]
    return sum(map(len, tokenizer(texts)["input_ids"]))


def _scores(model: Any, tokenizer: Any, conversations: list[Conversation]) -> list[Score]:
    progress = Progress("ifd", 10**9, "conversations")
    return Scorer(model, tokenizer, "superfiltering", progress).score(conversations)


def _agreement(expected: list[float | None], found: list[float | None]) -> dict[str, Any]:
    errors = [abs(b / a - 1) for a, b in zip(expected, found, strict=True) if a and b]
    same = [(a is None) == (b is None) for a, b in zip(expected, found, strict=True)]
    return {"largest_relative_error": max(errors), "same_set_scored": all(same)}


def _bfloat16(model: Any, tokenizer: Any, conversations: list[Conversation]) -> float:
    """Return Spearman's correlation of the scores in bfloat16 with those in float32.

    On a CPU of few conversations: most have no arithmetic for bfloat16 and are very slow with it.
    """
    if model.device.type == "cpu":
        conversations = conversations[:30]
    orders = []
    for dtype in (torch.float32, torch.bfloat16):
        scores = _scores(model.to(dtype), tokenizer, conversations)
        ifd = torch.tensor([score.ifd if score.ifd else math.nan for score in scores])
        orders.append(ifd[~ifd.isnan()].argsort().argsort().double())
    return torch.corrcoef(torch.stack(orders))[0, 1].item()


if __name__ == "__main__":
    main()
