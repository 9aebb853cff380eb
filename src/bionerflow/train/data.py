"""What the trainer reads: tokenised conversations, and their batches, padded or flat."""

from collections.abc import Sequence
from itertools import compress
from typing import Any

import torch

from bionerflow.models.chat import Encoded
from bionerflow.train.attention import layout
from bionerflow.utils.errors import UserError

IGNORED = -100

Row = dict[str, Any]


class Conversations(torch.utils.data.Dataset):
    """Tokenised conversations; those longer than `max_length` are left out and counted."""

    def __init__(
        self, encoded: Sequence[Encoded], max_length: int, languages: Sequence[str] = ()
    ) -> None:
        """Keep what fits: nothing is cut, an end mark is never lost.

        Args:
            encoded: The conversations.
            max_length: Tokens that a conversation may have.
            languages: The language of each conversation; none if they have only one.
        """
        fits = [len(one.ids) <= max_length for one in encoded]
        self.kept = list(compress(encoded, fits))
        self.languages = list(compress(languages, fits))
        self.too_long = len(encoded) - len(self.kept)
        if not self.kept:
            raise UserError(
                f"None of {len(encoded)} training conversations has at most {max_length} tokens: "
                "raise max_length."
            )

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, n: int) -> Row:
        """Return a row: its token ids, and the ranges of its answers."""
        one = self.kept[n]
        return {"input_ids": one.ids, "answers": one.answers}

    def length(self, n: int) -> int:
        """Return the tokens of a conversation."""
        return len(self.kept[n].ids)

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


def flatten(rows: Sequence[Row], prefix: int) -> dict[str, Any]:
    """Make a flat pass: the tokens that all rows begin with once, then each one's further tokens.

    Positions go on from the prefix in each conversation. Only the states before a label get
    logits; `shift_labels` (1, kept) is what each is to say. Attention goes by `flat`, see `layout`.

    Args:
        rows: The conversations.
        prefix: So many first tokens are common to all of them; each has more.
    """
    ids = list(rows[0]["input_ids"][:prefix])
    positions = list(range(prefix))
    before, said = [0], [IGNORED]  # never empty
    for row in rows:
        shift = len(ids) - prefix
        for start, end in row["answers"]:
            places = range(start - 1, end - 1)
            before += (place + shift if place >= prefix else place for place in places)
            said += row["input_ids"][start:end]
        ids += row["input_ids"][prefix:]
        positions += range(prefix, len(row["input_ids"]))
    labels = torch.tensor([said])
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "labels": labels,
        "shift_labels": labels,
        "logits_to_keep": torch.tensor(before),
        "use_cache": False,
        "flat": layout(prefix, [len(row["input_ids"]) - prefix for row in rows]),
    }
