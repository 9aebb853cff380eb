"""Fine-tuning: full, LoRA or QLoRA, by transformers' Trainer; ours is what is about NER.

Loss is on the answers alone, each with its end mark, in every assistant turn (mfner, equation 5).
Validation is by generation: strict micro F1 on the dev sample (mfner, section 4.4).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.trainer_callback import PrinterCallback

from bionerflow.config.stages import TrainSettings
from bionerflow.data.schema import Turn
from bionerflow.models.adapters import lora_config, with_adapter
from bionerflow.models.chat import Chat
from bionerflow.models.loading import four_bits, load_base
from bionerflow.train.arguments import in_bfloat16, training_arguments
from bionerflow.train.data import Conversations, collate
from bionerflow.train.energy import measured
from bionerflow.train.fast import Fast, fast_ways
from bionerflow.train.memory import check_memory, enough_memory
from bionerflow.train.passes import Collate, Passes, pass_tokens, shared_prefix
from bionerflow.train.preemption import Stop
from bionerflow.train.trainer import ValidatingTrainer, Watch, last_checkpoint
from bionerflow.utils.environment import processes

CURVE = (
    "step", "loss", "eval_f1", "learning_rate", "seconds", "tokens_per_second", "memory_mb",
)  # fmt: skip

Validate = Callable[[Any], float]  # a model in evaluation mode -> F1


def train(
    base: str | Path,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    validate: Validate | None = None,
    languages: Sequence[str] = (),
) -> tuple[Any, dict[str, Any]]:
    """Fine-tune the base model in `base`, with the method's adapter; see `fit`."""
    torch.manual_seed(seed)
    model = adapted(base, settings)
    return fit(model, tokenizer, conversations, settings, checkpoints, seed, validate, languages)


def fit(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    validate: Validate | None = None,
    languages: Sequence[str] = (),
) -> tuple[Any, dict[str, Any]]:
    """Train a model on conversations; return it and what is to be recorded of it.

    With `validate`, the weights that it found best are returned. `languages` are those of the
    conversations: where there are several, they take turns in the order that the optimizer sees. A
    run that was killed goes on from the last checkpoint in `checkpoints`. Run by several processes,
    each takes its part of the effective batch and, if `settings.fsdp`, of the model: `models.save`
    makes it whole.

    Raises:
        UserError: memory does not suffice, or the loss is no number.
    """
    data = Conversations(Chat(tokenizer).encode(conversations), settings.max_length, languages)
    fast = fast_ways(model, data)
    return fit_rows(model, tokenizer, data, collate, settings, checkpoints, seed, validate, fast)


def fit_rows(
    model: Any,
    tokenizer: Any,
    data: Conversations,
    collator: Collate,
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    validate: Validate | None = None,
    fast: Fast = Fast(),  # noqa: B008 (a tuple)
    trainer_class: type[ValidatingTrainer] = ValidatingTrainer,
) -> tuple[Any, dict[str, Any]]:
    """Train a model on rows that `collator` makes padded passes of; see `fit`."""
    if settings.num_train_epochs:
        check_memory(model, processes() if settings.fsdp else 1)
    args = training_arguments(settings, data, checkpoints, seed, validate is not None)
    passes: Any = Passes(
        collator,
        pass_tokens(settings),
        flat=fast.flat,
        packed=settings.packing,
        rank=args.process_index,
        processes=args.world_size,
    )
    trainer = trainer_class(
        model=model,
        args=args,
        train_dataset=data,
        eval_dataset=data,
        data_collator=passes,
        processing_class=tokenizer,
    )
    trainer.fast = fast
    trainer.add_callback(Watch(trainer))
    trainer.add_callback(stop := Stop())
    trainer.remove_callback(PrinterCallback)
    if validate:
        trainer.validate = validate
    last = last_checkpoint(checkpoints, settings.fsdp)
    with stop.listening(), enough_memory(settings), measured() as used:
        trainer.train(resume_from_checkpoint=last)
        if validate and not settings.num_train_epochs:
            trainer.evaluate()
    recorded = {"settings": _recorded(settings, trainer.args)} | _metrics(trainer, data)
    recorded["shared_prefix_tokens"] = (
        shared_prefix([data[n] for n in range(len(data))]) if fast.flat else 0
    )
    return model.eval(), recorded | {"measured_kwh": dict.fromkeys(used) if last else used}


def _recorded(settings: TrainSettings, args: TrainingArguments) -> dict[str, Any]:
    """Return the settings with what follows from them and from the machine."""
    return settings.model_dump(mode="json") | {
        "tokens_per_pass": pass_tokens(settings),
        "bf16": args.bf16,
        "per_device_train_batch_size": args.per_device_train_batch_size,
        "gradient_accumulation_steps": args.gradient_accumulation_steps,
        "effective_batch_size": args.train_batch_size * args.world_size,
        "gpus": args.n_gpu * args.world_size,
        "metric": "strict micro F1",
    }


def adapted(base: str | Path, settings: TrainSettings) -> Any:
    """Load the base model, with the method's adapter on it if it has one.

    Raises:
        UserError: peft cannot put the adapter on this model.
    """
    attention = settings.attn_implementation
    if settings.method == "full":
        # Steps of 1e-5 vanish in bfloat16 weights. A model that is not trained stays as it answers.
        return load_base(base, torch.float32 if settings.num_train_epochs else None, attention)
    if settings.method == "qlora":
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(
            load_base(base, attention=attention, **four_bits()),
            use_gradient_checkpointing=settings.gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
    else:
        half = in_bfloat16(settings)
        model = load_base(base, torch.bfloat16 if half else torch.float32, attention)
    return with_adapter(model, lora_config(settings.lora, task_type="CAUSAL_LM"))


def _metrics(trainer: ValidatingTrainer, data: Conversations) -> dict[str, Any]:
    """Return what docs/training.md lists."""
    history = trainer.state.log_history
    validated = [entry["eval_f1"] for entry in history if "eval_f1" in entry]
    seconds, tokens = history[-1]["seconds"], trainer.state.num_input_tokens_seen
    return {
        "conversations": len(data),
        "too_long": data.too_long,
        "tokens_per_epoch": data.tokens,
        "tokens": tokens,
        "steps": trainer.state.global_step,
        "seconds": seconds,
        "tokens_per_second": round(tokens / max(seconds, 1e-9), 1),
        "memory_mb": history[-1]["memory_mb"],
        "dev_f1": max(validated, default=None),
        "curve": [
            {key: entry[key] for key in CURVE if key in entry}
            for entry in history
            if "loss" in entry or "eval_f1" in entry
        ],
    }
