"""Greedy choice among the tokens that a grammar allows."""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import NamedTuple

import torch

from bionerflow.inference.constrained.grammar import Grammar, State
from bionerflow.inference.constrained.vocabulary import Vocabulary

#: So many of the most probable tokens are tried before all allowed ones are looked up.
TRIED = 8
#: So many of the ways on are followed to find the shortest to an end.
FOLLOWED = 8

#: Where an answer may stand: what is still to be written of a move, and the state that follows.
Threads = tuple[tuple[bytes, State], ...]


class Opened(NamedTuple):
    """What may be written from a state on."""

    ends: bool  # nothing more
    moves: dict[int, list[tuple[bytes, State]]]  # by their first byte


class Writer:
    """One answer while it is written: at most `limit` tokens, its end mark not counted.

    Where the limit comes near, the shortest way to an end is taken. An answer that cannot be
    written within the limit at all, such as the copy of a long sentence, is cut off by it.
    """

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary, limit: int) -> None:
        """Begin an answer."""
        self.grammar, self.vocabulary, self.left = grammar, vocabulary, limit
        self.ending = cache(lambda state: grammar.finish(state).encode())
        self.opened = cache(partial(_open, grammar))
        self.known: dict[Threads, list[int]] = {}
        self.lengths: dict[bytes, int] = {b"": 0}
        self.closing: list[int] = []
        self.threads: Threads = ((b"", grammar.start),)
        self.bounded = self._cost(self.threads) <= limit

    def choose(self, logits: torch.Tensor, best: Sequence[int]) -> int:
        """Return the most probable token that is allowed, given the `best` in order; write it."""
        if not self.closing:
            token, threads = self._pick(logits, best)
            self.left -= 1
            if token == self.vocabulary.end:
                return token
            if not self.bounded or self._cost(threads) <= self.left:
                self.threads = threads
                return token
            self.closing = self.vocabulary.split(self._shortest(self.threads))
            self.closing.append(self.vocabulary.end)
        return self.closing.pop(0)

    def _pick(self, logits: torch.Tensor, best: Sequence[int]) -> tuple[int, Threads]:
        for token in best:
            threads = self._after(token)
            if threads or (token == self.vocabulary.end and self._may_end()):
                return token, threads
        allowed = self.allowed()
        token = allowed[int(logits[torch.tensor(allowed, device=logits.device)].argmax())]
        return token, self._after(token)

    def allowed(self) -> list[int]:
        """Return every token that may follow."""
        if self.threads not in self.known:  # answers repeat themselves, and so does this question
            self.known[self.threads] = self._following(self.threads)
        end = [self.vocabulary.end] if self._may_end() else []
        return end + self.known[self.threads]

    def _following(self, threads: Threads) -> list[int]:
        found: list[int] = []
        waiting = [(threads, self.vocabulary.all)]
        while waiting:
            threads, tokens = waiting.pop()
            for byte in self._bytes(threads):
                longer = self.vocabulary.narrow(tokens, byte)
                whole = self.vocabulary.whole(longer)
                found += whole
                if longer.high - longer.low > len(whole):
                    waiting.append((self._write(threads, bytes([byte])), longer))
        return found

    def _may_end(self) -> bool:
        return any(not rest and self.opened(state).ends for rest, state in self.threads)

    def _bytes(self, threads: Threads) -> Iterable[int]:
        """Return the bytes that may follow."""
        return dict.fromkeys(
            byte
            for rest, state in threads
            for byte in (rest[:1] if rest else self.opened(state).moves)
        )

    def _after(self, token: int) -> Threads:
        """Return where the answer stands after a token; nowhere if the token is not allowed."""
        return self._write(self.threads, self.vocabulary.bytes.get(token, b"\xff"))

    def _write(self, threads: Threads, data: bytes) -> Threads:
        """Return where the answer stands after some bytes."""
        found: dict[tuple[bytes, State], None] = {}
        waiting = [(rest, state, data) for rest, state in threads]
        for rest, state, left in waiting:
            if len(rest) >= len(left):
                if rest.startswith(left):
                    found[rest[len(left) :], state] = None
            elif left.startswith(rest):
                after = left[len(rest) :]
                moves = self.opened(state).moves.get(after[0], ())
                waiting += [(label, then, after) for label, then in moves]
        return tuple(found)

    def _shortest(self, threads: Threads) -> bytes:
        """Return the shortest rest of the answer."""
        return min((rest + self.ending(state) for rest, state in threads[:FOLLOWED]), key=len)

    def _cost(self, threads: Threads) -> int:
        """Return how many tokens it takes to end, at most."""
        shortest = self._shortest(threads)
        return len(shortest) if len(shortest) <= self.left else self._length(shortest)

    def _length(self, text: bytes) -> int:
        """Count the tokens of a text; what follows a token is looked up if it is known."""
        passed: list[bytes] = []
        while text not in self.lengths:
            passed.append(text)
            text = text[self.vocabulary.longest(text)[1] :]
        for n, before in enumerate(reversed(passed), start=self.lengths[text] + 1):
            self.lengths[before] = n
        return self.lengths[passed[0] if passed else text]


def _open(grammar: Grammar, state: State) -> Opened:
    """Return what may be written from a state on; moves that write nothing are followed."""
    ends = False
    moves: dict[int, list[tuple[bytes, State]]] = {}
    waiting = [("", state)]
    for label, then in waiting:
        if label:
            data = label.encode()
            moves.setdefault(data[0], []).append((data, then))
        elif then:
            waiting += grammar.moves(then)
        else:
            ends = True
    return Opened(ends, moves)
