"""A store in use as a node uses it, at random, on a disk that notes its writes; and what had been
committed, and acknowledged, after which of them.
"""

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.listing import Listing
from jangteo.store import database
from jangteo.store.store import Store
from tests.faults.disk import Disk, Op, disk_below
from tests.market_maker import NOW_MS, Seller

COMMITS = 60
FILE = "jangteo.db"
OWN = Seller.named("the owner")
STRANGERS = tuple(Seller.named(f"stranger {number}") for number in range(5))
MARKETS = ("bikes", "books")
_TRUTH = (
    "SELECT rid, arrival, id, market FROM record ORDER BY rid",
    "SELECT rid FROM retired ORDER BY rid",
    "SELECT key, value FROM meta ORDER BY key",
    "SELECT name FROM market ORDER BY name",
    "SELECT author FROM blocked ORDER BY author",
    "SELECT peer, address, seen_ms FROM peer ORDER BY peer, address",
    "SELECT market, peer, arrival, at_ms FROM synced ORDER BY market, peer",
    "SELECT rid_last FROM tally",
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction: `began` and `ended` are numbers of the disk's ops; `digest` is of all that is
    true after it. Once `is_durable` has ended, it must be there."""

    began: int
    ended: int
    is_durable: bool
    digest: str
    own_count: int


@dataclass(frozen=True, slots=True)
class Trace:
    seed: int
    ops: list[Op]
    commits: list[Commit]


def digest(store: Store) -> str:
    """Of everything that is true and not a view (SPEC.md R10.14)."""
    hashed = hashlib.sha256()
    for sql in _TRUTH:
        for row in store._db.each(sql):
            hashed.update(repr(row).encode())
        hashed.update(b"\n")
    return hashed.hexdigest()


class Shop:
    """Uses a store at random, and notes each commit with the disk's ops."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.commits: list[Commit] = []
        self._dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
        self._path = folder / FILE
        self._disk = Disk()
        self._revisions: dict[tuple[int, int], int] = {}
        self._lately: list[Verified] = []
        self._now_ms = NOW_MS
        self._checkpoint_pages = self._dice.choice((8, 40, 1000))

    def run(self, commits: int) -> list[Op]:
        with disk_below(self._disk), _log_taken_in_at(self._checkpoint_pages), ExitStack() as stack:
            store = self._open(stack)
            while len(self.commits) < commits:
                if self._dice.random() < 0.03:
                    stack.close()
                    store = self._open(stack)
                elif self._dice.random() < 0.05:
                    # A reader's snapshot keeps the log from being taken in whole.
                    reader = stack.enter_context(Store.open(self._path, read_only=True))
                    stack.enter_context(reader.snapshot())
                    reader.summary("open")
                elif self._dice.random() < 0.05:
                    self._fail(store)
                else:
                    self._act(store)
        return self._disk.ops

    def _open(self, stack: ExitStack) -> Store:
        began = len(self._disk.ops)
        store = stack.enter_context(Store.open(self._path, own_author=OWN.author))
        if not self.commits:
            self._note(store, began, is_durable=True)
        return store

    def _act(self, store: Store) -> None:
        dice = self._dice
        is_durable, work = dice.choices(
            [
                (True, self._publish),
                (False, self._receive),
                (True, self._receive_again),
                (False, self._meet),
                (True, self._decide),
                (False, self._forget),
                (True, lambda store: store.reindex()),
            ],
            (40, 40, 12, 10, 8, 4, 1),
        )[0]
        began = len(self._disk.ops)
        with store.write(durable=is_durable):
            work(store)
        self._note(store, began, is_durable)

    def _note(self, store: Store, began: int, is_durable: bool) -> None:
        ended = len(self._disk.ops)
        own = store._db.value("SELECT count(*) FROM record WHERE author = ?", (OWN.author,))
        self.commits.append(Commit(began, ended, is_durable, digest(store), own))

    def _record(self, number: int, seller: Seller) -> Verified:
        dice = self._dice
        thread = dice.randrange(40)
        revision = self._revisions[number, thread] = self._revisions.get((number, thread), 0) + 1
        market = dice.choice(("open", "open", *MARKETS))
        if dice.random() < 0.1:
            return seller.withdraws(thread, revision=revision, ts_ms=self._now_ms, market=market)
        listing = Listing(
            f"자전거 {dice.randrange(1000)}",
            description="wheels " * dice.randrange(60),
            created_ms=self._now_ms,
        )
        return seller.lists(thread, listing, revision=revision, ts_ms=self._now_ms, market=market)

    def _publish(self, store: Store) -> None:
        count = self._dice.choice((1, 1, 1, 20))
        store.admit([self._record(-1, OWN) for _ in range(count)], self._now_ms)

    def _receive(self, store: Store) -> None:
        self._lately = []
        for _ in range(self._dice.choice((1, 5, 30))):
            number = self._dice.randrange(len(STRANGERS))
            self._lately.append(self._record(number, STRANGERS[number]))
        store.admit(self._lately, self._now_ms)

    def _receive_again(self, store: Store) -> None:
        """What came by gossip is pushed too, and that is acknowledged."""
        store.admit(self._lately, self._now_ms)

    def _meet(self, store: Store) -> None:
        peer = f"peer {self._dice.randrange(9)}"
        store.remember_peer(peer, "/ip4/10.0.0.1/tcp/4110", self._now_ms)
        store.note_synced(peer, "open", store.last_arrival(), self._now_ms)

    def _decide(self, store: Store) -> None:
        author = self._dice.choice(STRANGERS).author
        market = self._dice.choice(MARKETS)
        match self._dice.randrange(6):
            case 0:
                store.block(author)
            case 1:
                store.unblock(author)
            case 2:
                store.leave(market)
            case 3 | 4:
                store.join(market)
            case _:
                store.put_meta("a", str(self._now_ms))

    def _forget(self, store: Store) -> None:
        self._now_ms += self._dice.choice((limits.HOUR_MS, 30 * limits.DAY_MS))
        store.forget_expired(self._now_ms, 20)

    def _fail(self, store: Store) -> None:
        """A transaction that is taken back leaves nothing."""
        try:
            with store.write(durable=True):
                self._publish(store)
                raise ZeroDivisionError
        except ZeroDivisionError:
            return


def make_trace(folder: Path, seed: int, commits: int = COMMITS) -> Trace:
    shop = Shop(folder, seed)
    ops = shop.run(commits)
    return Trace(seed, ops, shop.commits)


@contextmanager
def _log_taken_in_at(pages: int) -> Iterator[None]:
    """Small stores meet as many checkpoints as large ones."""
    real = database.WAL_PAGES_MAX
    database.WAL_PAGES_MAX = pages  # type: ignore[misc]
    try:
        yield
    finally:
        database.WAL_PAGES_MAX = real  # type: ignore[misc]
