"""LoRA adapters on models, where peft can put one."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bionerflow.config.trainer import LoraSettings
from bionerflow.utils.errors import UserError


def lora_config(settings: LoraSettings, **more: Any) -> Any:
    """Return a `peft.LoraConfig`.

    Args:
        settings: The fields that a user may set.
        more: Further fields.
    """
    from peft import LoraConfig

    return LoraConfig(**settings.model_dump(), **more)


def with_adapter(model: Any, lora: Any) -> Any:
    """Return a model with an untrained adapter on it.

    Args:
        model: A transformers model.
        lora: A `peft.LoraConfig`.

    Raises:
        UserError: peft cannot adapt this architecture as configured (the experts of some mixtures
            with dropout, the layers of Mamba).
    """
    from peft import get_peft_model

    try:
        with without_warning():
            return get_peft_model(model, lora)
    except ValueError as error:
        raise UserError(
            f"LoRA cannot be put on {type(model).__name__} ({error}): choose another method "
            "or another model."
        ) from None


@contextmanager
def without_warning() -> Iterator[None]:
    """Within the block, do not warn that peft reads an attribute that transformers has renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")
        yield
