"""What every verb of the desk stands on: the store, who one is, the settings, the clock.

Finds listings and people by what a person typed, and puts rows into JSON. Knows no verb.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..protocol.listing import Listing
from ..protocol.profile import Profile
from ..store.row import ListingRow
from .desk_error import EXIT_UNKNOWN_ID, EXIT_USAGE, DeskError, bad_value
from .listing_json import listing_json
from .owner import OwnerState

if TYPE_CHECKING:
    from ..store.store import Store
    from .publisher import Publisher

ID_HEX_MIN: Final = 4
_ID_HEX: Final = 64
_SHORT: Final = 8
_CANDIDATES_SHOWN: Final = 5


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

    def pen(self) -> "Publisher":
        """DeskError where this home has no identity (or it was not opened)."""
        if self.publisher is None:
            raise DeskError(
                "no-identity",
                "this home has no identity to sign with",
                "make one with `jangteo init`, or bring yours with `jangteo restore`",
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
                f"{told!r} is no id: an id is hexadecimal, at least its first {ID_HEX_MIN} digits"
            )
        if len(prefix) < ID_HEX_MIN:
            raise bad_value(f"{told!r} is too short: type at least {ID_HEX_MIN} digits of an id")
        found = self.store.find(prefix)
        if not found:
            raise DeskError(
                "unknown-id",
                f"no listing here begins with {told!r}",
                "search for it, or wait until neighbours bring it",
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
                f"{row.listing_id.hex()[:_SHORT]} is {by}'s listing: only its author can change it",
                "`jangteo block AUTHOR` keeps an author out of your sight",
                EXIT_USAGE,
            )
        return row

    def find_author(self, told: str) -> tuple[bytes, str]:
        """(author, name) of 64 hex digits, or of a hex prefix or name that is one author's."""
        typed = told.strip()
        if re.fullmatch(r"[0-9a-fA-F]{64}", typed):
            author = bytes.fromhex(typed)
            return author, self.name_of(author)
        found = self.store.authors_named(typed) if typed else []
        exact = [one for one in found if self.name_of(one).casefold() == typed.casefold()]
        found = exact if len(exact) == 1 else found
        if not found:
            raise DeskError(
                "unknown-author",
                f"nobody known here is called {told!r} or has a key that begins so",
                "`jangteo show ID` tells the author of a listing",
                EXIT_UNKNOWN_ID,
            )
        if len(found) > 1:
            people = [f"{one.hex()[:_SHORT]} {self.name_of(one)}".strip() for one in found]
            raise DeskError(
                "ambiguous",
                f"{told!r} is {len(found)} people: {_some(people)}",
                "type more of the author's hex key",
                EXIT_USAGE,
            )
        return found[0], self.name_of(found[0])

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
            f"{told!r} begins {len(ids)} ids: {_some(shown)}",
            "type more of it",
            EXIT_USAGE,
        )


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_CANDIDATES_SHOWN])
    return shown + (" …" if len(texts) > _CANDIDATES_SHOWN else "")
