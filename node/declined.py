"""What peers offered and this node declined, and what it gave and they did not want: so that
neither is offered for ever.

Toward a peer a node reconciles what it holds and what it declined of that peer, without what that
peer does not want: then both sets are equal, though the stores are not. Bounded for each peer; past
the bound the market rests with that peer for an hour. Knows admissions, not why a record was
declined beyond that.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..protocol import limits
from ..protocol.envelope import Header
from ..protocol.item_set import item_key, key_id
from ..protocol.verdict import Admission


@dataclass(frozen=True, slots=True)
class Guise:
    """How a market's set is shown to one peer: with the keys (40 bytes) of `declined`, and without
    those of `unwanted`."""

    declined: tuple[bytes, ...] = ()
    unwanted: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rest:
    again_ms: int
    wait_ms: int


@dataclass(slots=True)
class _Overlay:
    """Of one peer: market → key → when it is to be offered again (Unix ms; None: never)."""

    markets: dict[str, dict[bytes, int | None]] = field(default_factory=dict)
    unwanted: dict[str, dict[bytes, _Rest]] = field(default_factory=dict)
    paused_until_ms: dict[str, int] = field(default_factory=dict)
    roomless: dict[str, _Rest] = field(default_factory=dict)
    """market → when what had no room is offered again: all of it at once."""

    def count(self) -> int:
        return sum(map(len, self.markets.values())) + sum(map(len, self.unwanted.values()))


class Declined:
    """Overlays of at most DECLINED_PEERS_MAX peers, and the ids that are known to be stale."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, _Overlay] = OrderedDict()
        self._stale: OrderedDict[bytes, int] = OrderedDict()
        self._latest_ms = 0

    def note(
        self, peer: str, header: Header, record_id: bytes, admission: Admission, now_ms: int
    ) -> bool:
        """Remembers what became of a record that `peer` offered; False if its overlay was full,
        and its market rests from now on."""
        self._look_at_clock(now_ms)
        if admission is Admission.STALE:
            self._note_stale(record_id, now_ms)
        if not admission.is_declined:
            return True
        overlay = self._of(peer)
        if overlay.count() >= limits.DECLINED_PER_PEER_MAX:
            overlay.markets.pop(header.market, None)
            overlay.paused_until_ms[header.market] = now_ms + limits.DECLINED_PAUSE_MS
            return False
        again_ms = None
        if admission is Admission.FUTURE:
            again_ms = header.ts_ms - limits.FUTURE_MS_MAX
        elif admission in (Admission.FULL, Admission.CROWDED):
            again_ms = _roomless(overlay, header.market, now_ms)  # there may be room by then
        keys = overlay.markets.setdefault(header.market, {})
        keys[item_key(header.ts_ms, record_id)] = again_ms
        return True

    def forget_roomless(self) -> None:
        """There is room again: what had none may be offered at once."""
        for overlay in self._peers.values():
            for market, rest in overlay.roomless.items():
                keys = overlay.markets.get(market, {})
                for key in [key for key, again in keys.items() if again == rest.again_ms]:
                    del keys[key]
            overlay.roomless.clear()

    def keys(self, peer: str, market: str, now_ms: int) -> list[bytes]:
        """The keys (40 bytes) declined of `peer` in `market`, without those whose time has come."""
        self._look_at_clock(now_ms)
        overlay = self._peers.get(peer)
        if overlay is None or market not in overlay.markets:
            return []
        keys = overlay.markets[market]
        for key in [key for key, again in keys.items() if again is not None and again <= now_ms]:
            del keys[key]
        return list(keys)

    def guise(self, peer: str, market: str, now_ms: int) -> Guise:
        """How `market` is to be shown to `peer` now."""
        declined = tuple(self.keys(peer, market, now_ms))
        overlay = self._peers.get(peer)
        if overlay is None or market not in overlay.unwanted:
            return Guise(declined)
        rests = overlay.unwanted[market]
        over_ms = now_ms - limits.DECLINED_PAUSE_MS
        for key in [key for key, rest in rests.items() if rest.again_ms <= over_ms]:
            del rests[key]
        return Guise(declined, tuple(key for key, rest in rests.items() if rest.again_ms > now_ms))

    def note_unwanted(self, peer: str, market: str, keys: Iterable[bytes], now_ms: int) -> None:
        """`peer` was given the records with these keys, and does not show them: it has newer ones,
        which this node has declined. Not offered again for UNWANTED_PAUSE_MS, and for twice as long
        each time."""
        overlay = self._of(peer)
        rests = overlay.unwanted.setdefault(market, {})
        for key in keys:
            overlay.markets.get(market, {}).pop(key, None)
            if key not in rests and overlay.count() >= limits.DECLINED_PER_PEER_MAX:
                return
            wait_ms = 2 * rests[key].wait_ms if key in rests else limits.UNWANTED_PAUSE_MS
            wait_ms = min(wait_ms, limits.DECLINED_PAUSE_MS)
            rests[key] = _Rest(now_ms + wait_ms, wait_ms)

    def drop(self, peer: str, market: str, ids: Iterable[bytes]) -> list[bytes]:
        """The peer has no such records after all: those of `ids` that were in its overlay."""
        overlay = self._peers.get(peer)
        if overlay is None or market not in overlay.markets:
            return []
        keys = overlay.markets[market]
        gone = set(ids)
        found = [key for key in keys if key_id(key) in gone]
        for key in found:
            del keys[key]
        return [key_id(key) for key in found]

    def is_paused(self, peer: str, market: str, now_ms: int) -> bool:
        overlay = self._peers.get(peer)
        return overlay is not None and now_ms < overlay.paused_until_ms.get(market, 0)

    def is_stale(self, record_id: bytes, now_ms: int) -> bool:
        """Whether this record came a short while ago and its thread had a greater one: it need not
        come again before its holder has learned of that."""
        return now_ms < self._stale.get(record_id, 0)

    def forget_all(self) -> None:
        """This node's policy has changed (a block lifted, a market joined): all may be offered."""
        self._peers.clear()
        self._stale.clear()

    def _look_at_clock(self, now_ms: int) -> None:
        """What was over, or had to wait, by a clock that has been set back may not be by the right
        one: all may be offered again."""
        if now_ms < self._latest_ms - limits.MINUTE_MS:
            self.forget_all()
            self._latest_ms = now_ms
        self._latest_ms = max(self._latest_ms, now_ms)

    def _of(self, peer: str) -> _Overlay:
        overlay = self._peers.pop(peer, None) or _Overlay()
        self._peers[peer] = overlay
        while len(self._peers) > limits.DECLINED_PEERS_MAX:
            self._peers.popitem(last=False)
        return overlay

    def _note_stale(self, record_id: bytes, now_ms: int) -> None:
        self._stale.pop(record_id, None)
        self._stale[record_id] = now_ms + limits.STALE_FORGET_MS
        while len(self._stale) > limits.STALE_IDS_MAX:
            self._stale.popitem(last=False)


def _roomless(overlay: _Overlay, market: str, now_ms: int) -> int:
    """When what finds no room now is to be offered again: in an hour, and twice as long each time
    that there was none then, up to a day."""
    rest = overlay.roomless.get(market)
    if rest is None or now_ms >= rest.again_ms + limits.DECLINED_PAUSE_MS_MAX:
        wait_ms = limits.DECLINED_PAUSE_MS
    elif now_ms < rest.again_ms:
        return rest.again_ms
    else:
        wait_ms = min(2 * rest.wait_ms, limits.DECLINED_PAUSE_MS_MAX)
    overlay.roomless[market] = _Rest(now_ms + wait_ms, wait_ms)
    return now_ms + wait_ms
