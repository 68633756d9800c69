"""What happens in the node, told to whoever watches: the terminal, `watch`, the page.

Bounded for each watcher: a slow one loses the oldest and is told how many. Knows no node.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import trio

from ..protocol import limits

JsonObject = dict[str, Any]


class _Watcher:
    def __init__(self) -> None:
        self.pending: deque[JsonObject] = deque()
        self.missed = 0
        self.wake = trio.Event()


class EventBoard:
    """`post` never blocks."""

    def __init__(self) -> None:
        self._watchers: list[_Watcher] = []
        self._is_over = False

    @property
    def watcher_count(self) -> int:
        return len(self._watchers)

    def post(self, event: JsonObject) -> None:
        """{"event": KIND, …}, JSON all through; not to be changed afterwards."""
        for watcher in self._watchers:
            if len(watcher.pending) >= limits.EVENTS_PENDING_MAX:
                watcher.pending.popleft()
                watcher.missed += 1
            watcher.pending.append(event)
            watcher.wake.set()

    def close(self) -> None:
        """Nothing more will happen: watchers end when they have read what there is."""
        self._is_over = True
        for watcher in self._watchers:
            watcher.wake.set()

    async def events(self) -> AsyncGenerator[JsonObject, None]:
        """From the first step on, until `close`."""
        with self.watching() as watched:
            async with aclosing(watched) as events:
                async for event in events:
                    yield event

    @contextmanager
    def watching(self) -> Iterator[AsyncGenerator[JsonObject, None]]:
        """All events from now on, to be read later; until `close`."""
        watcher = _Watcher()
        self._watchers.append(watcher)
        try:
            yield self._read(watcher)
        finally:
            self._watchers.remove(watcher)

    async def _read(self, watcher: _Watcher) -> AsyncGenerator[JsonObject, None]:
        while True:
            if watcher.missed:
                count, watcher.missed = watcher.missed, 0
                yield {
                    "event": "warning",
                    "code": "missed",
                    "message": f"{count} events were not read in time",
                    "count": count,
                }
            elif watcher.pending:
                yield watcher.pending.popleft()
            elif self._is_over:
                return
            else:
                watcher.wake = trio.Event()
                await watcher.wake.wait()
