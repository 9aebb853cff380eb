"""Training beside trl's SFTTrainer, on the same conversations, in turn.

    python benchmarks/training.py --conversations results/render/genia/train.conv_term.parquet

Random weights, or a pretrained --model. The baseline is SFTTrainer with its defaults (padded
batches of eight with gradient checkpointing, accumulated where the effective batch is larger). The
second way is its best: packed by best fit into rows of at most --packed-length tokens, without
checkpointing. Ours is the trainer that runs are trained by, padded and packed. All of them compute
in the precision that this project chooses on the machine. `amount` is the tokens of the
conversations, without padding, each shared prefix counted as often as it stands in one. No way
saves what it reached.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from contest import contest, matrix_rate, printed
from shapes import SHAPES, body, random_model, tokenizer_for

from bionerflow.config.stages import TrainSettings
from bionerflow.config.trainer import LoraSettings
from bionerflow.data.schema import CONVERSATIONS, Turn, read_rows
from bionerflow.formats.queries import asked
from bionerflow.models.adapters import lora_config
from bionerflow.models.chat import Chat
from bionerflow.models.loading import load_base, load_tokenizer
from bionerflow.train.arguments import in_bfloat16
from bionerflow.train.finetune import fit
from bionerflow.train.trainer import ValidatingTrainer, Watch

EIGHT = 8
RATE = 1e-5
Conversations = Sequence[Sequence[Turn]]


def main() -> None:
    """Train on the same conversations each way in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a causal model")
    parser.add_argument("--shape", choices=SHAPES, default="6m")
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--samples", type=int, default=160)
    parser.add_argument("--batch-size", type=int, default=EIGHT, help="the effective one")
    parser.add_argument("--tokens-per-pass", type=int, help="if not the machine's default")
    parser.add_argument("--packed-length", type=int, default=1024, help="tokens of a row of trl's")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    rows = asked(read_rows(args.conversations, CONVERSATIONS))
    conversations = [query.turns for query, _ in zip(rows, range(args.samples), strict=False)]
    tokenizer = load_tokenizer(args.model) if args.model else tokenizer_for(conversations)
    tokens = sum(len(one.ids) for one in Chat(tokenizer).encode(conversations))
    full = args.method == "full"
    model = _model(args, tokenizer, torch.float32 if full else None)
    work = 6 if full else 4  # operations a token and weight: a frozen weight has no gradient
    operations, adapter = (
        work * body(model) * tokens,
        None if full else lora_config(LoraSettings(r=16), task_type="CAUSAL_LM"),
    )
    common = model, tokenizer, conversations, adapter, args
    ways = {
        "trl SFTTrainer, its defaults": _trl(*common, packing=False),
        "trl, packed, no checkpointing": _trl(*common, packing=True),
        "bionerflow, padded": _ours(*common, packing=False),
        "bionerflow, packed": _ours(*common, packing=True),
    }
    facts = {
        "shape": args.model.name if args.model else args.shape,
        "method": args.method,
        "conversations": args.conversations.stem,
        "effective_batch_size": args.batch_size,
        "bf16": in_bfloat16(TrainSettings()),
    }
    rows, _ = contest("training", ways, tokens, "tokens", args.repetitions, **facts)
    peak = matrix_rate(torch.bfloat16 if facts["bf16"] else model.dtype, model.device)
    for row in rows:
        row["share_of_matrix_rate"] = f"{operations / float(row['wall_s']) / peak:.2f}"
    printed(rows)


def _model(args: argparse.Namespace, tokenizer: Any, dtype: torch.dtype | None) -> Any:
    if args.model:
        return load_base(args.model, dtype)
    return random_model(args.shape, tokenizer, dtype)


def _trl(
    model: Any,
    tokenizer: Any,
    conversations: Conversations,
    adapter: Any,
    args: argparse.Namespace,
    packing: bool,
) -> Callable[[], Any]:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    ids = [one.ids for one in Chat(tokenizer).encode(conversations)]
    data = Dataset.from_dict({"input_ids": ids})
    rows = 1 if packing else EIGHT  # of a pass
    filled = args.packed_length / statistics.mean(map(len, ids)) if packing else EIGHT

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder, _adapted(model, adapter) as trained:
            config = SFTConfig(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=rows,
                gradient_accumulation_steps=max(1, round(args.batch_size / filled)),
                learning_rate=RATE,
                packing=packing,
                max_length=args.packed_length,
                gradient_checkpointing=not packing,
                bf16=in_bfloat16(TrainSettings()),
                use_cpu=not torch.cuda.is_available(),
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            )
            SFTTrainer(trained, config, train_dataset=data, processing_class=tokenizer).train()

    return work


def _ours(
    model: Any,
    tokenizer: Any,
    conversations: Conversations,
    adapter: Any,
    args: argparse.Namespace,
    packing: bool,
) -> Callable[[], Any]:
    settings = TrainSettings(
        num_train_epochs=1,
        learning_rate=RATE,
        effective_batch_size=args.batch_size,
        tokens_per_pass=args.tokens_per_pass,
        packing=packing,
        validations_per_epoch=0,
    )

    def work() -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            _adapted(model, adapter) as trained,
            patch.object(ValidatingTrainer, "_save_checkpoint"),
            patch.object(Watch, "on_save"),
        ):
            fit(trained, tokenizer, conversations, settings, Path(folder), 1)

    return work


@contextmanager
def _adapted(model: Any, adapter: Any) -> Iterator[Any]:
    """Give the model, with a new adapter if there is to be one, and take the adapter off again."""
    if adapter is None:
        yield model.train()
        return
    from peft import get_peft_model

    with_adapter = get_peft_model(model, adapter)
    yield with_adapter.train()
    with_adapter.unload()


if __name__ == "__main__":
    main()
