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
    LocalEngine,
)
from bionerflow.inference.generate import Ends, WriterOf, answers_to
from bionerflow.inference.sampling import Sampling
from bionerflow.inference.thoughts import CLOSING, check_thinking, with_thoughts
from bionerflow.models.chat import Chat


class TorchEngine(LocalEngine):
    """A model in this process; with a `sampling`, its answers are drawn by chance.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        thinking: The most tokens of a thought before each answer; 0: none.
    """

    name = "torch"
    sampling: Sampling | None = None

    def __init__(self, model: Any, tokenizer: Any, thinking: int = 0) -> None:
        super().__init__(model, tokenizer)
        self.thinking = thinking
        if thinking:
            self.chat = Chat(tokenizer, thinks=True)

    @property
    def version(self) -> str:
        """The version of PyTorch, and the precision of the weights."""
        return f"{torch.__version__} {str(self.model.dtype).removeprefix('torch.')}"

    def check(self, conversations: Sequence[Conversation], max_new_tokens: int) -> None:
        """Refuse conversations that the model's context may not hold with thoughts and answers."""
        thought = self.thinking + CLOSING if self.thinking else 0
        if self.thinking:
            check_thinking(self._asked(conversations))
        super().check(conversations, max_new_tokens + thought)

    def answer(
        self,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        batch_size: int,
        done: Done = lambda _: None,
        constraint: ConstraintOf | None = None,
    ) -> list[list[Answer]]:
        """Answer by continuous batching (`inference.generate`)."""
        self.check(conversations, max_new_tokens)
        asked, model = self._asked(conversations), self.model
        if self.thinking:
            room = self.thinking
            asked = with_thoughts(model, self.chat, asked, room, batch_size, self.sampling)
        return answers_to(
            model,
            self.tokenizer,
            asked,
            Ends(self.chat.end, self.chat.ends(model)),
            max_new_tokens,
            batch_size,
            done,
            self._writer(constraint, max_new_tokens) if constraint else None,
            self.sampling,
        )

    def _writer(self, constraint: ConstraintOf, max_new_tokens: int) -> WriterOf:
        """Return what chooses the tokens of constrained answers."""
        vocabulary = Vocabulary(self.tokenizer, self.chat.end)

        def writer(number: int, turn: int) -> Writer:
            return constraint(number, turn).writer(vocabulary, max_new_tokens - 1)

        return writer
