"""A neighbourhood of whole nodes in one process: the real core over the in-memory transport, with
real stores, one seed and trio's clock. Ships with the node, since what cannot be simulated cannot
be trusted. Nothing of a running node uses it.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
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
from ..store.store import Store
from .core import NodeCore, Surroundings
from .memory_transport import MemoryNetwork, MemoryTransport
from .worker import InlineWorker

START_MS = 1_750_000_000_000
"""What every clock shows at trio's time 0."""


@dataclass(eq=False, slots=True)
class SimulatedNode:
    """One node while it runs. `skew_ms` is how far ahead its clock is."""

    name: str
    core: NodeCore
    transport: MemoryTransport
    key: AuthorKey
    dice: random.Random
    revisions: dict[ThreadKey, Header] = field(default_factory=dict)
    skew_ms: int = 0

    def now_ms(self) -> int:
        return clock_ms(self.skew_ms)

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
            header = Header(LISTING, self.key.public, now_ms, market, thread, 1, False)
            records.append(author_record(self.key, header, body))
        await self.commit(records)
        return records

    async def edit(self, record: Verified, title: str) -> Verified:
        """The next revision of an own listing."""
        body = Listing(title, created_ms=self.now_ms()).to_body()
        return await self._revise(record, body)

    async def withdraw(self, record: Verified) -> Verified:
        return await self._revise(record, None)

    async def _revise(self, record: Verified, body: dict[str, object] | None) -> Verified:
        last = self.revisions[record.header.thread_key]
        header = Header(
            LISTING,
            self.key.public,
            max(last.ts_ms, self.now_ms()),
            last.market,
            last.thread,
            last.revision + 1,
            body is None,
        )
        revised = author_record(self.key, header, body)
        await self.commit([revised])
        return revised

    async def commit(self, records: Sequence[Verified]) -> list[Admission]:
        """Stores own records for good, then tells the neighbours, as the desk does."""

        def write(store: Store) -> list[Admission]:
            with store.write(durable=True):
                return store.admit(records, self.now_ms())

        admissions = await self.core.writer.call(write)
        for record in records:
            self.revisions[record.header.thread_key] = record.header
        self.core.published(records)
        return admissions

    async def summary(self, market: str = OPEN) -> tuple[int, bytes]:
        """(count, fingerprint) of what it holds."""
        return await self.core.writer.call(lambda store: store.summary(market))


class Neighbourhood:
    """Nodes of one network; each keeps its store in `folder`, and finds it again when reopened."""

    def __init__(
        self,
        folder: Path,
        seed: int = 0,
        *,
        loss: float = 0.0,
        delay_s: tuple[float, float] = (0.001, 0.01),
    ) -> None:
        self.network = MemoryNetwork(seed, loss=loss, delay_s=delay_s)
        self.nodes: dict[str, SimulatedNode] = {}
        self._folder = folder
        self._seed = seed

    @asynccontextmanager
    async def node(
        self,
        name: str,
        *,
        peers: Sequence[str] = (),
        markets: Sequence[str] = (OPEN,),
        skew_ms: int = 0,
        records_bytes_max: int = limits.RECORD_STORE_BYTES_MAX,
    ) -> AsyncIterator[SimulatedNode]:
        """A running node that keeps dialling `peers` (by name); stopped on leaving."""
        key = AuthorKey.from_seed(sha256(f"author {self._seed} {name}".encode()))
        dice = random.Random(f"{self._seed} {name}")  # noqa: S311  (repeatable on purpose)
        path = self._folder / f"{name}.db"
        store = Store.open(path, own_author=key.public, records_bytes_max=records_bytes_max)
        with closing(store):
            with store.write(durable=False):
                for market in markets:
                    store.join(market)
            worker = InlineWorker()
            around = Surroundings(lambda: clock_ms(skew_ms), dice, worker, worker, key.public)
            async with self.network.open(name) as transport:
                addresses = [f"/memory/{peer}/p2p/{peer}" for peer in peers]
                core = NodeCore(transport, store, around, peers=addresses)
                async with trio.open_nursery() as nursery:
                    await nursery.start(core.run)
                    running = SimulatedNode(name, core, transport, key, dice, skew_ms=skew_ms)
                    self.nodes[name] = running
                    try:
                        yield running
                    finally:
                        del self.nodes[name]
                        core.stop()

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


def clock_ms(skew_ms: int = 0) -> int:
    """The simulation's time in ms since 1970."""
    return START_MS + skew_ms + round(trio.current_time() * limits.SECOND_MS)
