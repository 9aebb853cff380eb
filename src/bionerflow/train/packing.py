"""Packed training is refused for a model whose conversations would see each other in a row.

In a packed row only `position_ids` say where a conversation begins. Attention layers take their
borders from them; ALiBi, learned positions, convolutions and recurrent states may not, and then
learn from what stands before a conversation, without an error.
"""

from collections.abc import Sequence
from typing import Any

import torch

from bionerflow.errors import UserError
from bionerflow.prefix import keeps_keys_and_values
from bionerflow.train.data import Row, pack

CONVERSATIONS = 4  # are compared
TOLERANCE = {torch.float32: 1e-4}  # nats per token
HALF_TOLERANCE = 2e-2  # rounding of bfloat16 and float16


@torch.no_grad()
def check_packing(model: Any, rows: Sequence[Row]) -> None:
    """Compare the loss of some conversations in one packed row with theirs one by one.

    Args:
        model: The model as it is to be trained, on its device.
        rows: Training rows (`Conversations`); the shortest ones are compared.

    Raises:
        UserError: the losses differ, or the model keeps a state that has no borders.
    """
    refusal = (
        f"train.packed does not work with {type(model).__name__}: the conversations of a row would "
        "see each other{}. Set train.packed to false."
    )
    if not keeps_keys_and_values(model):
        raise UserError(refusal.format(" through recurrent states or convolutions"))
    few = sorted((row for row in rows if row["answers"]), key=lambda row: len(row["input_ids"]))
    few = few[:CONVERSATIONS]
    if not few:
        return
    training = model.training
    model.eval()
    together = _loss(model, few)
    counts = [sum(end - start for start, end in row["answers"]) for row in few]
    alone = sum(_loss(model, [row]) * n for row, n in zip(few, counts, strict=True)) / sum(counts)
    model.train(training)
    if abs(together - alone) > TOLERANCE.get(model.dtype, HALF_TOLERANCE):
        found = f" (loss {together:.4f} packed, {alone:.4f} one by one)"
        raise UserError(refusal.format(found))


def _loss(model: Any, rows: Sequence[Row]) -> float:
    """Return the mean loss of the answer tokens of a packed row."""
    batch = {
        key: value.to(model.device) if isinstance(value, torch.Tensor) else value
        for key, value in pack(rows).items()
    }
    return float(model(**batch).loss)
