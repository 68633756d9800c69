"""What of conversations goes into a backup and comes back: box keys, rooms, what is owed, deals.

Version 1 of a backup has it under "talk"; files of before there was any have none, and older ones
no "rooms" in it. Knows the form; the file is backup.py's.
"""

from base64 import b64decode, b64encode
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..crypto.seal import BOX_PUBLIC_BYTES, BOX_SECRET_BYTES, box_public, unwrap, wrap
from ..protocol import canonical, limits
from ..protocol.deal import State
from ..protocol.deal_step import Step
from ..protocol.errors import RemoteProtocolError
from ..protocol.listing import SIDES
from ..protocol.message import DEAL, Message, stored_message
from ..protocol.review import Review
from ..protocol.told import tell
from ..store.box_book import OwnBox
from ..store.deal_book import DealRow
from ..store.outbox import Owed
from ..store.review_book import KeptReview
from ..store.store import Store
from .deal_keeper import folded
from .identity import Entropy
from .postman import OPENED_META

_NONCE_BYTES: Final = 12
_DEAL_BYTES: Final = ("id", "room", "listing", "owner", "guest")
_DEAL_REST: Final = ("side", "title", "changed_ms", "taken")
_TIMES: Final = ("written_ms", "ends_ms", "delivered_ms", "read_ms", "expired_ms")


@dataclass(frozen=True, slots=True)
class KeptBox:
    """A box key with its secret in the clear: for the inside of a sealed file only."""

    secret: bytes
    suite: int
    made_ms: int
    succeeded_ms: int | None


@dataclass(frozen=True, slots=True)
class KeptRoom:
    """`read` is the message up to which the room was seen, b"" where nothing was."""

    id: bytes
    is_muted: bool
    read: bytes


@dataclass(frozen=True, slots=True)
class KeptTalk:
    """What a backup holds of conversations. `messages` are in order of arrival, with when they are
    shown; `owed` is (message, times by name)."""

    boxes: tuple[KeptBox, ...] = ()
    messages: tuple[tuple[Message, int], ...] = ()
    owed: tuple[tuple[Message, Mapping[str, int | None]], ...] = ()
    deals: tuple[DealRow, ...] = ()
    reviews: tuple[KeptReview, ...] = ()
    rooms: tuple[KeptRoom, ...] = ()


def talk_of(store: Store, seed: bytes) -> dict[str, Any]:
    """The JSON of everything that was said."""
    rooms, everything = store.rooms.rooms(), store.rooms.everything()
    marks = {room.id: room.read_rid for room in rooms}
    read = {
        said.message.room: said.message.id
        for said in everything
        if said.rid <= marks[said.message.room]
    }
    return {
        "boxes": [
            {
                "secret": _text(unwrap(box.wrapped, seed)),
                "suite": box.suite,
                "made_ms": box.made_ms,
                "succeeded_ms": box.succeeded_ms,
            }
            for box in store.boxes.boxes()
        ],
        "messages": [
            {"raw": _text(said.message.raw), "shown_ms": said.shown_ms} for said in everything
        ],
        "rooms": [
            {"room": room.id.hex(), "muted": room.is_muted, "read": read.get(room.id, b"").hex()}
            for room in rooms
        ],
        "outbox": [
            {"raw": _text(owed.raw)} | {name: getattr(owed, name) for name in _TIMES}
            for owed in store.outbox.everything()
        ],
        "deals": [
            {name: getattr(row, name).hex() for name in _DEAL_BYTES}
            | {name: getattr(row, name) for name in _DEAL_REST}
            for row in store.deals.deals()
        ],
        "reviews": [
            {
                "deal": kept.deal.hex(),
                "body": None if kept.body is None else _text(kept.body),
                "due_ms": kept.due_ms,
                "theirs": None if kept.theirs is None else kept.theirs.hex(),
                "published_ms": kept.published_ms,
            }
            for kept in store.reviews.everything()
        ],
    }


def read_talk(told: Mapping[str, Any]) -> KeptTalk:
    """As `talk_of` wrote it. ValueError, KeyError or TypeError where it is something else."""
    boxes = tuple(
        KeptBox(
            _bytes(entry["secret"], BOX_SECRET_BYTES),
            int(entry["suite"]),
            _ms(entry["made_ms"]),
            None if entry["succeeded_ms"] is None else _ms(entry["succeeded_ms"]),
        )
        for entry in told["boxes"]
    )
    try:
        messages = tuple(
            (stored_message(b64decode(entry["raw"], validate=True)), int(entry["shown_ms"]))
            for entry in told["messages"]
        )
        for message, _ in messages:
            if message.kind == DEAL:
                Step.from_body(message.body)  # as it was when it came
        owed = tuple(
            (
                stored_message(b64decode(entry["raw"], validate=True)),
                {name: None if entry[name] is None else _ms(entry[name]) for name in _TIMES},
            )
            for entry in told["outbox"]
        )
    except RemoteProtocolError as error:
        raise ValueError(tell("a message is damaged: {error}", error=error)) from None
    deals = tuple(_deal(entry) for entry in told["deals"])
    reviews = tuple(_review(entry) for entry in told["reviews"])
    rooms = tuple(
        KeptRoom(bytes.fromhex(entry["room"]), bool(entry["muted"]), bytes.fromhex(entry["read"]))
        for entry in told.get("rooms", ())
    )
    return KeptTalk(boxes, messages, owed, deals, reviews, rooms)


def fill_talk(store: Store, kept: KeptTalk, seed: bytes, entropy: Entropy, now_ms: int) -> int:
    """Brings back what is missing, in a transaction; how many messages came back. What is owed and
    not known to have come is sealed and sent once more; keys that are not the newest open what was
    sealed to them."""
    _fill_boxes(store, kept.boxes, seed, entropy, now_ms)
    here = {room.id for room in store.rooms.rooms()}
    count = 0
    for message, shown_ms in kept.messages:
        count += store.rooms.add(message, max(shown_ms, 0))
    known = set(store.outbox.of([message.id for message, _ in kept.owed]))
    for message, times in kept.owed:
        if message.id not in known:
            store.outbox.put_back(_owed(message, times))
    _fill_rooms(store, kept, here)
    _fill_deals(store, kept.deals)
    for review in kept.reviews:
        if store.reviews.of_deal(review.deal) is None:
            store.reviews.put(review)
    return count


def _fill_boxes(
    store: Store, boxes: Sequence[KeptBox], seed: bytes, entropy: Entropy, now_ms: int
) -> None:
    known = {box.public: box for box in store.boxes.boxes()}
    has_current = any(box.succeeded_ms is None for box in known.values())
    is_any_new = False
    for box in boxes:
        succeeded_ms = box.succeeded_ms
        if succeeded_ms is None and has_current:
            succeeded_ms = now_ms
        public = box_public(box.secret)
        assert len(public) == BOX_PUBLIC_BYTES  # noqa: S101
        is_any_new |= public not in known
        wrapped = wrap(box.secret, seed, entropy(_NONCE_BYTES))
        store.boxes.add(OwnBox(public, box.suite, wrapped, box.made_ms, succeeded_ms))
    if is_any_new:
        # What came before was tried without this key, as in a home that began with words alone.
        store.put_meta(OPENED_META, "0")


def _fill_rooms(store: Store, kept: KeptTalk, here: Container[bytes]) -> None:
    """What was seen stays seen, and nothing else becomes it: up to the first message of the other's
    that the backup does not know as seen. Rooms that were here keep their peace or their voice."""
    seen = _seen_of(kept)
    muted = {room.id for room in kept.rooms if room.is_muted}
    persons = {room.id: room.person for room in store.rooms.rooms()}
    marks = {room.id: room.read_rid for room in store.rooms.rooms()}
    stopped: set[bytes] = set()
    for said in store.rooms.everything():
        room = said.message.room
        if said.rid <= marks[room] or room in stopped:
            continue
        if said.message.id in seen:
            marks[room] = said.rid
        elif said.message.author == persons[room]:
            stopped.add(room)
    for room, rid in marks.items():
        store.rooms.note_read(room, rid)
        if room in muted and room not in here:
            store.rooms.mute(room, is_muted=True)


def _seen_of(kept: KeptTalk) -> frozenset[bytes]:
    """Ids of the messages that had been seen, in rooms that were seen up to some message."""
    last = {room.id: room.read for room in kept.rooms if room.read}
    seen: set[bytes] = set()
    for message, _ in kept.messages:
        if message.room in last:
            seen.add(message.id)
            if last[message.room] == message.id:
                del last[message.room]
    return frozenset(seen)


def _fill_deals(store: Store, deals: Sequence[DealRow]) -> None:
    """Each is what its steps come to, those included that came back just now."""
    for row in deals:
        if store.deals.deal(row.id) is None:
            store.deals.put(row)
    taken = {row.id: row.taken for row in deals}
    for row in store.deals.deals():
        state = folded(store, row).state
        off = row.taken
        if not off and state not in (row.state, State.CANCELLED, State.NOSHOW):
            # Without the steps that came back it could not know of the pieces that are off for it.
            off = taken.get(row.id, 0)
        if (state, off) != (row.state, row.taken):
            store.deals.put(replace(row, state=state, taken=off))


def _deal(entry: Mapping[str, Any]) -> DealRow:
    ids = {name: bytes.fromhex(entry[name]) for name in _DEAL_BYTES}
    rest = {name: entry[name] for name in _DEAL_REST}
    sizes = [len(each) for each in ids.values()]
    if sizes != [limits.THREAD_BYTES] + [limits.ID_BYTES] * 4 or rest["side"] not in SIDES:
        raise ValueError(tell("a deal is damaged"))
    return DealRow(
        **ids,
        side=rest["side"],
        title=str(rest["title"]),
        state=State.NONE,
        changed_ms=_ms(rest["changed_ms"]),
        taken=min(max(int(rest["taken"]), 0), limits.QUANTITY_MAX),
    )


def _review(entry: Mapping[str, Any]) -> KeptReview:
    body = None if entry["body"] is None else b64decode(entry["body"], validate=True)
    if body is not None:
        Review.from_body(canonical.decode(body))
    return KeptReview(
        bytes.fromhex(entry["deal"]),
        body,
        _ms(entry["due_ms"]),
        None if entry["theirs"] is None else bytes.fromhex(entry["theirs"]),
        None if entry["published_ms"] is None else _ms(entry["published_ms"]),
    )


def _owed(message: Message, times: Mapping[str, int | None]) -> Owed:
    return Owed(
        rid=0,
        id=message.id,
        person=message.person,
        is_receipt=False,
        letter=b"",
        box=b"",
        written_ms=times["written_ms"] or 0,
        sealed_ms=0,
        ends_ms=min(times["ends_ms"] or 0, limits.INTEGER_MAX),
        delivered_ms=times["delivered_ms"],
        read_ms=times["read_ms"],
        expired_ms=times["expired_ms"],
        raw=message.raw,
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str, size: int) -> bytes:
    data = b64decode(text, validate=True)
    if len(data) != size:
        raise ValueError(tell("{count} bytes where {size} are due", count=len(data), size=size))
    return data


def _ms(value: Any) -> int:
    at = int(value)
    if not 0 <= at <= limits.INTEGER_MAX:
        raise ValueError(tell("{at} is no time", at=at))
    return at
