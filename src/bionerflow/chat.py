"""Conversations as token ids: the model's own chat template, thinking off.

Training and prediction build a conversation from the same pieces, so that a model is asked exactly
what it was trained on: opening, answer, link to the next answer, and so on. The pieces are read off
the template once; each is tokenised alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from bionerflow.errors import UserError
from bionerflow.schema import Turn

DATE = "26 Jul 2024"
MARK = "\u2402{}\u2403"
MARKS = re.compile(MARK.format(r"(\d+)"))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation's token ids, and the token ranges of its answers, end marks included."""

    ids: list[int]
    answers: list[tuple[int, int]]


class Chat:
    """A tokenizer's chat template, taken apart."""

    def __init__(self, tokenizer: Any) -> None:
        """Keep the tokenizer; raise UserError if it has no chat template."""
        if not tokenizer.chat_template:
            raise UserError(
                f"The tokenizer of {tokenizer.name_or_path} has no chat template: "
                "choose an instruction-tuned model, or add chat_template.jinja to its folder."
            )
        self.tokenizer = tokenizer

    def segments(self, turns: Sequence[Turn]) -> list[str]:
        """Return the texts around and in the answers: asked, answered, asked, answered and so on.

        An answer ends with its end mark. A conversation whose last turn is asked ends with what
        opens its answer.
        """
        frame = self._frame(tuple(turn.role for turn in turns))
        return [_fill(piece, turns) for piece in frame]

    def encode(self, conversations: Sequence[Sequence[Turn]]) -> list[Encoded]:
        """Tokenise conversations in bulk."""
        segments = [self.segments(turns) for turns in conversations]
        flat = [segment for pieces in segments for segment in pieces]
        ids = iter(self._ids(flat))
        return [_join([next(ids) for _ in pieces]) for pieces in segments]

    def encode_asked(self, conversations: Sequence[Sequence[Turn]]) -> list[list[list[int]]]:
        """Tokenise what is asked in each conversation, answer by answer; the answers are left out.

        The end mark of an answer belongs to the answer: whoever continues has read it already.
        """
        asked = [self.segments(turns)[::2] for turns in conversations]
        ids = iter(self._ids([piece for pieces in asked for piece in pieces]))
        return [[next(ids) for _ in pieces] for pieces in asked]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []

    @property
    def end(self) -> int:
        """The token id that ends an answer."""
        return self._ids([self._end_mark()])[0][0]

    @cache  # noqa: B019 (a chat lives as long as its process)
    def _end_mark(self) -> str:
        """Return what the template writes right after an answer, less trailing white space."""
        turns = (Turn("user", MARK.format(0)), Turn("assistant", MARK.format(1)))
        end = self._apply(turns, False).split(MARK.format(1), 1)[1].rstrip()
        if not end:
            raise UserError(
                f"The chat template of {self.tokenizer.name_or_path} writes no end mark after an "
                "answer: prediction could not stop. Choose another model or mend the template."
            )
        return end

    @cache  # noqa: B019
    def _frame(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """Return the segments of a conversation of these roles, with marks for the contents."""
        turns = tuple(Turn(role, MARK.format(n)) for n, role in enumerate(roles))
        pieces: list[str] = []
        for n, role in enumerate(roles):
            if role == "assistant":
                pieces += [self._asked(turns[:n]), MARK.format(n) + self._end_mark()]
        if roles[-1] != "assistant":
            pieces.append(self._asked(turns))
        return tuple(pieces)

    def _asked(self, turns: tuple[Turn, ...]) -> str:
        """Return what stands between the last answer (or the beginning) and the next answer."""
        whole = self._apply(turns, True)
        answered = [n for n, turn in enumerate(turns) if turn.role == "assistant"]
        if not answered:
            return whole
        return whole.split(MARK.format(answered[-1]) + self._end_mark(), 1)[1]

    def _apply(self, turns: tuple[Turn, ...], open_answer: bool) -> str:
        return self.tokenizer.apply_chat_template(
            [turn._asdict() for turn in turns],
            tokenize=False,
            add_generation_prompt=open_answer,
            enable_thinking=False,
            date_string=DATE,
        )


def _fill(piece: str, turns: Sequence[Turn]) -> str:
    return MARKS.sub(lambda mark: turns[int(mark[1])].content, piece)


def _join(pieces: list[list[int]]) -> Encoded:
    ids: list[int] = []
    answers = []
    for n, piece in enumerate(pieces):
        if n % 2:
            answers.append((len(ids), len(ids) + len(piece)))
        ids += piece
    return Encoded(ids, answers)
