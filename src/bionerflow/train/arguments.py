"""From settings to transformers' TrainingArguments."""

import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from bionerflow.config.stages import TrainSettings
from bionerflow.config.trainer import TrainerSettings
from bionerflow.train.data import Conversations
from bionerflow.utils.environment import processes
from bionerflow.utils.errors import UserError

#: Fields of the settings that are TrainingArguments as they are.
SAME = (
    "num_train_epochs", "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "max_grad_norm", "optim", "adam_beta1", "adam_beta2", "torch_compile", "report_to",
)  # fmt: skip

#: Instructions of CPUs that multiply in bfloat16: without them, it is slower than float32.
BFLOAT16 = ("avx512_bf16", "amx_bf16")


def training_arguments(
    settings: TrainSettings, data: Conversations, checkpoints: Path, seed: int, validated: bool
) -> TrainingArguments:
    """Return the Trainer's arguments.

    Raises:
        UserError: The number of processes does not divide the effective batch, or a package that
            is to log is not installed.
    """
    devices = processes()
    size = settings.effective_batch_size
    if size % devices:
        raise UserError(
            f"effective_batch_size, {size}, must be a multiple of the number of processes, "
            f"{devices}."
        )
    check_reports(settings)
    steps, asked = -(-len(data) // size), settings.validations_per_epoch
    interval = max(1, steps // asked) if validated and asked else None
    ours: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "run_name": checkpoints.parent.name,
        "per_device_train_batch_size": size // devices,
        "eval_strategy": "steps" if interval else "no",
        "eval_steps": interval,
        "save_strategy": "steps" if interval else "epoch",
        "save_steps": interval or 0,
        "load_best_model_at_end": bool(interval),
        "metric_for_best_model": "f1" if interval else None,
        "logging_steps": 5,
        "logging_nan_inf_filter": False,
        "include_num_input_tokens_seen": "non_padding",
        "disable_tqdm": True,
        "bf16": in_bfloat16(settings),
        "remove_unused_columns": False,
        "use_cpu": not torch.cuda.is_available(),
        "seed": seed,
        "activation_checkpointing": settings.gradient_checkpointing,  # its name in version 6
        "activation_checkpointing_kwargs": {"use_reentrant": False},
    }
    ours |= {name: getattr(settings, name) for name in SAME}
    ours |= _sharding() if settings.fsdp and devices > 1 else {}
    try:
        args = TrainingArguments(**(ours | settings.trainer_args))
    except (ImportError, TypeError, ValueError) as error:
        raise UserError(f"transformers' TrainingArguments refuse the settings: {error}") from None
    # One GPU per process: the Trainer would multiply the batch by all that this one sees.
    args._n_gpu = min(args.n_gpu, 1)
    return args


def with_equal_steps(
    settings: TrainSettings, reasons: Mapping[str, Mapping[str, int]]
) -> TrainSettings:
    """Return settings that take as many steps on the kept sentences as on all that were drawn.

    Conversations that are too long for `max_length` are not taken off either number.

    Args:
        settings: With `equal_steps`; others are returned as they are.
        reasons: How many sentences were kept and dropped, by corpus and reason (kept.json).
    """
    if not settings.equal_steps:
        return settings
    counts = [(reason, n) for its in reasons.values() for reason, n in its.items()]
    kept = sum(n for reason, n in counts if reason.startswith("kept: "))
    size = settings.effective_batch_size
    before, after = (math.ceil(n / size) for n in (sum(n for _, n in counts), kept))
    if before == after:
        return settings
    # The Trainer rounds up to whole steps: a rounding error must not make one more of them.
    epochs = settings.num_train_epochs * before / after * (1 - 1e-9)
    return settings.model_copy(update={"num_train_epochs": epochs})


def _sharding() -> dict[str, Any]:
    """Each process writes its part of a checkpoint: none ever holds the whole optimizer."""
    return {"fsdp": True, "fsdp_config": {"state_dict_type": "SHARDED_STATE_DICT"}}


def check_reports(settings: TrainerSettings) -> None:
    """Refuse to log by packages that are not installed.

    Raises:
        UserError: Which packages are missing.
    """
    missing = [name for name in settings.report_to if not find_spec(name)]
    if missing:
        raise UserError(
            f"report_to: {', '.join(missing)} is not installed: install it by "
            f"`pip install {' '.join(missing)}`, or leave it out."
        )


def in_bfloat16(settings: TrainerSettings) -> bool:
    """Tell whether to compute in bfloat16; unless settings say so, where the hardware does."""
    if settings.bf16 is not None:
        return settings.bf16
    instructions = torch.cpu.get_capabilities()
    return torch.cuda.is_available() or any(map(instructions.get, BFLOAT16))
