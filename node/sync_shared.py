"""What all sync sessions of a node share: its sets as hellos show them, and what they have proved.

Knows the store through the writer's thread; no frames' order.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..protocol import limits, sync_frame
from ..protocol.sync_frame import Hello, MarketSummary
from ..store.store import Store
from .clock import ClockWatch
from .declined import Declined, Guise
from .store_share import StoreShare
from .sync_claims import SyncClaims
from .sync_intake import SyncIntake
from .sync_items import MarketState, market_state
from .sync_report import SyncReport
from .token_bucket import TokenBuckets
from .writer import Writer


class SyncShared:
    """`markets()` are those this node is in, commons included."""

    def __init__(
        self,
        writer: Writer,
        intake: SyncIntake,
        declined: Declined,
        clock: ClockWatch,
        *,
        now_ms: Callable[[], int],
        markets: Callable[[], Sequence[str]],
    ) -> None:
        self.writer = writer
        self.intake = intake
        self.declined = declined
        self.claims = SyncClaims()
        self.share = StoreShare(writer)
        self.pushes = TokenBuckets(
            limits.GOSSIP_RECORDS_PER_SECOND,
            limits.GOSSIP_RECORDS_BURST,
            limits.PENALTY_PEERS_MAX,
        )
        self.clock = clock
        self.now_ms = now_ms
        self.markets = markets
        self.on_progress: Callable[[SyncReport], None] = lambda report: None
        self._noted: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    async def states(self, peer: str, *, is_asked: bool = False) -> dict[str, MarketState]:
        """Each market as it is to be shown to `peer` now; at its expense where `is_asked`."""
        now_ms = self.now_ms()
        guises = {
            market: self.declined.guise(peer, market, now_ms)
            for market in self.markets()[: limits.SYNC_MARKETS_MAX]
        }
        job = partial(_states, guises)
        return await (self.share.call(peer, job) if is_asked else self.writer.call(job))

    def hello(self, states: Mapping[str, MarketState]) -> Hello:
        return Hello(
            sync_frame.VERSION,
            self.now_ms(),
            tuple(
                MarketSummary(each.market, each.count, 0, each.fingerprint, each.declined_count)
                for each in states.values()
            ),
        )

    async def note_even(
        self, peer: str, states: Mapping[str, MarketState], hello: Hello, report: SyncReport
    ) -> list[MarketSummary]:
        """The markets of `hello` that differ from `states`. Where one does not, and the peer has
        declined nothing of it, the peer holds all that is here: noted (R6.30)."""
        differing: list[MarketSummary] = []
        held: dict[str, int] = {}
        for theirs in hello.markets:
            ours = states.get(theirs.market)
            if ours is None or theirs.since_ms:
                continue  # not a market of ours, or a horizon, which version 1 has not
            is_even = (ours.count, ours.fingerprint) == (theirs.count, theirs.fingerprint)
            report.of(theirs.market).is_even = is_even
            if not is_even:
                differing.append(theirs)
            elif not theirs.declined_count:
                held[theirs.market] = ours.arrival
        await self.note_held(peer, held)
        return differing

    async def note_held(self, peer: str, arrivals: Mapping[str, int]) -> None:
        """`peer` holds everything current of these markets up to these arrivals."""
        now_ms = self.now_ms()
        due: dict[str, int] = {}
        for market, arrival in arrivals.items():
            noted_arrival, noted_ms = self._noted.get((peer, market), (-1, 0))
            if noted_arrival != arrival or now_ms - noted_ms > limits.HOUR_MS:
                due[market] = arrival
        if not due:
            return
        await self.writer.call(partial(_note_synced, peer, due, now_ms))
        for market, arrival in due.items():
            self._noted[peer, market] = (arrival, now_ms)
            self._noted.move_to_end((peer, market))
        while len(self._noted) > limits.DECLINED_PEERS_MAX * limits.SYNC_MARKETS_MAX:
            self._noted.popitem(last=False)


def _states(guises: Mapping[str, Guise], store: Store) -> dict[str, MarketState]:
    return {market: market_state(store, market, guise) for market, guise in guises.items()}


def _note_synced(peer: str, arrivals: Mapping[str, int], now_ms: int, store: Store) -> None:
    with store.write(durable=False):
        for market, arrival in arrivals.items():
            store.note_synced(peer, market, arrival, now_ms)
