"""Batches of texts: a queue, and one thread that works on all of them by turns.

At each turn, the batches that ask the same model give a sentence each, round and round, until a
call of the model is full. So a long batch does not hold up a short one, and short ones that come
together are answered together.
"""

import secrets
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from bionerflow.annotate.chunks import answer, to_ask
from bionerflow.annotate.passages import Annotated, Annotator, Passage
from bionerflow.annotate.server.models import Asked, Models, TooLongError
from bionerflow.data.schema import Span
from bionerflow.utils.progress import told

State = Literal["waiting", "running", "done", "failed"]
#: Sentences of one call of a model.
TOGETHER = 32
#: Batches and characters that are kept at once, and seconds for which a finished batch is.
BATCHES, CHARACTERS, KEPT = 1000, 20_000_000, 3600
#: What a text takes beside its characters, counted in characters.
EACH = 500
#: Errors of models may name folders or addresses: they are printed here and not sent.
FAILED = "The model failed on this batch; the terminal of the server says why."


@dataclass(slots=True)
class Batch:
    """Texts on their way to being annotated."""

    asked: Asked
    texts: list[Annotated]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = "waiting"
    error: str | None = None
    sentences: list[tuple[Annotated, Span]] = field(default_factory=list)
    done: int = 0
    part: float = 0.0  # sentences of the turn that is going on
    ended: float | None = None
    characters: int = 0

    def __post_init__(self) -> None:
        """Count what its texts take."""
        self.characters = sum(len(one.passage.text) + EACH for one in self.texts)

    @property
    def progress(self) -> float:
        """The share of the sentences that is answered, 0 to 1."""
        if self.state == "done":
            return 1.0
        return (self.done + self.part) / len(self.sentences) if self.sentences else 0.0

    @property
    def together(self) -> Asked:
        """What batches have in common that can be asked in one call."""
        return self.asked if self.asked.corpus is None else replace(self.asked, types=())


class FullError(Exception):
    """There is no room for another batch now."""


class Batches:
    """All batches by id, in order of their turns."""

    def __init__(self, models: Models) -> None:
        """Begin to work."""
        self.models = models
        self.all: dict[str, Batch] = {}
        self.queue: list[Batch] = []
        self.changed = threading.Condition()
        self.open = True
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def add(self, asked: Asked, documents: Iterable[tuple[str, str]]) -> Batch:
        """Put texts (id, text) in the queue.

        Raises:
            FullError: too much is waiting or not fetched yet.
        """
        texts = [Annotated(Passage(n, id, 0, text)) for n, (id, text) in enumerate(documents)]
        batch = Batch(asked, texts)
        with self.changed:
            self._forget()
            held = sum(one.characters for one in self.all.values())
            if len(self.all) >= BATCHES or held + batch.characters > CHARACTERS:
                raise FullError
            self.all[batch.id] = batch
            self.queue.append(batch)
            self.changed.notify()
        return batch

    def remove(self, id: str) -> bool:
        """Forget a batch, finished or not; say whether there was one."""
        with self.changed:
            batch = self.all.pop(id, None)
            if batch in self.queue:
                self.queue.remove(batch)
        return batch is not None

    def close(self) -> None:
        """Stop working after this turn."""
        with self.changed:
            self.open = False
            self.changed.notify()
        self.thread.join(10)

    def _forget(self) -> None:
        oldest = time.monotonic() - KEPT
        for batch in [one for one in self.all.values() if one.ended and one.ended < oldest]:
            del self.all[batch.id]

    def _work(self) -> None:
        with told(lambda _: None):
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: self.queue or not self.open)
                    if not self.open:
                        return
                    first = self.queue[0].together
                    batches = [one for one in self.queue if one.together == first][:TOGETHER]
                self._turn(batches)
                with self.changed:
                    left = [one for one in self.queue if one.state in ("waiting", "running")]
                    self.queue = [one for one in left if one not in batches]
                    self.queue += [one for one in left if one in batches]

    def _turn(self, batches: list[Batch]) -> None:
        """Ask the next sentences of batches together; where that fails, each batch alone."""
        try:
            annotator = self.models.annotator(batches[0].asked)
        except Exception as error:
            for batch in batches:
                _fail(batch, error)
            return
        try:
            _ask(batches, annotator)
        except Exception as error:
            if len(batches) == 1:
                _fail(batches[0], error)
                return
            for batch in batches:
                self._turn([batch])


def _ask(batches: list[Batch], annotator: Annotator) -> None:
    for batch in batches:
        if batch.state == "waiting":
            batch.sentences = list(to_ask(batch.texts, annotator))
            batch.state = "running"
    shares = _shares(batches)

    def tell(share: float) -> None:
        for batch, number in shares:
            batch.part = share * number

    with told(tell):
        answer([one for batch, n in shares for one in _next(batch, n)], annotator)
    for batch, number in shares:
        batch.part, batch.done = 0.0, batch.done + number
        if batch.done == len(batch.sentences):
            _end(batch, "done")


def _shares(batches: list[Batch]) -> list[tuple[Batch, int]]:
    """Return how many sentences of each batch are asked now: as equal as their lengths allow."""
    left = {batch.id: len(batch.sentences) - batch.done for batch in batches}
    taken = dict.fromkeys(left, 0)
    room = TOGETHER
    while room and (able := [id for id in left if taken[id] < left[id]]):
        for id in able[:room]:
            taken[id] += 1
        room -= len(able[:room])
    return [(batch, taken[batch.id]) for batch in batches]


def _next(batch: Batch, number: int) -> list[tuple[Annotated, Span]]:
    return batch.sentences[batch.done : batch.done + number]


def _fail(batch: Batch, error: Exception) -> None:
    if not isinstance(error, TooLongError):
        traceback.print_exception(error)
    batch.error = str(error) if isinstance(error, TooLongError) else FAILED
    _end(batch, "failed")


def _end(batch: Batch, state: State) -> None:
    """End a batch; of a run's answers, the types that were asked for are kept."""
    for one in batch.texts:
        one.mentions = [m for m in one.mentions if m.entity.type in batch.asked.types]
    batch.sentences = []
    batch.ended, batch.state = time.monotonic(), state
