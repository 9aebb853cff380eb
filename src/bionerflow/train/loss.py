"""The loss of the answers' tokens, from hidden states: all logits never exist at once.

In float32 the logits of 1,000 tokens over 150,000 entries take 600 MB, and their gradient as much
again. Here a few tokens at a time have logits, and the gradient is made with them, as in the fused
output layers of Liger and trl.
"""

from typing import Any

import torch
from torch.nn.functional import linear, pad

from bionerflow.train.data import IGNORED

LOGITS = {"cpu": 2**22, "cuda": 2**27}  # numbers at once


class _CrossEntropy(torch.autograd.Function):
    """The sum of the cross entropy of an output layer; gradients come with the loss."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        labels: torch.Tensor,
    ) -> torch.Tensor:
        needed = ctx.needs_input_grad
        total = hidden.new_zeros((), dtype=_accurate(hidden))
        grads = [
            torch.zeros_like(one, dtype=_accurate(one)) if one is not None and need else None
            for one, need in zip((hidden, weight, bias), needed, strict=False)
        ]
        rows = max(1, LOGITS[hidden.device.type] // len(weight))
        for first in range(0, len(hidden), rows):
            part = slice(first, first + rows)
            states, said = hidden[part], labels[part, None]
            logits = linear(states, weight, bias)
            logits = logits.to(_accurate(logits))
            normal = logits.logsumexp(-1, keepdim=True)
            total += (normal - logits.gather(-1, said)).sum()
            slope = logits.sub_(normal).exp_()
            slope.scatter_add_(-1, said, torch.full_like(normal, -1))
            if grads[2] is not None:
                grads[2] += slope.sum(0)
            slope = slope.to(weight.dtype)
            if grads[0] is not None:
                grads[0][part] = slope @ weight
            if grads[1] is not None:
                grads[1] += slope.T @ states.to(slope.dtype)
        ctx.dtypes = [one if one is None else one.dtype for one in (hidden, weight, bias)]
        ctx.save_for_backward(*grads)
        return total

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        grads = zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        scaled = (g if g is None else (g * above[0]).to(dtype) for g, dtype in grads)
        return *scaled, None


def _accurate(states: torch.Tensor) -> torch.dtype:
    return torch.promote_types(states.dtype, torch.float32)


def answer_loss(
    head: torch.nn.Module,
    hidden: torch.Tensor,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
    shift_labels: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return what transformers' loss of a causal language model is, from hidden states.

    Args:
        head: The output layer, with `weight` and perhaps `bias`.
        hidden: The states before the output layer (rows, kept, width).
        labels: The tokens at the states' positions (rows, kept), IGNORED where nothing is learned.
        num_items_in_batch: The tokens by which the sum is divided; these ones if None.
        shift_labels: The tokens that the states are to say, instead of the labels moved by one.

    Returns:
        The loss, a scalar in float32 or better.
    """
    said = pad(labels, (0, 1), value=IGNORED)[:, 1:] if shift_labels is None else shift_labels
    learned = said != IGNORED
    items = learned.sum() if num_items_in_batch is None else num_items_in_batch
    bias = getattr(head, "bias", None)
    return _CrossEntropy.apply(hidden[learned], head.weight, bias, said[learned]) / items
