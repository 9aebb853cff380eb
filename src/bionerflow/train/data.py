"""What the trainer reads: tokenised conversations, and their batches, padded or packed."""

from collections.abc import Sequence
from typing import Any

import torch

from bionerflow.chat import Encoded
from bionerflow.errors import UserError
from bionerflow.settings.stages import TrainSettings

IGNORED = -100
FILLER = -1

Row = dict[str, Any]


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

    def __getitem__(self, n: int) -> Row:
        """Return a row; the row FILLER teaches nothing, it makes the last batch whole."""
        if n == FILLER:
            return {"input_ids": self.kept[0].ids[:1], "answers": []}
        one = self.kept[n]
        return {"input_ids": one.ids, "answers": one.answers}

    @property
    def longest(self) -> int:
        """Tokens of the longest conversation."""
        return max(len(one.ids) for one in self.kept)

    @property
    def tokens(self) -> int:
        """Tokens of all conversations."""
        return sum(len(one.ids) for one in self.kept)


def collate(rows: Sequence[Row]) -> dict[str, Any]:
    """Pad on the left, so that the answers stand at the end and only these get logits.

    `labels` covers the last `logits_to_keep` positions; the first of them is never a label, since
    it has nothing before it that would be kept.
    """
    width = max(len(row["input_ids"]) for row in rows)
    kept = 1 + max(len(row["input_ids"]) - _first(row) for row in rows)
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


def _first(row: Row) -> int:
    """Return where the first answer begins; a filler has none."""
    return row["answers"][0][0] if row["answers"] else len(row["input_ids"])


def pack(rows: Sequence[Row]) -> dict[str, Any]:
    """Put the conversations one after another into one row, without padding.

    Positions begin anew with each conversation. From them, where neither mask nor cache is given,
    the model takes that attention stays within a conversation (transformers, masking_utils).
    Only the tokens before a label get logits; `shift_labels` (1, kept) is what each is to say.
    """
    ids: list[int] = []
    positions: list[int] = []
    before = [0]
    said = [IGNORED]
    for row in rows:
        for start, end in row["answers"]:
            before += range(len(ids) + start - 1, len(ids) + end - 1)
            said += row["input_ids"][start:end]
        ids += row["input_ids"]
        positions += range(len(row["input_ids"]))
    labels = torch.tensor([said])
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "labels": labels,
        "shift_labels": labels,
        "logits_to_keep": torch.tensor(before),
        "use_cache": False,
    }


def device_rows(settings: TrainSettings, longest: int, devices: int = 1) -> int:
    """Return how many conversations one forward pass takes: a divisor of a device's share.

    Raises:
        UserError: the effective batch cannot be dealt out evenly to the devices.
    """
    if settings.batch_size % devices:
        raise UserError(
            f"train.batch_size, {settings.batch_size}, is the effective batch: it must be a "
            f"multiple of the number of processes, {devices}."
        )
    share = settings.batch_size // devices
    most = max(1, min(share, settings.device_batch_tokens // longest))
    return next(n for n in range(most, 0, -1) if share % n == 0)
