"""What answers conversations: one interface for all inference engines.

An engine takes conversations (`schema.Turn`) and returns answers, with their tokens and
log-probabilities where it has them. Its name and version stand in the record of a prediction.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from bionerflow.data.schema import Turn
from bionerflow.models.context import context
from bionerflow.utils.errors import UserError


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote in one turn; `truncated` if it reached the limit before its end mark.

    `ids` are its tokens without the end mark, `logprobs` their natural log-probabilities. They do
    not count when answers are compared.
    """

    text: str
    truncated: bool
    ids: tuple[int, ...] = field(default=(), compare=False)
    logprobs: tuple[float, ...] = field(default=(), compare=False)


class Conversation(NamedTuple):
    """Turns whose assistant turns are to be answered, but for the first ones that are `given`.

    What the given ones hold are examples; what the others hold is not read.
    """

    turns: Sequence[Turn]
    given: int = 0


class Constraint(NamedTuple):
    """What an answer may be: that of a format to a query in its n-th turn (`grammar_of`)."""

    format: str
    text: str
    types: tuple[str, ...]
    turn: int

    def writer(self, vocabulary: Any, limit: int) -> Any:
        """Return what writes such an answer (`constrained.Writer`) with at most `limit` tokens."""
        from bionerflow.inference.constrained import Writer, grammar_of

        return Writer(grammar_of(*self), vocabulary, limit)


#: Returns the constraint of a conversation's n-th answer, by the conversation's number and n.
ConstraintOf = Callable[[int, int], Constraint]
Done = Callable[[int], None]


class Engine(ABC):
    """What answers conversations.

    An engine of another package is created with the folder of the model and the settings
    (`PredictSettings`). `tokenizer` decodes the ids of its answers, if they have any; `usage`
    counts what answering costs, if anything.
    """

    name: ClassVar[str]
    tokenizer: Any = None

    def __init__(self) -> None:
        self.usage: Counter[str] = Counter()

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of the library or the server behind the engine, with what else matters."""

    @abstractmethod
    def check(self, conversations: Sequence[Conversation], max_new_tokens: int) -> None:
        """Refuse, by UserError, conversations that cannot be answered, before any is."""

    @abstractmethod
    def answer(
        self,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        batch_size: int,
        done: Done = lambda _: None,
        constraint: ConstraintOf | None = None,
    ) -> list[list[Answer]]:
        """Answer the conversations greedily, turn by turn; the answers come in their order.

        Args:
            conversations: What is asked.
            max_new_tokens: The most tokens that an answer may have.
            batch_size: How many conversations are answered at once.
            done: Is told how many conversations are answered.
            constraint: What each answer may be, for engines that can be told so.
        """

    @property
    def label(self) -> str:
        """Name and version, as records have them."""
        return f"{self.name} {self.version}"


class Written(NamedTuple):
    """The tokens of an answer without its end mark; `ended` if the end mark came."""

    ids: list[int]
    logprobs: list[float]
    ended: bool


class LocalEngine(Engine):
    """An engine that reads the token ids of a model that is here.

    Args:
        model: The model, or what has its `config` and `generation_config`.
        tokenizer: The tokenizer of the model.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        from bionerflow.models.chat import Chat  # imports torch, which not all engines need

        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        self.chat = Chat(tokenizer)

    def check(self, conversations: Sequence[Conversation], max_new_tokens: int) -> None:
        """Refuse conversations that the model's context may not hold with their answers."""
        check_asked(self.model.config, self._asked(conversations), max_new_tokens)

    def _asked(self, conversations: Sequence[Conversation]) -> list[list[list[int]]]:
        turns, given = [one.turns for one in conversations], [one.given for one in conversations]
        return self.chat.encode_asked(turns, given)


class TokenEngine(LocalEngine):
    """An engine that continues token ids; the turns of a conversation are successive requests."""

    @abstractmethod
    def write(
        self,
        prompts: Sequence[list[int]],
        max_new_tokens: int,
        batch_size: int,
        constraints: Sequence[Constraint] | None,
    ) -> list[Written]:
        """Continue each prompt greedily up to an end mark."""

    def answer(
        self,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        batch_size: int,
        done: Done = lambda _: None,
        constraint: ConstraintOf | None = None,
    ) -> list[list[Answer]]:
        """Answer all first turns, then all second ones, and so on."""
        asked = self._asked(conversations)
        prompts = [list(parts[0]) for parts in asked]
        answers: list[list[Answer]] = [[] for _ in asked]
        for turn in range(max(map(len, asked), default=0)):
            open_ones = [n for n, parts in enumerate(asked) if turn < len(parts)]
            constraints = [constraint(n, turn) for n in open_ones] if constraint else None
            texts = [prompts[n] for n in open_ones]
            written = self.write(texts, max_new_tokens, batch_size, constraints)
            for n, one in zip(open_ones, written, strict=True):
                answers[n].append(self._answer(one))
                if turn + 1 < len(asked[n]):
                    prompts[n] += [*one.ids, self.chat.end, *asked[n][turn + 1]]
            done(sum(len(parts) <= turn + 1 for parts in asked))
        return answers

    def _answer(self, one: Written) -> Answer:
        text = self.tokenizer.decode(one.ids, skip_special_tokens=False)
        return Answer(text, not one.ended, tuple(one.ids), tuple(one.logprobs))


def check_asked(config: Any, asked: Sequence[list[list[int]]], max_new_tokens: int) -> None:
    """Refuse, by UserError, what a model's context may not hold together with the answers.

    Args:
        config: The model's configuration.
        asked: Token ids per conversation and turn (`Chat.encode_asked`).
        max_new_tokens: The most tokens that an answer may have.
    """
    limit = context(config)
    needed = [sum(map(len, parts)) + (max_new_tokens + 1) * len(parts) for parts in asked]
    if limit and max(needed, default=0) > limit:
        over = sum(need > limit for need in needed)
        n = needed.index(max(needed))
        raise UserError(
            f"{over} of {len(asked)} conversations may not fit into the model's context of "
            f"{limit} tokens. The longest, number {n + 1}, asks {sum(map(len, asked[n]))} tokens "
            f"and may be answered with {max_new_tokens} in each of {len(asked[n])} turns: lower "
            "predict.max_new_tokens, or take a model with a larger context."
        )
