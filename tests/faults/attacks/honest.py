"""Honest peers for a real node under attack: whole nodes in this process, over real libp2p, and
what they and the target hold. Knows nothing of attacks.
"""

import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from jangteo.crypto.digest import sha256
from jangteo.crypto.keys import AuthorKey
from jangteo.node.core import NodeCore, Surroundings
from jangteo.node.libp2p_transport import open_libp2p
from jangteo.node.worker import ThreadWorker
from jangteo.protocol.envelope import Header, Verified, author_record
from jangteo.protocol.kind import LISTING
from jangteo.protocol.limits import SIGNATURE_BYTES
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import OPEN
from jangteo.store.store import Store

_LOOK_S = 0.02


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Honest:
    """A node with a key, while it runs."""

    core: NodeCore
    key: AuthorKey

    def listing(self, title: str, market: str = OPEN) -> Verified:
        at_ms = now_ms()
        thread, revision = os.urandom(16), at_ms // 1000
        header = Header(LISTING, self.key.public, at_ms, market, thread, revision, False)
        return author_record(self.key, header, Listing(title, created_ms=at_ms).to_body())

    async def publish(self, *records: Verified) -> None:
        """Commits them, then tells the neighbours, as the desk does."""

        def write(store: Store) -> None:
            with store.write(durable=True):
                store.admit(records, now_ms())

        await self.core.writer.call(write)
        self.core.published(records)

    async def until_held(self, ids: Sequence[bytes]) -> None:
        wanted = set(ids)
        while await self.core.writer.call(lambda store: store.known(wanted)) != wanted:  # noqa: ASYNC110
            await trio.sleep(_LOOK_S)

    async def meet(self, address: str) -> None:
        """Keeps dialling, as a node does whose owner named `address`."""
        self.core.dialer.add([address], is_static=True)
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def honest(folder: Path, name: str, source: str, *markets: str) -> AsyncIterator[Honest]:
    """A node of its own in `folder`, which meets nobody unless told to, and then comes from the
    address `source`: on 127.0.0.1 it would have more rights than on another machine."""
    key = AuthorKey.from_seed(os.urandom(32))
    with closing(Store.open(folder / f"{name}.db", own_author=key.public)) as store:
        with store.write(durable=False):
            for market in dict.fromkeys((OPEN, *markets)):
                store.join(market)
        dice = random.Random(os.urandom(8))  # noqa: S311  (jitter only)
        around = Surroundings(now_ms, dice, ThreadWorker(), ThreadWorker(), key.public)
        async with open_libp2p(os.urandom(32), ["/ip4/127.0.0.1/tcp/0"]) as transport:
            transport.swarm.connect = partial(trio.open_tcp_stream, local_address=source)
            core = NodeCore(transport, store, around)
            async with trio.open_nursery() as nursery:
                await nursery.start(core.run)
                yield Honest(core, key)
                core.stop()


class HeldBy:
    """What the store of another process holds, read beside it."""

    def __init__(self, path: Path) -> None:
        self._store = Store.open(path, read_only=True)

    def ids(self) -> list[bytes]:
        return [sha256(raw[:-SIGNATURE_BYTES]) for _, raw in self._store.iter_records()]

    async def until(self, ids: Sequence[bytes]) -> None:
        wanted = set(ids)
        while self._store.known(wanted) != wanted:  # noqa: ASYNC110  (another process's store)
            await trio.sleep(_LOOK_S)

    def close(self) -> None:
        self._store.close()
