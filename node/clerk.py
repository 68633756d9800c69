"""What every verb of the desk stands on: the store, who one is, the settings, the clock.

Finds listings and people by what a person typed, and puts rows into JSON. Knows no verb.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ..protocol.listing import Listing
from ..protocol.profile import Profile
from ..protocol.told import tell
from ..store.row import ListingRow
from .blob_folder import BlobFolder
from .desk_error import EXIT_UNKNOWN_ID, EXIT_USAGE, DeskError, bad_value
from .listing_json import listing_json
from .owner import OwnerState

if TYPE_CHECKING:
    from ..store.store import Store
    from .deal_keeper import DealKeeper
    from .postman import Postman
    from .publisher import Publisher
    from .review_keeper import ReviewKeeper

ID_HEX_MIN: Final = 4
_ID_HEX: Final = 64
_SHORT: Final = 8
_CANDIDATES_SHOWN: Final = 5
_NOBODY: Final[Mapping[bytes, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Clerk:
    """`own` is one's author key's public half, None without an identity; `publisher` is None
    where nothing may be signed."""

    store: "Store"
    own: bytes | None
    currency: str | None
    now_ms: Callable[[], int]
    publisher: "Publisher | None" = None
    owner: OwnerState | None = None
    postman: "Postman | None" = None
    deals: "DealKeeper | None" = None
    reviews: "ReviewKeeper | None" = None
    entropy: Callable[[int], bytes] = os.urandom
    blobs: BlobFolder | None = None

    def post(self) -> "Postman":
        """Who writes one's letters. DeskError as `pen` raises it."""
        self.pen()
        assert self.postman is not None  # noqa: S101 — whoever has a pen has one
        return self.postman

    def keeper(self) -> "DealKeeper":
        """Who keeps one's deals. DeskError as `pen` raises it."""
        self.pen()
        assert self.deals is not None  # noqa: S101 — whoever has a pen has one
        return self.deals

    def reviewer(self) -> "ReviewKeeper":
        """Who keeps one's reviews. DeskError as `pen` raises it."""
        self.pen()
        assert self.reviews is not None  # noqa: S101 — whoever has a pen has one
        return self.reviews

    def fresh(self, count: int) -> bytes:
        """So many random bytes."""
        return self.entropy(count)

    def pen(self) -> "Publisher":
        """DeskError where this home has no identity (or it was not opened)."""
        if self.publisher is None:
            raise DeskError(
                "no-identity",
                tell("this home has no identity to sign with"),
                tell("make one with `jangteo init`, or bring yours with `jangteo restore`"),
            )
        return self.publisher

    def json(self, rows: Sequence[ListingRow]) -> list[dict[str, Any]]:
        """Listings in their JSON form, with how many peers hold each."""
        now_ms = self.now_ms()
        held_by = self.store.held_by([row.listing_id for row in rows], now_ms)
        return [
            listing_json(row, held_by=held_by.get(row.listing_id, 0), now_ms=now_ms, own=self.own)
            for row in rows
        ]

    def find_listing(self, told: str) -> ListingRow:
        """The listing of an id or of its unique beginning, withdrawn ones too (their header is a
        delete). DeskError: no id (2), unknown (3), ambiguous (2, naming the candidates)."""
        prefix = told.strip().lower()
        if not re.fullmatch(r"[0-9a-f]+", prefix) or len(prefix) > _ID_HEX:
            raise bad_value(
                tell(
                    "{told!r} is no id: an id is hexadecimal, at least its first "
                    "{id_hex_min} digits",
                    told=told,
                    id_hex_min=ID_HEX_MIN,
                )
            )
        if len(prefix) < ID_HEX_MIN:
            raise bad_value(
                tell(
                    "{told!r} is too short: type at least {id_hex_min} digits of an id",
                    told=told,
                    id_hex_min=ID_HEX_MIN,
                )
            )
        found = self.store.find(prefix)
        if not found:
            raise DeskError(
                "unknown-id",
                tell("no listing here begins with {told!r}", told=told),
                tell("search for it, or wait until neighbours bring it"),
                EXIT_UNKNOWN_ID,
            )
        if len(found) > 1:
            raise self._ambiguous(told, found)
        return self.store.listing(found[0]) or self._withdrawn(found[0])

    def find_own_listing(self, told: str) -> ListingRow:
        """As `find_listing`; DeskError (2) where it is someone else's."""
        row = self.find_listing(told)
        if row.header.author != self.own:
            by = row.seller_name or row.header.author.hex()[:_SHORT]
            raise DeskError(
                "not-yours",
                tell(
                    "{listing_id} is {by}'s listing: only its author can change it",
                    listing_id=row.listing_id.hex()[:_SHORT],
                    by=by,
                ),
                tell("`jangteo block AUTHOR` keeps an author out of your sight"),
                EXIT_USAGE,
            )
        return row

    def find_author(self, told: str, others: Mapping[bytes, str] = _NOBODY) -> tuple[bytes, str]:
        """(author, name) of 64 hex digits, or of a whole name or the beginning of a key that is one
        author's. `others` are people of whom nothing may be here, and what they were called.

        A part of a name is nobody's: something is to be done to whom is found. DeskError: unknown
        (3, naming who may be meant), ambiguous (2, naming the candidates).
        """
        from ..store.segment import fold_name

        typed = told.strip()
        if re.fullmatch(r"[0-9a-fA-F]{64}", typed):
            author = bytes.fromhex(typed)
            return author, self.name_of(author) or others.get(author, "")
        folded, start = fold_name(typed), typed.lower()
        near = self.store.authors_named(typed) if folded else []
        called = self.store.authors_called(typed) if folded else []
        called = called or [one for one, name in others.items() if folded == fold_name(name) != ""]
        found = called
        if len(start) >= ID_HEX_MIN:
            # Even beside one who is called so: anybody may call himself what a key begins with.
            keyed = [one for one in (*near, *others) if one.hex().startswith(start)]
            found = list(dict.fromkeys([*called, *keyed]))
        names = {one: self.name_of(one) or others.get(one, "") for one in (*found, *near)}
        if not found:
            names |= {
                one: name for one, name in others.items() if folded and folded in fold_name(name)
            }
            raise _nobody(told, [f"{name} ({one.hex()[:_SHORT]})" for one, name in names.items()])
        if len(found) > 1:
            people = [f"{one.hex()[:_SHORT]} {names[one]}".strip() for one in found]
            raise DeskError(
                "ambiguous",
                tell(
                    "{told!r} is {count} people: {some}",
                    told=told,
                    count=len(found),
                    some=_some(people),
                ),
                tell("type more of the author's hex key"),
                EXIT_USAGE,
            )
        return found[0], names[found[0]]

    def profile_of(self, author: bytes) -> Profile:
        return self.store.profile(author) or Profile()

    def name_of(self, author: bytes) -> str:
        return self.profile_of(author).name

    def _withdrawn(self, listing_id: bytes) -> ListingRow:
        """What is left of a listing that was taken back: its delete, and its last revision that
        is still here."""
        revisions = self.store.revisions(listing_id)
        header, _, record_id = max(revisions, key=lambda one: (one[0].is_delete, one[0].revision))
        earlier = [one for one in revisions if one[1] is not None]
        last = max(earlier, key=lambda one: one[0].revision)[1] if earlier else None
        name = self.name_of(header.author)
        return ListingRow(listing_id, record_id, header, last or Listing(title=""), name, 0)

    def _ambiguous(self, told: str, found: Iterable[bytes]) -> DeskError:
        ids = list(found)
        length = max(_SHORT, len(told.strip()) + 4)
        shown = []
        for listing_id in ids[: _CANDIDATES_SHOWN + 1]:
            row = self.store.listing(listing_id)
            title = "(withdrawn)" if row is None else row.listing.title
            shown.append(f"{listing_id.hex()[:length]} {title[:30]}".strip())
        return DeskError(
            "ambiguous",
            tell(
                "{told!r} begins {count} ids: {some}", told=told, count=len(ids), some=_some(shown)
            ),
            tell("type more of it"),
            EXIT_USAGE,
        )


def _nobody(told: str, near: Sequence[str]) -> DeskError:
    """`near` are people whose name has `told` in it."""
    if near:
        message = tell(
            "nobody is called {told!r}: did you mean {some}?", told=told, some=_some(near)
        )
        hint = tell(
            "type the whole name, or at least {id_hex_min} digits of the key", id_hex_min=ID_HEX_MIN
        )
    elif re.fullmatch(rf"[0-9a-fA-F]{{1,{ID_HEX_MIN - 1}}}", told.strip()):
        message = tell(
            "nobody is called {told!r}, and a key is told by at least {id_hex_min} digits",
            told=told,
            id_hex_min=ID_HEX_MIN,
        )
        hint = tell("type more of the author's hex key")
    else:
        message = tell(
            "nobody known here is called {told!r} or has a key that begins so", told=told
        )
        hint = tell("`jangteo show ID` tells the author of a listing")
    return DeskError("unknown-author", message, hint, EXIT_UNKNOWN_ID)


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_CANDIDATES_SHOWN])
    return shown + (" …" if len(texts) > _CANDIDATES_SHOWN else "")
