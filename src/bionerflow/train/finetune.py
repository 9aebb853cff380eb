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

from bionerflow.config.stages import LoraSettings, TrainSettings
from bionerflow.data.schema import Turn
from bionerflow.models.chat import Chat
from bionerflow.models.loading import four_bits, load_base
from bionerflow.train.data import Conversations, collate
from bionerflow.train.energy import measured
from bionerflow.train.fast import Fast, fast_ways
from bionerflow.train.memory import check_memory, enough_memory
from bionerflow.train.passes import Collate, Passes, pass_tokens, shared_prefix
from bionerflow.train.preemption import Stop
from bionerflow.train.trainer import ValidatingTrainer, Watch, last_checkpoint
from bionerflow.utils.environment import processes
from bionerflow.utils.errors import UserError

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
) -> tuple[Any, dict[str, Any]]:
    """Fine-tune the base model in `base`, with the method's adapter; see `fit`."""
    torch.manual_seed(seed)
    model = adapted(base, settings)
    return fit(model, tokenizer, conversations, settings, checkpoints, seed, validate)


def fit(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    settings: TrainSettings,
    checkpoints: Path,
    seed: int,
    validate: Validate | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Train a model on conversations; return it and what is to be recorded of it.

    With `validate`, the weights that it found best are returned. A run that was killed
    goes on from the last checkpoint in `checkpoints`. Run by several processes, each takes its part
    of the effective batch and, if `settings.sharded`, of the model: `models.save` makes it whole.

    Raises:
        UserError: memory does not suffice, or the loss is no number.
    """
    data = Conversations(Chat(tokenizer).encode(conversations), settings.max_length)
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
) -> tuple[Any, dict[str, Any]]:
    """Train a model on rows that `collator` makes padded passes of; see `fit`."""
    check_memory(model, processes() if settings.sharded else 1)
    args = _arguments(settings, data, checkpoints, seed, validate is not None)
    passes: Any = Passes(
        collator,
        pass_tokens(settings),
        flat=fast.flat,
        packed=settings.packed,
        rank=args.process_index,
        processes=args.world_size,
    )
    trainer = ValidatingTrainer(
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
    last = last_checkpoint(checkpoints, settings.sharded)
    with stop.listening(), enough_memory(settings), measured() as used:
        trainer.train(resume_from_checkpoint=last)
        if validate and not settings.epochs:
            trainer.evaluate()
    recorded = {"settings": _recorded(settings, trainer.args)} | _metrics(trainer, data)
    recorded["shared_prefix_tokens"] = (
        shared_prefix([data[n] for n in range(len(data))]) if fast.flat else 0
    )
    return model.eval(), recorded | {"measured_kwh": dict.fromkeys(used) if last else used}


def _recorded(settings: TrainSettings, args: TrainingArguments) -> dict[str, Any]:
    """Return the settings with what follows from them and from the machine."""
    return settings.model_dump(mode="json") | {
        "device_batch_tokens": pass_tokens(settings),
        "bf16": args.bf16,
        "device_batch_size": args.per_device_train_batch_size,
        "gradient_accumulation": args.gradient_accumulation_steps,
        "effective_batch_size": args.train_batch_size * args.world_size,
        "gpus": args.n_gpu * args.world_size,
        "optimizer": "AdamW",
        "metric": "strict micro F1",
    }


def adapted(base: str | Path, settings: TrainSettings) -> Any:
    """Load the base model, with the method's adapter on it if it has one."""
    if settings.method == "full":
        return load_base(base, torch.float32)  # steps of 1e-5 vanish in bfloat16 weights
    from peft import get_peft_model, prepare_model_for_kbit_training

    if settings.method == "qlora":
        model = prepare_model_for_kbit_training(load_base(base, **four_bits()))
    else:
        model = load_base(base, torch.bfloat16 if _half(settings) else torch.float32)
    return get_peft_model(model, lora(settings.lora))


def _half(settings: TrainSettings) -> bool:
    """Tell whether to compute in bfloat16."""
    return torch.cuda.is_available() if settings.bf16 is None else settings.bf16


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


def _arguments(
    settings: TrainSettings, data: Conversations, checkpoints: Path, seed: int, validated: bool
) -> TrainingArguments:
    devices = processes()
    sharded = settings.sharded and devices > 1
    if settings.batch_size % devices:
        raise UserError(
            f"train.batch_size, {settings.batch_size}, is the effective batch: it must be a "
            f"multiple of the number of processes, {devices}."
        )
    steps = -(-len(data) // settings.batch_size)
    interval = max(1, steps // settings.validations) if validated and settings.validations else None
    args = TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=settings.batch_size // devices,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type={"constant": "constant_with_warmup"}.get(
            settings.schedule, settings.schedule
        ),
        warmup_steps=settings.warmup,
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        eval_strategy="steps" if interval else "no",
        eval_steps=interval,
        save_strategy="steps" if interval else "epoch",
        save_steps=interval or 0,
        load_best_model_at_end=bool(interval),
        metric_for_best_model="f1" if interval else None,
        logging_steps=5,
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        disable_tqdm=True,
        report_to=[],
        bf16=_half(settings),
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        **(_sharding() if sharded else {}),
    )
    # One GPU per process: the Trainer would multiply the batch by all that this one sees.
    args._n_gpu = min(args.n_gpu, 1)
    return args


def _sharding() -> dict[str, Any]:
    """Each process writes its part of a checkpoint: none ever holds the whole optimizer."""
    return {"fsdp": True, "fsdp_config": {"state_dict_type": "SHARDED_STATE_DICT"}}


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
