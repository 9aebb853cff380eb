"""Fine-tuning: full, LoRA or QLoRA, by transformers' Trainer; ours is what is about NER.

Loss is on the answers alone, each with its end mark, in every assistant turn (mfner, equation 5).
Validation is by generation: strict micro F1 on the dev sample (mfner, section 4.4).
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import LengthGroupedSampler

from bionerflow.chat import Chat, Encoded
from bionerflow.draws import rank
from bionerflow.errors import UserError
from bionerflow.models import load_base
from bionerflow.predict import Asked, dev_f1
from bionerflow.progress import Progress
from bionerflow.schema import Turn
from bionerflow.settings import LoraSettings, PredictSettings, TrainSettings

IGNORED = -100


class Conversations(torch.utils.data.Dataset):
    """Tokenised conversations; those longer than `max_length` are left out and counted."""

    def __init__(self, encoded: Sequence[Encoded], max_length: int) -> None:
        """Keep what fits: nothing is cut, an end mark is never lost."""
        self.kept = [one for one in encoded if len(one.ids) <= max_length]
        self.too_long = len(encoded) - len(self.kept)
        if not self.kept:
            raise UserError(
                f"None of {len(encoded)} training conversations has at most {max_length} tokens: "
                "raise train.max_length."
            )

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, n: int) -> dict[str, Any]:
        one = self.kept[n]
        return {"input_ids": one.ids, "answers": one.answers}

    @property
    def longest(self) -> int:
        """Tokens of the longest conversation."""
        return max(len(one.ids) for one in self.kept)


def collate(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Pad on the left, so that the answers stand at the end and only these get logits.

    `labels` covers the last `logits_to_keep` positions; the first of them is never a label, since
    it has nothing before it that would be kept.
    """
    width = max(len(row["input_ids"]) for row in rows)
    kept = 1 + max(len(row["input_ids"]) - row["answers"][0][0] for row in rows)
    kept = min(kept, width)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for n, row in enumerate(rows):
        shift = width - len(row["input_ids"])
        ids[n, shift:] = torch.tensor(row["input_ids"])
        mask[n, shift:] = 1
        for start, end in row["answers"]:
            labels[n, shift + start : shift + end] = ids[n, shift + start : shift + end]
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": (mask.cumsum(1) - 1).clamp(min=0),
        "labels": labels[:, -kept:],
        "logits_to_keep": kept,
    }


class _ByLength(LengthGroupedSampler):
    """Batches of like lengths; seed and epoch alone decide their order, also of a resumed run."""

    def __init__(self, trainer: Trainer, batch_size: int) -> None:
        super().__init__(batch_size, dataset=trainer.train_dataset, model_input_name="input_ids")
        self.trainer = trainer

    def __iter__(self) -> Iterator[int]:
        epoch = int(self.trainer.state.epoch or 0)
        self.generator = torch.Generator().manual_seed(
            rank(f"epoch {epoch}", self.trainer.args.seed)
        )
        return super().__iter__()


class GeneratingTrainer(Trainer):
    """A Trainer whose evaluation asks the model for answers and scores the entities in them."""

    dev: Sequence[Asked]
    predict_settings: PredictSettings

    def _get_train_sampler(self, train_dataset: Any = None) -> _ByLength:
        return _ByLength(self, self.args.train_batch_size * self.args.gradient_accumulation_steps)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Return strict micro F1 on the dev conversations."""
        model: Any = self.model
        f1 = dev_f1(model.eval(), self.processing_class, self.dev, self.predict_settings)
        model.train()
        metrics = {"eval_f1": f1}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


class _Report(TrainerCallback):
    """Prints progress and stops at a loss that is not a number."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.progress = Progress("train", state.max_steps, "steps")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and loss != loss:  # noqa: PLR0124 (only NaN differs from itself)
            raise UserError(
                f"The loss is not a number at step {state.global_step}: lower train.learning_rate."
            )
        note = ", ".join(f"{k} {v:.4g}" for k, v in (logs or {}).items() if k in NOTED)
        self.progress.to(state.global_step, note)


NOTED = ("loss", "eval_f1")


def train(
    base: str | Path,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    dev: Sequence[Asked] = (),
    predict_settings: PredictSettings | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Fine-tune the base model in `base`; see `fit`."""
    torch.manual_seed(seed)
    model = adapted(base, settings)
    return fit(model, tokenizer, conversations, settings, checkpoints, seed, dev, predict_settings)


def fit(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    dev: Sequence[Asked] = (),
    predict_settings: PredictSettings | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Train a model on conversations; return it and what is to be recorded of it.

    With dev conversations, the weights of the best validation are returned. A run that was killed
    goes on from the last checkpoint in `checkpoints`.
    """
    data = Conversations(Chat(tokenizer).encode(conversations), settings.max_length)
    trainer = GeneratingTrainer(
        model=model,
        args=_arguments(settings, data, checkpoints, seed, bool(dev)),
        train_dataset=data,
        eval_dataset=data,
        data_collator=collate,
        processing_class=tokenizer,
        callbacks=[_Report()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.dev, trainer.predict_settings = dev, predict_settings or PredictSettings()
    begun = time.monotonic()
    trainer.train(resume_from_checkpoint=last_checkpoint(checkpoints))
    return model.eval(), _metrics(trainer, data, time.monotonic() - begun)


def last_checkpoint(folder: Path) -> str | None:
    """Return the last checkpoint that was written to its end."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


def adapted(base: str | Path, settings: TrainSettings) -> Any:
    """Load the base model, with the method's adapter on it if it has one."""
    if settings.method == "full":
        return load_base(base, torch.float32)  # steps of 1e-5 vanish in bfloat16 weights
    from peft import get_peft_model, prepare_model_for_kbit_training

    model = load_base(base, **(_four_bits() if settings.method == "qlora" else {}))
    if settings.method == "qlora":
        model = prepare_model_for_kbit_training(model)
    return get_peft_model(model, lora(settings.lora))


def lora(settings: LoraSettings) -> Any:
    """Return the adapter's configuration: all linear layers but the output layer."""
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _four_bits() -> dict[str, Any]:
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    }


def _arguments(
    settings: TrainSettings, data: Conversations, checkpoints: Path, seed: int, validated: bool
) -> TrainingArguments:
    rows = device_rows(settings, data.longest)
    steps = -(-len(data) // settings.batch_size)
    interval = max(1, steps // settings.validations) if validated and settings.validations else None
    return TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=settings.batch_size // rows,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(
            settings.schedule, settings.schedule
        ),
        warmup_steps=settings.warmup,
        optim="adamw_torch",
        adam_beta2=settings.beta2,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps" if interval else "no",
        eval_steps=interval,
        save_strategy="steps" if interval else "epoch",
        save_steps=interval or 0,
        save_total_limit=2,
        load_best_model_at_end=bool(interval),
        metric_for_best_model="f1" if interval else None,
        logging_steps=5,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        bf16=torch.cuda.is_available(),
        remove_unused_columns=False,
        seed=seed,
    )


def device_rows(settings: TrainSettings, longest: int) -> int:
    """Return how many conversations one forward pass takes: a divisor of the effective batch."""
    most = max(1, min(settings.batch_size, settings.device_batch_tokens // longest))
    return next(n for n in range(most, 0, -1) if settings.batch_size % n == 0)


def _metrics(trainer: Trainer, data: Conversations, seconds: float) -> dict[str, Any]:
    history = trainer.state.log_history
    tokens = sum(len(one.ids) for one in data.kept)
    validated = [entry["eval_f1"] for entry in history if "eval_f1" in entry]
    return {
        "conversations": len(data),
        "too_long": data.too_long,
        "tokens_per_epoch": tokens,
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 2),
        "dev_f1": max(validated, default=None),
        "curve": [
            {k: entry[k] for k in ("step", "loss", "eval_f1", "learning_rate") if k in entry}
            for entry in history
        ],
    }
