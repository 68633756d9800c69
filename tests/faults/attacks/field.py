"""What an attack is, and what it is given: a target, an intensity, fresh identities and a count of
what it sent. Knows no single attack.
"""

import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import base58
import trio

from jangteo.crypto.keys import AuthorKey
from jangteo.protocol import canonical
from jangteo.protocol.envelope import Header, author_record
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from tests.faults.attacks import rpc
from tests.faults.attacks.wire import (
    IDENTIFY,
    MESHSUB,
    Answer,
    Gone,
    Identity,
    Lane,
    Target,
    Wire,
    connect,
)

OPEN = "open"
PAUSE_S = 0.05
MACHINES = 12


def topic(market: str) -> bytes:
    return f"/jangteo/1/{market}".encode()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Field:
    """One attack while it runs. `count` is its intensity, in things of its own kind; `network` is
    the third number of its addresses, 127.0.network.1 and up; `market` is
    one that the target has joined and holds nothing of, for attacks that want one; `stock` are
    valid records (raw) that nobody has yet, signed before the attack began."""

    target: Target
    target_peer: str
    count: int
    dice: random.Random
    network: int = 1
    market: str = OPEN
    stock: list[bytes] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    peers: list[str] = field(default_factory=list)

    @property
    def home(self) -> str:
        """The address of an attacker who has but one."""
        return f"127.0.{self.network}.1"

    def machine(self) -> str:
        """One of MACHINES addresses that the attackers have. None of them is anyone's honest here:
        what is counted by address shows."""
        return f"127.0.{self.network}.{self.dice.randrange(1, MACHINES + 1)}"

    def identity(self, *, is_greater: bool = False) -> Identity:
        """A fresh peer key. `is_greater`: one that the target asks first (SPEC.md R6.34)."""
        while True:
            made = Identity(self.dice.randbytes(32))
            told = base58.b58encode(made.peer).decode()
            if not is_greater or told > self.target_peer:
                self.peers.append(told)
                return made

    async def connect(
        self,
        nursery: trio.Nursery,
        answers: dict[bytes, Answer] | None = None,
        *,
        is_greater: bool = False,
    ) -> Wire:
        """A whole connection of a fresh peer, which answers identify and reads gossip."""
        identity = self.identity(is_greater=is_greater)
        wire = await connect(self.target, identity, nursery, self.home)
        self.sent["connections"] += 1

        async def identify(lane: Lane) -> None:
            told = rpc.identify(identity, [IDENTIFY, MESHSUB, *(answers or {})], [])
            await lane.send(rpc.prefixed(told))

        wire.answers = {IDENTIFY: identify, MESHSUB: Lane.until_over, **(answers or {})}
        return wire

    async def gossip(self, nursery: trio.Nursery, *markets: str) -> tuple[Wire, Lane]:
        """A fresh peer that is subscribed, and its gossip stream."""
        wire = await self.connect(nursery)
        lane = await wire.open(MESHSUB)
        told = b"".join(rpc.subscribe(topic(market)) for market in markets or (OPEN,))
        await lane.send(rpc.prefixed(told))
        return wire, lane

    async def again(self, once: Callable[[trio.Nursery], Awaitable[None]], width: int = 1) -> None:
        """`width` attackers at once do `once`, each again with a new face when it is sent away,
        until it returns of itself."""

        async def one() -> None:
            while True:
                try:
                    async with trio.open_nursery() as nursery:
                        await once(nursery)
                        nursery.cancel_scope.cancel()
                    return
                except* Gone:
                    self.sent["hung up on"] += 1
                await trio.sleep(PAUSE_S)

        async with trio.open_nursery() as nursery:
            for _ in range(width):
                nursery.start_soon(one)


@dataclass(frozen=True, slots=True)
class Attack:
    """`says` is a line for people. `full` and `short` are its two intensities; it wants `needs`
    fresh records signed for each of them, and if `wants_market` a market that its target holds
    nothing of."""

    name: str
    layer: str
    says: str
    run: Callable[[Field], Awaitable[None]]
    full: int
    short: int
    needs: float = 0.0
    wants_market: bool = False


def listing(
    key: AuthorKey,
    number: int,
    *,
    market: str = OPEN,
    ts_ms: int | None = None,
    revision: int = 1,
) -> bytes:
    at_ms = now_ms() if ts_ms is None else ts_ms
    thread = number.to_bytes(16, "big")
    header = Header(LISTING, key.public, at_ms, market, thread, revision, False)
    return author_record(key, header, Listing("cheap lamp", created_ms=at_ms).to_body()).raw


def fresh_records(count: int, dice: random.Random) -> list[bytes]:
    """Valid listings, each of an author of its own."""
    return [listing(AuthorKey.from_seed(dice.randbytes(32)), n) for n in range(count)]


def batch(*raws: bytes) -> bytes:
    """The data of a gossip message."""
    return canonical.encode(list(raws))
