"""The engine of this project: continuous batching, constrained decoding, confidences."""

from collections.abc import Sequence

import torch

from bionerflow.inference.constrained import Vocabulary, Writer
from bionerflow.inference.engines.base import (
    Answer,
    ConstraintOf,
    Conversation,
    Done,
    LocalEngine,
)
from bionerflow.inference.generate import WriterOf, generate
from bionerflow.inference.sampling import Sampling


class TorchEngine(LocalEngine):
    """A model in this process; with a `sampling`, its answers are drawn by chance."""

    name = "torch"
    sampling: Sampling | None = None

    @property
    def version(self) -> str:
        """The version of PyTorch, and the precision of the weights."""
        return f"{torch.__version__} {str(self.model.dtype).removeprefix('torch.')}"

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
            self.sampling,
        )

    def _writer(self, constraint: ConstraintOf, max_new_tokens: int) -> WriterOf:
        """Return what chooses the tokens of constrained answers."""
        vocabulary = Vocabulary(self.tokenizer, self.chat.end)

        def writer(number: int, turn: int) -> Writer:
            return constraint(number, turn).writer(vocabulary, max_new_tokens - 1)

        return writer
