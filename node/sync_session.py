"""A session that this node opened: it asks, the other side answers (SPEC.md R6.20 and after).

Hello both ways; then, for each market that differs, fetch what is lacking and push a little of
what the other side lacks; then hello again, until both are even or nothing moves. Knows which
frame follows which; the other side's half is sync_responder.py.
"""

from collections import deque
from collections.abc import Collection, Sequence
from functools import partial

from ..crypto.digest import LIFT_BITS
from ..protocol import limits, sync_frame
from ..protocol.envelope import Verified, parse
from ..protocol.errors import RemoteProtocolError
from ..protocol.item_set import item_key
from ..protocol.reconcile import Reconciliation, Step
from ..protocol.sync_frame import (
    Bye,
    Get,
    Hello,
    MarketSummary,
    Push,
    Pushed,
    Range,
    Recon,
    Records,
)
from ..store.store import Store
from .own_nursery import own_nursery
from .sync_intake import Taking
from .sync_items import MarketState, SyncItems
from .sync_report import SyncReport
from .sync_shared import SyncShared
from .sync_stream import PeerSaidBye, SyncStream
from .transport import TransportError
from .writer import Outcome


class SyncSession:
    """`run` it once. Its own identity is what it claims ids with."""

    def __init__(self, shared: SyncShared, stream: SyncStream) -> None:
        self._shared = shared
        self.stream = stream
        self._peer = stream.peer
        self._pushed: set[bytes] = set()
        self._waited: set[str] = set()  # markets that another was filling: waited for once
        self._taking: deque[tuple[str, Taking, Sequence[bytes]]] = deque()  # see `_take`
        self.report = SyncReport(stream.peer, is_initiator=True)

    async def run(self) -> SyncReport:
        """The session from its first hello to the end of the stream.

        What the network does ends up in the report's `error`; RemoteProtocolError is raised, for
        its caller to count.
        """
        try:
            await self._even_out_all()
            await self.stream.send(Bye(""))
            await self.stream.close()
        except (TransportError, PeerSaidBye) as error:
            self.report.error = str(error) or "the peer has ended the session"
        finally:
            self._shared.claims.release_all(self)
            if self.report.error:
                await self.stream.reset()
        return self.report

    async def _even_out_all(self) -> None:
        for attempt in range(limits.SYNC_PASSES_MAX):
            asked_ms = self._shared.now_ms()
            states = await self._shared.states(self._peer)
            await self.stream.send(self._shared.hello(states))
            hello = await self.stream.receive_a(Hello)
            if attempt == 0:
                middle_ms = (asked_ms + self._shared.now_ms()) // 2
                self._shared.clock.heard(self._peer, hello.now_ms, middle_ms)
            differing = await self._shared.note_even(self._peer, states, hello, self.report)
            has_moved = False
            # The small ones first: profiles do not wait for a great market.
            for theirs in sorted(differing, key=lambda each: each.count):
                if await self._even_out(states[theirs.market], theirs):
                    has_moved = True
            if not has_moved:
                return

    async def _even_out(self, ours: MarketState, theirs: MarketSummary) -> bool:
        """One market; whether another hello is worth its while."""
        market = theirs.market
        claims = self._shared.claims
        if self._shared.declined.is_paused(self._peer, market, self._shared.now_ms()):
            self.report.of(market).is_resting = True
            return False
        self.report.expected += max(0, theirs.count - ours.count)
        if not theirs.count and ours.held_count > limits.SYNC_PUSH_RECORDS_MAX:
            # Nothing to get, too much to push (R6.26): comparing would tell each of them apart.
            self.report.of(market).left = ours.held_count
            return False
        if claims.is_ranging(market) and market not in self._waited:
            # Another session is filling this market: what it brings need not be asked for here.
            # Not twice: others that promise much and send little must not take turns.
            self._waited.add(market)
            await claims.wait_range(market)
            return True
        # Who has seen most of it and declined it compares: else what it was offered once and its
        # neighbour has replaced since would have it fetch everything again and again.
        is_new_here = ours.held_count == 0 and 2 * ours.count < theirs.count
        if is_new_here and theirs.count > limits.SYNC_GET_IDS:
            held_count, _ = await self._shared.writer.call(lambda store: store.summary(market))
            is_mine = not held_count and claims.take_range(self, market)
            if is_mine or (not held_count and market in self._waited):
                await self._fetch_range(market)
            return True
        return await self._reconcile(ours, theirs)

    # --- an empty store: everything, in order ---------------------------------------------------

    async def _fetch_range(self, market: str) -> None:
        try:
            await self._receive_range(market)
        finally:
            await self._finish_taking()
        self._shared.claims.release_all(self)

    async def _receive_range(self, market: str) -> None:
        after = b""
        opening: deque[tuple[bytes, Outcome[list[Verified]]]] = deque()
        await self.stream.send(Range(market, after, limits.SYNC_RECORDS_MAX))
        async with own_nursery() as nursery:
            is_to_go_on = True
            while is_to_go_on:
                frame = await self.stream.receive_a(Records)
                if frame.more or (frame.next_key and frame.next_key <= after):
                    raise RemoteProtocolError("R6.25", "a range that does not go on")
                claims = self._shared.claims
                is_to_go_on = bool(frame.next_key) and (
                    market in self._waited or claims.keeps_range(self, market)
                )
                if is_to_go_on:
                    # Asked for before this batch is looked at: two are in flight, and what came
                    # before them is being verified and written (R6.27).
                    await self.stream.send(Range(market, frame.next_key, limits.SYNC_RECORDS_MAX))
                elif frame.next_key:
                    break  # too slow: another session has taken over
                opened = self._shared.intake.open_soon(nursery, market, frame.raws)
                opening.append((after, opened))
                while len(opening) > limits.SYNC_BATCHES_OPENED_MAX * is_to_go_on:
                    await self._take_opened(market, *opening.popleft())
                after = frame.next_key
            for each in opening:
                await self._take_opened(market, *each)

    async def _take_opened(
        self, market: str, after: bytes, opened: Outcome[list[Verified]]
    ) -> None:
        records = await opened.wait()
        for record in records:
            if item_key(record.header.ts_ms, record.id) <= after:
                raise RemoteProtocolError("R6.25", "a record out of a range's order")
        await self._take(market, records)

    # --- the difference -------------------------------------------------------------------------

    async def _reconcile(self, ours: MarketState, theirs: MarketSummary) -> bool:
        market, now_ms = ours.market, self._shared.now_ms()
        items = SyncItems(market, self._shared.declined.guise(self._peer, market, now_ms))
        machine = Reconciliation(
            items,
            lift_bits=LIFT_BITS,
            frame_bytes_max=limits.RECON_MESSAGE_BYTES_MAX,
            initiator=True,
        )
        need: list[bytes] = []
        give: list[bytes] = []
        has_moved = False
        message: bytes | None = await self._shared.writer.call(partial(_initiate, machine, items))
        while message is not None:
            await self.stream.send(Recon(market, message))
            reply = await self.stream.receive_a(Recon)
            if reply.market != market:
                raise RemoteProtocolError("R6.21", "an answer about another market")
            step, known = await self._shared.writer.call(
                partial(_handle, machine, items, reply.message)
            )
            self._shared.declined.drop(
                self._peer, market, [each for each in step.have if each not in known]
            )
            give += [each for each in step.have if each in known]
            need += [
                each
                for each in step.need
                if each not in known and not self._shared.declined.is_stale(each, now_ms)
            ]
            if len(need) >= limits.SYNC_NEED_IDS_MAX:
                has_moved |= await self._fetch(market, need)
                need = []
            message = step.reply
        has_moved |= await self._fetch(market, need)
        if len(give) > limits.SYNC_PUSH_RECORDS_MAX:
            # All neighbours of a newcomer would push the same: it asks for itself, once (R6.26).
            self.report.of(market).left = len(give)
            return has_moved
        fresh = [each for each in give if each not in self._pushed]
        unwanted = [each for each in give if each in self._pushed]
        if unwanted:
            keys = await self._shared.writer.call(partial(_keys, unwanted))
            self._shared.declined.note_unwanted(self._peer, market, keys, now_ms)
        self._pushed.update(fresh)
        is_all_kept = await self._push(market, fresh) and not unwanted
        if is_all_kept and machine.is_complete and not theirs.declined_count:
            await self._shared.note_held(self._peer, {market: ours.arrival})
        return has_moved or bool(give)

    async def _fetch(self, market: str, need: Sequence[bytes]) -> bool:
        """What of `need` nobody else fetches; waits for the rest. Whether that may have helped."""
        claims = self._shared.claims
        ids = claims.take(self, need)
        claimed = set(ids)
        elsewhere = [each for each in need if each not in claimed]
        count = await self._get(market, ids)
        if elsewhere and not await claims.wait_ids(elsewhere):
            # Whoever promised them does not send them: asked for here too, claimed or not.
            known = await self._shared.writer.call(lambda store: store.known(elsewhere))
            count += await self._get(market, [each for each in elsewhere if each not in known])
        return bool(count or elsewhere)

    async def _get(self, market: str, ids: Sequence[bytes]) -> int:
        """How many of `ids` came."""
        asked: deque[Sequence[bytes]] = deque()
        count = 0
        try:
            for begin in range(0, len(ids), limits.SYNC_GET_IDS):
                chunk = ids[begin : begin + limits.SYNC_GET_IDS]
                if len(asked) == limits.SYNC_GETS_IN_FLIGHT_MAX:
                    count += await self._receive_got(market, asked.popleft())
                await self.stream.send(Get(market, tuple(chunk)))
                asked.append(chunk)
            while asked:
                count += await self._receive_got(market, asked.popleft())
        finally:
            await self._finish_taking()
        return count

    async def _receive_got(self, market: str, ids: Sequence[bytes]) -> int:
        """The answer to one Get: only what was asked for, nothing twice; how many came."""
        wanted = set(ids)
        more = True
        while more:
            frame = await self.stream.receive_a(Records)
            more = frame.more
            if more and not frame.raws:
                raise RemoteProtocolError("R6.24", "an empty frame with more to come")
            records = await self._shared.intake.open(market, frame.raws)
            for record in records:
                if record.id not in wanted:
                    raise RemoteProtocolError("R6.24", "a record that was not asked for")
                wanted.discard(record.id)
            await self._take(market, records, () if more else ids)
        return len(ids) - len(wanted)

    # --- what has come --------------------------------------------------------------------------

    async def _take(
        self, market: str, records: Sequence[Verified], claimed: Sequence[bytes] = ()
    ) -> None:
        """Hands `records` to the writer, which is at them while the next are received and
        verified: waits for those long before them only. `claimed` are ids to release then."""
        taking = await self._shared.intake.begin(self._peer, records)
        self._taking.append((market, taking, claimed))
        while len(self._taking) > limits.SYNC_BATCHES_WRITTEN_MAX:
            await self._finish_first()

    async def _finish_taking(self) -> None:
        while self._taking:
            await self._finish_first()

    async def _finish_first(self) -> None:
        market, taking, claimed = self._taking.popleft()
        taken = await self._shared.intake.finish(taking)
        report = self.report.of(market)
        report.received += taken.new
        report.declined += taken.declined
        self.stream.earn(taken.new)
        self._shared.claims.earn(self, taken.new)
        if claimed:
            self._shared.claims.release(self, claimed)
        self._shared.on_progress(self.report)

    async def _push(self, market: str, ids: Sequence[bytes]) -> bool:
        """Whether the other side keeps all of `ids` by its own word."""
        is_all_kept = True
        raws: Sequence[bytes] = (
            await self._shared.writer.call(lambda store: store.raws(ids)) if ids else []
        )
        while raws:
            count = max(1, sync_frame.fitting(raws))
            await self.stream.send(Push(market, tuple(raws[:count])))
            kept = (await self.stream.receive_a(Pushed)).kept
            self.report.of(market).sent += min(kept, count)
            is_all_kept &= kept == count
            raws = raws[count:]
        return is_all_kept


def _initiate(machine: Reconciliation, items: SyncItems, store: Store) -> bytes:
    items.refresh(store)
    return machine.initiate()


def _keys(ids: Sequence[bytes], store: Store) -> list[bytes]:
    envelopes = [parse(raw) for raw in store.raws(ids)]
    return [item_key(each.header.ts_ms, each.id) for each in envelopes]


def _handle(
    machine: Reconciliation, items: SyncItems, message: bytes, store: Store
) -> tuple[Step, Collection[bytes]]:
    """The machine's step, and which of its ids the store has."""
    items.refresh(store)
    step = machine.handle(message)
    return step, store.known([*step.have, *step.need])
