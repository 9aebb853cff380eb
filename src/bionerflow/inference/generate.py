"""Answers by continuous batching: who ended leaves, who waits enters, prefixes are shared.

A conversation is asked again and again (conv_term has a turn a type); what was read and written
stays in its slot of the cache. Conversations enter in the order of their tokens, so that one begins
as the one before it did, and that beginning is copied. No row sees another: an answer depends
neither on its neighbours nor on the order (in float32; elsewhere rounding may differ). Tokens are
the most probable ones, or drawn where a `Sampling` is given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from bionerflow.data.schema import Turn
from bionerflow.inference.constrained import Writer, constrained
from bionerflow.inference.engines.base import Answer, check_asked
from bionerflow.inference.prefix import shared
from bionerflow.inference.sampling import Sampling
from bionerflow.inference.slots import slots_of
from bionerflow.models.chat import Chat

SHARED_TOKENS = 16  # for fewer shared tokens no conversation waits until another is read
TOGETHER = 8  # one part in so many of the slots is read at once, not one conversation at a time

#: Returns the writer of a conversation's n-th answer, by the conversation's number and n.
WriterOf = Callable[[int, int], Writer]


class Ends(NamedTuple):
    """The token of an answer's end mark, and all tokens at which an answer stops."""

    mark: int
    stops: set[int]


@dataclass(slots=True)
class _Row:
    """A conversation under way: `length` tokens are in its slot, `unread` ones come next.

    `writer` chooses the tokens of the answer under way, if answers are constrained; `chance` is
    what tokens are drawn with, if they are.
    """

    number: int
    unread: list[int]
    asked: list[list[int]]
    length: int = 0
    written: list[tuple[int, float]] = field(default_factory=list)
    answers: list[tuple[list[tuple[int, float]], bool]] = field(default_factory=list)
    writer: Writer | None = None
    chance: torch.Generator | None = None

    def take(self, token: int, logprob: float, ends: Ends, limit: int) -> None:
        """Take the token chosen after all that was unread; ask on where an answer ends."""
        self.length += len(self.unread)
        self.unread = [token]
        ended = token in ends.stops
        if not ended:
            self.written.append((token, logprob))
            if len(self.written) < limit:
                return
        self.answers.append((self.written, not ended))
        self.written = []
        if self.asked:
            self.unread = [*([] if ended else [token]), ends.mark, *self.asked.pop(0)]
        else:
            self.unread = []


def choose(
    logits: torch.Tensor, writers: Sequence[Writer | None], drawn: torch.Tensor | None = None
) -> tuple[list[int], list[float]]:
    """Choose each row's next token from its logits, (rows, vocabulary): the most probable one.

    A row's writer allows some tokens alone. Where there are `drawn` logits (Sampling.drawn), the
    largest of these is chosen. Return the tokens and their natural log-probabilities among all
    tokens, without chance and temperature.
    """
    likely = logits if drawn is None else drawn
    tokens = constrained(likely, writers) if any(writers) else likely.argmax(-1)
    chosen = logits.gather(-1, tokens[:, None])[:, 0]
    return tokens.tolist(), (chosen - logits.logsumexp(-1)).tolist()


class _Batch:
    """Conversations that are answered together, and those that wait."""

    def __init__(
        self,
        model: Any,
        asked: Sequence[list[list[int]]],
        size: int,
        writer: WriterOf | None,
        sampling: Sampling | None,
    ) -> None:
        order = sorted(range(len(asked)), key=lambda n: asked[n][0])
        self.waiting = [_Row(n, asked[n][0], asked[n][1:]) for n in reversed(order)]
        self.sampling = sampling
        if sampling:
            for row in self.waiting:
                row.chance = sampling.chance(asked[row.number], model.device)
        self.rows: list[_Row] = []
        self.writer = writer
        self.slots = slots_of(model, min(size, len(asked)))
        self.size = self.slots.rows
        self.entered: tuple[list[int], int] = [], 0  # the last one's tokens and slot
        self.source, self.common = 0, 0  # last slot read, its beginning common to all who entered

    def step(self, ends: Ends, limit: int) -> list[_Row]:
        """Let rows enter, then read or write once; return the rows that ended."""
        blocked = self._enter()
        reading = [n for n, row in enumerate(self.rows) if len(row.unread) > 1]
        writing = [n for n, row in enumerate(self.rows) if len(row.unread) == 1]
        if reading and (blocked or not writing or len(reading) * TOGETHER >= self.size):
            self.source, self.common = self.entered[1], len(self.entered[0]) - 1
            return self._advance(reading, reading, ends, limit)
        return self._advance(range(len(self.rows)), writing, ends, limit)

    def _advance(
        self, slots: Sequence[int], moving: Sequence[int], ends: Ends, limit: int
    ) -> list[_Row]:
        """Read what the moving rows have unread; the other slots are idle."""
        going = set(moving)
        chunks = [self.rows[n].unread if n in going else [] for n in slots]
        logits = self.slots.read(slots, chunks, [self.rows[n].length for n in slots])
        writers = [self._writer(self.rows[n]) if n in going else None for n in slots]
        drawn = None
        if self.sampling:
            chances = [self.rows[n].chance if n in going else None for n in slots]
            drawn = self.sampling.drawn(logits, chances)
        for n, token, logprob in zip(slots, *choose(logits, writers, drawn), strict=True):
            if n in going:
                self.rows[n].take(token, logprob, ends, limit)
        ended = [self.rows[n] for n in moving if not self.rows[n].unread]
        if not self.waiting:
            self._close_up()
        return ended

    def _writer(self, row: _Row) -> Writer | None:
        """Return what chooses the row's tokens; an answer that begins gets its own."""
        if self.writer and not row.written:
            row.writer = self.writer(row.number, len(row.answers))
        return row.writer

    def _enter(self) -> bool:
        """Fill free slots; stop, and return True, at a row that gains by waiting for a reading."""
        free = [n for n, row in enumerate(self.rows) if not row.unread]
        free += range(len(self.rows), self.size)
        for slot in free[: len(self.waiting)]:
            row = self.waiting[-1]
            like_last = shared(self.entered[0], row.unread) if self.slots.copies else 0
            common = min(self.common, like_last)
            if like_last > common + SHARED_TOKENS:
                return True
            self.waiting.pop()
            self.entered, self.common = (row.unread, slot), common
            row.length = min(common, len(row.unread) - 1)
            self.slots.copy(self.source, slot, row.length)
            row.unread = row.unread[row.length :]
            self.rows[slot : slot + 1] = [row]
        return False

    def _close_up(self) -> None:
        """Move the last rows into the slots of those that ended: fewer rows, faster steps."""
        for slot in range(len(self.rows) - 1, -1, -1):
            if not self.rows[slot].unread:
                last = self.rows.pop()
                if slot < len(self.rows):
                    self.slots.copy(len(self.rows), slot, last.length)
                    self.rows[slot] = last


@torch.inference_mode()
def generate(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    max_new_tokens: int,
    batch_size: int,
    done: Callable[[int], None] = lambda _: None,
    writer: WriterOf | None = None,
    given: Sequence[int] = (),
    sampling: Sampling | None = None,
) -> list[list[Answer]]:
    """Answer every assistant turn of the conversations; what these turns hold is not read.

    The answers come in the order of the conversations. `done` is told how many of them are
    answered; `writer` gives what chooses the tokens of each conversation's n-th answer. The first
    answers that are `given`, so many per conversation, are read as examples and not answered.
    Tokens are drawn where there is a `sampling`.

    Raises:
        UserError: a conversation with its answers may not fit into the model's context.
    """
    chat = Chat(tokenizer)
    asked = chat.encode_asked(conversations, given)
    check_asked(model.config, asked, max_new_tokens)
    batch = _Batch(model, asked, batch_size, writer, sampling)
    ends = Ends(chat.end, chat.ends(model))
    answered: list[list[Answer]] = [[] for _ in conversations]
    count = 0
    while count < len(conversations):
        for row in batch.step(ends, max_new_tokens):
            answered[row.number] = _answers(tokenizer, row)
            count += 1
        done(count)
    return answered


def _answers(tokenizer: Any, row: _Row) -> list[Answer]:
    ids = [tuple(token for token, _ in written) for written, _ in row.answers]
    texts = tokenizer.batch_decode(ids, skip_special_tokens=False)
    return [
        Answer(text, truncated, tokens, tuple(logprob for _, logprob in written))
        for text, tokens, (written, truncated) in zip(texts, ids, row.answers, strict=True)
    ]
