"""Any chat completions endpoint: hosted models, and servers such as vLLM, SGLang or llama.cpp.

Requests are under way at once; each answer is kept on disk by its request, so that a prediction
that was killed pays for nothing twice and recorded answers can be replayed offline.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import httpx2

from bionerflow.config.engines import OpenAISettings
from bionerflow.inference.engines.base import (
    Answer,
    ConstraintOf,
    Conversation,
    Done,
    Engine,
)
from bionerflow.inference.engines.recorded import Recorded
from bionerflow.inference.engines.requests import Endpoint
from bionerflow.utils.cache import cache_folder
from bionerflow.utils.errors import UserError

MILLION = 1_000_000


class Pieces:
    """The tokens that an endpoint names, as a tokenizer has them: ids, and what they decode to."""

    def __init__(self) -> None:
        self.bytes: list[bytes] = []
        self.known: dict[bytes, int] = {}
        self.lock = threading.Lock()

    def id(self, token: str, data: Sequence[int] | None) -> int:
        """Return the id of a token, which its bytes tell if they are given."""
        piece = bytes(data) if data is not None else token.encode()
        with self.lock:
            if piece not in self.known:
                self.known[piece] = len(self.bytes)
                self.bytes.append(piece)
            return self.known[piece]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text that tokens write."""
        return b"".join(self.bytes[id] for id in ids).decode(errors="replace")


class OpenAIEngine(Engine):
    """A model behind a chat completions endpoint."""

    name = "openai"

    def __init__(self, settings: OpenAISettings) -> None:
        super().__init__()
        self.settings = settings
        self.tokenizer = Pieces()
        self.endpoint = Endpoint(settings)
        folder = Path(settings.answers) if settings.answers else cache_folder() / "answers"
        self.recorded = Recorded(folder)
        self.lock = threading.Lock()
        self.asking: dict[Path, threading.Lock] = {}  # a lock per request that was asked
        self.models: set[str] = set()

    @property
    def version(self) -> str:
        """The endpoint's host and the model, as the endpoint names it once it has answered."""
        model = "+".join(sorted(self.models)) or self.settings.model
        return f"{httpx2.URL(self.settings.url).host} {model}"

    def check(self, conversations: Sequence[Conversation], max_new_tokens: int) -> None:
        """Take any conversation: the endpoint itself knows how much its model reads."""

    def answer(
        self,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        batch_size: int,
        done: Done = lambda _: None,
        constraint: ConstraintOf | None = None,
    ) -> list[list[Answer]]:
        """Answer conversations side by side, each turn by turn.

        Raises:
            UserError: the endpoint refuses a request, or does not answer.
        """
        if constraint:
            raise UserError("openai cannot constrain answers: use the engine torch or vllm.")
        count = 0
        failures: list[BaseException] = []

        def converse(conversation: Conversation) -> list[Answer]:
            nonlocal count
            try:
                answers = self._converse(conversation, max_new_tokens)
            except BaseException as error:
                failures.append(error)
                self.endpoint.stopped.set()  # those that wait or would begin give up
                raise
            with self.lock:
                count += 1
                done(count)
            return answers

        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            asked = [pool.submit(converse, one) for one in conversations]
            try:
                wait(asked, return_when=FIRST_EXCEPTION)
            except BaseException:
                self.endpoint.stopped.set()
                raise
        if failures:
            raise failures[0]
        return [one.result() for one in asked]

    def _converse(self, conversation: Conversation, max_new_tokens: int) -> list[Answer]:
        messages: list[dict[str, str]] = []
        answers: list[Answer] = []
        given = conversation.given
        for turn in conversation.turns:
            content = turn.content
            if turn.role == "assistant" and given > 0:
                given -= 1
            elif turn.role == "assistant":
                answers.append(self._ask(messages, max_new_tokens))
                content = answers[-1].text
            messages.append({"role": turn.role, "content": content})
        return answers

    def _ask(self, messages: Sequence[dict[str, str]], max_new_tokens: int) -> Answer:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": list(messages),
            "temperature": 0,
            self.settings.limit: max_new_tokens,
            **({"logprobs": True} if self.settings.logprobs else {}),
            **self.settings.body,
        }
        file = self.recorded.file(self.endpoint.url, body)
        with self.lock:
            is_new = file not in self.asking
            alone = self.asking.setdefault(file, threading.Lock())
        with alone:  # of equal requests one is sent
            found = self._found(file, body)
        if is_new:
            self._count(found)
        ids = tuple(self.tokenizer.id(token, data) for token, data, _ in found["tokens"])
        logprobs = tuple(logprob for *_, logprob in found["tokens"])
        return Answer(found["text"], found["reason"] == "length", ids, logprobs)

    def _found(self, file: Path, body: dict[str, Any]) -> dict[str, Any]:
        """Return the recorded answer to a request, or ask for one and record it."""
        found = self.recorded.read(file)
        if found is None and self.settings.replay:
            raise UserError(
                f"There is no recorded answer to a request in {self.recorded.folder}: say `replay: "
                "false` under predict.openai to ask the endpoint."
            )
        if found is None:
            found = self.endpoint.ask(body)
            self.recorded.write(file, found)
        return found

    def _count(self, found: dict[str, Any]) -> None:
        """Count tokens and cost of a request, whether it was paid for now or before."""
        read = found["usage"].get("prompt_tokens", 0)
        written = found["usage"].get("completion_tokens", 0)
        cost = read * self.settings.input_price + written * self.settings.output_price
        with self.lock:
            self.models.add(found["model"] or self.settings.model)
            self.usage.update(prompt_tokens=read, completion_tokens=written)
            if cost:
                self.usage["cost"] += cost / MILLION  # type: ignore[assignment]
