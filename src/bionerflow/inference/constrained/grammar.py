"""What an answer may be, as a machine of states whose moves write text.

A state is a tuple: the method that tells its moves, and that method's arguments. A move is what it
writes and the state that follows; a state without a method (`END`) ends the answer. The first
move of a state is the shortest way to an end, so that an answer can always be finished.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

State = tuple[Any, ...]
Move = tuple[str, State]

END: State = ()


class Grammar(ABC):
    """The answers to one query: they parse, and name only what stands in the sentence."""

    def __init__(self, text: str, types: tuple[str, ...]) -> None:
        """Keep the sentence and the types asked for."""
        self.text = text
        self.types = types
        self.last_end = len(text.rstrip())

    @property
    @abstractmethod
    def start(self) -> State:
        """The state before the first character."""

    def moves(self, state: State) -> Iterable[Move]:
        """Return what may be written next; END has no moves."""
        return state[0](*state[1:]) if state else []

    def finish(self, state: State) -> str:
        """Return the shortest rest of the answer."""
        written: list[str] = []
        while state:
            if (rest := self.rest(state)) is not None:
                return "".join([*written, rest])
            label, state = next(iter(self.moves(state)))
            written.append(label)
        return "".join(written)

    def rest(self, state: State) -> str | None:
        """Return the shortest rest of the answer at once, where a grammar can tell it."""
        return None

    def may_start(self, at: int) -> bool:
        """Tell whether a mention may begin here: at no white space."""
        return at < self.last_end and not self.text[at].isspace()

    def may_end(self, at: int) -> bool:
        """Tell whether a mention may end here: after no white space."""
        return not self.text[at - 1].isspace()
