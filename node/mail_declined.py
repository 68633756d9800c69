"""Letters that peers offered and this node declined: so that none is fetched again and again.

Toward a peer a node shows what it holds and what it declined of that peer; then both sets are
equal, though the books are not. Bounded for each peer; past the bound nothing is fetched of it for
an hour. Knows keys only.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..protocol import limits
from ..protocol.item_set import key_id


@dataclass(slots=True)
class _Overlay:
    """Of one peer: id → (key, when it may be offered again, Unix ms)."""

    keys: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    paused_until_ms: int = 0


class MailDeclined:
    """Overlays of the latest MAIL_DECLINED_PEERS_MAX peers."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, _Overlay] = OrderedDict()

    def note(self, peer: str, keys: Iterable[bytes], now_ms: int) -> bool:
        """Remembers letters that `peer` offered, by their keys (40 bytes); False if there were too
        many, and nothing more is fetched of it for a while."""
        overlay = self._peers.pop(peer, None) or _Overlay()
        self._peers[peer] = overlay
        while len(self._peers) > limits.MAIL_DECLINED_PEERS_MAX:
            self._peers.popitem(last=False)
        for key in keys:
            if len(overlay.keys) >= limits.MAIL_DECLINED_PER_PEER_MAX:
                overlay.paused_until_ms = now_ms + limits.MAIL_DECLINED_MS
                return False
            overlay.keys[key_id(key)] = (key, now_ms + limits.MAIL_DECLINED_MS)
        return True

    def keys(self, peer: str, now_ms: int) -> tuple[bytes, ...]:
        """The keys declined of `peer`, without those whose time has come."""
        overlay = self._peers.get(peer)
        if overlay is None:
            return ()
        # A clock that was set back since must not make an hour a year.
        latest_ms = now_ms + limits.MAIL_DECLINED_MS
        overlay.keys = {
            letter_id: entry
            for letter_id, entry in overlay.keys.items()
            if now_ms < entry[1] <= latest_ms
        }
        return tuple(key for key, _ in overlay.keys.values())

    def has(self, peer: str, letter_id: bytes) -> bool:
        overlay = self._peers.get(peer)
        return overlay is not None and letter_id in overlay.keys

    def drop(self, peer: str, ids: Iterable[bytes]) -> None:
        """The peer has no such letters (any more): they are no longer shown to it."""
        overlay = self._peers.get(peer)
        if overlay is not None:
            for letter_id in ids:
                overlay.keys.pop(letter_id, None)

    def is_paused(self, peer: str, now_ms: int) -> bool:
        overlay = self._peers.get(peer)
        if overlay is None:
            return False
        left_ms = overlay.paused_until_ms - now_ms
        return 0 < left_ms <= limits.MAIL_DECLINED_MS
