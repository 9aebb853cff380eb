"""Room to think: a reasoning model's thought before its answer, closed where its room ends.

The thought is written first and read again, closed as a template closes an empty one, in front of
the answer. So answers are read, scored and limited as those without a thought are.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from bionerflow.inference.engines.base import Answer
from bionerflow.inference.generate import Ends, answers_to
from bionerflow.inference.sampling import Sampling
from bionerflow.models.chat import CLOSE, Chat
from bionerflow.utils.errors import UserError

#: The most tokens that closing a thought takes.
CLOSING = 16


def check_thinking(asked: Sequence[list[list[int]]]) -> None:
    """Refuse, by UserError, conversations of several answers: thoughts would stand between them."""
    if any(len(parts) > 1 for parts in asked):
        raise UserError(
            "predict.thinking is for one answer per conversation: choose formats other than "
            "conv_term, or set it to 0."
        )


def with_thoughts(
    model: Any,
    chat: Chat,
    asked: Sequence[list[list[int]]],
    room: int,
    batch_size: int,
    sampling: Sampling | None = None,
) -> list[list[list[int]]]:
    """Return what is asked, each with the model's thought behind it.

    Args:
        model: What thinks.
        chat: Its template, with thoughts left open.
        asked: Token ids per conversation; each asks for one answer.
        room: The most tokens of a thought.
        batch_size: Conversations that are answered at once.
        sampling: How thoughts are drawn; none: greedily.
    """
    tokenizer = chat.tokenizer
    close = tokenizer.convert_tokens_to_ids(CLOSE)
    stops = chat.ends(model) | ({close} if close not in (None, tokenizer.unk_token_id) else set())
    ends = Ends(chat.end, stops)
    thoughts = answers_to(model, tokenizer, asked, ends, room, batch_size, sampling=sampling)
    return [
        [[*parts[0], *_closed(tokenizer, thought)]]
        for parts, [thought] in zip(asked, thoughts, strict=True)
    ]


def _closed(tokenizer: Any, thought: Answer) -> list[int]:
    """Return the tokens of a thought that is closed, by the model in several tokens or here."""
    if CLOSE in thought.text:
        counts = range(len(thought.ids))
        last = bisect_left(counts, True, key=lambda n: CLOSE in tokenizer.decode(thought.ids[:n]))
        return [*thought.ids[:last], *_tokens(tokenizer, "\n\n")]
    return [*thought.ids, *_tokens(tokenizer, f"\n{CLOSE}\n\n")]


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]
