"""Tells one reader, however slow, which peers came and went, in a bounded space.

Holds at most two events a peer: a visit that began and ended unread is left out, a return after an
unread departure is told as both. Knows nothing of connections.
"""

import trio

from .transport import PeerDown, PeerEvent, PeerUp


class PeerEvents:
    """`up` and `down` never block; `run` hands the events to `receiver` one by one."""

    def __init__(self) -> None:
        self._pending: dict[str, list[PeerEvent]] = {}
        self._wake = trio.Event()
        self._sender, self.receiver = trio.open_memory_channel[PeerEvent](0)

    def up(self, event: PeerUp) -> None:
        self._pending.setdefault(event.peer, []).append(event)
        self._wake.set()

    def down(self, peer: str) -> None:
        pending = self._pending.setdefault(peer, [])
        if pending and isinstance(pending[-1], PeerUp):
            pending.pop()
            if not pending:
                del self._pending[peer]
        elif not pending:
            pending.append(PeerDown(peer))
        self._wake.set()

    @property
    def pending_count(self) -> int:
        return sum(len(events) for events in self._pending.values())

    async def run(self) -> None:
        """Until cancelled; then the reader's loop ends."""
        async with self._sender:
            while True:
                while self._pending:
                    peer = next(iter(self._pending))
                    event = self._pending[peer].pop(0)
                    if not self._pending[peer]:
                        del self._pending[peer]
                    try:
                        await self._sender.send(event)
                    except trio.BrokenResourceError:  # the reader has closed its end
                        return
                self._wake = trio.Event()
                await self._wake.wait()
