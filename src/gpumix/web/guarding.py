"""What stands before every page: who may ask, how much may be sent, what a browser may load."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpumix.web.limits import limits
from gpumix.web.settings import Settings

POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of every answer: no inline script or style, no eval, no other host."""
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_BEARER, _BASIC = "bearer", "basic"
_TAKES_INVENTORY: Final = ("/plan", "/api/v1/plans")


class Refused(Exception):
    """A request that goes no further: its status, the words for it, and headers."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.message, self.headers = status, message, headers or {}
        super().__init__(message)


class Guard:
    """An ASGI application that lets through what may pass and bounds what is sent."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message)
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._refuse_stranger(headers, scope["method"])
            bound = _most_bytes(scope["path"])
            if int_of(headers.get("content-length")) > bound:
                raise _too_large(bound)
            await self.app(scope, _bounded(receive, bound), sent)
        except Refused as error:
            if not started:
                await _tell(error, sent)

    def _refuse_stranger(self, headers: Headers, method: str) -> None:
        """Raise Refused for another site's name, another site's form, or a wrong token."""
        host = headers.get("host", "")
        if not self.settings.is_own_host(host):
            raise Refused(421, "this server does not go by that name: ask it by its own address")
        origin = headers.get("origin")
        if method not in _SAFE and origin is not None and _host_of(origin) != host.lower():
            raise Refused(403, "a form of another site cannot be sent here")
        if method not in _SAFE and headers.get("sec-fetch-site") == "cross-site":
            raise Refused(403, "a form of another site cannot be sent here")
        if self.settings.token is None:
            return
        given = _token_of(headers.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), self.settings.token.encode()):
            challenge = {"www-authenticate": 'Basic realm="gpumix: the token is the password"'}
            raise Refused(401, "needs the token that the server was started with", challenge)


def int_of(text: str | None) -> int:
    """A header's whole number; 0 where there is none."""
    return int(text) if text is not None and text.isdecimal() else 0


def _most_bytes(path: str) -> int:
    """The largest body that is taken at a path; a form adds a little to its file."""
    bounds = limits()
    takes = path in _TAKES_INVENTORY
    return bounds.inventory_bytes + bounds.other_bytes if takes else bounds.other_bytes


def _bounded(receive: Receive, most: int) -> Receive:
    """Receive no more than so many bytes, and not for ever."""
    seen = 0
    loop = asyncio.get_running_loop()
    until = loop.time() + limits().body_s

    async def bounded() -> Message:
        nonlocal seen
        try:
            async with asyncio.timeout_at(until if seen >= 0 else None):
                message = await receive()
        except TimeoutError:
            raise Refused(408, f"the body took longer than {limits().body_s} s") from None
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise _too_large(most)
            if not message.get("more_body", False):
                seen = -1  # all of it is here: what follows is a wait for the end
        return message

    return bounded


def _too_large(most: int) -> Refused:
    return Refused(413, f"is larger than {most / 2**20:.1f} MiB")


def _add_headers(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-store")


async def _tell(error: Refused, send: Send) -> None:
    told = {"problems": [{"path": "", "message": error.message, "did_you_mean": None}]}
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **error.headers,
    }
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _host_of(origin: str) -> str:
    return origin.lower().partition("://")[2]


def _token_of(authorization: str) -> str:
    """The token of a Bearer header, or the password of a Basic one; empty where there is none."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == _BEARER:
        return given.strip()
    if scheme.lower() == _BASIC:
        try:
            return base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
