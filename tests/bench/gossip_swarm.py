"""Many nodes in one process, for the bench of gossip: `python gossip_swarm.py KIND`.

KIND is `transport` (this project's libp2p adapter alone, what others' pubsub is compared with),
`node` (whole nodes with stores: records verified, kept and reconciled) or `stock` (py-libp2p's
own host and GossipSub, with the two settings that it cannot work without). Orders come as JSON
lines on stdin; the same as of peers/gossip_swarm.mjs.
"""

import json
import os
import random
import resource
import struct
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache, partial
from typing import Any, Final, Protocol

import trio

from jangteo.crypto.keys import AuthorKey
from jangteo.node.transport import TransportError
from jangteo.protocol.envelope import Header, author_record
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import topic
from jangteo.protocol.verdict import Verdict

TOPIC: Final = topic("open")
LISTEN: Final = "/ip4/127.0.0.1/tcp/0"
STAMP: Final = struct.Struct(">QQ")
DIALS_AT_ONCE: Final = 4
DIAL_TRIES: Final = 20
Json = dict[str, Any]
OnMessage = Callable[[bytes], None]
"""Called with the bytes that begin with a stamp, as soon as a node has them."""


class Member(Protocol):
    """One node of a swarm."""

    def address(self) -> str: ...

    async def dial(self, address: str) -> None: ...

    async def publish(self, stamp: bytes, size_bytes: int) -> None: ...


receptions = 0
"""Messages that all the nodes here were handed, duplicates too."""


@cache
def count_receptions() -> None:
    from jangteo.node import libp2p_pubsub

    parse_rpc = libp2p_pubsub.parse_rpc

    def parse(data: bytes) -> Any:
        global receptions
        rpc = parse_rpc(data)
        receptions += len(rpc.publish)
        return rpc

    libp2p_pubsub.parse_rpc = parse


class TransportMember:
    def __init__(self, transport: Any) -> None:
        self._transport = transport

    @classmethod
    async def open(cls, stack: AsyncExitStack, on_message: OnMessage) -> "TransportMember":
        from jangteo.node.libp2p_transport import open_libp2p

        transport = await stack.enter_async_context(open_libp2p(os.urandom(32), [LISTEN]))
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        nursery.start_soon(_drain, transport.events)

        def handle(peer: str, data: bytes) -> Verdict:
            on_message(data)
            return Verdict.ACCEPT

        await transport.join(TOPIC, handle)
        count_receptions()
        return cls(transport)

    def address(self) -> str:
        address: str = self._transport.addresses()[0]
        return address

    async def dial(self, address: str) -> None:
        await self._transport.dial(address)

    async def publish(self, stamp: bytes, size_bytes: int) -> None:
        await self._transport.publish(TOPIC, stamp + os.urandom(size_bytes - len(stamp)))


class NodeMember:
    """A whole node; what it publishes are listings whose `ref` begins with the stamp."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._key = AuthorKey.from_seed(os.urandom(32))
        self._had: set[bytes] = set()

    @classmethod
    async def open(cls, stack: AsyncExitStack, on_message: OnMessage) -> "NodeMember":
        from jangteo.node.core import NodeCore, Surroundings
        from jangteo.node.libp2p_transport import open_libp2p
        from jangteo.node.worker import ThreadWorker
        from jangteo.store.store import Store

        transport = await stack.enter_async_context(open_libp2p(os.urandom(32), [LISTEN]))
        store = stack.enter_context(Store.temporary())
        around = Surroundings(
            now_ms=_now_ms,
            dice=random.Random(os.urandom(8)),  # noqa: S311 — jitter
            writer_worker=ThreadWorker(),
            verifier=ThreadWorker(),
        )
        core = NodeCore(transport, store, around)
        noted = core.writer.on_admitted
        member = cls(core)

        def admitted(records: list[Any], source: str) -> None:
            noted(records, source)
            for record, _ in records if source else ():
                # What comes by gossip and by sync, or back to its author, is delivered once.
                if record.id not in member._had:
                    member._had.add(record.id)
                    on_message(record.body["ref"])

        core.writer.on_admitted = admitted
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        await nursery.start(core.run)
        return member

    def address(self) -> str:
        address: str = self._core.transport.addresses()[0]
        return address

    async def dial(self, address: str) -> None:
        await self._core.transport.dial(address)

    async def publish(self, stamp: bytes, size_bytes: int) -> None:
        now_ms = _now_ms()
        description = os.urandom(max(0, size_bytes - 300) // 2).hex()
        body = Listing(
            "ten words of a title", description=description, ref=stamp.ljust(32), created_ms=now_ms
        ).to_body()
        header = Header(LISTING, self._key.public, now_ms, "open", os.urandom(16), 1, False)
        record = author_record(self._key, header, body)
        self._had.add(record.id)
        await self._core.writer.admit([record], "", is_durable=True)
        self._core.published([record])


class StockMember:
    """py-libp2p as it comes, but for a heartbeat of a second instead of two minutes and without its
    limit of ten messages a second."""

    def __init__(self, host: Any, pubsub: Any) -> None:
        self._host, self._pubsub = host, pubsub

    @classmethod
    async def open(cls, stack: AsyncExitStack, on_message: OnMessage) -> "StockMember":
        from libp2p import new_host
        from libp2p.crypto.ed25519 import create_new_key_pair
        from libp2p.pubsub.gossipsub import GossipSub
        from libp2p.pubsub.pubsub import Pubsub
        from libp2p.tools.anyio_service import background_trio_service
        from multiaddr import Multiaddr

        host = new_host(key_pair=create_new_key_pair(os.urandom(32)))
        await stack.enter_async_context(host.run(listen_addrs=[Multiaddr(LISTEN)]))
        router = GossipSub(
            protocols=["/meshsub/1.1.0"], degree=6, degree_low=4, degree_high=12,
            heartbeat_interval=1, spam_protection_enabled=False,
        )  # fmt: skip
        pubsub = Pubsub(host, router)
        await stack.enter_async_context(background_trio_service(pubsub))
        await stack.enter_async_context(background_trio_service(router))
        await pubsub.wait_until_ready()
        subscription = await pubsub.subscribe(TOPIC)
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)

        async def listen() -> None:
            own = host.get_id().to_bytes()
            while True:
                message = await subscription.get()
                if message.from_id != own:
                    on_message(message.data)

        nursery.start_soon(listen)
        return cls(host, pubsub)

    def address(self) -> str:
        return next(str(each) for each in self._host.get_addrs())

    async def dial(self, address: str) -> None:
        from libp2p.peer.peerinfo import info_from_p2p_addr
        from multiaddr import Multiaddr

        await self._host.connect(info_from_p2p_addr(Multiaddr(address)))

    async def publish(self, stamp: bytes, size_bytes: int) -> None:
        await self._pubsub.publish(TOPIC, stamp + os.urandom(size_bytes - len(stamp)))


KINDS: Final = {"transport": TransportMember, "node": NodeMember, "stock": StockMember}


class Swarm:
    """Carries out the orders."""

    def __init__(self, kind: str, stack: AsyncExitStack) -> None:
        self._kind = KINDS[kind]
        self._stack = stack
        self._members: list[Member] = []
        self._taken_ms: dict[int, list[float]] = {}
        self._run = 0

    async def start(self, nodes: int) -> Json:
        for _ in range(nodes):
            self._members.append(await self._kind.open(self._stack, self._arrived))
        return {"addresses": [member.address() for member in self._members]}

    def _arrived(self, data: bytes) -> None:
        run, sent_ns = STAMP.unpack_from(data)
        self._taken_ms.setdefault(run, []).append((time.monotonic_ns() - sent_ns) / 1e6)

    async def dial(self, pairs: list[tuple[int, str]]) -> Json:
        """(number of a node here, the address it dials)."""
        limiter = trio.CapacityLimiter(DIALS_AT_ONCE)

        async def dial(number: int, address: str) -> None:
            async with limiter:
                for _ in range(DIAL_TRIES):
                    try:
                        await self._members[number].dial(address)
                        return
                    except TransportError:
                        await trio.sleep(0.5)
                raise RuntimeError(f"{address} cannot be dialled")

        async with trio.open_nursery() as nursery:
            for number, address in pairs:
                nursery.start_soon(dial, number, address)
        return {}

    async def publish(
        self, run: int, start_s: float, plan: list[tuple[float, int]], size_bytes: int
    ) -> Json:
        """A message by each (seconds after `start_s`, number of a node here); then usage."""
        async with trio.open_nursery() as nursery:
            for after_s, number in plan:
                await trio.sleep(max(0.0, start_s + after_s - time.monotonic()))
                stamp = STAMP.pack(run, time.monotonic_ns())
                nursery.start_soon(self._members[number].publish, stamp, size_bytes)
        return {}

    async def collect(self, run: int) -> Json:
        return {"taken_ms": self._taken_ms.get(run, [])} | await self.usage()

    async def usage(self) -> Json:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"cpu_s": time.process_time(), "peak_mib": peak, "receptions": receptions}


async def _drain(events: Any) -> None:
    async for _ in events:
        pass


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def main() -> None:
    async with AsyncExitStack() as stack:
        swarm = Swarm(sys.argv[1], stack)
        while line := await trio.to_thread.run_sync(sys.stdin.readline):
            order = json.loads(line)
            answer = await partial(getattr(swarm, order.pop("do")), **order)()
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    trio.run(main)
