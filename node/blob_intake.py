"""Blobs that came, on their way to the disk and into the store: verified, durable, then known.

Many at a time, beside the loop, while sessions receive the next; no more at once than a bound.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import trio

from ..protocol import limits
from ..store.store import Store
from .blob_keeper import put_blobs
from .blob_shelf import Arrival, BlobShelf
from .writer import Writer

Verdict = Callable[[bool | None], None]


class BlobIntake:
    """`on_kept` is called in the loop with the sizes of those that are here now, `on_failed` with
    those for which the disk had no room or no answer."""

    def __init__(self, shelf: BlobShelf, writer: Writer, *, now_ms: Callable[[], int]) -> None:
        self._shelf = shelf
        self._writer = writer
        self._now_ms = now_ms
        self._waiting: list[tuple[Arrival, Verdict]] = []
        self._byte_count = 0
        self._wake = trio.Event()
        self._room = trio.Condition()
        self.on_kept: Callable[[Mapping[bytes, int]], None] = lambda sizes: None
        self.on_failed: Callable[[Sequence[bytes], OSError], None] = lambda hashes, error: None

    async def take(self, arrival: Arrival, verdict: Verdict) -> None:
        """Waits while BLOB_CAME_BYTES_MAX are on their way. `verdict(is_right)` is called once, in
        the loop; with None where the disk failed."""
        async with self._room:
            while self._byte_count >= limits.BLOB_CAME_BYTES_MAX:
                await self._room.wait()
            self._byte_count += len(arrival.data)
            self._waiting.append((arrival, verdict))
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            waiting, self._waiting = self._waiting, []
            arrivals = [arrival for arrival, _ in waiting]
            try:
                await self._keep(waiting)
            except OSError as error:
                for _, verdict in waiting:
                    verdict(None)
                self.on_failed([arrival.hash for arrival in arrivals], error)
            async with self._room:
                self._byte_count -= sum(len(arrival.data) for arrival in arrivals)
                self._room.notify_all()

    async def _keep(self, waiting: Sequence[tuple[Arrival, Verdict]]) -> None:
        right = await self._shelf.keep([arrival for arrival, _ in waiting])
        pairs = list(zip(waiting, right, strict=True))
        kept = [arrival for (arrival, _), is_right in pairs if is_right]
        sizes = {arrival.hash: arrival.size for arrival in kept}
        if kept:
            await self._writer.call(partial(_put, sizes, self._now_ms()))
        for (_, verdict), is_right in pairs:
            verdict(is_right)
        if kept:
            self.on_kept(sizes)


def _put(sizes: Mapping[bytes, int], now_ms: int, store: Store) -> None:
    # Where this is lost, the file is found when it is wanted again.
    with store.write(durable=False):
        put_blobs(sizes, now_ms, store)
