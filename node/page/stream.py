"""What happens, as it happens, for an open page (server-sent events, HTML standard 9.2).

Says only that something is new, and where; the page asks for what it shows. One stream a browser:
its tabs share it, since a browser opens six connections to a host and no more.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

import trio
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...protocol import limits
from .visit import Routes, Visit, Ways

_BEAT_S: Final = 20.0
"""A comment this often: a browser that left is noticed by what cannot be sent."""
_TOLD: Final = frozenset(
    ("listing", "listings", "peer", "sync", "progress", "warning", "photo", "photos", "message",
     "deal", "delivery", "notification", "stopping")
)  # fmt: skip
_KEPT: Final = (
    "id", "change", "room", "state", "hash", "code", "count", "new", "done", "total", "person",
    "listing", "mine",
)  # fmt: skip
"""Words and names stay out: the page asks for what it shows, and each tab for its own."""


async def events(visit: Visit) -> Response:
    if visit.ways.streams.count >= limits.PAGE_STREAMS_MAX:
        raise HTTPException(503)
    return _Events(visit.ways)


class _Events(Response):
    """A stream that ends when the node does, or when the browser leaves."""

    def __init__(self, ways: Ways) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._live = ways.live
        self._streams = ways.streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams.count += 1
        try:
            await self._tell(receive, send)
        finally:
            self._streams.count -= 1

    async def _tell(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        turn = trio.Lock()

        async def say(text: str) -> None:
            async with turn:
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_leaving, receive, nursery.cancel_scope)
            nursery.start_soon(_beat, say)
            await say("retry: 2000\n\n")
            async with aclosing(self._live.events()) as events:
                async for event in events:
                    if event["event"] in _TOLD:
                        await say(_line(event))
            nursery.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _beat(say: Callable[[str], Awaitable[None]]) -> None:
    while True:
        await trio.sleep(_BEAT_S)
        await say(": still here\n\n")


async def _watch_leaving(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _line(event: dict[str, Any]) -> str:
    kept = {name: event[name] for name in _KEPT if name in event}
    return f"event: {event['event']}\ndata: {json.dumps(kept)}\n\n"


ROUTES: Final[Routes] = (("GET", "/events", events),)
