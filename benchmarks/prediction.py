"""Prediction beside transformers' own generation, on the same queries, in turn.

    python benchmarks/prediction.py --queries results/render/ncbi_disease/test.multi_term.parquet

Without --model: random weights of the shape of `mini`, and a tokenizer trained on the queries.
Prints CSV, a row an engine: the median of the repetitions and their range. `speedup` is of the
wall clock, `cpu_speedup` of processor time, which other work on the machine hardly disturbs. `same`
counts the answers that equal the first engine's: all of them in float32.
"""

import argparse
import csv
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import ContinuousBatchingConfig, GenerationConfig

from bionerflow.chat import Chat
from bionerflow.generate import generate
from bionerflow.models import device, load_causal, load_tokenizer, precision
from bionerflow.pretrain import build
from bionerflow.queries import asked
from bionerflow.records import environment
from bionerflow.schema import CONVERSATIONS, Turn, read_rows
from bionerflow.settings import Architecture
from bionerflow.tokenizer import add_phrases, train_tokenizer

MODELS = Path(__file__).parent.parent / "config" / "models.yaml"
PADDED = 8
Conversations = Sequence[Sequence[Turn]]


def main() -> None:
    """Answer the same queries with each engine in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a causal model")
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    conversations = [query.turns for query in asked(read_rows(args.queries, CONVERSATIONS))]
    conversations = conversations[: args.samples]
    model, tokenizer = _model(args.model, conversations)
    engines = _engines(model, tokenizer, conversations, args.max_new_tokens, args.batch_size)
    answers: dict[str, list[str]] = {}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for _ in range(args.repetitions):
        for name, work in engines.items():
            answers[name], *spent = _timed(model, work)
            seconds[name].append((spent[0], spent[1]))
    rows = _rows(seconds, answers, _facts(model, tokenizer, conversations, args))
    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _model(folder: Path | None, conversations: Conversations) -> tuple[Any, Any]:
    if folder:
        return load_causal(folder), load_tokenizer(folder)
    tokenizer = train_tokenizer((turn.content for c in conversations for turn in c), 1500)
    add_phrases(tokenizer, conversations)
    torch.manual_seed(0)
    shape = yaml.safe_load(MODELS.read_text("utf-8"))["models"]["mini"]["architecture"]
    model = build(Architecture(**shape), tokenizer).eval()
    model.generation_config.eos_token_id = Chat(tokenizer).end
    with torch.no_grad():  # so that answers end, and not all at the same length
        model.model.embed_tokens.weight.mul_(4)
        model.model.embed_tokens.weight[Chat(tokenizer).end].mul_(1.3)
    return model.to(device(), precision()), tokenizer


def _engines(
    model: Any, tokenizer: Any, conversations: Conversations, limit: int, size: int
) -> dict[str, Callable[[], list[str]]]:
    """Return each engine as a function that answers all conversations' first turns."""
    ids = [parts[0] for parts in Chat(tokenizer).encode_asked(conversations)]
    first = [conversation[: _first_answer(conversation) + 1] for conversation in conversations]
    pad = tokenizer.pad_token_id
    config = GenerationConfig(
        max_new_tokens=limit, do_sample=False, eos_token_id=Chat(tokenizer).end, pad_token_id=pad
    )
    paged = ContinuousBatchingConfig(num_blocks=256, max_batch_tokens=1024)

    def padded() -> list[str]:
        texts: list[str] = []
        for at in range(0, len(ids), PADDED):
            rows = ids[at : at + PADDED]
            width = max(map(len, rows))
            prompt = [[pad] * (width - len(row)) + row for row in rows]
            mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
            written = model.generate(
                input_ids=torch.tensor(prompt, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                generation_config=config,
            )[:, width:].tolist()
            texts += tokenizer.batch_decode([_cut(row, config.eos_token_id) for row in written])
        return texts

    def continuous() -> list[str]:
        found = model.generate_batch(
            ids, generation_config=config, continuous_batching_config=paged, progress_bar=False
        )
        written = [_cut(one.generated_tokens, config.eos_token_id) for one in found.values()]
        return tokenizer.batch_decode(written)

    def ours() -> list[str]:
        return [one[0].text for one in generate(model, tokenizer, first, limit, size)]

    return {
        f"transformers generate, batch of {PADDED}, padded": padded,
        "transformers generate_batch": continuous,
        f"bionerflow, {size} slots": ours,
    }


def _first_answer(conversation: Sequence[Turn]) -> int:
    return next(n for n, turn in enumerate(conversation) if turn.role == "assistant")


def _cut(row: list[int], end: int) -> list[int]:
    return row[: row.index(end)] if end in row else row


def _timed(model: Any, work: Callable[[], Any]) -> tuple[Any, float, float]:
    wait = torch.cuda.synchronize if model.device.type == "cuda" else lambda: None
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wait()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _facts(
    model: Any, tokenizer: Any, conversations: Conversations, args: argparse.Namespace
) -> dict[str, Any]:
    """Return what all rows share: the work, the machine, versions and commit."""
    ids = [parts[0] for parts in Chat(tokenizer).encode_asked(conversations)]
    known = environment()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=MODELS.parent,
    )
    return {
        "sentences": len(ids),
        "prompt_tokens": sum(map(len, ids)),
        "max_new_tokens": args.max_new_tokens,
        "repetitions": args.repetitions,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "dtype": str(model.dtype),
        "machine": known["gpu"] or platform.processor() or known["machine"],
        "threads": known["threads"],
        "torch": known["versions"]["torch"],
        "transformers": known["versions"]["transformers"],
        "commit": commit.stdout.strip(),
    }


def _rows(
    seconds: dict[str, list[tuple[float, float]]],
    answers: dict[str, list[str]],
    facts: dict[str, Any],
) -> list[dict[str, Any]]:
    baseline = next(iter(seconds))
    medians = {
        name: [statistics.median(column) for column in zip(*spent, strict=True)]
        for name, spent in seconds.items()
    }
    return [
        {
            "engine": name,
            "wall_s": f"{medians[name][0]:.2f}",
            "wall_range_s": f"{min(spent)[0]:.2f}-{max(spent)[0]:.2f}",
            "cpu_s": f"{medians[name][1]:.2f}",
            "sentences_per_s": f"{facts['sentences'] / medians[name][0]:.1f}",
            "speedup": f"{medians[baseline][0] / medians[name][0]:.2f}",
            "cpu_speedup": f"{medians[baseline][1] / medians[name][1]:.2f}",
            "same": sum(map(str.__eq__, answers[name], answers[baseline])),
            **facts,
        }
        for name, spent in seconds.items()
    ]


if __name__ == "__main__":
    main()
