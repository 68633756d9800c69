"""The verb `person`: who somebody is, what one knows of them, and what others wrote of them.

No average: who wrote it, and whether one knows them, is what a review is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..protocol.deal import MADE, State
from ..protocol.told import tell
from ..store.review_view import ReviewRow
from .block_note import block_notes
from .clerk import Clerk
from .deal_json import deal_json
from .desk_args import Args
from .desk_error import bad_value
from .listing_json import price_json, time_text

_MADE: Final = frozenset(state.value for state in (*MADE, State.DONE))


def person(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Of the one whom `author` names; without it, of oneself."""
    typed = Args("person", told, ("author",)).text("author")
    author = clerk.own if typed is None else _found(clerk, typed)
    if author is None:
        raise bad_value(tell("this home has no identity yet: name somebody"))
    store, known = clerk.store, clerk.profile_of(author)
    contact = next((one for one in store.kept() if one.author == author), None)
    deals = [row for row in store.deals.deals() if author in (row.owner, row.guest)]
    is_mine = author == clerk.own
    ties = _Ties.of(clerk)
    return {
        "author": author.hex(),
        "name": known.name,
        "about": known.about,
        "place": known.place,
        "languages": list(known.languages),
        "mine": is_mine,
        "contact": contact is not None,
        "note": "" if contact is None else contact.note,
        "blocked": author in store.blocked(),
        "following": author in {one for one, _ in store.wishes.follows()},
        "listings": sum(
            row.status_at(clerk.now_ms()) in ("active", "reserved")
            for row in store.own_listings(author)
        ),
        "deals": [] if is_mine else [deal_json(clerk, row) for row in deals],
        "reviews": [_review(ties, row, is_of=True) for row in store.reviews.of_subject(author)],
        "written": [_review(ties, row, is_of=False) for row in store.reviews.by_author(author)],
    }


def _found(clerk: Clerk, typed: str) -> bytes:
    """Anyone of whom something is here, and whom one talks with, keeps, follows or blocks."""
    store = clerk.store
    others = dict.fromkeys((room.person for room in store.rooms.rooms()), "")
    others |= dict.fromkeys((contact.author for contact in store.kept()), "")
    others |= dict.fromkeys((author for author, _ in store.wishes.follows()), "")
    others |= {author: note.name for author, note in block_notes(store).items()}
    return clerk.find_author(typed, others)[0]


@dataclass(frozen=True, slots=True)
class _Ties:
    """Whom one knows, and how."""

    clerk: Clerk
    contacts: frozenset[bytes]
    dealt: frozenset[bytes]
    talked: frozenset[bytes]

    @classmethod
    def of(cls, clerk: Clerk) -> "_Ties":
        store = clerk.store
        made = [row for row in store.deals.deals() if row.state in _MADE]
        return cls(
            clerk,
            frozenset(one.author for one in store.kept()),
            frozenset(each for row in made for each in (row.owner, row.guest)),
            frozenset(room.person for room in store.rooms.rooms()),
        )

    def with_(self, person: bytes) -> str | None:
        """ "you", "contact", "dealt" (there was a deal), "talked"; None of a stranger."""
        if person == self.clerk.own:
            return "you"
        if person in self.contacts:
            return "contact"
        if person in self.dealt:
            return "dealt"
        return "talked" if person in self.talked else None


def _review(ties: _Ties, row: ReviewRow, *, is_of: bool) -> dict[str, Any]:
    """Of one that was written of the person, who wrote it; of one that they wrote, of whom."""
    header, review = row
    other = review.author if is_of else review.subject
    return {
        "author" if is_of else "subject": other.hex(),
        "name": ties.clerk.name_of(other),
        "known": ties.with_(other),
        "side": review.side,
        "mark": review.mark,
        "text": review.text,
        "at": time_text(header.ts_ms),
        "price": None if review.terms is None else price_json(review.terms.price),
        "listing": None if review.terms is None else review.terms.listing.hex(),
    }
