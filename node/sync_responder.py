"""A session that a peer opened: this side only answers (SPEC.md R6.20 and after).

Which frames may come is a table; any other ends the session. Knows nothing of when sessions are
opened; the asking half is sync_session.py.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import trio

from ..crypto.digest import LIFT_BITS, sha256
from ..protocol import limits, sync_frame
from ..protocol.envelope import parse
from ..protocol.errors import RemoteProtocolError
from ..protocol.item_set import item_key
from ..protocol.reconcile import Reconciliation
from ..protocol.sync_frame import Bye, Get, Hello, Push, Pushed, Range, Recon, Records
from ..store.store import Store
from .sync_items import MarketState, SyncItems
from .sync_report import SyncReport
from .sync_shared import SyncShared
from .sync_stream import PeerSaidBye, SyncStream
from .transport import StreamEnded, TransportError

T = TypeVar("T")
_S = limits.SECOND_MS
_RANGE_BYTES_MAX = limits.SYNC_FRAME_BYTES_MAX - 128 - 3 * limits.SYNC_RECORDS_MAX


class MarketNotJoined(Exception):
    """Asked about a market that this node has left: no fault of the peer's."""


class SyncResponder:
    """`run` it once, on a stream that a peer opened."""

    def __init__(self, shared: SyncShared, stream: SyncStream) -> None:
        self._shared = shared
        self.stream = stream
        self._peer = stream.peer
        self._states: dict[str, MarketState] = {}
        self._machines: dict[str, tuple[Reconciliation, SyncItems]] = {}
        self._served = 0
        self._served_max = 0
        self.report = SyncReport(stream.peer, is_initiator=False)

    async def run(self) -> SyncReport:
        """Until the peer says bye. The network's doing ends up in the report's `error`;
        RemoteProtocolError is raised, for its caller to count."""
        try:
            hello = await self.stream.receive_a(Hello)
            self._shared.clock.heard(self._peer, hello.now_ms, self._shared.now_ms())
            await self._answer_hello(hello)
            while True:
                frame = await self.stream.receive()
                if isinstance(frame, Bye):
                    break
                await self._answer(frame)
            await self.stream.close()
        except (StreamEnded, PeerSaidBye):
            await self.stream.close()
        except MarketNotJoined as error:
            await self.stream.send(Bye(f"not in {error}"))
            await self.stream.close()
        except TransportError as error:
            self.report.error = str(error)
            await self.stream.reset()
        return self.report

    async def _answer(self, frame: sync_frame.Frame) -> None:
        match frame:
            case Hello():
                await self._answer_hello(frame)
            case Recon(market, message):
                await self._answer_recon(market, message)
            case Range(market, after, limit):
                await self._answer_range(market, after, limit)
            case Get(market, ids):
                await self._answer_get(market, ids)
            case Push(market, raws):
                await self._answer_push(market, raws)
            case _:
                raise RemoteProtocolError(
                    "R6.21", f"a {type(frame).__name__} from the side that asks"
                )

    async def _answer_hello(self, hello: Hello) -> None:
        self._states = await self._shared.states(self._peer, is_asked=True)
        self._machines.clear()
        await self._shared.note_even(self._peer, self._states, hello, self.report)
        held = sum(state.held_count for state in self._states.values())
        self._served_max = max(self._served_max, 2 * held + limits.SYNC_SERVED_RECORDS_SLACK)
        await self.stream.send(self._shared.hello(self._states))

    async def _answer_recon(self, market: str, message: bytes) -> None:
        self._check_joined(market)
        if market not in self._machines:
            guise = self._shared.declined.guise(self._peer, market, self._shared.now_ms())
            items = SyncItems(market, guise)
            machine = Reconciliation(
                items,
                lift_bits=LIFT_BITS,
                frame_bytes_max=limits.RECON_MESSAGE_BYTES_MAX,
                initiator=False,
            )
            self._machines[market] = (machine, items)
        machine, items = self._machines[market]
        reply = await self._call(partial(_handle, machine, items, message))
        await self.stream.send(Recon(market, reply))

    async def _answer_range(self, market: str, after: bytes, limit: int) -> None:
        self._check_joined(market)
        raws, next_key = await self._call(
            lambda store: store.range_raws(market, after, _RANGE_BYTES_MAX, limit)
        )
        self._count_served(len(raws), len(raws))
        await self.stream.send(Records(tuple(raws), next_key or b""))

    async def _answer_get(self, market: str, ids: Sequence[bytes]) -> None:
        self._check_joined(market)
        raws: Sequence[bytes] = await self._call(lambda store: store.raws(ids))
        self._count_served(len(ids), len(raws))
        if len(raws) < len(ids):
            await self._drop_absent(market, ids)
        while True:
            count = sync_frame.fitting(raws)
            await self.stream.send(Records(tuple(raws[:count]), more=count < len(raws)))
            raws = raws[count:]
            if not raws:
                return

    async def _drop_absent(self, market: str, ids: Sequence[bytes]) -> None:
        """It asks for what we only declined of it, so it no longer has that itself (R6.33)."""
        known = await self._shared.writer.call(lambda store: store.known(ids))
        self._shared.declined.drop(self._peer, market, [each for each in ids if each not in known])

    async def _answer_push(self, market: str, raws: Sequence[bytes]) -> None:
        self._check_joined(market)
        await self._rest_for(len(raws))
        rest = await self._not_items(market, raws)
        began = trio.current_time()
        records = await self._shared.intake.open(market, rest)
        # "kept" is what the other side's user reads as held: on disk for good before it is said.
        taken = await self._shared.intake.take(self._peer, records, is_durable=True)
        report = self.report.of(market)
        report.received += taken.new
        report.declined += taken.declined
        self.stream.earn(taken.new)
        self._shared.on_progress(self.report)
        if not taken.new:
            await self._shared.share.rest(self._peer, trio.current_time() - began)
        # What is held as history, or by its owner though it is over, is not held for others.
        await self.stream.send(Pushed(len(raws) - len(rest) + taken.new))

    async def _rest_for(self, count: int) -> None:
        """Nobody asked for what is pushed: it may come as fast as gossip, no faster (R6.28)."""
        now = trio.current_time()
        budget = self._shared.pushes.of(self._shared.share.payer_of(self._peer), now)
        rest_s = budget.spend(count, now)
        if rest_s:
            await trio.sleep(min(rest_s, limits.SYNC_STORE_REST_MS_MAX / _S))

    async def _not_items(self, market: str, raws: Sequence[bytes]) -> list[bytes]:
        """Those of `raws` that are not in the set already, and on the disk for good: what is need
        not be verified again, it could be pushed for ever."""
        ids = [sha256(raw[: -limits.SIGNATURE_BYTES]) for raw in raws]
        known = await self._call(lambda store: store.known(ids))
        if not known:
            return list(raws)
        keys: dict[bytes, int] = {}
        for place, (raw, record_id) in enumerate(zip(raws, ids, strict=True)):
            if record_id in known:
                keys[item_key(parse(raw).header.ts_ms, record_id)] = place
        items = await self._call(partial(_items_among, market, list(keys)))
        held = {keys[key] for key in items}
        return [raw for place, raw in enumerate(raws) if place not in held]

    async def _call(self, job: Callable[[Store], T]) -> T:
        """On the store's thread, at the peer's expense."""
        return await self._shared.share.call(self._peer, job)

    def _check_joined(self, market: str) -> None:
        if market not in self._states:
            raise MarketNotJoined(market)

    def _count_served(self, asked_count: int, found_count: int) -> None:
        """Everything twice over is enough for one session (R6.28)."""
        self.stream.earn_time(found_count)
        self._served += asked_count
        if self._served > self._served_max:
            raise RemoteProtocolError("R6.28", "asked for everything again and again", penalty=5)


def _items_among(market: str, keys: Sequence[bytes], store: Store) -> list[bytes]:
    with store.write(durable=True):
        pass  # they may have come by gossip, and not be on the disk yet
    items = store.items(market)
    places = [(key, items.find(key)) for key in keys]
    return [key for key, at in places if items.keys(at, min(at + 1, items.count())) == [key]]


def _handle(machine: Reconciliation, items: SyncItems, message: bytes, store: Store) -> bytes:
    items.refresh(store)
    return machine.handle(message).reply or b""  # a responder always answers
