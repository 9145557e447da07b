"""Who may call: the token, the names the server answers to, the size of what is sent."""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MAX_BODY_BYTES = 1_000_000

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A page that a stranger's script or picture could not enter: everything from this server, no
# inline script or style, no frame around it.
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Guard:
    """What a request must bring.

    Args:
        token: Secret that every call under `/api/` carries as `Authorization: Bearer …`.
        names: Host names that the server answers to, besides `localhost` and plain addresses.
    """

    token: str
    names: frozenset[str] = field(default_factory=frozenset)

    def refusal(self, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and sentence for a request that may not be answered; None for one that may."""
        if not self._is_own(headers.get("host", "")):
            return 403, "This server does not answer to that host name. Open the link it printed."
        origin = headers.get("origin")
        if origin is not None and _place_of(origin) != headers.get("host"):
            return 403, "A page of another site must not call this server."
        if headers.get("sec-fetch-site") == "cross-site" and path.startswith("/api/"):
            return 403, "A page of another site must not call this server."
        if path.startswith("/api/") and not self._has_token(headers.get("authorization", "")):
            return 401, "The token is missing or wrong. Open the link that the server printed."
        return None

    def _has_token(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return scheme.casefold() == "bearer" and right

    def _is_own(self, host: str) -> bool:
        """A stranger's domain that leads here by a trick of DNS is a name we do not know."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").casefold()
        except ValueError:  # no host at all
            return False
        if name == "localhost" or name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _place_of(origin: str) -> str | None:
    """Host and port of an address; None where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


class GuardMiddleware:
    """Refuses what the guard refuses, bodies that are too large, and adds the security headers.

    Args:
        app: The application behind it.
        guard: What a request must bring.
        root_path: Path prefix under which a proxy shows the page.
        max_body_bytes: Largest body.
    """

    def __init__(
        self, app: Any, guard: Guard, root_path: str = "", max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self.app, self.guard, self.max_body_bytes = app, guard, max_body_bytes
        self.root_path = root_path

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        path = _below(self.root_path, scope["path"])
        # a proxy may have taken the prefix away, or left it
        scope["root_path"], scope["path"] = self.root_path, self.root_path + path
        refusal = self.guard.refusal(path, headers) or self._too_large(headers)
        guarded = _with_headers(send, path)
        if refusal is not None:
            await _answer(guarded, *refusal)
            return
        await self.app(scope, _limited(receive, self.max_body_bytes), guarded)

    def _too_large(self, headers: dict[str, str]) -> tuple[int, str] | None:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.max_body_bytes:
            return 413, f"Expected at most {self.max_body_bytes:,} bytes in one request."
        return None


def _below(root: str, path: str) -> str:
    """The path under a prefix; as it is where it does not lie there."""
    lies_there = path == root or path.startswith(f"{root}/")
    return path.removeprefix(root) if root and lies_there else path


def _limited(receive: Receive, most: int) -> Receive:
    """End a body that says nothing of its length once it is too long."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            return {"type": "http.disconnect"}
        return message

    return limited


def _with_headers(send: Send, path: str) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {key for key, _ in message["headers"]}
            extra = dict(SECURITY_HEADERS)
            if path.startswith("/api/") and b"cache-control" not in given:
                extra["cache-control"] = "no-store"
            message["headers"] = [
                *message["headers"],
                *((k.encode(), v.encode()) for k, v in extra.items()),
            ]
        await send(message)

    return guarded


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
