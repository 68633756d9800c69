"""A neighbourhood of whole nodes in one process: the real core over the in-memory transport, with
real stores, one seed and trio's clock. Ships with the node, since what cannot be simulated cannot
be trusted. Nothing of a running node uses it.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from ..crypto.digest import sha256
from ..crypto.keys import AuthorKey
from ..protocol import limits
from ..protocol.envelope import Header, ThreadKey, Verified, author_record
from ..protocol.kind import LISTING
from ..protocol.listing import Listing
from ..protocol.market import OPEN
from ..protocol.verdict import Admission
from ..store.row import ListingRow
from ..store.store import Store
from .blob_exchange import BlobMeans
from .blob_folder import BlobFolder
from .core import NodeCore, Surroundings
from .memory_transport import MemoryNetwork, MemoryTransport
from .store_share import StoreShare
from .worker import InlineWorker

START_MS = 1_750_000_000_000
"""What every clock shows at trio's time 0."""


@dataclass(slots=True)
class Clock:
    """One machine's clock, `skew_ms` ahead of the simulation's. It can be set."""

    skew_ms: int = 0

    def now_ms(self) -> int:
        return START_MS + self.skew_ms + round(trio.current_time() * limits.SECOND_MS)


@dataclass(eq=False, slots=True)
class SimulatedNode:
    """One node while it runs."""

    name: str
    core: NodeCore
    transport: MemoryTransport
    store: Store
    key: AuthorKey
    dice: random.Random
    clock: Clock

    def now_ms(self) -> int:
        return self.clock.now_ms()

    async def sell(self, title: str, market: str = OPEN) -> Verified:
        """A new listing: signed, committed, told to the neighbours."""
        (record,) = await self.sell_all([title], market)
        return record

    async def sell_all(self, titles: Sequence[str], market: str = OPEN) -> list[Verified]:
        now_ms = self.now_ms()
        records = []
        for title in titles:
            thread = self.dice.randbytes(limits.THREAD_BYTES)
            body = Listing(title, created_ms=now_ms).to_body()
            revision = now_ms // limits.SECOND_MS
            header = Header(LISTING, self.key.public, now_ms, market, thread, revision, False)
            records.append(author_record(self.key, header, body))
        await self.commit(records)
        return records

    async def edit(self, record: Verified | ListingRow, title: str) -> Verified:
        """The next revision of an own listing, of which `record` is any one."""
        body = Listing(title, created_ms=self.now_ms()).to_body()
        return await self._revise(record.header.thread_key, body)

    async def withdraw(self, record: Verified | ListingRow) -> Verified:
        return await self._revise(record.header.thread_key, None)

    async def _revise(self, thread_key: ThreadKey, body: dict[str, object] | None) -> Verified:
        last = self.store.current(thread_key)
        if last is None:
            raise ValueError("nothing of this listing is here")
        now_ms = self.now_ms()
        header = Header(
            LISTING,
            self.key.public,
            max(last.header.ts_ms, now_ms),
            last.header.market,
            last.header.thread,
            max(last.header.revision + 1, now_ms // limits.SECOND_MS),
            body is None,
        )
        revised = author_record(self.key, header, body)
        await self.commit([revised])
        return revised

    async def commit(self, records: Sequence[Verified]) -> list[Admission]:
        """Stores own records for good, then tells the neighbours of those that were kept, as the
        desk does."""

        def write(store: Store) -> list[Admission]:
            with store.write(durable=True):
                return store.admit(records, self.now_ms())

        admissions = await self.core.writer.call(write)
        kept = zip(records, admissions, strict=True)
        self.core.published([record for record, admission in kept if admission.is_kept])
        return admissions

    async def summary(self, market: str = OPEN) -> tuple[int, bytes]:
        """(count, fingerprint) of what it holds."""
        return await self.core.writer.call(lambda store: store.summary(market))


class Neighbourhood:
    """Nodes of one network. Each keeps its store in `folder`, or in memory where that is None, and
    finds it again when it comes back."""

    def __init__(
        self,
        folder: Path | None,
        seed: int = 0,
        *,
        loss: float = 0.0,
        delay_s: tuple[float, float] = (0.001, 0.01),
    ) -> None:
        self.network = MemoryNetwork(seed, loss=loss, delay_s=delay_s)
        self.nodes: dict[str, SimulatedNode] = {}
        self._folder = folder
        self._kept: dict[str, Store] = {}
        self._settled: set[str] = set()
        self._seed = seed

    def key_of(self, name: str) -> AuthorKey:
        return AuthorKey.from_seed(sha256(f"author {self._seed} {name}".encode()))

    @asynccontextmanager
    async def node(
        self,
        name: str,
        *,
        peers: Sequence[str] = (),
        markets: Sequence[str] = (OPEN,),
        clock: Clock | None = None,
        records_bytes_max: int = limits.RECORD_STORE_BYTES_MAX,
        photos: str | None = None,
        blob_bytes_max: int = limits.BLOB_STORE_BYTES_MAX,
    ) -> AsyncIterator[SimulatedNode]:
        """A running node that keeps dialling `peers` (by name); stopped on leaving. `photos`: what
        pictures it fetches, into a folder of its own; None where it has to do with none."""
        key = self.key_of(name)
        dice = random.Random(f"{self._seed} {name} {trio.current_time()}")  # noqa: S311  (repeatable)
        clock = clock or Clock()
        store = self._open_store(name, key, records_bytes_max)
        try:
            if name not in self._settled:
                self._settled.add(name)
                with store.write(durable=False):
                    for market in markets:
                        store.join(market)
            worker = InlineWorker()
            blobs = None
            if photos is not None:
                folder = BlobFolder(self.blob_path(name))
                blobs = BlobMeans(folder, worker, worker, photos, blob_bytes_max)
            around = Surroundings(clock.now_ms, dice, worker, worker, key.public, blobs=blobs)
            async with self.network.open(name) as transport:
                addresses = [f"/memory/{peer}/p2p/{peer}" for peer in peers]
                core = NodeCore(transport, store, around, peers=addresses)
                # Real seconds have no place in a simulation: its work takes none.
                core.shared.share = StoreShare(core.writer, stopwatch=trio.current_time)
                async with trio.open_nursery() as nursery:
                    await nursery.start(core.run)
                    running = SimulatedNode(name, core, transport, store, key, dice, clock)
                    self.nodes[name] = running
                    try:
                        yield running
                    finally:
                        del self.nodes[name]
                        core.stop()
        finally:
            if self._folder is not None:
                store.close()

    def blob_path(self, name: str) -> Path:
        if self._folder is None:
            raise ValueError("pictures lie in files: a folder is needed")
        return self._folder / f"{name}.blobs"

    def _open_store(self, name: str, key: AuthorKey, records_bytes_max: int) -> Store:
        if self._folder is not None:
            path = self._folder / f"{name}.db"
            return Store.open(path, own_author=key.public, records_bytes_max=records_bytes_max)
        if name not in self._kept:
            self._kept[name] = Store.temporary(
                own_author=key.public, records_bytes_max=records_bytes_max
            )
        return self._kept[name]

    def lose_store(self, name: str) -> None:
        """Of a node that is not running: it comes back with its key and nothing else."""
        self._settled.discard(name)
        if self._folder is not None:
            for path in self._folder.glob(f"{name}.db*"):
                path.unlink()
        elif name in self._kept:
            self._kept.pop(name).close()

    def close(self) -> None:
        """Lets go of stores kept in memory."""
        while self._kept:
            self._kept.popitem()[1].close()

    async def until_even(self, within_s: float, market: str = OPEN) -> float:
        """Waits until all nodes hold the same of `market`: after how many seconds.
        TimeoutError names each node's count."""
        began = trio.current_time()
        while True:
            summaries = {name: await node.summary(market) for name, node in self.nodes.items()}
            if len(set(summaries.values())) == 1:
                return trio.current_time() - began
            if trio.current_time() - began > within_s:
                counts = {name: count for name, (count, _) in summaries.items()}
                raise TimeoutError(f"seed {self._seed}: not even after {within_s} s: {counts}")
            await trio.sleep(0.05)
