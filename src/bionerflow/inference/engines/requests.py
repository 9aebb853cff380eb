"""Requests to a chat completions endpoint: retries with back-off, limits on their rate, no leaks.

The key comes from an environment variable and goes into a header; it is in no message or file.
"""

import email.utils
import ipaddress
import json
import os
import random
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx2

from bionerflow.config.engines import OpenAISettings
from bionerflow.utils.errors import UserError

#: Statuses of requests that may succeed later; any other fault of a request stays one.
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
#: Codes with which a status of 429 says that waiting does not help.
SPENT = {"insufficient_quota", "billing_hard_limit_reached"}
LONGEST_WAIT = 60.0  # seconds, unless the endpoint asks for more


#: What an answer gives that is no chat completion.
FAULTS = (
    *(ValueError, KeyError, IndexError, TypeError, AttributeError),
    *(OverflowError, RecursionError),
)


class PassingError(Exception):
    """A fault that may pass; `wait` is how many seconds the endpoint asks to wait, if it says."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class Rate:
    """Spreads requests, or tokens, evenly: at most so many per minute, counted by all threads."""

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self.free = 0.0
        self.lock = threading.Lock()

    def spend(self, number: float) -> float:
        """Spend some; return in how many seconds it is the turn of what was spent."""
        if not self.per_minute:
            return 0.0
        with self.lock:
            now = time.monotonic()
            begin = max(self.free, now)
            self.free = begin + 60 * number / self.per_minute
            return begin - now


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine itself."""
    host = httpx2.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Endpoint:
    """A chat completions endpoint."""

    def __init__(self, settings: OpenAISettings) -> None:
        self.settings = settings
        self.url = f"{settings.url.rstrip('/')}/chat/completions"
        self.key = os.environ.get(settings.key_variable, "")
        local = is_loopback(settings.url)
        if not (local or settings.send_texts or settings.replay):
            raise UserError(
                f"The engine openai would send your texts to {httpx2.URL(settings.url).host}. If "
                "they may leave this machine, say `send_texts: true` under predict.openai."
            )
        # Neither a proxy nor a redirection may carry texts or the key elsewhere.
        self.client = httpx2.Client(
            timeout=settings.timeout,
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            limits=httpx2.Limits(max_connections=settings.concurrency),
            trust_env=not local,
            follow_redirects=False,
        )
        self.requests = Rate(settings.requests_per_minute)
        self.tokens = Rate(settings.tokens_per_minute)
        self.stopped = threading.Event()

    def ask(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the endpoint's answer; try again where a fault may pass.

        Raises:
            UserError: the endpoint refuses the request, or has not answered after all retries.
        """
        for tried in range(self.settings.retries + 1):
            self._pause(max(self.requests.spend(1), self.tokens.spend(0)))
            try:
                answer = self._once(body)
            except PassingError as fault:
                said, wait = str(fault), fault.wait
                if tried < self.settings.retries:
                    self._pause(_back_off(tried) if wait is None else wait)
                continue
            self.tokens.spend(answer["usage"].get("total_tokens", 0))
            return answer
        raise UserError(
            f"{self.url} has not answered after {self.settings.retries + 1} tries ({said}). What "
            "was answered is kept: run again later, and it goes on from there."
        )

    def _pause(self, seconds: float) -> None:
        """Wait; whoever waits gives up once another request has failed for good."""
        if self.stopped.wait(seconds):
            raise UserError(f"{self.url}: given up, since another request failed.")

    def _once(self, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = self.client.post(self.url, json=body)
        except httpx2.TransportError as error:
            raise PassingError(f"{type(error).__name__}: {error}") from None
        if response.status_code == httpx2.codes.OK:
            return completed(response)
        said = self._redacted(response.text)
        if response.status_code in PASSING and not any(code in said for code in SPENT):
            raise PassingError(f"status {response.status_code}", _retry_after(response))
        advice = self._advice(response.status_code)
        raise UserError(f"{self.url} refuses ({response.status_code}: {said}). {advice}")

    def _redacted(self, text: str) -> str:
        """Return the beginning of what an endpoint says of a fault, without the key."""
        text = text.replace(self.key, "[key]") if self.key else text
        return " ".join(text.split())[:300]

    def _advice(self, status: int) -> str:
        variable = self.settings.key_variable
        if status in (401, 403):
            return f"Set the environment variable {variable} to " + (
                "a key that is valid there." if self.key else "your key; it is not set."
            )
        return "Correct predict.openai: its url, model, limit, logprobs or body."


def completed(response: httpx2.Response) -> dict[str, Any]:
    """Return what is kept of an answer: text, why it ended, tokens, usage.

    Raises:
        PassingError: it is no chat completion, or only a part of one.
    """
    try:
        answer = json.loads(response.content)
        choice = answer["choices"][0]
        text = choice["message"]["content"]
        reason = choice["finish_reason"]
        tokens = ((choice.get("logprobs") or {}).get("content")) or []
        kept = [[t["token"], t.get("bytes"), float(t["logprob"])] for t in tokens]
        usage = {key: int(n) for key, n in (answer.get("usage") or {}).items() if _counts(n)}
    except FAULTS as error:
        raise PassingError(f"no chat completion: {type(error).__name__} {error}") from None
    if not isinstance(text, str | None) or not isinstance(reason, str):
        raise PassingError("no chat completion: the answer has no text")
    version = answer.get("system_fingerprint") or ""
    model = answer.get("model") or ""
    return {
        "text": text or "",
        "reason": reason,
        "tokens": kept,
        "usage": usage,
        "model": " ".join(filter(None, (str(model), str(version)))),
    }


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _back_off(tried: int) -> float:
    """Return how long to wait before the next try: longer each time, and not all at once."""
    return min(LONGEST_WAIT, 2.0**tried) * random.uniform(0.5, 1.0)


def _retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds that the endpoint asks to wait, given as a number or as a date."""
    given = response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
