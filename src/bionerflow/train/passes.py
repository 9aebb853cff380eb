"""From an effective batch to the forward passes of one process.

An effective batch is dealt out evenly to the processes, and each one's part to passes of at most so
many tokens. All conversations of the batch count alike, since the loss is divided by the answer
tokens of the whole batch, in however many passes these are run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bionerflow.config.stages import TrainSettings
from bionerflow.inference.prefix import common
from bionerflow.models.loading import device
from bionerflow.train.data import Row, flatten

Collate = Callable[[Sequence[Row]], dict[str, Any]]
SHARED_TOKENS = 8  # a shorter shared prefix is not worth another layout
TOKENS = {"cpu": 1024, "cuda": 8192}  # per pass: more do not make a CPU faster, but take memory


class Step(NamedTuple):
    """The passes of a process in one optimizer step, and the tokens of all processes' rows."""

    passes: list[dict[str, Any]]
    tokens: int


@dataclass(frozen=True)
class Passes:
    """Makes a Step of the rows of an effective batch: the data loader's collate function.

    Args:
        collate: Makes a padded pass of rows.
        tokens: At most so many tokens per pass, padding counted; a longer row is a pass by itself.
        flat: Whether the model takes flat passes. A batch that begins alike then is run in such.
        packed: Whether all batches are, instead of padded.
        rank: The number of this process.
        processes: The number of processes, each of which gets as many passes.
    """

    collate: Collate
    tokens: int
    flat: bool = False
    packed: bool = False
    rank: int = 0
    processes: int = 1

    def __call__(self, rows: Sequence[Row]) -> Step:
        """Return this process's step."""
        prefix = shared_prefix(rows) if self.flat else 0
        flat = self.flat and (self.packed or prefix > 0)
        fill = filled if flat else filled_padded
        parts = deal(rows, self.processes)
        bins = [
            fill([_length(row) - prefix for row in part], self.tokens - prefix) for part in parts
        ]
        passes = [[parts[self.rank][n] for n in one] for one in bins[self.rank]]
        passes += [[_filler(rows)]] * (max(map(len, bins)) - len(passes))
        made = [flatten(one, shared_prefix(one)) if flat else self.collate(one) for one in passes]
        return Step(made, sum(map(_length, rows)))


def pass_tokens(settings: TrainSettings) -> int:
    """Return how many tokens a pass has at most, on this machine."""
    return settings.tokens_per_pass or TOKENS[device().type]


def shared_prefix(rows: Sequence[Row]) -> int:
    """Return how many first tokens to run once for all rows: those in common, or 0 if too few.

    Each row keeps a token of its own.
    """
    ids = [row["input_ids"] for row in rows]
    alike = min(common(ids), min(map(len, ids)) - 1)
    return alike if alike >= SHARED_TOKENS and len(rows) > 1 else 0


def deal(rows: Sequence[Row], processes: int) -> list[list[Row]]:
    """Deal rows out, longest first, to and fro: equal numbers, much the same number of tokens."""
    longest_first = sorted(rows, key=_length, reverse=True)
    parts: list[list[Row]] = [[] for _ in range(processes)]
    for n, row in enumerate(longest_first):
        turn, place = divmod(n, processes)
        parts[-1 - place if turn % 2 else place].append(row)
    return parts


def filled(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Part rows into bins of at most so many tokens: first fit decreasing (Johnson 1973)."""
    bins: list[list[int]] = []
    room: list[int] = []
    for n in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        fits = next((k for k, free in enumerate(room) if lengths[n] <= free), None)
        if fits is None:
            fits = len(bins)
            bins.append([])
            room.append(tokens)
        bins[fits].append(n)
        room[fits] -= lengths[n]
    return bins


def filled_padded(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Part rows into bins whose rows, padded to the longest, have at most so many tokens."""
    bins: list[list[int]] = []
    for n in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        if bins and (len(bins[-1]) + 1) * lengths[bins[-1][0]] <= tokens:
            bins[-1].append(n)
        else:
            bins.append([n])
    return bins


def _length(row: Row) -> int:
    return len(row["input_ids"])


def _filler(rows: Sequence[Row]) -> Row:
    """Return a row that teaches nothing, for a process that has fewer passes than another one."""
    return {"input_ids": rows[0]["input_ids"][:1], "answers": []}
