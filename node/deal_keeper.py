"""Keeps deals: says one's own steps, takes the other's in, and does what each state asks of the
owner of the goods.

Works on the store's thread, within transactions. Knows what a state means for a listing; which
states there are is protocol/deal.py's, what a person may type desk_deal.py's.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..protocol import limits
from ..protocol import message as said
from ..protocol.deal import Deal, Parties, SaidStep, Side, State, fold, may_say
from ..protocol.deal_step import Offer, Step, StepKind
from ..protocol.errors import RemoteProtocolError
from ..protocol.kind import LISTING
from ..protocol.listing import Listing
from ..protocol.message import Message
from ..store.deal_book import DealRow
from ..store.row import ListingRow
from .postman import Postman
from .publisher import Draft, Publisher

if TYPE_CHECKING:
    from ..crypto.keys import AuthorKey
    from ..store.store import Store

_ORPHANS_AT_ONCE: Final = 50
_DECLINED_AT_ONCE: Final = 200
_SIDES: Final[tuple[Side, ...]] = ("sell", "want")
SOLD: Final = "sold"
EXPIRED: Final = "expired"
CHANGED: Final = "changed"
"""Why an owner's node declines by itself: words of the protocol, shown in the reader's language."""

_Key = tuple[bytes, Parties, tuple[bytes, ...]]
"""What a deal comes to is a function of these: the deal, between whom, the ids of its steps."""


class DealKeeper:
    """One person's deals."""

    def __init__(
        self,
        store: "Store",
        own_key: "AuthorKey",
        publisher: Publisher,
        postman: Postman,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._key = own_key
        self._publisher = publisher
        self._postman = postman
        self._now_ms = now_ms
        self._last: tuple[_Key, Deal] | None = None
        postman.check_deal = self._check
        postman.on_deal = self._came
        postman.on_tend.append(self.adopt)

    def deal(self, row: DealRow) -> Deal:
        """What its steps come to. It is asked several times about each step that comes."""
        key = (row.id, row.parties, self._store.deals.step_ids(row.id, row.room))
        if self._last is None or self._last[0] != key:
            self._last = (key, folded(self._store, row))
        return self._last[1]

    # -- one's own steps --------------------------------------------------------------------

    def open(self, deal_id: bytes, parties: Parties, title: str) -> DealRow:
        """A deal with no step yet."""
        room = said.room_id(parties.owner, parties.guest, parties.listing)
        return DealRow(
            deal_id,
            room,
            parties.listing,
            parties.owner,
            parties.guest,
            parties.side,
            title,
            State.NONE,
            self._now_ms(),
        )

    def say(self, row: DealRow, step: Step) -> Message:
        """Says a step that `may_say` allows; its consequences are drawn. In a transaction."""
        other = row.guest if row.owner == self._key.public else row.owner
        if self._store.deals.deal(row.id) is None:
            self._store.deals.put(row)
        message = self._postman.say(other, row.listing, said.DEAL, step.to_body())
        self._settle(row, message)
        return message

    def offer(self, row: DealRow, offer: Offer) -> Step:
        """The step that offers `offer`, signed where one is the guest."""
        deal = self.deal(row)
        signature = b""
        if row.guest == self._key.public:
            signature = deal.parties.proof(row.id, offer).sign(self._key)
        re = b"" if deal.offer is None else deal.offer.id
        return Step(row.id, StepKind.OFFER, deal.next_number, re, offer, signature)

    def answer(self, row: DealRow, kind: StepKind, reason: str = "") -> Step:
        """The step of `kind` about the offer that stands, signed where it must be."""
        deal = self.deal(row)
        re = b"" if deal.offer is None else deal.offer.id
        if kind in (StepKind.ACCEPT, StepKind.CONFIRM):
            signature = deal.proof.sign(self._key)
            return Step(row.id, kind, deal.next_number, re, signature=signature)
        if kind in (StepKind.DECLINE, StepKind.RETRACT):
            return Step(row.id, kind, deal.next_number, re, reason=reason)
        return Step(row.id, kind, deal.next_number, reason=reason)

    def confirm(self, row: DealRow, listing: ListingRow) -> Message:
        """Makes it a deal, and takes the quantity off the listing, in one transaction. Whether it
        may be is the caller's to ask (`why_not`)."""
        message = self.say(row, self.answer(row, StepKind.CONFIRM))
        deal = self.deal(row)
        if deal.confirm is not None and deal.confirm.id == message.id:
            quantity = deal.standing.quantity
            self._store.deals.put(replace(self._known(row), taken=quantity))
            self._take(listing, -quantity)
        return message

    def why_not(self, row: DealRow, listing: ListingRow | None) -> str:
        """Why the owner cannot confirm the offer that stands: SOLD, EXPIRED, CHANGED, or ""."""
        deal, now_ms = self.deal(row), self._now_ms()
        offer = deal.standing
        if self.says_ms(row) > offer.expires_ms:
            return EXPIRED
        if listing is None or listing.header.is_delete or listing.status_at(now_ms) == SOLD:
            return SOLD
        if listing.status_at(now_ms) == EXPIRED or listing.listing.quantity < offer.quantity:
            return SOLD
        return CHANGED if self._has_changed(row, listing, offer) else ""

    def says_ms(self, row: DealRow) -> int:
        """What a step of one's own would be dated now: after one's last there, which a clock that
        was ahead may have dated later than now."""
        return max(self._now_ms(), self._store.rooms.last_own_ms(row.room) + 1)

    # -- the other's steps ------------------------------------------------------------------

    def _check(self, message: Message) -> None:
        """RemoteProtocolError where it is no step of a deal between these two."""
        if self._store.rooms.message(message.id) is not None:
            return  # sealed anew
        step = Step.from_body(message.body)
        row = self._store.deals.deal(step.deal)
        if row is not None and row.room != message.room:
            raise RemoteProtocolError("R14.10", "a deal of other people")
        if row is None:
            # Not only by an offer: what was said after it may come before it, and is opened once.
            owner, _ = owner_of(self._store, message.about)
            if owner not in (None, message.author, message.person):
                raise RemoteProtocolError("R14.10", "a deal about a third person's listing")
            if owner == message.author:
                raise RemoteProtocolError("R14.10", "a deal is begun by a listing's guest")
        if self._store.deals.has_said(step.deal, message.author, limits.DEAL_STEPS_MAX // 2):
            raise RemoteProtocolError("R14.10", "no more steps are taken in one deal")

    def _came(self, message: Message) -> None:
        """A step that is kept now."""
        step = Step.from_body(message.body)
        row = self._store.deals.deal(step.deal)
        if row is None:
            parties = self._parties(message)
            if parties is None:
                return  # of a listing that is not back here yet: `adopt` looks again
            listing = last_of(self._store, message.about)
            row = self.open(step.deal, parties, "" if listing is None else listing.title)
            self._store.deals.put(row)
        self._settle(row, message)
        if row.owner == self._key.public:
            self._answer_by_itself(row)

    def adopt(self) -> None:
        """Deals whose listing was not here when they were spoken of, as in a home that was restored
        from its words: one's own come back from neighbours."""
        own = self._key.public
        for deal_id, room in self._store.deals.orphans(own, _ORPHANS_AT_ONCE):
            for message in self._store.deals.steps(deal_id, room):
                if message.kind == said.DEAL and self._parties(message) is not None:
                    self._came(message)
                    break

    def _answer_by_itself(self, row: DealRow) -> None:
        """What the owner's node says without being asked: that goods are gone; and, to one who has
        accepted the owner's own terms, that it is a deal. The first that comes wins (R14.11)."""
        deal = self.deal(row)
        if not may_say(deal, self._key.public, StepKind.CONFIRM):
            return
        listing = self._store.listing(row.listing)
        reason = self.why_not(row, listing)
        if reason:
            is_told = deal.state is State.ACCEPTED or reason == SOLD
            if is_told and may_say(deal, self._key.public, StepKind.DECLINE):
                self.say(row, self.answer(row, StepKind.DECLINE, reason))
        elif deal.state is State.ACCEPTED and listing is not None:
            if listing.listing.status == "active":
                self.confirm(row, listing)
            # Else it is reserved, perhaps for this very person: its owner decides.

    def decline_gone(self, listing_id: bytes) -> int:
        """Tells those who wait for an answer that a listing is sold or taken back: how many. Of
        more than some the rest is told when they speak. In a transaction."""
        waiting = [
            row
            for row in self._store.deals.of_listing(listing_id)
            if row.owner == self._key.public and row.state in (State.OFFERED, State.ACCEPTED)
        ]
        for row in waiting[:_DECLINED_AT_ONCE]:
            self._answer_by_itself(row)
        return sum(self._known(row).state == State.DECLINED for row in waiting)

    def _settle(self, row: DealRow, message: Message) -> None:
        """Tells what a step has changed, and draws its consequences for the listing."""
        known = self._known(row)
        before = known.state
        deal = self.deal(row)
        self._store.deals.put(replace(known, state=deal.state, changed_ms=self._now_ms()))
        if deal.state == before:
            return
        self._postman.tell({"event": "deal", "deal": row.id, "message": message.id})
        if row.owner == self._key.public:
            self._follow(self._known(row), deal)

    def _follow(self, row: DealRow, deal: Deal) -> None:
        listing = self._store.listing(row.listing)
        if listing is None or listing.header.is_delete:
            return
        if deal.state in (State.CANCELLED, State.NOSHOW) and row.taken:
            # Once: what crossed it may lead to another state and back here.
            self._store.deals.put(replace(row, taken=0))
            self._take(listing, row.taken)
        elif deal.state is State.DONE:
            if not row.taken:
                # A `cancel` had put them back, and what crossed it says that they are gone.
                self._store.deals.put(replace(row, taken=deal.standing.quantity))
                self._take(listing, -deal.standing.quantity)
                listing = self._store.listing(row.listing) or listing
            if not listing.listing.quantity and not any(
                other.state in (State.CONFIRMED, State.HANDED, State.RECEIVED)
                for other in self._store.deals.of_listing(row.listing)
                if other.id != row.id
            ):
                self._revise(listing, replace(listing.listing, status="sold"))
                self.decline_gone(row.listing)

    # -- private ----------------------------------------------------------------------------

    def _known(self, row: DealRow) -> DealRow:
        """As the store has it now."""
        return self._store.deals.deal(row.id) or row

    def _parties(self, message: Message) -> Parties | None:
        """Of a step of the guest's: whose listing it is about, and on which side. None where nobody
        here knows it."""
        guest = message.author
        owner, side = owner_of(self._store, message.about)
        if owner != message.person:
            return None
        if side is not None:
            return Parties(owner, guest, side, message.about)
        # Withdrawn, and only that is left of it: the guest has signed who sells and who buys.
        step = Step.from_body(message.body)
        for each in _SIDES:
            parties = Parties(owner, guest, each, message.about)
            if step.offer is not None:
                if parties.proof(step.deal, step.offer).is_signed(guest, step.signature):
                    return parties
        return None

    def _has_changed(self, row: DealRow, listing: ListingRow, offer: Offer) -> bool:
        """Whether what the offer was about is not what it is now: price, goods or their state.
        Where that revision is gone (of many only the last are kept): whether any that is kept is
        not, or the title is not what it was when the deal began."""
        if offer.record == listing.record_id:
            return False
        kept = [
            (record_id, revision)
            for _, revision, record_id in self._store.revisions(listing.listing_id)
            if revision is not None
        ]
        meant = [revision for record_id, revision in kept if record_id == offer.record]
        now = listing.listing
        if not meant and row.title != now.title:
            return True
        return any(
            (each.price, each.title, each.condition) != (now.price, now.title, now.condition)
            for each in meant or [revision for _, revision in kept]
        )

    def _take(self, listing: ListingRow, change: int) -> None:
        """More pieces, or fewer: none left is reserved, until the deal is done."""
        left = min(max(0, listing.listing.quantity + change), limits.QUANTITY_MAX)
        status = listing.listing.status
        if not left:
            status = "reserved"
        elif status == "reserved" and not listing.listing.quantity:
            status = "active"
        self._revise(listing, replace(listing.listing, quantity=left, status=status))

    def _revise(self, row: ListingRow, listing: Listing) -> None:
        if listing != row.listing:
            draft = Draft(LISTING, row.header.thread_key, listing.to_body(), row.header)
            self._publisher.publish(draft)


def folded(store: "Store", row: DealRow) -> Deal:
    """What the steps of a deal come to, as far as they have come here."""
    steps = []
    for message in store.deals.steps(row.id, row.room):
        if message.kind == said.DEAL:
            step = Step.from_body(message.body)
            steps.append(SaidStep(message.id, message.author, message.ts_ms, step))
    return fold(row.id, row.parties, steps)


def owner_of(store: "Store", listing_id: bytes) -> tuple[bytes | None, Side | None]:
    """Whose listing it is, and on which side; (None, None) where it is not known here. Of a
    withdrawn one the side may be None."""
    row = store.listing(listing_id)
    if row is not None:
        return row.header.author, row.listing.side
    withdrawn = store.withdrawal(listing_id)
    if withdrawn is None:
        return None, None
    last = last_of(store, listing_id)
    return withdrawn.author, None if last is None else last.side


def last_of(store: "Store", listing_id: bytes) -> Listing | None:
    """A listing as it is, or as it was last before it was withdrawn."""
    row = store.listing(listing_id)
    if row is not None:
        return row.listing
    revisions = (revision for _, revision, _ in reversed(store.revisions(listing_id)))
    return next((each for each in revisions if each is not None), None)
