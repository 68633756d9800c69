"""What this node reconciles toward one peer in one market: its own items, in that peer's guise.

Runs on the store's thread. The store's set may change between two messages; what lies over it is
laid anew then. Knows no frames.
"""

from dataclasses import dataclass

from ..crypto.digest import LIFT_BITS
from ..protocol.item_set import ItemSet, OverlaidItemSet, ThinnedItemSet
from ..protocol.reconcile import set_fingerprint
from ..store.store import Store
from .declined import Guise


class SyncItems:
    """An ItemSet that `refresh` brings up to date before each step of a machine."""

    def __init__(self, market: str, guise: Guise) -> None:
        self._market = market
        self._guise = guise
        self.declined_count = 0
        self._stamp: tuple[int, int] | None = None
        self._items: ItemSet

    def refresh(self, store: Store) -> None:
        base = store.items(self._market)
        stamp = (store.last_arrival(), base.count())
        if self._guise == Guise():
            self._items = base
        elif stamp != self._stamp:
            thinned = ThinnedItemSet(base, self._guise.unwanted)
            self._items = OverlaidItemSet(thinned, self._guise.declined)
            self.declined_count = self._items.count() - thinned.count()
        self._stamp = stamp

    def count(self) -> int:
        return self._items.count()

    def find(self, key: bytes) -> int:
        return self._items.find(key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        return self._items.keys(begin, end)

    def fingerprint_sum(self, begin: int, end: int) -> int:
        return self._items.fingerprint_sum(begin, end)


@dataclass(frozen=True, slots=True)
class MarketState:
    """One market as this node shows it to one peer: `count` items, `declined_count` of them only
    declined, while `held_count` are here. Whoever holds the same holds all that arrived here up to
    `arrival`, or newer."""

    market: str
    count: int
    held_count: int
    declined_count: int
    fingerprint: bytes
    arrival: int


def market_state(store: Store, market: str, guise: Guise) -> MarketState:
    """On the store's thread."""
    arrival = store.last_arrival()
    held_count, digest = store.summary(market)
    if guise == Guise():
        return MarketState(market, held_count, held_count, 0, digest, arrival)
    items = SyncItems(market, guise)
    items.refresh(store)
    count = items.count()
    digest = set_fingerprint(items, 0, count, LIFT_BITS)
    return MarketState(market, count, held_count, items.declined_count, digest, arrival)
