"""The store: what a node remembers, as one object. The facade; each table has a file of its own.

Belongs to the thread that opened it. Others that read open their own, read-only.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..protocol import limits
from ..protocol.box_key import BoxKey
from ..protocol.envelope import Header, ThreadKey, Verified
from ..protocol.errors import LocalProtocolError
from ..protocol.item_set import ItemSet
from ..protocol.listing import Listing
from ..protocol.market import OPEN
from ..protocol.profile import Profile
from ..protocol.told import tell
from ..protocol.verdict import Admission
from . import box_view, listing_view, log, peer_book, profile_view, search, thread_view
from .blocklist import Blocklist
from .books import Books
from .contacts import Contact, ContactBook
from .database import VIEW_VERSION, Database
from .errors import LOST_TALLY, CorruptStore, NewerSchema, OutdatedViews, StoreReadOnly
from .item_set import ItemTable
from .market_book import MarketBook
from .query import Facets, Page, Query
from .row import Counts, ListingRow, StoredRecord, opened
from .share import KEPT, OWN, is_counted

if TYPE_CHECKING:  # loaded by those that write: a search is to start at once
    from .admission import Registrar
    from .rebuild import Progress


class Store(Books):
    """See SPEC.md R10. `write()` is the only way to change anything."""

    def __init__(
        self,
        db: Database,
        own_author: bytes | None,
        records_bytes_max: int,
        on_upgrade: "Progress | None" = None,
    ) -> None:
        super().__init__(db, own_author)
        self._db = db
        self._on_upgrade = on_upgrade or _nobody
        self._own_author = own_author
        self._items = ItemTable(db)
        self._markets = MarketBook(db)
        self._blocklist = Blocklist(db)
        self._contacts = ContactBook(db)
        self._records_bytes_max = records_bytes_max
        self._registrar_made: Registrar | None = None
        self._is_writing = False
        self._data_version = -1

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        own_author: bytes | None = None,
        read_only: bool = False,
        records_bytes_max: int = limits.RECORD_STORE_BYTES_MAX,
        on_upgrade: "Progress | None" = None,
    ) -> Self:
        """Opens the store at `path`; a writing one is made where there is none.

        `own_author` (32 bytes) is whose records are never let go. `records_bytes_max` bounds what
        is kept for others. `on_upgrade(done, total)` hears how far the views of an older program
        have been made anew, which takes a minute for a million records. StoreError's kinds as in
        errors.py.
        """
        db = Database.open(path, read_only=read_only)
        return cls._of(db, own_author, records_bytes_max, on_upgrade)

    @classmethod
    def temporary(
        cls,
        *,
        own_author: bytes | None = None,
        records_bytes_max: int = limits.RECORD_STORE_BYTES_MAX,
    ) -> Self:
        """A new one that is nobody else's to see, and gone when closed: for simulations."""
        return cls._of(Database.temporary(), own_author, records_bytes_max)

    @classmethod
    def _of(
        cls,
        db: Database,
        own_author: bytes | None,
        records_bytes_max: int,
        on_upgrade: "Progress | None" = None,
    ) -> Self:
        store = cls(db, own_author, records_bytes_max, on_upgrade)
        try:
            store._make_ready()
        except BaseException:
            db.close()
            raise
        return store

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def write(self, durable: bool) -> Iterator[None]:
        """One transaction. Whatever is acknowledged to anyone is `durable`: on the disk when the
        block has been left. An exception within takes everything back."""
        if self._db.is_read_only:
            raise StoreReadOnly(tell("this store was opened for reading only"))
        if self._is_writing:
            raise RuntimeError("a transaction is open already")
        self._db.begin_write(durable)
        self._is_writing = True
        try:
            self._notice_others()
            yield
            self._db.commit()
        except BaseException:
            self._drop_memory()
            self._db.roll_back()
            raise
        finally:
            self._is_writing = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the transaction that is open: an exception within takes this part back, and
        the rest may go on."""
        self._require_write()
        self._db.run("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._drop_memory()
            self._db.run("ROLLBACK TO attempt")
            raise
        finally:
            self._db.run("RELEASE attempt")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read within is of one moment, whatever another process or thread commits.

        Needed around each call of a Reconciliation by a store beside a writer. Keep it short: the
        write-ahead log grows meanwhile.
        """
        if self._db.in_transaction:
            yield
            return
        self._db.begin_read()
        try:
            yield
        finally:
            self._db.roll_back()

    # -- writes -----------------------------------------------------------------------------

    def admit(
        self,
        records: Iterable[Verified],
        now_ms: int,
        bringer: str | None = None,
        *,
        is_text_later: bool = False,
    ) -> list[Admission]:
        """Takes in what may be (SPEC.md R10.6); an outcome for each record, in their order.

        `bringer` names the payer who delivered them (R11.7), None where that is unknown.
        `is_text_later`: others' new listings are found by their words after `index_texts` only,
        where these are not made yet.
        """
        self._require_write()
        return self._registrar.admit(records, now_ms, bringer, is_text_later=is_text_later)

    def index_texts(self, count_max: int) -> int:
        """Makes up to `count_max` records more found by their words: how many are left."""
        self._require_write()
        return self._registrar.index_texts(count_max)

    def forget_expired(self, now_ms: int, limit: int) -> int:
        """Lets go of up to `limit` threads that are over, own ones only as items: how many."""
        self._require_write()
        return self._registrar.departures.forget_expired(now_ms, limit)

    def block(self, author: bytes) -> int:
        """Forgets all of an author's records and takes no more: how many threads went.

        LocalProtocolError for oneself.
        """
        self._require_write()
        if author == self._own_author:
            own_key = tell("this is your own key: nobody blocks themselves")
            raise LocalProtocolError(own_key, "author")
        self._blocklist.block(author)
        self.unkeep(author)
        return self._registrar.departures.forget_author(author)

    def unblock(self, author: bytes) -> None:
        self._require_write()
        self._blocklist.unblock(author)

    def keep(self, author: bytes, now_ms: int, note: str = "") -> None:
        """Strangers' records no longer displace this author's; again, only the note changes.

        LocalProtocolError for oneself, a blocked author, one too many, or too long a note.
        """
        self._require_write()
        if author == self._own_author:
            own_key = tell("this is your own key: your records are kept anyway")
            raise LocalProtocolError(own_key, "author")
        if author in self._blocklist.blocked():
            raise LocalProtocolError(tell("this author is blocked: unblock them first"), "author")
        is_new = author not in self._contacts.authors()
        self._contacts.put(Contact(author, now_ms, note))
        if is_new:
            self._registrar.contacts_changed(author, is_kept=True)

    def unkeep(self, author: bytes) -> None:
        """A stranger again; what is here of them counts where it came from."""
        self._require_write()
        if author in self._contacts.authors():
            self._contacts.remove(author)
            self._registrar.contacts_changed(author, is_kept=False)

    def salt_shares(self, salt: bytes) -> None:
        """Before the first records come from peers; a store that has a salt keeps its own."""
        self._require_write()
        self._registrar.shares.salt(salt)

    def join(self, market: str) -> None:
        """LocalProtocolError for a name that is none, or one market too many."""
        self._require_write()
        if self._markets.join(market):
            self._registrar.departures.enter_market(market)

    def leave(self, market: str) -> int:
        """Forgets what others have there: how many threads. Own records stay, unoffered."""
        self._require_write()
        if not self._markets.leave(market):
            return 0
        peer_book.drop_marks(self._db, market)
        return self._registrar.departures.leave_market(market)

    def put_meta(self, key: str, value: str | None) -> None:
        """Keeps a small text under `key`; None takes it away."""
        self._require_write()
        if value is None:
            self._db.run("DELETE FROM meta WHERE key = ?", (key,))
            return
        if len(value) > limits.META_VALUE_CHARS_MAX:
            raise ValueError(f"meta {key!r}: at most {limits.META_VALUE_CHARS_MAX} characters")
        self._db.run("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def remember_peer(self, peer: str, address: str, seen_ms: int) -> None:
        self._require_write()
        peer_book.remember(self._db, peer, address, seen_ms)

    def forget_peer(self, peer: str) -> None:
        self._require_write()
        peer_book.forget(self._db, peer)

    def note_synced(self, peer: str, market: str, arrival: int, now_ms: int) -> None:
        """A completed reconciliation: `peer` holds all that is current with rid <= `arrival`."""
        self._require_write()
        peer_book.note_synced(self._db, peer, market, arrival, now_ms)

    def reindex(self) -> None:
        """Makes every view anew from the log, in a transaction of its own or the one that is open.

        CorruptStore if a record in the log is damaged; then nothing has changed.
        """
        if self._is_writing:
            self._rebuild()
            return
        with self.write(durable=True):
            self._rebuild()

    # -- records ----------------------------------------------------------------------------

    def has(self, record_id: bytes) -> bool:
        return log.has(self._db, record_id)

    def known(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of `ids` that are in the log."""
        return {record_id for record_id in ids if log.has(self._db, record_id)}

    def raws(self, ids: Iterable[bytes]) -> list[bytes]:
        """The envelopes of `ids` in their order; what is not here is left out."""
        return log.raws(self._db, ids)

    def range_raws(
        self, market: str, after_key: bytes, bytes_max: int, count_max: int
    ) -> tuple[list[bytes], bytes | None]:
        """Items' envelopes in key order, after `after_key` (40 bytes, or empty for the start), and
        the key to go on from: None at the end. At least one, however large."""
        rows = self._db.each(
            "SELECT i.key, r.raw FROM item AS i CROSS JOIN record AS r ON r.rid = i.rid "
            "WHERE i.market = ? AND i.key > ? ORDER BY i.key LIMIT ?",
            (market, after_key, count_max + 1),
        )
        found: list[bytes] = []
        size = 0
        last: bytes = after_key
        for key, raw in rows:
            size += len(raw)
            if found and (size > bytes_max or len(found) == count_max):
                rows.close()
                return found, last
            found.append(raw)
            last = key
        return found, None

    def items(self, market: str) -> ItemSet:
        """The market's reconciliation set. Beside a writer, read it within `snapshot()`."""
        return self._items.items(market)

    def summary(self, market: str) -> tuple[int, bytes]:
        """(count, fingerprint of 16 bytes) of the market's reconciliation set."""
        return self._items.summary(market)

    def last_arrival(self) -> int:
        """The greatest rid ever given."""
        rid: int = self._db.value("SELECT rid_last FROM tally")
        return rid

    def iter_records(self) -> Iterator[tuple[int, bytes]]:
        """(rid, raw) of the whole log, in order of arrival."""
        return log.each_raw(self._db)

    def current(self, thread_key: ThreadKey) -> StoredRecord | None:
        """A thread's current record, a delete too; None if nothing of it is here."""
        held = thread_view.current(self._db, thread_key)
        if held is None:
            return None
        return StoredRecord.from_raw(held.rid, held.arrival, log.raw_of(self._db, held.rid))

    # -- listings ---------------------------------------------------------------------------

    def find(self, prefix_hex: str) -> list[bytes]:
        """Ids of listings, withdrawn ones too, that begin so; at most FIND_IDS_MAX."""
        return listing_view.find(self._db, prefix_hex)

    def listing(self, listing_id: bytes) -> ListingRow | None:
        """None if it is unknown or withdrawn (`withdrawal` tells which)."""
        return listing_view.by_id(self._db, listing_id)

    def withdrawal(self, listing_id: bytes) -> Header | None:
        """The header of the delete of a withdrawn listing."""
        rid = listing_view.withdrawal_rid(self._db, listing_id)
        return None if rid is None else opened(log.raw_of(self._db, rid)).header

    def revisions(self, listing_id: bytes) -> list[tuple[Header, Listing | None, bytes]]:
        """(header, listing, record id) of what is kept of it, oldest first; a delete has None."""
        arrival = listing_view.arrival_of(self._db, listing_id)
        if arrival is None:
            return []
        found: list[tuple[Header, Listing | None, bytes]] = []
        for raw in listing_view.raws(self._db, arrival):
            envelope = opened(raw)
            header, body = envelope.header, envelope.body
            if not listing_view.is_listing(header):
                continue
            listing = None if body is None else Listing.from_body(body, header.ts_ms)
            found.append((header, listing, envelope.id))
        return found

    def places(self, author: bytes, market: str) -> int:
        """How many more threads an author may have in a market before the least of them go."""
        return thread_view.places(self._db, author, market)

    def own_by_ref(self, author: bytes, market: str, ref: bytes) -> ListingRow | None:
        """An author's listing of an imported row."""
        return listing_view.by_ref(self._db, author, market, ref)

    def own_listings(self, author: bytes) -> Iterator[ListingRow]:
        """All of an author's listings but the withdrawn, expired ones too, oldest first."""
        return listing_view.each_of_author(self._db, author)

    def iter_listings(self, now_ms: int) -> Iterator[ListingRow]:
        """Everyone's listings that have not ended, sold ones too, oldest first."""
        return listing_view.each_current(self._db, now_ms)

    def search(self, query: Query, now_ms: int) -> Page:
        """A page of listings; LocalProtocolError for a cursor that no search has given."""
        with self.snapshot():
            return search.search(self._db, query, now_ms)

    def facets(self, query: Query, now_ms: int) -> Facets:
        """What the hits of a search have in common, whatever its page and order."""
        with self.snapshot():
            return search.facets(self._db, query, now_ms)

    def held_by(self, listing_ids: Sequence[bytes], now_ms: int | None = None) -> dict[bytes, int]:
        """How many peers are known to hold the current record of each listing that is here.

        Reconciliations count for HELD_MS_MAX before `now_ms`, or before the newest known.
        """
        return peer_book.held_by(self._db, listing_ids, now_ms)

    def profile(self, author: bytes) -> Profile | None:
        return profile_view.of_author(self._db, author)

    def box_key(self, author: bytes) -> tuple[BoxKey, int] | None:
        """An author's current box key, and when it was published (Unix ms)."""
        return box_view.of_author(self._db, author)

    def authors_named(self, text: str) -> list[bytes]:
        """Authors whose name contains `text` or whose key begins with it, in hexadecimal."""
        return profile_view.authors_named(self._db, text, limits.SEARCH_SELLERS_MAX)

    def authors_called(self, text: str) -> list[bytes]:
        """Authors whose whole name is `text`, case and width aside."""
        return profile_view.authors_called(self._db, text, limits.SEARCH_SELLERS_MAX)

    # -- the node's own ---------------------------------------------------------------------

    def blocked(self) -> set[bytes]:
        self._notice_others()
        return set(self._blocklist.blocked())

    def kept(self) -> list[Contact]:
        """Authors whose records strangers cannot displace, those kept longest first."""
        return self._contacts.contacts()

    def joined(self) -> list[str]:
        """Markets, `commons` among them, by name."""
        self._notice_others()
        return sorted(self._markets.joined())

    def peers(self) -> list[tuple[str, str, int]]:
        """(peer, address, seen_ms), the latest seen first."""
        return peer_book.peers(self._db)

    def meta(self, key: str) -> str | None:
        value: str | None = self._db.value("SELECT value FROM meta WHERE key = ?", (key,))
        return value

    def counts(self, now_ms: int) -> Counts:
        """Numbers for a status page; reads the views through."""
        records, size = self._db.rows("SELECT record_count, record_bytes FROM tally")[0]
        items = self._db.value("SELECT coalesce(sum(n), 0) FROM chunk")
        active = self._db.value(
            "SELECT count(*) FROM listing WHERE status = 'active' AND ends_ms > ?", (now_ms,)
        )
        shares: dict[int, int] = dict(self._db.rows("SELECT share, bytes FROM share"))
        return Counts(
            records,
            size,
            items,
            thread_view.author_count(self._db),
            active,
            self.own_active(now_ms),
            self.own_unheld(now_ms),
            own_bytes=shares.get(OWN, 0),
            kept_bytes=shares.get(KEPT, 0),
            record_bytes_max=self._records_bytes_max,
        )

    def own_active(self, now_ms: int) -> int:
        """How many listings of one's own are in the market; reads no others."""
        count: int = self._db.value(
            "SELECT count(*) FROM listing WHERE author = ? AND status = 'active' AND ends_ms > ?",
            (self._own_author or b"", now_ms),
        )
        return count

    def own_unheld(self, now_ms: int) -> int:
        """How many of those no peer is known to hold; reads no others."""
        count: int = self._db.value(
            "SELECT count(*) FROM listing AS l WHERE author = ? AND status = 'active' "
            "AND ends_ms > ? AND NOT EXISTS (SELECT 1 FROM synced AS s WHERE s.market = l.market "
            "AND s.arrival >= l.rid AND s.at_ms >= ?)",
            (self._own_author or b"", now_ms, now_ms - limits.HELD_MS_MAX),
        )
        return count

    def room(self) -> tuple[int, int]:
        """(bytes of records, their bound)"""
        return self._db.value("SELECT record_bytes FROM tally"), self._records_bytes_max

    def fts_lag(self) -> int:
        """How many arrivals the full text is behind the log; 0 when it has them all."""
        lag: int = self._db.value("SELECT rid_last - text_rid_last FROM tally")
        return lag

    def check_views(self) -> list[str]:
        """How views differ from what the log says, in words; none is well. As long as `reindex`."""
        from .rebuild import problems

        with self.snapshot():
            return problems(self._db)

    # -- private ----------------------------------------------------------------------------

    def _make_ready(self) -> None:
        """A new store joins `open`; views of an older program are made anew."""
        if self._view_version() == VIEW_VERSION and self._is_counted() and self._has_words():
            return
        if self._db.is_read_only:
            raise OutdatedViews
        with self.write(durable=True):
            # Read again within: another process may have been first.
            version = self._view_version()
            if version is None:
                self._db.run(
                    "INSERT OR IGNORE INTO tally VALUES (1, 0, 0, 0, ?, 0)", (VIEW_VERSION,)
                )
                if self._view_version() != VIEW_VERSION:  # a damaged row, there and not there
                    raise CorruptStore(LOST_TALLY)
                self._markets.join(OPEN)
            elif version != VIEW_VERSION:
                self._rebuild()
            if not self._is_counted():
                self._registrar.shares.count()
            # Where the last one that wrote ended before all words were in.
            while self._registrar.index_texts(limits.TEXT_RECORDS_AT_ONCE):
                continue

    def _is_counted(self) -> bool:
        """Who only reads counts nothing: the bytes are as whoever wrote last has counted them."""
        return self._db.is_read_only or is_counted(self._db, self._own_author)

    def _has_words(self) -> bool:
        """Who only reads finds what there is."""
        return self._db.is_read_only or not self.fts_lag()

    def _view_version(self) -> int | None:
        """None where the store is not made yet; a reader is told that there is none."""
        version: int | None = self._db.value("SELECT view_version FROM tally")
        if version is None and self._db.is_read_only:
            raise self._db.missing()
        if version is not None and version > VIEW_VERSION:
            raise NewerSchema
        return version

    def _rebuild(self) -> None:
        from .rebuild import rebuild

        self._drop_memory()
        rebuild(self._db, self._items, self._on_upgrade)

    @property
    def _registrar(self) -> "Registrar":
        if self._registrar_made is None:
            from .admission import Registrar

            self._registrar_made = Registrar(
                self._db,
                self._items,
                self._markets,
                self._blocklist,
                self._contacts,
                own_author=self._own_author,
                record_bytes_max=self._records_bytes_max,
            )
        return self._registrar_made

    def _require_write(self) -> None:
        if not self._is_writing:
            raise RuntimeError("changes are made within write()")

    def _notice_others(self) -> None:
        """Another process may have changed what is kept in memory."""
        version = self._db.data_version()
        if version != self._data_version:
            self._drop_memory()
            self._data_version = version

    def _drop_memory(self) -> None:
        self._items.drop_directories()
        self._markets.drop()
        self._blocklist.drop()
        self._contacts.drop()
        self.mail.drop()
        if self._registrar_made is not None:
            self._registrar_made.drop_memory()


def _nobody(done: int, total: int) -> None:
    """Hears how far an upgrade is where nobody asks."""
