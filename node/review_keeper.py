"""Keeps reviews until both sides have written theirs, or two weeks have passed; then publishes.

Works on the store's thread, within transactions. What a review may be is protocol/review.py's.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..protocol import canonical, limits
from ..protocol import message as said
from ..protocol.deal import Deal
from ..protocol.kind import REVIEW
from ..protocol.market import COMMONS
from ..protocol.message import Message
from ..protocol.review import Mark, Review, commit_of, review_thread
from ..store.deal_book import DealRow
from ..store.review_book import KeptReview
from .postman import Postman
from .publisher import Draft, Publisher

if TYPE_CHECKING:
    from ..store.store import Store


class ReviewKeeper:
    """One person's reviews."""

    def __init__(
        self, store: "Store", publisher: Publisher, postman: Postman, now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._postman = postman
        self._now_ms = now_ms
        postman.on_review = self._came
        postman.on_tend.append(self.publish_due)

    def write(
        self, row: DealRow, deal: Deal, mark: Mark, text: str, *, reveals_terms: bool
    ) -> Message:
        """Keeps a review of the other side, tells them that there is one, and publishes it if they
        have written theirs. In a transaction."""
        review = self._review(deal, mark, text, reveals_terms=reveals_terms)
        body = review.to_body()
        due_ms = self._now_ms() + limits.REVIEW_BLIND_MS
        before = self._store.reviews.of_deal(row.id)
        theirs = self._told_early(row, review.subject) if before is None else before.theirs
        kept = KeptReview(row.id, canonical.encode(body), due_ms, theirs, None)
        self._store.reviews.put(kept)
        told = {"commit": commit_of(body), "deal": row.id}
        message = self._postman.say(review.subject, row.listing, said.REVIEW, told)
        if theirs is not None:
            self._publish(kept)
        return message

    def publish_due(self) -> None:
        """Those that have waited long enough."""
        now_ms = self._now_ms()
        for kept in self._store.reviews.waiting():
            if kept.due_ms <= now_ms:
                self._publish(kept)

    def _came(self, message: Message) -> None:
        """The other side has written one: the first that they say counts."""
        deal_id, commit = message.body["deal"], message.body["commit"]
        row = self._store.deals.deal(deal_id)
        if row is None or row.room != message.room:
            return
        kept = self._store.reviews.of_deal(deal_id)
        if kept is None:
            self._store.reviews.put(KeptReview(deal_id, None, 0, commit, None))
        elif kept.theirs is None:
            kept = replace(kept, theirs=commit)
            self._store.reviews.put(kept)
            if kept.body is not None and kept.published_ms is None:
                self._publish(kept)

    def _told_early(self, row: DealRow, other: bytes) -> bytes | None:
        """What they had committed to before the deal was known here: it stands in the room, and
        was acknowledged."""
        early = [
            (each.rid, each.message.body["commit"])
            for each in self._store.rooms.messages(
                row.room, before_rid=None, count_max=limits.ROOM_MESSAGES_MAX
            )
            if each.message.kind == said.REVIEW
            and each.message.author == other
            and each.message.body["deal"] == row.id
        ]
        return min(early)[1] if early else None

    def _publish(self, kept: KeptReview) -> None:
        review = Review.from_body(canonical.decode(kept.body or b""))
        thread_key = (COMMONS, self._publisher.author, review.thread)
        current = self._store.current(thread_key)
        last = None if current is None else current.header
        self._publisher.publish(Draft(REVIEW, thread_key, review.to_body(), last))
        self._store.reviews.put(replace(kept, published_ms=self._now_ms()))

    def _review(self, deal: Deal, mark: Mark, text: str, *, reveals_terms: bool) -> Review:
        parties, proof = deal.parties, deal.proof
        own = self._publisher.author
        is_seller = parties.seller == own
        is_owner = parties.owner == own
        ours = deal.owner_signature if is_owner else deal.guest_signature
        theirs = deal.guest_signature if is_owner else deal.owner_signature
        return Review(
            subject=parties.buyer if is_seller else parties.seller,
            side="seller" if is_seller else "buyer",
            mark=mark,
            text=text,
            proof=proof,
            seller_signature=ours if is_seller else theirs,
            buyer_signature=theirs if is_seller else ours,
            terms=parties.terms(deal.id, deal.standing) if reveals_terms else None,
        )


def their_review(store: "Store", row: DealRow, deal: Deal, own: bytes) -> str | None:
    """How far the other side's review has come: "committed" to, "published" as they had committed
    to it, or published and "changed" since; None where there is none."""
    kept = store.reviews.of_deal(row.id)
    other = row.guest if row.owner == own else row.owner
    current = store.current((COMMONS, other, review_thread(deal.proof, other)))
    if current is None or current.header.is_delete:
        return None if kept is None or kept.theirs is None else "committed"
    if kept is None or kept.theirs is None:
        return "published"
    return "published" if commit_of(current.body or {}) == kept.theirs else "changed"


def own_review(store: "Store", row: DealRow) -> str | None:
    """Of one's own: "kept" until it is shown, "published"; None where none was written."""
    kept = store.reviews.of_deal(row.id)
    if kept is None or kept.body is None:
        return None
    return "kept" if kept.published_ms is None else "published"
