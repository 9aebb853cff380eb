"""What holds for every request: this machine's names only, a body within seconds, safe headers."""

import asyncio
import time
from collections.abc import Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names by which a browser on this machine reaches it. Another one is a page of the web that lets
#: its own name point here (DNS rebinding).
LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: Seconds in which a request has to be here.
SECONDS = 30
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Wraps an application; `hosts` are the names it answers to, without any all."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self.hosts and _host(scope) not in self.hosts:
            refused = JSONResponse({"error": "This server has another name."}, 421)
            await refused(scope, receive, sending)
            return
        await self.app(scope, _in_time(receive), sending)


def _host(scope: Scope) -> str | None:
    try:
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
    except ValueError:
        return None


def _in_time(receive: Receive) -> Receive:
    """Return a `receive` that gives up where the body takes too long."""
    until, whole = time.monotonic() + SECONDS, False

    async def receiving() -> Message:
        nonlocal whole
        if whole:  # what comes now is the end of the connection
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(until - time.monotonic(), 0.01))
        except TimeoutError:
            raise HTTPException(408, f"The request took more than {SECONDS} seconds.") from None
        whole = not message.get("more_body", False)
        return message

    return receiving
