"""Writes, seals and opens what is said in private: one person's end of the sealed mail.

Works on the store's thread, within transactions of the store's; what is to be told is left in
`take_happenings`. Knows keys, letters, rooms and receipts (SPEC.md R12, R13); what a step of a deal
means is deal_keeper.py's, and who carries letters mail_runner.py's.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..crypto.seal import X25519_SUITE, box_public, unwrap, wrap
from ..protocol import limits
from ..protocol import message as said
from ..protocol.box_key import THREAD as BOX_THREAD
from ..protocol.box_key import BoxKey
from ..protocol.errors import LocalProtocolError, RemoteProtocolError
from ..protocol.kind import BOX
from ..protocol.letter import open_letter, parse_letter, seal_letter
from ..protocol.market import COMMONS
from ..protocol.message import Message, Receipt
from ..store.box_book import OwnBox
from ..store.outbox import Owed
from .desk_error import DeskError
from .publisher import Draft, Publisher

if TYPE_CHECKING:
    from ..crypto.keys import AuthorKey
    from ..store.store import Store

log = logging.getLogger(__name__)

OPENED_META = "letters_opened_rid"
MAIL_SYNCED_META = "mail_synced_ms"
"""When this node last had the same mail as another one: older box keys are kept until then."""
_OPEN_AT_ONCE = 64
_RECEIPT_IDS_MAX = limits.ARRAY_ENTRIES_MAX
_BOX_SECRET_BYTES = 32
_NONCE_BYTES = 12

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """A box key of one's own, with its secret."""

    public: bytes
    secret: bytes


class Postman:
    """`own_key` is the author's. `on_deal` is asked of each step of a deal that came, in the
    transaction that keeps it; RemoteProtocolError from it: the step is none."""

    def __init__(
        self,
        store: "Store",
        own_key: "AuthorKey",
        publisher: Publisher,
        now_ms: Callable[[], int],
        entropy: Callable[[int], bytes],
        *,
        tells_read: bool = True,
    ) -> None:
        self._store = store
        self._key = own_key
        self._publisher = publisher
        self._now_ms = now_ms
        self._entropy = entropy
        self._tells_read = tells_read
        self._boxes: dict[bytes, bytes] = {}
        self._told_again: dict[bytes, int] = {}
        self._happenings: list[JsonObject] = []
        self._has_written = False
        self.check_deal: Callable[[Message], None] = _nothing
        self.on_deal: Callable[[Message], None] = _nothing
        self.on_review: Callable[[Message], None] = _nothing
        self.on_tend: list[Callable[[], None]] = []

    # -- saying -----------------------------------------------------------------------------

    def say(self, person: bytes, about: bytes, kind: str, body: dict[str, Any]) -> Message:
        """Signs and keeps a message to `person`, and seals it as soon as a box key of theirs is
        known. In a transaction. LocalProtocolError where it could not be valid."""
        self.ensure_box()
        now_ms = self._now_ms()
        room = said.room_id(self._key.public, person, about)
        ts_ms = max(now_ms, self._store.rooms.last_own_ms(room) + 1)
        message = said.author_message(self._key, person, ts_ms, about, kind, body)
        self._store.rooms.add(message, ts_ms)
        self._owe(message, is_receipt=False)
        return message

    def note_read(self, room: bytes, rid: int) -> int:
        """The room was seen up to `rid`; its writer is told, unless that is off: how many
        messages that are new."""
        fresh = self._store.rooms.note_read(room, rid)
        found = self._store.rooms.room(room)
        if fresh and found is not None and self._tells_read:
            self._receipt(found.person, read=fresh)
        return len(fresh)

    def try_again(self, owed: Owed) -> None:
        """What has expired, or is under way, is sealed anew."""
        self._store.outbox.renew(owed.id, self._now_ms())
        self.seal_due()

    def seal_due(self) -> int:
        """Seals what waited for a box key: how many."""
        sealed = 0
        for owed in self._store.outbox.unsealed(limits.OUTBOX_SEALED_AT_ONCE):
            sealed += self._seal(owed.id, owed.raw, owed.person)
        return sealed

    def take_written(self) -> bool:
        """Whether letters were put since the last call, for the network."""
        has_written, self._has_written = self._has_written, False
        return has_written

    def take_happenings(self) -> list[JsonObject]:
        """What came and what became of what was sent, since the last call: events to be."""
        happenings, self._happenings = self._happenings, []
        return happenings

    def tell(self, happening: JsonObject) -> None:
        self._happenings.append(happening)

    # -- opening ----------------------------------------------------------------------------

    def open_new(self) -> bool:
        """Tries one's box keys on the letters that came since the last time; whether more wait.
        In a transaction: what was opened, its receipts and the place in the mail are one."""
        store = self._store
        last_rid = int(store.meta(OPENED_META) or "0")
        page = store.mail.after(last_rid, _OPEN_AT_ONCE)
        if not page:
            return False
        boxes = self._own_boxes()
        came: dict[bytes, list[bytes]] = {}
        for rid, raw in page:
            last_rid = rid
            message = self._opened(raw, boxes)
            if message is not None and self._take(message):
                came.setdefault(message.author, []).append(message.id)
        for person, ids in came.items():
            self._receipt(person, delivered=ids)
        store.put_meta(OPENED_META, str(last_rid))
        return len(page) == _OPEN_AT_ONCE

    def _opened(self, raw: bytes, boxes: list[Box]) -> Message | None:
        try:
            letter = parse_letter(raw)
            for box in boxes:
                plain = open_letter(letter, box.secret, box.public)
                if plain is None:
                    continue
                message = said.open_message(plain, self._key.public)
                if message.kind == said.DEAL and not self._store.rooms.knows(message.id):
                    self.check_deal(message)
                return message
        except RemoteProtocolError as error:
            log.info("a letter to us was refused: %s", error)
        return None

    def _take(self, message: Message) -> bool:
        """Whether its writer is to be told that it came: once more, too, if their first receipt
        may be lost."""
        store = self._store
        if message.author in store.blocked():
            return False
        if message.kind == said.RECEIPT:
            self._take_receipt(message)
            return False
        if not store.rooms.add(message, self._now_ms()):
            return store.rooms.message(message.id) is not None and self._may_tell_again(message)
        self.tell({"event": "message", "message": message})
        if message.kind == said.DEAL:
            self._draw(self.on_deal, message)
        elif message.kind == said.REVIEW:
            self._draw(self.on_review, message)
        return True

    def _may_tell_again(self, message: Message) -> bool:
        """Whether a message that was acknowledged is to be so again: now and then, since each
        receipt is a letter that all carry, and anybody can say the same again and again."""
        now_ms = self._now_ms()
        last_ms = self._told_again.get(message.author, -limits.RECEIPTS_AGAIN_MS)
        if 0 <= now_ms - last_ms < limits.RECEIPTS_AGAIN_MS:
            return False
        if len(self._told_again) >= limits.RECEIPTS_AGAIN_PEOPLE_MAX:
            self._told_again.pop(next(iter(self._told_again)))
        self._told_again[message.author] = now_ms
        return True

    def _draw(self, consequence: Callable[[Message], None], message: Message) -> None:
        """What follows from a message, or nothing of it: what cannot be done now (a clock that is
        behind, a store that is full) keeps neither this letter back nor those behind it."""
        count, has_written = len(self._happenings), self._has_written
        try:
            with self._publisher.attempt():
                consequence(message)
        except (DeskError, LocalProtocolError, RemoteProtocolError) as error:
            del self._happenings[count:]
            self._has_written = has_written
            log.warning("a message came, and what follows from it could not be done: %s", error)
            self.tell(
                {
                    "event": "warning",
                    "code": "deal",
                    "message": f"a step of a deal came and could not be followed: {error}; "
                    "`jangteo deals` shows where it stands",
                }
            )

    def _take_receipt(self, message: Message) -> None:
        receipt = said.receipt_of(message)
        now_ms = self._now_ms()
        for state, ids in (("delivered", receipt.delivered), ("read", receipt.read)):
            fresh = self._store.outbox.note_delivered(
                message.author, ids, now_ms, is_read=state == "read"
            )
            for message_id in fresh:
                self.tell({"event": "delivery", "state": state, "id": message_id.hex()})

    # -- keys and ages ----------------------------------------------------------------------

    def ensure_box(self) -> None:
        """A current box key of one's own, published: a new one each week. In a transaction."""
        store, now_ms = self._store, self._now_ms()
        own = next((box for box in store.boxes.boxes() if box.succeeded_ms is None), None)
        known = store.box_key(self._key.public)
        if own is not None and known is not None and now_ms - own.made_ms < limits.BOX_ROTATE_MS:
            # Or a later one of another node of one's own: two would take turns for ever.
            if known[0].public == own.public or known[1] > own.made_ms:
                return
        secret = self._entropy(_BOX_SECRET_BYTES)
        public = box_public(secret)
        wrapped = wrap(secret, self._key.seed, self._entropy(_NONCE_BYTES))
        store.boxes.add(OwnBox(public, X25519_SUITE, wrapped, now_ms, None))
        thread_key = (COMMONS, self._key.public, BOX_THREAD)
        current = store.current(thread_key)
        last = None if current is None else current.header
        self._publisher.publish(Draft(BOX, thread_key, BoxKey(public).to_body(), last))

    def tend(self) -> None:
        """What time brings: keys change, old ones go, what was not delivered is told as expired or
        sealed to a newer key. In a transaction."""
        store, now_ms = self._store, self._now_ms()
        self.ensure_box()
        self._drop_old_boxes(now_ms)
        for owed in store.outbox.sealed_to_others(now_ms - limits.RESEALED_EVERY_MS):
            # They may have lost the key it was sealed to: the same words, to the one they have.
            if self._seal(owed.id, owed.raw, owed.person):
                store.mail.disown(owed.letter)
        self.seal_due()
        for owed in store.outbox.note_expired(now_ms):
            self.tell({"event": "delivery", "state": "expired", "id": owed.id.hex()})
        store.rooms.forget_gone(now_ms)
        for tend in self.on_tend:
            try:
                with self._publisher.attempt():
                    tend()
            except (DeskError, LocalProtocolError, RemoteProtocolError) as error:
                log.warning("what time brings could not be done: %s", error)

    def _drop_old_boxes(self, now_ms: int) -> None:
        synced_ms = int(self._store.meta(MAIL_SYNCED_META) or "0")
        for box in self._store.boxes.boxes():
            if box.succeeded_ms is None:
                continue
            over_ms = box.succeeded_ms + limits.BOX_KEPT_MS
            if over_ms <= now_ms and over_ms <= synced_ms:
                self._store.boxes.drop(box.public)
                self._boxes.pop(box.public, None)

    def _own_boxes(self) -> list[Box]:
        """The newest first."""
        found: list[Box] = []
        for box in self._store.boxes.boxes():
            if box.suite != X25519_SUITE:
                continue
            if box.public not in self._boxes:
                self._boxes[box.public] = unwrap(box.wrapped, self._key.seed)
            found.append(Box(box.public, self._boxes[box.public]))
        return found

    # -- private ----------------------------------------------------------------------------

    def _receipt(
        self,
        person: bytes,
        *,
        delivered: list[bytes] | None = None,
        read: list[bytes] | None = None,
    ) -> None:
        """Sealed mail as any other, and never acknowledged itself."""
        ids = [(each, False) for each in delivered or ()] + [(each, True) for each in read or ()]
        self.ensure_box()
        for begin in range(0, len(ids), _RECEIPT_IDS_MAX):
            part = ids[begin : begin + _RECEIPT_IDS_MAX]
            body = Receipt(
                tuple(each for each, is_read in part if not is_read),
                tuple(each for each, is_read in part if is_read),
            ).to_body()
            message = said.author_message(
                self._key, person, self._now_ms(), said.NO_LISTING, said.RECEIPT, body
            )
            if not self._store.outbox.of([message.id]):  # the same ids in the same millisecond
                self._owe(message, is_receipt=True)

    def _owe(self, message: Message, *, is_receipt: bool) -> None:
        self._store.outbox.add(
            message.id, message.raw, message.person, self._now_ms(), is_receipt=is_receipt
        )
        self._seal(message.id, message.raw, message.person, is_receipt=is_receipt)

    def _seal(
        self, message_id: bytes, raw: bytes, person: bytes, *, is_receipt: bool = False
    ) -> bool:
        known = self._store.box_key(person)
        if known is None or known[0].suite != X25519_SUITE:
            return False
        public, now_ms = known[0].public, self._now_ms()
        try:
            letter = seal_letter(raw, public, now_ms)
        except LocalProtocolError as error:
            log.warning("a message cannot be sealed: %s", error)
            return False
        is_own = not is_receipt or self._store.outbox.receipt_count() <= limits.RECEIPTS_OWN_MAX
        (outcome,) = self._store.mail.put([letter], now_ms, None, is_own=is_own)
        if not outcome.is_kept:
            return False  # it waits, and says so
        self._store.outbox.note_sealed(message_id, letter.id, public, now_ms)
        self._has_written = True
        return True


def _nothing(message: Message) -> None:
    """Until somebody listens."""
