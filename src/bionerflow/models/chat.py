"""Conversations as token ids: the model's own chat template, taken apart; thinking off.

Training and prediction build a conversation from the same pieces, so that a model is asked exactly
what it was trained on: what is asked, the answer, what is asked next, and so on. The pieces are
read off the template once per sequence of roles; each is tokenised alone.

Templates differ in what they write and accept:

- An answer ends with the special token that the template writes behind it. GLM-4 writes none: the
  token of the next role ends the answer.
- A template that opens a thought for the answer (DeepSeek-R1) has it closed at once, unless there
  is to be room to think.
- All that the template writes before an answer is asked (the channel of gpt-oss, empty thoughts).
- A system text that the template does not take (Gemma 2) stands before the first user's text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import Any, NamedTuple

from transformers.utils.chat_template_utils import encode_marked_chat, mark_control_tokens

from bionerflow.data.schema import Turn
from bionerflow.models.sandbox import LimitError, limited
from bionerflow.utils.errors import UserError

DATE = "26 Jul 2024"
#: What a template that writes today's date writes on any day, so that prompts do not change.
TODAY = """{%- macro strftime_now(format) -%}
{{ format|replace('%d', '26')|replace('%b', 'Jul')|replace('%B', 'July')|replace('%m', '07')
|replace('%Y', '2024') }}
{%- endmacro %}
"""
MARK = "\u2402{}\u2403"
#: What transformers marks quoted control tokens with, which parts a text where it stands alone.
QUOTE, _, UNQUOTE = mark_control_tokens("x", re.compile("x"))
MARKED = re.compile(f"{QUOTE}(.)([^{QUOTE}]*?){UNQUOTE}")
MARKS = re.compile(MARK.format(r"(\d+)"))
OPEN, CLOSE = "<think>", "</think>"
OPEN_THOUGHT = re.compile(rf"{OPEN}\s*$")
#: What templates wrote: by template, its variables, what was asked, and how.
_RENDERED: dict[tuple[Any, ...], list[str]] = {}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation's token ids, and the token ranges of its answers, end marks included."""

    ids: list[int]
    answers: list[tuple[int, int]]


class Style(NamedTuple):
    """How a template takes messages: contents as lists of parts, system text in the user's turn."""

    parts: bool
    joined: bool


class Written(NamedTuple):
    """A text for the tokenizer; `quoted`: the control tokens in its contents are marked as text."""

    text: str
    quoted: bool


class Chat:
    """A tokenizer's chat template, taken apart.

    Args:
        tokenizer: Of the model.
        thinks: Whether thoughts are left open before answers, for the model to write them.

    Raises:
        UserError: the tokenizer has no chat template.
    """

    def __init__(self, tokenizer: Any, *, thinks: bool = False) -> None:
        if not tokenizer.chat_template:
            raise UserError(
                f"The tokenizer of {tokenizer.name_or_path} has no chat template: "
                "choose an instruction-tuned model, or add chat_template.jinja to its folder."
            )
        self.tokenizer, self.thinks = tokenizer, thinks
        added = [token for token in tokenizer.added_tokens_decoder.values() if token.special]
        special = {token.content for token in added} | set(tokenizer.all_special_tokens)
        longest_first = sorted(special, key=len, reverse=True)
        self.special = re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")

    def segments(self, turns: Sequence[Turn]) -> list[str]:
        """Return the texts around and in the answers: asked, answered, asked, answered and so on.

        An answer ends with its end mark. A conversation whose last turn is asked ends with what
        opens its answer.
        """
        turns = self._taken(turns)
        return [_fill(piece, turns) for piece in self._frame(tuple(turn.role for turn in turns))]

    def encode(self, conversations: Sequence[Sequence[Turn]]) -> list[Encoded]:
        """Tokenise conversations in bulk.

        A special token in the text of a turn is tokenised as plain text, not as a control token.
        """
        pieces = [self._written(turns) for turns in conversations]
        ids = iter(self._ids([piece for its in pieces for piece in its]))
        return [_join([next(ids) for _ in its]) for its in pieces]

    def encode_asked(
        self, conversations: Sequence[Sequence[Turn]], given: Sequence[int] = ()
    ) -> list[list[list[int]]]:
        """Tokenise what is asked in each conversation, answer by answer; the answers are left out.

        The token that ends an answer belongs to the answer: whoever continues has read it already.

        Args:
            conversations: Turns of users and assistants.
            given: How many first answers of each conversation are examples: they are part of what
                is asked. None are, where this is empty.
        """
        pieces = [self._written(turns) for turns in conversations]
        firsts = [2 * number + 1 for number in given or [0] * len(pieces)]
        behind = self._end_mark.split(self._end_token, 1)[1]
        asked = [
            [*its[:first], *(Written(behind + p.text, p.quoted) for p in its[first + 1 :: 2])]
            for its, first in zip(pieces, firsts, strict=True)
        ]
        ids = iter(self._ids([piece for its in asked for piece in its]))
        encoded = [[next(ids) for _ in its] for its in asked]
        return [
            [[id for piece in its[:first] for id in piece], *its[first:]]
            for its, first in zip(encoded, firsts, strict=True)
        ]

    @property
    def end(self) -> int:
        """The token id that ends an answer."""
        return self.tokenizer.convert_tokens_to_ids(self._end_token)

    def ends(self, model: Any) -> set[int]:
        """Return the token ids at which answers stop: `end`, and those that the model lists."""
        found = {self.end}
        for config in (model.config.get_text_config(), getattr(model, "generation_config", None)):
            listed = getattr(config, "eos_token_id", None)
            found.update(listed if isinstance(listed, list) else [] if listed is None else [listed])
        return found

    def _written(self, turns: Sequence[Turn]) -> list[Written]:
        """Return the segments as the tokenizer is to read them."""
        turns = self._taken(turns)
        quoted = [Turn(turn.role, self._quoted(turn.content)) for turn in turns]
        frame = self._frame(tuple(turn.role for turn in turns))
        found = []
        for n, piece in enumerate(frame):
            text, read = _fill(piece, turns), _fill(piece, quoted)
            if n % 2 == 0 and self._adds_space and read.endswith(" "):
                read = read[:-1]  # the tokenizer begins the answer with this space
                text = text[:-1]
            found.append(Written(read, read != text))
        return found

    def _quoted(self, content: str) -> str:
        """Mark the control tokens in a content, for transformers to tokenise them as text."""
        if not self.special.search(content):
            return content
        return mark_control_tokens(content, self.special)

    def _ids(self, pieces: Sequence[Written]) -> list[list[int]]:
        plain = [piece.text for piece in pieces if not piece.quoted]
        ids = iter(self.tokenizer(plain, add_special_tokens=False)["input_ids"] if plain else [])
        return [self._marked_ids(piece.text) if piece.quoted else next(ids) for piece in pieces]

    def _marked_ids(self, text: str) -> list[int]:
        """Tokenise a text with marked control tokens.

        Some tokenizers (Unigram) make a control token of its letters, too: it is read in two parts.
        """
        try:
            return encode_marked_chat(self.tokenizer, text)
        except ValueError:
            parted = MARKED.sub(rf"{QUOTE}\1{QUOTE}\2", text)
            return encode_marked_chat(self.tokenizer, parted)

    @cached_property
    def _adds_space(self) -> bool:
        """Tell whether the tokenizer begins each text with a space, as Llama 2's does."""
        return self.tokenizer.tokenize("x")[0].startswith("\u2581")

    @property
    def _end_token(self) -> str:
        """Return the special token of the end mark."""
        return self.special.findall(self._end_mark)[0]

    @cached_property
    def _end_mark(self) -> str:
        """Return what the template writes behind each answer, as far as its last special token.

        That is what stands behind the last answer and behind one with a turn after it. If they have
        no special token in common, it is the first one behind an answer with a turn after it.
        """
        turns = _marks(("user", "assistant", "user"))
        whole, ended = self._render([(turns, False), (turns[:2], False)])
        between = whole.split(MARK.format(1), 1)[1].split(MARK.format(2), 1)[0]
        last = ended.split(MARK.format(1), 1)[1]
        pairs = zip(self.special.split(between), self.special.split(last), strict=False)
        common: list[str] = []
        for after, at_end in pairs:
            if after != at_end:
                break
            common.append(after)
        if len(common) > 1:
            return "".join(common[: len(common) // 2 * 2])
        for text in (between, last):
            if len(parts := self.special.split(text)) > 1:
                return parts[0] + parts[1]
        raise UserError(
            f"The chat template of {self.tokenizer.name_or_path} writes no end mark after an "
            "answer: prediction could not stop. Choose another model or mend the template."
        )

    @cache  # noqa: B019 (a chat lives as long as its process)
    def _frame(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """Return the segments of a conversation of these roles, with marks for the contents."""
        is_open = roles[-1] != "assistant"
        turns = _marks((*roles, "assistant") if is_open else roles)
        answers = [n for n, turn in enumerate(turns) if turn.role == "assistant"]
        asks = [(turns[: n + not_open], not not_open) for n in answers for not_open in (0, 1)]
        texts = self._render(asks)
        pieces: list[str] = []
        for n, opened, answered in zip(answers, texts[::2], texts[1::2], strict=True):
            before = answered.split(MARK.format(n), 1)[0]
            text = _open_thought(opened) if self.thinks else _opening(opened, before)
            if pieces:
                text = text.split(MARK.format(answers[len(pieces) // 2 - 1]), 1)[1]
                text = text.removeprefix(self._end_mark)
            pieces += [text, MARK.format(n) + self._end_mark]
        return tuple(pieces[:-1] if is_open else pieces)

    def _taken(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return the turns as the template takes them: the system text may go to the user."""
        if turns[0].role != "system" or not self._style(True).joined:
            return turns
        first, second, *others = turns
        return [Turn(second.role, f"{first.content}\n\n{second.content}"), *others]

    @cache  # noqa: B019
    def _style(self, system: bool) -> Style:
        """Return how the template takes a conversation with or without a system turn.

        Raises:
            UserError: in no known way.
        """
        roles = ("system", "user", "assistant", "user") if system else ("user", "assistant", "user")
        problem = "it leaves out what it is given"
        for style in (Style(*choice) for choice in product((False, True), (False, system))):
            turns = _marks(roles[style.joined :])
            try:
                (text,) = self._apply([(turns, True)], style)
            except UserError as error:
                problem = str(error)
                if isinstance(error, LimitError):
                    break
                continue
            if MARKS.findall(text) == [str(n) for n in range(len(turns))]:
                return style
        raise UserError(
            f"The chat template of {self.tokenizer.name_or_path} cannot be used ({problem}): "
            "choose another model or mend the template."
        )

    def _render(self, asks: Sequence[tuple[tuple[Turn, ...], bool]]) -> list[str]:
        """Return what the template writes for conversations, each open for an answer or not."""
        system = asks[0][0][0].role == "system"
        return self._apply(asks, self._style(system))

    def _apply(self, asks: Sequence[tuple[tuple[Turn, ...], bool]], style: Style) -> list[str]:
        """Render in the given style; a UserError's message is a clause."""
        special = tuple(sorted(self.tokenizer.special_tokens_map.items()))
        key = (str(self.tokenizer.chat_template), str(special), tuple(asks), style, self.thinks)
        if key not in _RENDERED:
            _RENDERED[key] = limited(lambda: [self._applied(*ask, style) for ask in asks])
        return _RENDERED[key]

    def _applied(self, turns: Sequence[Turn], is_open: bool, style: Style) -> str:
        messages: list[dict[str, Any]] = [turn._asdict() for turn in turns]
        for message in messages if style.parts else ():
            message["content"] = [{"type": "text", "text": message["content"]}]
        template = self.tokenizer.get_chat_template()
        return self.tokenizer.apply_chat_template(
            messages,
            chat_template=TODAY + template if "strftime_now" in template else template,
            tokenize=False,
            add_generation_prompt=is_open,
            enable_thinking=self.thinks,
            date_string=DATE,
        )


def _marks(roles: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(Turn(role, MARK.format(n)) for n, role in enumerate(roles))


def _opening(opened: str, before: str) -> str:
    """Return all that stands before an answer: what opens it, or what an answer has before it.

    A template may write more before an answer than it opens one with (a channel), or the reverse
    (thoughts, which it takes out of what was answered). An open thought is closed.
    """
    if before.startswith(opened):
        return before
    if OPEN_THOUGHT.search(opened):
        return f"{opened.rstrip()}\n\n{CLOSE}\n\n"
    return opened


def _open_thought(opened: str) -> str:
    """Return what opens an answer with its thought, which not every template opens itself."""
    return opened if OPEN_THOUGHT.search(opened) else f"{opened}{OPEN}\n"


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
