"""One batch of records while it is judged: what will be written, before anything is.

Knows threads and bytes; judges nothing.
"""

from dataclasses import dataclass, field

from ..protocol.envelope import ThreadKey, Verified
from ..protocol.verdict import Admission
from .thread_view import Current, Thread


@dataclass(slots=True)
class Batch:
    """What a batch will write. `before` is what is stored of each thread it touches, `after` what
    will be; the rest is keyed by rid, in order."""

    now_ms: int
    bucket: int
    """Of threads that this batch is the first to bring (share.py)."""
    rid_before: int
    rid_last: int
    record_bytes: int
    stored: dict[ThreadKey, Current] = field(default_factory=dict)
    """Of the threads of all its records, what is stored."""
    before: dict[ThreadKey, Current | None] = field(default_factory=dict)
    after: dict[ThreadKey, Current | None] = field(default_factory=dict)
    records: dict[int, tuple[Verified, int]] = field(default_factory=dict)
    """rid → (record, arrival)"""
    places: dict[int, int] = field(default_factory=dict)
    """rid → its place among the outcomes"""
    of_thread: dict[int, list[int]] = field(default_factory=dict)
    """arrival → rids of this batch"""
    buckets: dict[int, int] = field(default_factory=dict)
    """arrival → bucket, of threads that this batch adds to"""
    superseded: dict[int, list[int]] = field(default_factory=dict)
    """arrival → rids, of this batch or stored"""
    stripped: set[int] = field(default_factory=set)
    """Arrivals of threads that keep no history: withdrawn, or in a full store."""
    freed: dict[int, int] = field(default_factory=dict)
    """arrival → bytes of a thread in `stripped` that are off the count already."""
    evicted: list[Thread] = field(default_factory=list)
    """Stored threads that go."""
    shares: dict[int, int] | None = None
    """share → bytes, as the batch leaves them; None until a full store asks (room.py)."""
    outcomes: list[Admission] = field(default_factory=list)

    def count(self, share: int, size: int) -> None:
        """So many bytes more in the log, or fewer."""
        self.record_bytes += size
        if self.shares is not None:
            self.shares[share] = self.shares.get(share, 0) + size

    def pending_bytes(self, arrival: int) -> int:
        """Of records of one thread that this batch will add."""
        return sum(len(self.records[rid][0].raw) for rid in self.of_thread.get(arrival, ()))
