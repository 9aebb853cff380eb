"""Too little memory: told before the first step where it can be known, and in words afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import torch

from bionerflow.config.stages import TrainSettings
from bionerflow.train.passes import pass_tokens
from bionerflow.utils.errors import UserError

# oneDNN, which multiplies in bfloat16 on CPUs, keeps 1,024 kernels and their buffers, one per shape
# of a product, and passes have many: 64 take 0.4 GB less and no time. It reads this at the first.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

BYTES_PER_WEIGHT = 12  # the gradient and AdamW's two averages, in float32
LESS = "take method lora or qlora, a smaller model, or a machine with more memory"


def check_memory(model: Any, shards: int = 1) -> None:
    """Refuse a training whose gradients and optimizer states cannot fit beside the weights.

    They are parted among so many devices as there are `shards`.

    Raises:
        UserError: how much is needed at least, how much is free, and what to change.
    """
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    needed, free = trained * BYTES_PER_WEIGHT // shards, _free(model.device)
    if needed > free:
        raise UserError(
            f"Training {trained:,} weights needs {needed >> 20:,} MB beside the model, and "
            f"{free >> 20:,} MB are free: {LESS}."
        )


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


@contextmanager
def enough_memory(settings: TrainSettings) -> Iterator[None]:
    """Tell of memory that gave out in a forward or backward pass, and what to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and "can't allocate memory" not in str(error):
            raise
        raise UserError(
            "Memory gave out in training; what was reached is kept in a checkpoint. Lower "
            f"tokens_per_pass (now {pass_tokens(settings)}) or max_length "
            f"(now {settings.max_length}); {LESS}."
        ) from error
