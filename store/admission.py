"""What becomes of verified records: the rules of admission (SPEC.md R5).

A batch is judged in memory against what is stored, then written at once: log, threads, items and
views in the caller's transaction. The outcome does not depend on order, doubles or batches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..protocol import limits
from ..protocol.envelope import Envelope, Header, Rank, ThreadKey, Verified
from ..protocol.verdict import Admission
from . import listing_view, log, profile_view, thread_view
from .blocklist import Blocklist
from .database import Database
from .departure import Departures
from .errors import CorruptStore
from .item_set import ItemTable
from .market_book import MarketBook
from .thread_view import Census, Current, Thread


@dataclass(slots=True)
class _Batch:
    """What a batch will write. `before` is what is stored of each thread it touches, `after` what
    will be; the rest is keyed by rid, in order."""

    now_ms: int
    rid_last: int
    record_bytes: int
    before: dict[ThreadKey, Current | None] = field(default_factory=dict)
    after: dict[ThreadKey, Current | None] = field(default_factory=dict)
    records: dict[int, tuple[Verified, int]] = field(default_factory=dict)
    """rid → (record, arrival)"""
    places: dict[int, int] = field(default_factory=dict)
    """rid → its place among the outcomes"""
    of_thread: dict[int, list[int]] = field(default_factory=dict)
    """arrival → rids of this batch"""
    superseded: dict[int, list[int]] = field(default_factory=dict)
    """arrival → rids, of this batch or stored"""
    stripped: set[int] = field(default_factory=set)
    """Arrivals of threads that keep no history: withdrawn, or in a full store."""
    evicted: list[Thread] = field(default_factory=list)
    """Stored threads that go."""
    outcomes: list[Admission] = field(default_factory=list)


class Registrar:
    """Admits records. Its memory holds only between two changes from elsewhere:
    `drop_memory` after a roll-back or another process's commit."""

    def __init__(
        self,
        db: Database,
        items: ItemTable,
        markets: MarketBook,
        blocklist: Blocklist,
        *,
        own_author: bytes | None,
        record_bytes_max: int,
    ) -> None:
        self._db = db
        self._items = items
        self._markets = markets
        self._blocklist = blocklist
        self._own_author = own_author
        self._record_bytes_max = record_bytes_max
        self._census = Census(db)
        self.departures = Departures(db, items, self._census, own_author)

    def drop_memory(self) -> None:
        self._census.drop()

    # -- admission --------------------------------------------------------------------------

    def admit(self, records: Iterable[Verified], now_ms: int) -> list[Admission]:
        """One outcome for each record, in their order."""
        self._census.trim()
        batch = _Batch(now_ms, *read_tally(self._db))
        for record in records:
            batch.outcomes.append(self._judge(record, batch))
        if batch.records:
            self._write(batch)
        return batch.outcomes

    def _judge(self, record: Verified, batch: _Batch) -> Admission:
        header = record.header
        is_own = header.author == self._own_author
        if header.market not in self._markets.joined():
            return Admission.FOREIGN
        if header.author in self._blocklist.blocked() and not is_own:
            return Admission.BLOCKED
        if header.ts_ms > batch.now_ms + limits.FUTURE_MS_MAX:
            return Admission.FUTURE
        expires_ms = header.expires_ms
        is_expired = expires_ms <= batch.now_ms
        if is_expired and (header.is_delete or not is_own):
            return Admission.EXPIRED
        key = header.thread_key
        if key in batch.after:
            held = batch.after[key]
        else:
            held = batch.before[key] = self._stored(key)
            batch.after[key] = held
        if held is not None and record.rank <= held.rank:
            if is_expired:
                return Admission.EXPIRED
            is_known = record.id == held.id or self._is_in_log(record.id, held.arrival, batch)
            return Admission.DUPLICATE if is_known else Admission.STALE
        if not is_own and not self._has_room(record, held, batch):
            return Admission.FULL
        if is_expired:
            self._leave_crowd(record, held)
        elif not self._enter_crowd(record, held, batch):
            return Admission.CROWDED
        self._accept(record, held, None if is_expired else expires_ms, batch)
        # An own record that is over is kept, but it is no item: another node's would be declined.
        return Admission.EXPIRED if is_expired else Admission.NEW

    def _stored(self, key: ThreadKey) -> Current | None:
        return thread_view.current(self._db, key)

    def _is_in_log(self, record_id: bytes, arrival: int, batch: _Batch) -> bool:
        return log.has(self._db, record_id) or any(
            batch.records[rid][0].id == record_id for rid in batch.of_thread.get(arrival, ())
        )

    def _has_room(self, record: Verified, held: Current | None, batch: _Batch) -> bool:
        """Whether the store may grow by `record`; a full one takes a revision that makes room for
        itself, its thread's history going instead, so that what is sold or withdrawn is heard.
        Where one's own have filled it beyond its bound, what makes it smaller is taken too."""
        size = batch.record_bytes + len(record.raw)
        if size <= self._record_bytes_max:
            return True
        if held is None:
            return False
        freed = self._db.value(
            "SELECT coalesce(sum(length(raw)), 0) FROM record WHERE rid = ?1 OR rid IN "
            "(SELECT rid FROM history WHERE arrival = ?2)",
            (held.rid, held.arrival),
        )
        if size - freed > self._record_bytes_max and len(record.raw) > freed:
            return False
        batch.stripped.add(held.arrival)
        return True

    def _accept(
        self, record: Verified, held: Current | None, expires_ms: int | None, batch: _Batch
    ) -> None:
        header = record.header
        rid = batch.rid_last = batch.rid_last + 1
        arrival = rid if held is None else held.arrival
        if held is not None:
            batch.superseded.setdefault(arrival, []).append(held.rid)
            if header.is_delete:
                batch.stripped.add(arrival)
        batch.records[rid] = (record, arrival)
        batch.of_thread.setdefault(arrival, []).append(rid)
        batch.places[rid] = len(batch.outcomes)
        batch.record_bytes += len(record.raw)
        batch.after[header.thread_key] = Current(
            rid,
            arrival,
            int(header.is_delete),
            header.revision,
            record.id,
            header.ts_ms,
            expires_ms,
        )

    def _enter_crowd(self, record: Verified, held: Current | None, batch: _Batch) -> bool:
        """Whether there is a place among the author's threads of this market, made if need be."""
        header = record.header
        crowd = self._census.crowd(header.author, header.market)
        rank = record.rank
        if held is not None and held.expires_ms is not None:
            crowd.note(rank, header.thread)
            return True
        if crowd.is_full:
            if crowd.floor is not None and rank < crowd.floor:
                return False
            least_rank, least_thread = self._least(header.author, header.market, batch)
            if rank < least_rank:
                crowd.floor = least_rank
                crowd.note(least_rank, least_thread)
                return False
            self._evict((header.market, header.author, least_thread), batch)
        else:
            crowd.count += 1
        crowd.note(rank, header.thread)
        return True

    def _leave_crowd(self, record: Verified, held: Current | None) -> None:
        """An own record that is over takes the place of one that is an item."""
        if held is not None and held.expires_ms is not None:
            crowd = self._census.crowd(record.header.author, record.header.market)
            crowd.count -= 1
            crowd.floor = None

    def _least(self, author: bytes, market: str, batch: _Batch) -> tuple[Rank, bytes]:
        """The crowd's least thread, taken off its heap past ranks that are not current any more."""
        pending = (
            (current.rank, key[2])
            for key, current in batch.after.items()
            if current is not None and key[0] == market and key[1] == author
        )
        self._census.load_heap(author, market, pending)
        crowd = self._census.crowd(author, market)
        while True:
            rank, thread = crowd.take_least()
            key = (market, author, thread)
            current = batch.after[key] if key in batch.after else self._stored(key)
            if current is not None and current.expires_ms is not None and current.rank == rank:
                return rank, thread

    def _evict(self, key: ThreadKey, batch: _Batch) -> None:
        """Lets a thread go, stored or of this batch; one's own stays, but is no item any more."""
        if key not in batch.after:
            batch.before[key] = batch.after[key] = self._stored(key)
        current = batch.after[key]
        if current is None:
            raise RuntimeError("a thread that is not there cannot be evicted")
        if key[1] == self._own_author:
            batch.after[key] = current._replace(expires_ms=None)
            if current.rid in batch.places:
                batch.outcomes[batch.places[current.rid]] = Admission.CROWDED
            return
        stored = batch.before[key]
        if stored is not None:
            batch.evicted.append((key, stored))
        batch.before[key] = batch.after[key] = None
        for rid in batch.of_thread.pop(current.arrival, ()):
            batch.outcomes[batch.places[rid]] = Admission.CROWDED
            batch.record_bytes -= len(batch.records.pop(rid)[0].raw)
        batch.superseded.pop(current.arrival, None)

    # -- writing ----------------------------------------------------------------------------

    def _write(self, batch: _Batch) -> None:
        db = self._db
        if batch.evicted:
            self.departures.remove(batch.evicted, is_crowd_known=True)
        gone = {rid for arrival in batch.stripped for rid in batch.superseded.pop(arrival, ())}
        kept = [(rid, record) for rid, record in batch.records.items() if rid not in gone]
        log.append(db, [log.log_row(rid, arrival, record) for rid, (record, arrival) in kept])
        db.run(
            "UPDATE tally SET rid_last = ?, record_count = record_count + ?, "
            "record_bytes = record_bytes + ?",
            (batch.rid_last, len(kept), sum(len(record.raw) for _, (record, _) in kept)),
        )
        changed = [
            (key, current)
            for key, current in batch.after.items()
            if current is not None and current != batch.before[key]
        ]
        thread_view.put(db, changed)
        self._write_history(batch, [rid for rid in gone if rid not in batch.records])
        self._write_items(batch, changed)
        self._write_views(batch, changed)
        db.run("UPDATE tally SET text_rid_last = rid_last")

    def _write_history(self, batch: _Batch, forgotten: list[int]) -> None:
        db = self._db
        for arrival, superseded in batch.superseded.items():
            db.run_many("INSERT INTO history VALUES (?,?)", [(arrival, rid) for rid in superseded])
            rids = thread_view.history(db, arrival)
            excess = rids[: max(0, len(rids) - limits.HISTORY_REVISIONS_MAX)]
            forgotten += excess
            db.run_many(
                "DELETE FROM history WHERE arrival = ? AND rid = ?",
                [(arrival, rid) for rid in excess],
            )
        for arrival in batch.stripped:
            forgotten += thread_view.history(db, arrival)
            db.run("DELETE FROM history WHERE arrival = ?", (arrival,))
        self.departures.forget(forgotten)

    def _write_items(self, batch: _Batch, changed: Sequence[Thread]) -> None:
        added: dict[str, list[tuple[bytes, int]]] = {}
        removed: dict[str, list[bytes]] = {}
        retired: list[tuple[int]] = []
        for key, current in changed:
            before = batch.before[key]
            if before is not None and before.expires_ms is not None:
                removed.setdefault(key[0], []).append(before.key)
            if current.expires_ms is not None:
                added.setdefault(key[0], []).append((current.key, current.rid))
            else:
                retired.append((current.rid,))
        for market in added.keys() | removed.keys():
            self._items.apply(market, added.get(market, ()), removed.get(market, ()))
        self._db.run_many("INSERT OR IGNORE INTO retired VALUES (?)", retired)

    def _write_views(self, batch: _Batch, changed: Sequence[Thread]) -> None:
        """What is shown of each thread is its current record alone."""
        entries: list[tuple[int, int, Verified]] = []
        stored: set[int] = set()
        for key, current in changed:
            if current.rid not in batch.records:
                continue  # an own one that was crowded out: shown as before
            entries.append((current.arrival, current.rid, batch.records[current.rid][0]))
            if batch.before[key] is not None:
                stored.add(current.arrival)
        write_views(self._db, entries, stored)


def read_tally(db: Database) -> tuple[int, int]:
    """(rid_last, record_bytes)"""
    row = db.row("SELECT rid_last, record_bytes FROM tally")
    if row is None:
        raise CorruptStore("the store has lost its tally: `jangteo verify` says more")
    return row[0], row[1]


def write_views(
    db: Database, entries: Sequence[tuple[int, int, Verified | Envelope]], stored: set[int]
) -> None:
    """Shows (arrival, rid, record); `stored` are arrivals that may be shown already."""
    listings: list[tuple[int, int, Verified | Envelope]] = []
    profiles: list[tuple[int, Verified | Envelope]] = []
    withdrawals: list[tuple[int, int, Header]] = []
    dropped: list[tuple[bytes, int]] = []
    for arrival, rid, record in entries:
        header = record.header
        if listing_view.is_listing(header) and not header.is_delete:
            listings.append((arrival, rid, record))
            continue
        if arrival in stored:
            dropped.append((header.author, arrival))
        if listing_view.is_listing(header):
            withdrawals.append((arrival, rid, header))
        elif profile_view.is_profile(header) and not header.is_delete:
            profiles.append((arrival, record))
    listing_view.drop(db, [arrival for _, arrival in dropped])
    profile_view.drop(db, dropped)
    listing_view.put(db, listings, stored)
    listing_view.put_withdrawals(db, withdrawals)
    profile_view.put(db, profiles)
