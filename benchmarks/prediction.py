"""Prediction beside transformers' own generation, on the same queries, in turn.

    python benchmarks/prediction.py --queries results/render/ncbi_disease/test.multi_term.parquet

Random weights, and a tokenizer trained on the queries; or a trained --model, which CTranslate2
answers with too, in float32 and in int8. `same` counts the answers that equal the first way's: all
of its in float32.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from contest import contest, printed
from shapes import SHAPES, random_model, tokenizer_for
from transformers import ContinuousBatchingConfig, GenerationConfig

from bionerflow.data.schema import CONVERSATIONS, Turn, read_rows
from bionerflow.formats.queries import asked
from bionerflow.inference.engines.base import Conversation
from bionerflow.inference.engines.ctranslate2 import CTranslate2Engine, convert
from bionerflow.inference.generate import generate
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_causal, load_tokenizer

PADDED = 8
Conversations = Sequence[Sequence[Turn]]


def main() -> None:
    """Answer the same queries with each engine in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a causal model")
    parser.add_argument("--shape", choices=SHAPES, default="6m")
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--generated", type=int, help="samples of transformers' ways, if not all")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    rows = asked(read_rows(args.queries, CONVERSATIONS))
    conversations = [query.turns for query, _ in zip(rows, range(args.samples), strict=False)]
    model, tokenizer = _model(args.model, args.shape, conversations)
    engines = _engines(model, tokenizer, conversations, args)
    *theirs, ours = engines
    some = conversations[: args.generated]
    with tempfile.TemporaryDirectory() as folder:
        converted = _converted(args.model, Path(folder), conversations, args) if args.model else {}
        engines |= converted
        rows, answers = contest(
            "prediction",
            engines,
            dict.fromkeys(theirs, len(some))
            | dict.fromkeys([ours, *converted], len(conversations)),
            "sentences",
            args.repetitions,
            shape=args.model.name if args.model else args.shape,
            queries=args.queries.stem,
            max_new_tokens=args.max_new_tokens,
        )
    expected = answers[next(iter(engines))]
    for row in rows:
        row["same"] = sum(map(str.__eq__, answers[row["way"]], expected))  # of the first way's
    printed(rows)


def _model(folder: Path | None, shape: str, conversations: Conversations) -> tuple[Any, Any]:
    if folder:
        return load_causal(folder), load_tokenizer(folder)
    tokenizer = tokenizer_for(conversations)
    model = random_model(shape, tokenizer).eval()
    embeddings, end = model.get_output_embeddings().weight, Chat(tokenizer).end
    with torch.no_grad():  # so that answers end, and not all at the same length
        embeddings.mul_(4)
        embeddings[end].mul_(1.3)
        embeddings[len(tokenizer) :].zero_()
    return model, tokenizer


def _engines(
    model: Any, tokenizer: Any, conversations: Conversations, args: argparse.Namespace
) -> dict[str, Callable[[], list[str]]]:
    """Return each engine as a function that answers conversations' first turns; ours is the last.

    Transformers' engines answer the first of them alone, as many as the arguments say.
    """
    limit, size = args.max_new_tokens, args.batch_size
    some = conversations[: args.generated]
    ids = [parts[0] for parts in Chat(tokenizer).encode_asked(some)]
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


def _converted(
    model: Path, folder: Path, conversations: Conversations, args: argparse.Namespace
) -> dict[str, Callable[[], list[str]]]:
    """Return CTranslate2's ways, by the first turn of each conversation as the others."""
    asked = [Conversation(one[: _first_answer(one) + 1]) for one in conversations]

    def way(kind: str) -> Callable[[], list[str]]:
        convert(model, folder / kind, kind)
        engine = CTranslate2Engine(folder / kind, kind, torch.get_num_threads())
        limit, size = args.max_new_tokens, args.batch_size
        return lambda: [turns[0].text for turns in engine.answer(asked, limit, size)]

    return {f"bionerflow, CTranslate2 {kind}": way(kind) for kind in ("float32", "int8")}


def _first_answer(conversation: Sequence[Turn]) -> int:
    return next(n for n, turn in enumerate(conversation) if turn.role == "assistant")


def _cut(row: list[int], end: int) -> list[int]:
    return row[: row.index(end)] if end in row else row


if __name__ == "__main__":
    main()
