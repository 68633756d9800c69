"""What all mail sessions of a node share: the letters it carries as each peer is shown them, and
what becomes of those that come (SPEC.md R12).

Knows the store through the writer's thread; no frames' order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import trio

from ..crypto.digest import LIFT_BITS, sha256
from ..protocol import limits
from ..protocol.errors import RemoteProtocolError
from ..protocol.item_set import ItemSet, OverlaidItemSet, item_key
from ..protocol.letter import DAY_FIELD, Letter, parse_letter
from ..protocol.mail_frame import VERSION, Hello
from ..protocol.reconcile import set_fingerprint
from ..store.mail_book import MailAdmission, MailBook, letter_key
from ..store.store import Store
from .mail_declined import MailDeclined
from .store_share import StoreShare
from .sync_claims import SyncClaims
from .token_bucket import TokenBuckets
from .writer import Writer

T = TypeVar("T")


class MailItems:
    """An ItemSet that `refresh` brings up to date before each step of a machine: what is carried,
    and what was declined of one peer."""

    def __init__(self, declined: Sequence[bytes]) -> None:
        self._declined = declined
        self._base: ItemSet | None = None
        self._stamp = (-1, -1)
        self._items: ItemSet
        self.declined_count = 0

    def refresh(self, book: MailBook) -> None:
        base = book.items()
        stamp = (book.last_rid(), base.count())
        if base is self._base and stamp == self._stamp:
            return
        self._base, self._stamp = base, stamp
        self._items = OverlaidItemSet(base, self._declined) if self._declined else base
        self.declined_count = self._items.count() - base.count()

    def count(self) -> int:
        return self._items.count()

    def find(self, key: bytes) -> int:
        return self._items.find(key)

    def keys(self, begin: int, end: int) -> list[bytes]:
        return self._items.keys(begin, end)

    def fingerprint_sum(self, begin: int, end: int) -> int:
        return self._items.fingerprint_sum(begin, end)


@dataclass(frozen=True, slots=True)
class MailState:
    """The letters as this node shows them to one peer: `declined_count` of them it has not. Whoever
    holds the same holds all that arrived here up to `rid`."""

    count: int
    held_count: int
    declined_count: int
    fingerprint: bytes
    rid: int

    def hello(self) -> Hello:
        return Hello(VERSION, self.count, self.fingerprint, self.declined_count)

    def is_even_with(self, hello: Hello) -> bool:
        return (self.count, self.fingerprint) == (hello.count, hello.fingerprint)


@dataclass(slots=True)
class MailReport:
    """What one session came to. `received` letters were new here, `sent` are stored there by its
    own word; `left` it must fetch itself, `later` this side, for want of budget. `error` is one
    line, empty where it came to its end."""

    peer: str
    received: int = 0
    sent: int = 0
    declined: int = 0
    left: int = 0
    later: int = 0
    is_even: bool = False
    error: str = ""

    @property
    def has_moved(self) -> bool:
        return bool(self.received or self.sent)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of letters that came: ids of those that are on the disk now, and how many of them
    were new and how many others were declined."""

    kept: tuple[bytes, ...] = ()
    new: int = 0
    declined: int = 0


@dataclass(frozen=True, slots=True)
class _Opened:
    """Letters as they came: those that can be read, and the keys of all others."""

    letters: list[Letter] = field(default_factory=list)
    foreign: list[bytes] = field(default_factory=list)


class MailShared:
    """`share()` is where store time is counted, `bringer_of(peer)` the payer (R11.7).

    `on_letters` is called in the loop after each commit that brought new letters from a peer,
    `on_held` when a peer is known to hold more of one's own than before.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        now_ms: Callable[[], int],
        share: Callable[[], StoreShare],
    ) -> None:
        self.writer = writer
        self.now_ms = now_ms
        self.share = share
        self.declined = MailDeclined()
        self.claims = SyncClaims()
        self.bringer_of: Callable[[str], str] = lambda peer: peer
        self.on_letters: Callable[[], None] = lambda: None
        self.on_held: Callable[[], None] = lambda: None
        self._budgets = TokenBuckets(
            limits.MAIL_LETTERS_PER_SECOND, limits.MAIL_LETTERS_BURST, limits.PENALTY_PEERS_MAX
        )

    def items(self, peer: str) -> MailItems:
        """To be refreshed on the store's thread."""
        return MailItems(self.declined.keys(peer, self.now_ms()))

    async def state(self, peer: str) -> MailState:
        return await self.writer.call(partial(_state, self.items(peer)))

    async def asked_state(self, peer: str) -> MailState:
        """As `state`, at the peer's expense."""
        return await self.call(peer, partial(_state, self.items(peer)))

    async def call(self, peer: str, job: Callable[[Store], T]) -> T:
        """On the store's thread, at the peer's expense."""
        return await self.share().call(peer, job)

    def allowed(self, peer: str, count: int) -> int:
        """How many of `count` letters may be taken of `peer` now: they count against its payer's
        budget (R12.13)."""
        now = trio.current_time()
        return self._budgets.of(self.bringer_of(peer), now).take_up_to(count, now)

    async def take(
        self, peer: str, raws: Sequence[bytes], wanted: set[bytes] | None = None
    ) -> Taken:
        """What becomes of letters of `peer`, after they are on the disk for good.

        RemoteProtocolError R12.1 for what is none, R12.8 for one that is not `wanted` (or came
        twice); those that come are wanted no more.
        """
        opened = _open(raws, wanted)
        now_ms = self.now_ms()
        job = partial(_put, opened.letters, now_ms, self.bringer_of(peer))
        admissions = await self.call(peer, job) if opened.letters else []
        pairs = list(zip(opened.letters, admissions, strict=True))
        refused = [letter_key(letter) for letter, how in pairs if not how.is_kept]
        self.declined.note(peer, [*refused, *opened.foreign], now_ms)
        new = sum(how is MailAdmission.NEW for how in admissions)
        if new:
            self.on_letters()
        return Taken(
            tuple(letter.id for letter, how in pairs if how.is_kept),
            new,
            len(refused) + len(opened.foreign),
        )

    async def note_held(self, peer: str, ids: Sequence[bytes]) -> None:
        """`peer` has these on its disk, by its own word; of one's own it is remembered."""
        if not ids:
            return
        count: int = await self.writer.call(partial(_note_held, ids, peer, self.now_ms()))
        if count:
            self.on_held()

    async def lacked(self, peer: str, ids: Sequence[bytes]) -> list[bytes]:
        """The letters with these ids, which `peer` has not: what it once said to have of them, it
        has let go."""
        if not ids:
            return []
        raws, lost_count = await self.writer.call(partial(_lacked, ids, peer))
        if lost_count:
            self.on_held()
        return raws

    async def note_even(self, peer: str, state: MailState, hello: Hello) -> bool:
        """Whether `peer` shows the same letters. Then it holds all of `state`, if it has declined
        none (R12.10)."""
        if not state.is_even_with(hello):
            return False
        if hello.declined_count:
            return True
        job = partial(_note_all_held, state.rid, peer, self.now_ms())
        count: int = await self.writer.call(job)
        if count:
            self.on_held()
        return True

    async def drop_absent(self, peer: str, ids: Sequence[bytes]) -> None:
        """`peer` asked for letters of which some could not be served: they were declined of it, and
        it has them no more itself; or they are damaged here, and may come again."""
        self.declined.drop(peer, ids)
        await self.writer.call(partial(_forget_damaged, ids))


def _open(raws: Sequence[bytes], wanted: set[bytes] | None) -> _Opened:
    opened = _Opened()
    seen: set[bytes] = set()
    for raw in raws:
        letter_id = sha256(raw)
        if letter_id in seen or (wanted is not None and letter_id not in wanted):
            raise RemoteProtocolError("R12.8", "a letter that was not asked for, or one twice")
        seen.add(letter_id)
        if wanted is not None:
            wanted.discard(letter_id)
        try:
            opened.letters.append(parse_letter(raw))
        except RemoteProtocolError as error:
            if error.penalty:
                raise
            # Of a version or suite to come: those who know it show it where its day says (R12.2).
            day = int.from_bytes(raw[DAY_FIELD], "big")
            opened.foreign.append(item_key(day * limits.DAY_MS, letter_id))
    return opened


def _state(items: MailItems, store: Store) -> MailState:
    rid = store.mail.last_rid()
    items.refresh(store.mail)
    count = items.count()
    digest = set_fingerprint(items, 0, count, LIFT_BITS)
    return MailState(count, count - items.declined_count, items.declined_count, digest, rid)


def _put(letters: Sequence[Letter], now_ms: int, bringer: str, store: Store) -> list[MailAdmission]:
    with store.write(durable=True):
        return store.mail.put(letters, now_ms, bringer)


def _note_held(ids: Sequence[bytes], peer: str, now_ms: int, store: Store) -> int:
    with store.write(durable=False):
        return store.mail.note_held(ids, peer, now_ms)


def _lacked(ids: Sequence[bytes], peer: str, store: Store) -> tuple[list[bytes], int]:
    lost = store.mail.held_by(peer, ids)
    if lost:
        with store.write(durable=False):
            store.mail.note_lost(lost, peer)
    return store.mail.raws(ids), len(lost)


def _note_all_held(rid: int, peer: str, now_ms: int, store: Store) -> int:
    ids = store.mail.own_ids(peer, rid)
    return _note_held(ids, peer, now_ms, store) if ids else 0


def _forget_damaged(ids: Sequence[bytes], store: Store) -> None:
    if not store.mail.known(ids):
        return
    with store.write(durable=False):
        store.mail.forget_damaged(ids)
