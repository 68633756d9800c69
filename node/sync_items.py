"""What this node reconciles toward one peer in one market: its own items and the declined ones.

Runs on the store's thread. The store's set may change between two messages; what lies over it is
laid anew then. Knows no frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..crypto.digest import LIFT_BITS
from ..protocol.item_set import ItemSet, OverlaidItemSet
from ..protocol.reconcile import set_fingerprint
from ..store.store import Store


class SyncItems:
    """An ItemSet that `refresh` brings up to date before each step of a machine."""

    def __init__(self, market: str, declined_keys: Sequence[bytes]) -> None:
        self._market = market
        self._declined_keys = declined_keys
        self._stamp: tuple[int, int] | None = None
        self._items: ItemSet

    def refresh(self, store: Store) -> None:
        base = store.items(self._market)
        stamp = (store.last_arrival(), base.count())
        if self._declined_keys and stamp != self._stamp:
            self._items = OverlaidItemSet(base, self._declined_keys)
        elif not self._declined_keys:
            self._items = base
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
    """One market as this node shows it to one peer. `held_count` is without the declined ones;
    whoever holds the same holds all that arrived here up to `arrival`."""

    market: str
    count: int
    held_count: int
    fingerprint: bytes
    arrival: int

    @property
    def declined_count(self) -> int:
        return self.count - self.held_count


def market_state(store: Store, market: str, declined_keys: Sequence[bytes]) -> MarketState:
    """On the store's thread."""
    arrival = store.last_arrival()
    held_count, digest = store.summary(market)
    if not declined_keys:
        return MarketState(market, held_count, held_count, digest, arrival)
    items = SyncItems(market, declined_keys)
    items.refresh(store)
    count = items.count()
    return MarketState(
        market, count, held_count, set_fingerprint(items, 0, count, LIFT_BITS), arrival
    )
