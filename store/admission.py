"""What becomes of verified records: the rules of admission (SPEC.md R5).

A batch is judged in memory against what is stored, then written at once: log, threads, items and
views in the caller's transaction. The outcome does not depend on order, doubles or batches.
"""

from collections.abc import Iterable, Sequence

from ..protocol import limits
from ..protocol.envelope import Envelope, Header, Rank, ThreadKey, Verified
from ..protocol.verdict import Admission
from . import (
    box_view,
    listing_view,
    log,
    profile_view,
    remark_view,
    review_view,
    thread_view,
)
from .batch import Batch
from .blocklist import Blocklist
from .contacts import ContactBook
from .database import Database
from .departure import Departures
from .errors import LOST_TALLY, CorruptStore
from .item_set import ItemTable
from .market_book import MarketBook
from .room import Leaver, Room
from .share import UNKNOWN, Queues, ShareBook
from .thread_view import Census, Current, Thread


class Registrar:
    """Admits records. Its memory holds only between two changes from elsewhere:
    `drop_memory` after a roll-back or another process's commit."""

    def __init__(
        self,
        db: Database,
        items: ItemTable,
        markets: MarketBook,
        blocklist: Blocklist,
        contacts: ContactBook,
        *,
        own_author: bytes | None,
        record_bytes_max: int,
    ) -> None:
        self._db = db
        self._items = items
        self._markets = markets
        self._blocklist = blocklist
        self._own_author = own_author
        self._census = Census(db)
        self._queues = Queues(db, markets, contacts, own_author)
        self.shares = ShareBook(db, contacts, own_author)
        self._room = Room(db, self.shares, self._queues, record_bytes_max)
        self.departures = Departures(db, items, self._census, self.shares, own_author)
        self._texted: dict[int, listing_view.Texted] = {}
        """By rid, of what is to get its words: what is not in it is read from the log."""

    def drop_memory(self) -> None:
        self._texted.clear()
        self._census.drop()
        self._queues.drop()
        self.shares.drop()
        self._room.drop()

    def contacts_changed(self, author: bytes, *, is_kept: bool) -> None:
        self.shares.move(author, is_kept=is_kept)
        self._queues.drop()
        self._room.drop()

    # -- admission --------------------------------------------------------------------------

    def admit(
        self,
        records: Iterable[Verified],
        now_ms: int,
        bringer: str | None,
        *,
        is_text_later: bool = False,
    ) -> list[Admission]:
        """One outcome for each record, in their order. `is_text_later`: `index_texts` adds the
        words of others' new listings, where they are not made yet."""
        self._census.trim()
        self._queues.trim()
        rid_last, record_bytes = read_tally(self._db)
        batch = Batch(now_ms, self.shares.bucket(bringer), rid_last, rid_last, record_bytes)
        records = list(records)
        batch.stored = thread_view.currents(
            self._db, {record.header.thread_key for record in records}
        )
        for record in records:
            batch.outcomes.append(self._judge(record, batch))
        if batch.records:
            self._write(batch, is_text_later)
        return batch.outcomes

    def index_texts(self, count_max: int) -> int:
        """Goes through `count_max` records more for what has no words yet; how many are left."""
        db = self._db
        text_rid, rid_last = db.rows("SELECT text_rid_last, rid_last FROM tally")[0]
        if text_rid < rid_last:
            text_rid = listing_view.index_texts(db, text_rid, count_max, self._texted) or rid_last
            for rid in [each for each in self._texted if each <= text_rid]:
                del self._texted[rid]
            db.run("UPDATE tally SET text_rid_last = ?", (text_rid,))
        left: int = rid_last - text_rid
        return left

    def _judge(self, record: Verified, batch: Batch) -> Admission:
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
            held = batch.before[key] = batch.after[key] = batch.stored.get(key)
        if held is not None and record.rank <= held.rank:
            if is_expired:
                return Admission.EXPIRED
            is_known = record.id == held.id or self._is_in_log(record.id, held.arrival, batch)
            return Admission.DUPLICATE if is_known else Admission.STALE
        bucket = self._bucket(held, batch)
        share = self.shares.share_of(header.author, bucket)
        leavers = self._room.leavers_for(record, held, share, batch)
        if leavers is None:
            return Admission.FULL
        if is_expired:
            self._leave_crowd(record, held)
        elif not self._enter_crowd(record, held, batch):
            return Admission.CROWDED
        self._make_room(leavers, batch)
        self._accept(record, held, None if is_expired else expires_ms, bucket, batch)
        # An own record that is over is kept, but it is no item: another node's would be declined.
        return Admission.EXPIRED if is_expired else Admission.NEW

    def _stored(self, key: ThreadKey) -> Current | None:
        return thread_view.current(self._db, key)

    def _is_in_log(self, record_id: bytes, arrival: int, batch: Batch) -> bool:
        return log.has(self._db, record_id) or any(
            batch.records[rid][0].id == record_id for rid in batch.of_thread.get(arrival, ())
        )

    def _bucket(self, held: Current | None, batch: Batch) -> int:
        """Of a new thread the batch's; of one that is held what it was given at first."""
        if held is None:
            return batch.bucket
        bucket: int | None = batch.buckets.get(held.arrival)
        if bucket is None:
            bucket = self._db.value("SELECT bucket FROM record WHERE rid = ?", (held.rid,))
        return UNKNOWN if bucket is None else bucket

    def _make_room(self, leavers: Sequence[Leaver], batch: Batch) -> None:
        for leaver in leavers:
            if batch.after.get(leaver.thread_key) is None and leaver.thread_key in batch.after:
                continue  # crowded out by the very record that it was to make room for
            market, author, _ = leaver.thread_key
            crowd = self._census.crowd(author, market)
            self._evict(leaver.thread_key, Admission.FULL, batch)
            crowd.count -= 1
            crowd.floor = None
            self._room.note_gone(leaver, batch.now_ms)

    def _accept(
        self,
        record: Verified,
        held: Current | None,
        expires_ms: int | None,
        bucket: int,
        batch: Batch,
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
        batch.buckets[arrival] = bucket
        share = self.shares.share_of(header.author, bucket)
        batch.count(share, len(record.raw))
        current = batch.after[header.thread_key] = Current(
            rid,
            arrival,
            int(header.is_delete),
            header.revision,
            record.id,
            header.ts_ms,
            expires_ms,
        )
        self._queues.note(share, current.key, header.thread_key)

    def _enter_crowd(self, record: Verified, held: Current | None, batch: Batch) -> bool:
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
            self._evict((header.market, header.author, least_thread), Admission.CROWDED, batch)
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

    def _least(self, author: bytes, market: str, batch: Batch) -> tuple[Rank, bytes]:
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

    def _evict(self, key: ThreadKey, why: Admission, batch: Batch) -> None:
        """Lets a thread go, stored or of this batch; one's own stays, but is no item any more."""
        if key not in batch.after:
            batch.before[key] = batch.after[key] = self._stored(key)
        current = batch.after[key]
        if current is None:
            raise RuntimeError("a thread that is not there cannot be evicted")
        if key[1] == self._own_author:
            batch.after[key] = current._replace(expires_ms=None)
            if current.rid in batch.places:
                batch.outcomes[batch.places[current.rid]] = why
            return
        share = self.shares.share_of(key[1], self._bucket(current, batch))
        self._room.take_off(key, current, share, batch)
        stored = batch.before[key]
        if stored is not None:
            batch.evicted.append((key, stored))
        batch.before[key] = batch.after[key] = None
        for rid in batch.of_thread.pop(current.arrival, ()):
            batch.outcomes[batch.places[rid]] = why
            del batch.records[rid]
        batch.superseded.pop(current.arrival, None)
        batch.freed.pop(current.arrival, None)

    # -- writing ----------------------------------------------------------------------------

    def _write(self, batch: Batch, is_text_later: bool) -> None:
        db = self._db
        if batch.evicted:
            self.departures.remove(batch.evicted, is_crowd_known=True)
        gone = {rid for arrival in batch.stripped for rid in batch.superseded.pop(arrival, ())}
        kept = [(rid, record) for rid, record in batch.records.items() if rid not in gone]
        log.append(
            db,
            [
                log.log_row(rid, arrival, record, batch.buckets[arrival])
                for rid, (record, arrival) in kept
            ],
        )
        self._write_shares(batch, [rid for rid, _ in kept])
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
        self._write_views(batch, changed, is_text_later)

    def _write_shares(self, batch: Batch, rids: Sequence[int]) -> None:
        changes: dict[int, int] = {}
        for rid in rids:
            record, arrival = batch.records[rid]
            share = self.shares.share_of(record.header.author, batch.buckets[arrival])
            changes[share] = changes.get(share, 0) + len(record.raw)
        self.shares.add(changes)

    def _write_history(self, batch: Batch, forgotten: list[int]) -> None:
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

    def _write_items(self, batch: Batch, changed: Sequence[Thread]) -> None:
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
        if retired:
            self.departures.note_retired(batch.now_ms)

    def _write_views(self, batch: Batch, changed: Sequence[Thread], is_text_later: bool) -> None:
        """What is shown of each thread is its current record alone."""
        entries: list[tuple[int, int, Verified]] = []
        stored: set[int] = set()
        later: set[int] = set()
        for key, current in changed:
            if current.rid not in batch.records:
                continue  # an own one that was crowded out: shown as before
            record = batch.records[current.rid][0]
            entries.append((current.arrival, current.rid, record))
            if batch.before[key] is not None:
                stored.add(current.arrival)
            elif is_text_later and current.rid == current.arrival:
                if not record.words and key[1] != self._own_author:
                    later.add(current.arrival)
        write_views(self._db, entries, stored, later)
        for arrival in later:
            record = batch.records[arrival][0]
            if record.listing and len(self._texted) < limits.TEXT_RECORDS_REMEMBERED_MAX:
                self._texted[arrival] = (record.header, record.listing)
        if not later:
            # Where some were left before, this batch's are passed over when it is their turn.
            self._db.run(
                "UPDATE tally SET text_rid_last = rid_last WHERE text_rid_last = ?",
                (batch.rid_before,),
            )


def read_tally(db: Database) -> tuple[int, int]:
    """(rid_last, record_bytes)"""
    row = db.row("SELECT rid_last, record_bytes FROM tally")
    if row is None:
        raise CorruptStore(LOST_TALLY)
    return row[0], row[1]


def write_views(
    db: Database,
    entries: Sequence[tuple[int, int, Verified | Envelope]],
    stored: set[int],
    later: set[int],
) -> None:
    """Shows (arrival, rid, record); `stored` are arrivals that may be shown already, `later` those
    whose words are added later."""
    listings: list[tuple[int, int, Verified | Envelope]] = []
    remarks: list[tuple[int, int, Verified | Envelope]] = []
    reviews: list[tuple[int, int, Verified | Envelope]] = []
    profiles: list[tuple[int, Verified | Envelope]] = []
    boxes: list[tuple[int, Verified | Envelope]] = []
    withdrawals: list[tuple[int, int, Header]] = []
    dropped: list[tuple[bytes, int]] = []
    for arrival, rid, record in entries:
        header = record.header
        is_listing = listing_view.is_listing(header)
        if is_listing and not header.is_delete:
            listings.append((arrival, rid, record))
            continue
        if arrival in stored:
            dropped.append((header.author, arrival))
        if is_listing:
            withdrawals.append((arrival, rid, header))
        elif header.is_delete:
            continue
        elif remark_view.is_remark(header):
            remarks.append((arrival, rid, record))
        elif review_view.is_review(header):
            reviews.append((arrival, rid, record))
        elif profile_view.is_profile(header):
            profiles.append((arrival, record))
        elif box_view.is_box(header):
            boxes.append((arrival, record))
    listing_view.drop(db, [arrival for _, arrival in dropped])
    # A listing may have taken the place of a question: a thread is of no one kind.
    remark_view.drop(db, stored)
    review_view.drop(db, stored)
    profile_view.drop(db, dropped)
    box_view.drop(db, dropped)
    listing_view.put(db, listings, stored, later)
    listing_view.put_withdrawals(db, withdrawals)
    remark_view.put(db, remarks)
    review_view.put(db, reviews)
    profile_view.put(db, profiles)
    box_view.put(db, boxes)
