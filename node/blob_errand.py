"""What is to be fetched, and of whom it is asked next: a machine over blobs, peers and times
(SPEC.md R16.6, R16.7).

Inputs are what is wanted, what peers answered and the time, in seconds of one steady clock. Opens
nothing, waits for nothing.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from ..protocol import limits
from ..protocol.blob_frame import Part

_S = limits.SECOND_MS


@dataclass(slots=True)
class _Errand:
    """`tried` lacked it in this round; `takers` are fetching it. Between two rounds it rests."""

    size: int  # as a listing says
    size_max: int = limits.PHOTO_BYTES_MAX
    is_wanted: bool = False  # though nobody waits for it
    is_looked_at: bool = False
    is_resting: bool = False
    is_again: bool = False  # given up once, and a new neighbour is asked
    is_whole: bool = False  # its last byte has come, and is being verified
    tried: set[str] = field(default_factory=set)
    takers: set[str] = field(default_factory=set)
    rounds: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Peer:
    """`came_at`: its last chunk. `served` fades: who had something before is asked first."""

    came_at: float = 0.0
    served: float = 0.0


@dataclass(frozen=True, slots=True)
class Settled:
    """Blobs that all neighbours lack: those that are asked for `again` later, and those that are
    given up (`missed`)."""

    again: tuple[bytes, ...] = ()
    missed: tuple[bytes, ...] = ()


class Errands:
    """At most BLOB_ERRANDS_MAX of the background, in the order in which they are wanted; and
    BLOB_LOOKS_MAX that somebody looks at, which go before."""

    def __init__(self) -> None:
        self._errands: dict[bytes, _Errand] = {}
        self._looked_at: dict[bytes, None] = {}
        self._peers: dict[str, _Peer] = {}
        self._given_up: OrderedDict[bytes, _Errand] = OrderedDict()

    def __len__(self) -> int:
        return len(self._errands)

    def __contains__(self, blob_hash: bytes) -> bool:
        return blob_hash in self._errands

    @property
    def is_looked_at(self) -> bool:
        """Whether somebody waits for any of them."""
        return bool(self._looked_at)

    @property
    def peers(self) -> list[str]:
        return list(self._peers)

    def under_way_count(self) -> int:
        return sum(bool(errand.takers) or errand.is_whole for errand in self._errands.values())

    # --- what is wanted -----------------------------------------------------------------------

    def want(self, blobs: Iterable[tuple[bytes, int, int]]) -> None:
        """What comes along, in order: (hash, size, size_max). What is no longer named is given
        up, if nobody fetches it or looks at it."""
        kept: dict[bytes, _Errand] = {}
        for blob_hash, errand in self._errands.items():
            errand.is_wanted = errand.is_again
            if errand.is_again or errand.takers or errand.is_whole or errand.is_looked_at:
                kept[blob_hash] = errand
        for blob_hash, size, size_max in blobs:
            if blob_hash not in kept:
                if len(kept) >= limits.BLOB_ERRANDS_MAX:
                    break
                kept[blob_hash] = self._errands.get(blob_hash) or _Errand(size, size_max)
            kept[blob_hash].is_wanted = True
        self._errands = kept

    def look(self, blob_hash: bytes, size: int) -> bool:
        """Somebody waits for it: it goes first, and at once. False where too many are waited for
        already."""
        if blob_hash not in self._looked_at and len(self._looked_at) >= limits.BLOB_LOOKS_MAX:
            return False
        errand = self._errands.setdefault(blob_hash, _Errand(size))
        errand.size_max = limits.PHOTO_BYTES_MAX  # whatever else names it
        errand.is_looked_at = True
        if errand.is_resting:
            errand.is_resting = False
            errand.tried.clear()
        self._looked_at[blob_hash] = None
        return True

    def drop(self, blob_hash: bytes) -> None:
        """It is here; or nobody wants it any more."""
        self._errands.pop(blob_hash, None)
        self._looked_at.pop(blob_hash, None)

    def drop_all(self) -> None:
        self._given_up.clear()
        self._errands.clear()
        self._looked_at.clear()

    # --- peers --------------------------------------------------------------------------------

    def peer_up(self, peer: str) -> None:
        others = set(self._peers) - {peer}
        self._peers.setdefault(peer, _Peer())
        for errand in self._errands.values():
            if errand.is_resting:  # the others were asked: it is this one's turn only
                errand.is_resting = False
                errand.rounds -= 1
        while self._given_up and len(self._errands) < limits.BLOB_ERRANDS_MAX:
            blob_hash, errand = self._given_up.popitem()
            if blob_hash not in self._errands:
                again = _Errand(errand.size, errand.size_max, is_wanted=True, is_again=True)
                again.tried |= others
                again.rounds = limits.BLOB_ROUNDS_MAX - 1
                self._errands[blob_hash] = again

    def peer_down(self, peer: str) -> None:
        self._peers.pop(peer, None)
        self.left(peer)
        for errand in self._errands.values():
            errand.tried.discard(peer)

    def left(self, peer: str, *, is_at_fault: bool = False) -> None:
        """Its session is over: what it had promised may be asked of others; of it too, where it
        is not at fault."""
        for errand in self._errands.values():
            if peer in errand.takers:
                errand.takers.discard(peer)
                if is_at_fault:
                    errand.tried.add(peer)

    # --- who is asked -------------------------------------------------------------------------

    def due(self, idle: Iterable[str], now: float) -> list[str]:
        """Those of `idle` peers of whom there is something to ask, the most promising first."""
        left = {peer for peer in idle if peer in self._peers}
        found: set[str] = set()
        for errand in self._errands.values():
            if not left:
                break
            if self._is_open(errand, now):
                asked = left - errand.tried - errand.takers
                found |= asked
                left -= asked
        return sorted(found, key=lambda peer: (-self._peers[peer].served, peer))

    def take(self, peer: str, now: float) -> list[Part]:
        """What to ask of `peer` in one get: each from its beginning. It is promised now."""
        parts: list[Part] = []
        room = limits.BLOB_GET_BYTES_MAX
        if peer not in self._peers:
            return parts
        self._peers[peer].came_at = now
        for blob_hash in [*self._looked_at, *self._errands]:
            errand = self._errands[blob_hash]
            if not self._is_open(errand, now) or peer in errand.tried or peer in errand.takers:
                continue
            if parts and errand.size > room:
                break
            room -= errand.size
            errand.takers.add(peer)
            parts.append(Part(blob_hash, errand.size_max))
            if len(parts) == limits.BLOB_GETS_MAX:
                break
        return parts

    def came(self, peer: str, now: float) -> None:
        """A chunk came of `peer`: it keeps what it promised."""
        entry = self._peers.get(peer)
        if entry is not None:
            entry.came_at = now

    def served(self, peer: str, byte_count: int) -> None:
        entry = self._peers.get(peer)
        if entry is not None:
            entry.served = 0.9 * entry.served + byte_count

    def lacked(self, peer: str, blob_hash: bytes) -> None:
        errand = self._errands.get(blob_hash)
        if errand is not None:
            errand.takers.discard(peer)
            errand.tried.add(peer)
        entry = self._peers.get(peer)
        if entry is not None:
            entry.served *= 0.9

    def whole(self, blob_hash: bytes) -> None:
        """All of it has come: nobody else need be asked, unless it is `spoilt`."""
        errand = self._errands.get(blob_hash)
        if errand is not None:
            errand.is_whole = True

    def spoilt(self, peer: str, blob_hash: bytes, *, is_at_fault: bool) -> None:
        """What came of it is of no use: it is asked for again, of `peer` only if it is not to
        blame."""
        errand = self._errands.get(blob_hash)
        if errand is not None:
            errand.is_whole = False
            errand.takers.discard(peer)
            if is_at_fault:
                errand.tried.add(peer)

    def settle(self, now: float) -> Settled:
        """Ends the round of each blob that all peers lack, and the rest of those whose time it is.
        Before `due`."""
        again: list[bytes] = []
        missed: list[bytes] = []
        for blob_hash, errand in self._errands.items():
            if errand.is_resting:
                if now >= errand.not_before:
                    errand.is_resting = False
                    errand.tried.clear()
                continue
            if errand.takers or errand.is_whole or self._peers.keys() - errand.tried:
                continue
            if not self._peers and not errand.is_looked_at:
                continue  # it waits for the first neighbour
            errand.is_looked_at = False
            self._looked_at.pop(blob_hash, None)
            errand.rounds += 1
            if not errand.is_wanted or errand.rounds >= limits.BLOB_ROUNDS_MAX:
                missed.append(blob_hash)
                continue
            errand.is_resting = True
            errand.not_before = now + (limits.BLOB_ROUND_MS << (errand.rounds - 1)) / _S
            again.append(blob_hash)
        for blob_hash in missed:
            errand = self._errands[blob_hash]
            self.drop(blob_hash)
            if errand.is_wanted:
                self._given_up[blob_hash] = errand
                while len(self._given_up) > limits.BLOB_MISSED_MAX:
                    self._given_up.popitem(last=False)
        return Settled(tuple(again), tuple(missed))

    def next_at(self, now: float) -> float:
        """When to ask `settle` and `due` next, if nothing happens before."""
        times = []
        for errand in self._errands.values():
            if errand.is_whole:
                continue
            if errand.takers:
                times.append(self._stale_at(errand))
            elif errand.is_resting:
                times.append(errand.not_before)
        return min((at for at in times if at > now), default=inf)

    def _is_open(self, errand: _Errand, now: float) -> bool:
        """Whether another peer may take it."""
        if errand.is_resting or errand.is_whole:
            return False
        return not errand.takers or now >= self._stale_at(errand)

    def _stale_at(self, errand: _Errand) -> float:
        """When nobody who promised it has sent anything for too long."""
        came = (self._peers[peer].came_at for peer in errand.takers if peer in self._peers)
        return max(came, default=0.0) + limits.BLOB_CLAIM_MS / _S


def parts_from(parts: Sequence[Part], begun: dict[bytes, int]) -> tuple[Part, ...]:
    """`parts`, those of which a beginning is kept from its end on."""
    return tuple(
        part._replace(offset=begun[part.hash])
        if 0 < begun.get(part.hash, 0) < part.size_max
        else part
        for part in parts
    )
