"""What of conversations goes into a backup and comes back: box keys, rooms, what is owed, deals.

Version 1 of a backup has it under "talk"; files of before there was any have none. Knows the form;
the file is backup.py's.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..crypto.seal import BOX_PUBLIC_BYTES, BOX_SECRET_BYTES, box_public, unwrap, wrap
from ..protocol import canonical, limits
from ..protocol.deal import State
from ..protocol.errors import RemoteProtocolError
from ..protocol.listing import SIDES
from ..protocol.message import Message, stored_message
from ..protocol.review import Review
from ..store.box_book import OwnBox
from ..store.deal_book import DealRow
from ..store.outbox import Owed
from ..store.review_book import KeptReview
from ..store.store import Store
from .deal_keeper import folded
from .identity import Entropy

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
class KeptTalk:
    """What a backup holds of conversations. `owed` is (message, times by name)."""

    boxes: tuple[KeptBox, ...] = ()
    messages: tuple[tuple[Message, int], ...] = ()
    owed: tuple[tuple[Message, Mapping[str, int | None]], ...] = ()
    deals: tuple[DealRow, ...] = ()
    reviews: tuple[KeptReview, ...] = ()


def talk_of(store: Store, seed: bytes) -> dict[str, Any]:
    """The JSON of everything that was said."""
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
            {"raw": _text(said.message.raw), "shown_ms": said.shown_ms}
            for said in store.rooms.everything()
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
            int(entry["made_ms"]),
            None if entry["succeeded_ms"] is None else int(entry["succeeded_ms"]),
        )
        for entry in told["boxes"]
    )
    try:
        messages = tuple(
            (stored_message(b64decode(entry["raw"], validate=True)), int(entry["shown_ms"]))
            for entry in told["messages"]
        )
        owed = tuple(
            (
                stored_message(b64decode(entry["raw"], validate=True)),
                {name: None if entry[name] is None else int(entry[name]) for name in _TIMES},
            )
            for entry in told["outbox"]
        )
    except RemoteProtocolError as error:
        raise ValueError(f"a message is damaged: {error}") from None
    deals = tuple(_deal(entry) for entry in told["deals"])
    reviews = tuple(_review(entry) for entry in told["reviews"])
    return KeptTalk(boxes, messages, owed, deals, reviews)


def fill_talk(store: Store, kept: KeptTalk, seed: bytes, entropy: Entropy, now_ms: int) -> int:
    """Brings back what is missing, in a transaction; how many messages came back. What is owed and
    not known to have come is sealed and sent once more; keys that are not the newest open what was
    sealed to them."""
    has_current = any(box.succeeded_ms is None for box in store.boxes.boxes())
    for box in kept.boxes:
        succeeded_ms = box.succeeded_ms
        if succeeded_ms is None and has_current:
            succeeded_ms = now_ms
        wrapped = wrap(box.secret, seed, entropy(_NONCE_BYTES))
        public = box_public(box.secret)
        assert len(public) == BOX_PUBLIC_BYTES  # noqa: S101
        store.boxes.add(OwnBox(public, box.suite, wrapped, box.made_ms, succeeded_ms))
    count = 0
    for message, shown_ms in kept.messages:
        count += store.rooms.add(message, max(shown_ms, 0))
    known = set(store.outbox.of([message.id for message, _ in kept.owed]))
    for message, times in kept.owed:
        if message.id not in known:
            store.outbox.put_back(_owed(message, times))
    for row in kept.deals:
        if store.deals.deal(row.id) is None:
            store.deals.put(replace(row, state=folded(store, row).state))
    for review in kept.reviews:
        if store.reviews.of_deal(review.deal) is None:
            store.reviews.put(review)
    return count


def _deal(entry: Mapping[str, Any]) -> DealRow:
    ids = {name: bytes.fromhex(entry[name]) for name in _DEAL_BYTES}
    rest = {name: entry[name] for name in _DEAL_REST}
    sizes = [len(each) for each in ids.values()]
    if sizes != [limits.THREAD_BYTES] + [limits.ID_BYTES] * 4 or rest["side"] not in SIDES:
        raise ValueError("a deal is damaged")
    return DealRow(
        **ids,
        side=rest["side"],
        title=str(rest["title"]),
        state=State.NONE,
        changed_ms=int(rest["changed_ms"]),
        taken=min(max(int(rest["taken"]), 0), limits.QUANTITY_MAX),
    )


def _review(entry: Mapping[str, Any]) -> KeptReview:
    body = None if entry["body"] is None else b64decode(entry["body"], validate=True)
    if body is not None:
        Review.from_body(canonical.decode(body))
    return KeptReview(
        bytes.fromhex(entry["deal"]),
        body,
        int(entry["due_ms"]),
        None if entry["theirs"] is None else bytes.fromhex(entry["theirs"]),
        None if entry["published_ms"] is None else int(entry["published_ms"]),
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
        raise ValueError(f"{len(data)} bytes where {size} are due")
    return data
