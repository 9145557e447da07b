"""Tells every open page what happened, over one long answer each (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

_HEARTBEAT_S = 10.0
_MOST_WAITING = 256


class Broadcast:
    """Passes messages from any thread to the pages that listen."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which event loop serves the pages."""
        self._loop = loop

    @property
    def n_pages(self) -> int:
        """Pages that listen now."""
        return len(self._queues)

    def tell(self, kind: str, facts: dict[str, Any]) -> None:
        """Send a message; safe from any thread."""
        if self._loop is None or self._loop.is_closed():
            return
        text = f"event: {kind}\ndata: {json.dumps(facts)}\n\n"
        self._loop.call_soon_threadsafe(self._put, text)

    def end(self) -> None:
        """Let every page go: the server ends. Safe from any thread and signal."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, None)

    def _put(self, text: str | None) -> None:
        for queue in list(self._queues):
            if queue.full():  # a page that sleeps asks for everything when it wakes
                queue.get_nowait()
            queue.put_nowait(text)

    async def listen(self) -> AsyncIterator[str]:
        """Messages for one page, with a sign of life in between."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING)
        self._queues.add(queue)
        try:
            yield "event: hello\ndata: {}\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _HEARTBEAT_S)
                except TimeoutError:
                    text = "event: alive\ndata: {}\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._queues.discard(queue)
