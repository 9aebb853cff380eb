"""Greedy answers, batched: conversations grow turn by turn over one key-value cache.

A conversation is asked again and again (conv_term has a turn a type); what was read and written
stays in the cache. Rows are padded on the left of each chunk and masked, so that an answer does not
depend on its neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from bionerflow.chat import Chat
from bionerflow.progress import Progress
from bionerflow.schema import Turn


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote in one turn; `truncated` if it reached the limit before its end mark."""

    text: str
    truncated: bool


class _Batch:
    """Conversations that are read and written in step."""

    def __init__(self, model: Any, pad: int, rows: int) -> None:
        self.model, self.pad = model, pad
        self.cache = DynamicCache(config=model.config)
        self.mask = torch.zeros(rows, 0, dtype=torch.long, device=model.device)
        self.length = torch.zeros(rows, 1, dtype=torch.long, device=model.device)
        self.unread: list[list[int]] = [[] for _ in range(rows)]

    def read(self, asked: Sequence[Sequence[int]]) -> torch.Tensor:
        """Append each row's tokens and return the logits that follow them, (rows, vocabulary)."""
        chunk = [[*old, *new] for old, new in zip(self.unread, asked, strict=True)]
        width = max(map(len, chunk))
        ids = [[self.pad] * (width - len(row)) + row for row in chunk]
        real = [[0] * (width - len(row)) + [1] * len(row) for row in chunk]
        return self._feed(torch.tensor(ids), torch.tensor(real))

    def write(self, logits: torch.Tensor, end: int, limit: int) -> list[list[int]]:
        """Write greedily until each row has its end mark or `limit` tokens; end marks are cut."""
        written: list[torch.Tensor] = []
        alive = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        while True:
            token = torch.where(alive, logits.argmax(-1), end)
            written.append(token)
            going = alive & (token != end)
            if len(written) == limit or not going.any():
                break
            logits = self._feed(token.unsqueeze(1), alive.long().unsqueeze(1))
            alive = going
        rows = torch.stack(written, dim=1).tolist()
        self.unread = [
            _unread(row[-1], end) if a else [] for row, a in zip(rows, alive.tolist(), strict=True)
        ]
        return [row[: row.index(end)] if end in row else row for row in rows]

    def _feed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        ids, real = ids.to(self.model.device), real.to(self.model.device)
        self.mask = torch.cat([self.mask, real], dim=1)
        positions = (self.length + real.cumsum(1) - 1).clamp(min=0)
        self.length = self.length + real.sum(1, keepdim=True)
        output = self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]


def _unread(last: int, end: int) -> list[int]:
    """Return what is to be read before the next turn: the last token, and always an end mark."""
    return [end] if last == end else [last, end]


@torch.inference_mode()
def generate(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    max_new_tokens: int,
    batch_size: int,
    what: str = "generate",
) -> list[list[Answer]]:
    """Answer every assistant turn of the conversations; what these turns hold is not read.

    The answers come in the order of the conversations. Conversations of one batch have the same
    number of turns and like lengths, so that little is padded.
    """
    chat = Chat(tokenizer)
    asked = chat.encode_asked(conversations)
    groups = _groups(asked, batch_size)
    answers: list[list[Answer]] = [[] for _ in conversations]
    progress, done = Progress(what, len(conversations), "conversations"), 0
    for group in groups:
        state = _Batch(model, tokenizer.pad_token_id or 0, len(group))
        for turn in range(len(asked[group[0]])):
            logits = state.read([asked[n][turn] for n in group])
            rows = state.write(logits, chat.end, max_new_tokens)
            texts = tokenizer.batch_decode(rows, skip_special_tokens=False)
            for n, row, text in zip(group, rows, texts, strict=True):
                answers[n].append(Answer(text, len(row) >= max_new_tokens))
        done += len(group)
        progress.to(done)
    return answers


def _groups(asked: list[list[list[int]]], size: int) -> list[list[int]]:
    """Return the conversations' numbers in batches of equal turns and like lengths."""
    by_turns: dict[int, list[int]] = {}
    for n in sorted(range(len(asked)), key=lambda n: (len(asked[n][0]), n)):
        by_turns.setdefault(len(asked[n]), []).append(n)
    return [
        numbers[at : at + size]
        for numbers in by_turns.values()
        for at in range(0, len(numbers), size)
    ]
