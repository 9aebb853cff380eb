"""IFD scoring beside a literal transcription of Superfiltering, on the same conversations.

    python benchmarks/ifd.py --conversations results/render/ncbi_disease/train.json_entity.parquet

Without --model: a random model of 30M parameters, GPT-2's vocabulary and a tokenizer trained
on the texts. Prints one JSON object: both times, rates, the share of the machine's own rate of
matrix products, how far the scores are apart, and bfloat16 against float32.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bionerflow.ifd import Score, Scorer
from bionerflow.models import device, load_causal, load_tokenizer, precision
from bionerflow.progress import Progress
from bionerflow.schema import CONVERSATIONS, Turn, read_rows

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from superfiltering import transcription

VOCABULARY = 50_304  # GPT-2's, Superfiltering's own scorer, rounded up as public small models do
PARTS = 2
Conversation = list[Turn]


def main() -> None:
    """Score the same positives both ways in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a causal model")
    parser.add_argument("--samples", type=int, default=400)
    args = parser.parse_args()
    rows = [row for row in read_rows(args.conversations, CONVERSATIONS) if row["entities"]]
    conversations = [[Turn(**turn) for turn in row["turns"]] for row in rows[: args.samples]]
    model, tokenizer = _model(args.model, conversations)
    transcription(tokenizer, model, conversations[0])
    literal, seconds, scores, ours = _in_turn(model, tokenizer, conversations)
    expected = [math.exp(losses[0] - losses[1]) if losses else None for losses in literal]
    print(
        json.dumps(
            {
                "samples": len(conversations),
                "parameters": sum(p.numel() for p in model.parameters()),
                "device": str(model.device),
                "dtype": str(model.dtype),
                "threads": torch.get_num_threads(),
                "transcription_s": seconds,
                "ours_s": ours,
                "speedup": seconds / ours,
                "samples_per_s": len(conversations) / ours,
                **_rates(model, tokenizer, conversations, ours),
                **_agreement(expected, [score.ifd for score in scores]),
                "bfloat16_rank_correlation": _bfloat16(model, tokenizer, conversations),
            },
            indent=2,
        )
    )


def _model(folder: Path | None, conversations: list[Conversation]) -> tuple[Any, Any]:
    if folder:
        return load_causal(folder), load_tokenizer(folder)
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    pieces = ByteLevelBPETokenizer()
    pieces.train_from_iterator((turn.content for c in conversations for turn in c), 8192)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=384,
        intermediate_size=1152,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=6,
        head_dim=64,
        initializer_range=0.1,
        tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(config).eval().to(device(), precision())
    return model, PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer)


def _in_turn(
    model: Any, tokenizer: Any, conversations: list[Conversation]
) -> tuple[list[Any], float, list[Score], float]:
    """Score both ways, part by part, so that whatever else the machine does slows both."""
    scorer, size = _scorer(model, tokenizer), -(-len(conversations) // PARTS)
    literal, scores, seconds, ours = list[Any](), list[Score](), 0.0, 0.0
    for part in (conversations[at : at + size] for at in range(0, len(conversations), size)):
        losses, spent = _timed(model, _transcribe, model, tokenizer, part)
        found, own = _timed(model, scorer.score, part)
        literal, scores = literal + losses, scores + found
        seconds, ours = seconds + spent, ours + own
    return literal, seconds, scores, ours


def _scorer(model: Any, tokenizer: Any) -> Scorer:
    return Scorer(
        model, tokenizer, "superfiltering", Progress("ifd", 10**9, "conversations", math.inf)
    )


def _transcribe(model: Any, tokenizer: Any, conversations: list[Conversation]) -> list[Any]:
    return [transcription(tokenizer, model, turns) for turns in conversations]


def _timed(model: Any, work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    gpu = model.device.type == "cuda"
    wait = torch.cuda.synchronize if gpu else lambda: None
    clock = time.perf_counter if gpu else time.process_time
    wait()
    begun = clock()
    result = work(*arguments)
    wait()
    return result, clock() - begun


def _rates(
    model: Any, tokenizer: Any, conversations: list[Conversation], seconds: float
) -> dict[str, float]:
    """Return tokens a second, and the share of the rate that a large matrix product reaches.

    The work that counts is 2 operations a parameter and token of the passages as the reference runs
    them; what prefix sharing and distinct answers save is not counted as done.
    """
    texts = ["\n".join(turn.content for turn in turns) for turns in conversations]
    tokens = sum(map(len, tokenizer(texts)["input_ids"]))
    size = 8192 if model.device.type == "cuda" else 1024
    matrix = torch.ones(size, size, dtype=model.dtype, device=model.device)
    matrix @ matrix
    product = _timed(model, lambda: [matrix @ matrix for _ in range(10)])[1] / 10
    body = sum(p.numel() for p in model.get_decoder().layers.parameters())
    return {
        "tokens_per_s": tokens / seconds,
        "share_of_matrix_rate": (2 * body * tokens / seconds) / (2 * size**3 / product),
    }


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
        scores = _scorer(model.to(dtype), tokenizer).score(conversations)
        ifd = torch.tensor([score.ifd if score.ifd else math.nan for score in scores])
        orders.append(ifd[~ifd.isnan()].argsort().argsort().double())
    return torch.corrcoef(torch.stack(orders))[0, 1].item()


if __name__ == "__main__":
    main()
