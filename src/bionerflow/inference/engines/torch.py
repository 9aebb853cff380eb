"""The engine of this project: continuous batching, constrained decoding, confidences."""

from collections.abc import Sequence
from typing import Any

import torch

from bionerflow.inference.constrained import Vocabulary, Writer
from bionerflow.inference.engines.base import (
    Answer,
    ConstraintOf,
    Conversation,
    Done,
    Engine,
    check_asked,
)
from bionerflow.inference.generate import WriterOf, generate
from bionerflow.models.chat import Chat


class TorchEngine(Engine):
    """A model in this process."""

    name = "torch"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer

    @property
    def version(self) -> str:
        """The version of PyTorch, and the precision of the weights."""
        return f"{torch.__version__} {str(self.model.dtype).removeprefix('torch.')}"

    def check(self, conversations: Sequence[Conversation], max_new_tokens: int) -> None:
        """Refuse conversations that the model's context may not hold with their answers."""
        turns, given = [one.turns for one in conversations], [one.given for one in conversations]
        asked = Chat(self.tokenizer).encode_asked(turns, given)
        check_asked(self.model.config, asked, max_new_tokens)

    def answer(
        self,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        batch_size: int,
        done: Done = lambda _: None,
        constraint: ConstraintOf | None = None,
    ) -> list[list[Answer]]:
        """Answer by continuous batching (`inference.generate`)."""
        return generate(
            self.model,
            self.tokenizer,
            [one.turns for one in conversations],
            max_new_tokens,
            batch_size,
            done,
            self._writer(constraint, max_new_tokens) if constraint else None,
            [one.given for one in conversations],
        )

    def _writer(self, constraint: ConstraintOf, max_new_tokens: int) -> WriterOf:
        """Return what chooses the tokens of constrained answers."""
        vocabulary = Vocabulary(self.tokenizer, Chat(self.tokenizer).end)

        def writer(number: int, turn: int) -> Writer:
            return constraint(number, turn).writer(vocabulary, max_new_tokens - 1)

        return writer
