"""What makes a model's passes fast, switched on for training steps alone, and proved at the start.

Validation by generation goes on with the model's own attention and logits.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch

from bionerflow.train.attention import FLAT
from bionerflow.train.data import Conversations, collate, flatten
from bionerflow.train.loss import answer_loss
from bionerflow.train.passes import shared_prefix
from bionerflow.utils.environment import is_first

TRIED = 3  # conversations
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}  # of the loss, relative
FAULTS = (AttributeError, KeyError, RuntimeError, TypeError, ValueError)


class Fast(NamedTuple):
    """Which fast ways a model takes: flat passes, and the loss without all logits at once."""

    flat: bool = False
    chunked: bool = False

    @contextmanager
    def on(self, model: Any, flat: bool) -> Iterator[None]:
        """Switch the fast ways on in a block that runs passes forward and back.

        Args:
            model: The model without what accelerate wraps around it, perhaps with an adapter.
            flat: Whether the passes are flat ones.

        Raises:
            ValueError: The model does not let its attention be chosen.
        """
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        own = base.config._attn_implementation
        if flat:
            base.set_attn_implementation(FLAT)
            if base.config._attn_implementation != FLAT:
                raise ValueError("This model has an attention of its own.")
        if self.chunked:
            head = base.get_output_embeddings()
            head.forward = _states
            base.loss_function = partial(_loss, head)
        try:
            yield
        finally:
            if flat:
                base.set_attn_implementation(own)
            if self.chunked:
                del head.forward
                del base._loss_function


def _states(hidden: torch.Tensor) -> torch.Tensor:
    """Stand in for the output layer: the loss makes the logits."""
    return hidden


def _loss(
    head: torch.nn.Module, logits: torch.Tensor, labels: torch.Tensor, **kwargs: Any
) -> torch.Tensor:
    known = ("num_items_in_batch", "shift_labels")
    return answer_loss(head, logits, labels, **{k: v for k, v in kwargs.items() if k in known})


def fast_ways(model: Any, data: Conversations) -> Fast:
    """Return which fast ways give the loss that the model's own way gives; say which do not.

    Args:
        model: The model that is to be trained, on its device.
        data: Its conversations, a few of which are tried.
    """
    rows = [data[n] for n in sorted(range(len(data)), key=data.length)[:TRIED]]
    padded = collate(rows)
    flat = flatten(rows, shared_prefix(rows))
    training = model.training
    model.eval()
    plain, tolerance = _tried(model, Fast(), padded), TOLERANCE.get(_dtype(model), 1e-4)
    works = [
        math.isclose(_tried(model, ways, batch), plain, rel_tol=tolerance)
        for ways, batch in ((Fast(flat=True), flat), (Fast(chunked=True), padded))
    ]
    found = Fast(works[0] and _sees_all(model, data.longest), works[1])
    model.train(training)
    if is_first():
        for way, taken in zip(("flat passes", "a loss without all logits"), found, strict=True):
            if not taken:
                name = type(model).__name__
                print(f"train: {name} cannot take {way}: the plain way is taken", file=sys.stderr)
    return found


def _sees_all(model: Any, longest: int) -> bool:
    """Tell whether each layer is attention, and none has a window below the longest row."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None) or longest
    stateful = getattr(model, "_is_stateful", False)
    return not stateful and kinds <= {"full_attention", "sliding_attention"} and longest <= window


@torch.no_grad()
def _tried(model: Any, ways: Fast, batch: dict[str, Any]) -> float:
    """Return the loss of a batch, not a number where the model cannot take it."""
    half = _dtype(model) == torch.bfloat16
    autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=half)
    there = {key: _moved(value, model.device) for key, value in batch.items()}
    try:
        with ways.on(model, ways.flat), autocast:
            return float(model(**there).loss)
    except FAULTS:
        return math.nan


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, dict):
        return {key: _moved(one, device) for key, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, device) for one in value]
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _dtype(model: Any) -> torch.dtype:
    """Return in what a model computes in training: on a GPU in bfloat16 at most."""
    return torch.bfloat16 if model.device.type == "cuda" else model.dtype
