"""A deal as JSON, and its state in a few words, as every face of the node shows it."""

from typing import Any, Final

from ..protocol import limits
from ..protocol import message as said
from ..protocol.deal import ENDED, OPEN, Deal, Role, State
from ..protocol.deal_step import Step, StepKind
from ..protocol.errors import RemoteProtocolError
from ..protocol.told import tell
from ..store.deal_book import DealRow
from .clerk import Clerk
from .deal_keeper import SOLD, folded
from .listing_json import price_json, time_text
from .review_keeper import own_review, their_review

JsonObject = dict[str, Any]

_SHOWN: Final = {
    State.NONE: tell("nothing offered"),
    State.OFFERED: tell("offered"),
    State.COUNTERED: tell("countered"),
    State.ACCEPTED: tell("accepted, waits to be confirmed"),
    State.DECLINED: tell("declined"),
    State.RETRACTED: tell("taken back"),
    State.CONFIRMED: tell("a deal"),
    State.HANDED: tell("a deal, handed over"),
    State.RECEIVED: tell("a deal, received"),
    State.DONE: tell("done"),
    State.CANCELLED: tell("cancelled"),
    State.NOSHOW: tell("no show"),
}
_EXPIRED: Final = tell("expired")
_EXPIRED_UNLESS: Final = tell("expired, unless it was confirmed before")


def shown_text(deal: Deal, now_ms: int) -> str:
    """ "offered", "a deal, handed over", "declined: sold", "expired"."""
    if deal.is_expired(now_ms):
        return _EXPIRED_UNLESS if deal.state is State.ACCEPTED else _EXPIRED
    state = _SHOWN[deal.state]
    if not deal.reason:
        return state
    reason = tell("sold") if deal.reason == SOLD else deal.reason
    return tell("{state}: {reason}", state=state, reason=reason)


def deal_json(clerk: Clerk, row: DealRow) -> JsonObject:
    deal = folded(clerk.store, row)
    now_ms = clerk.now_ms()
    other = row.guest if row.owner == clerk.own else row.owner
    offer = None if deal.offer is None else deal.standing
    roles = deal.parties.roles(clerk.own or b"")
    waits_for = deal.waits_for()
    is_expired = deal.is_expired(now_ms)
    return {
        "deal": row.id.hex(),
        "room": row.room.hex(),
        "listing": row.listing.hex(),
        "title": row.title,
        "person": other.hex(),
        "name": clerk.name_of(other),
        "role": "seller" if Role.SELLER in roles else "buyer",
        "mine": row.owner == clerk.own,
        "state": deal.state.value,
        "shown": shown_text(deal, now_ms),
        "expired": is_expired,
        "open": deal.state not in ENDED
        and deal.state not in (State.DECLINED, State.RETRACTED, State.NONE)
        and not (is_expired and deal.state in OPEN),
        "waits_for": _waits_for(deal, roles, waits_for, is_expired),
        "price": None if offer is None else price_json(offer.price),
        "quantity": None if offer is None else offer.quantity,
        "note": "" if offer is None else offer.note,
        "expires_at": None if offer is None else time_text(offer.expires_ms),
        "changed_at": time_text(row.changed_ms),
        "reason": deal.reason,
        "my_review": own_review(clerk.store, row),
        "may_review": _may_review(clerk, row, deal),
        "their_review": their_review(clerk.store, row, deal, clerk.own or b"")
        if deal.is_made
        else None,
        "signed_by_both": bool(deal.is_made and deal.guest_signature and deal.owner_signature),
    }


def step_json(message: said.Message) -> JsonObject:
    """What a step says, for a room; what it led to is the deal's."""
    try:
        step = Step.from_body(message.body)
    except RemoteProtocolError:
        return {"step": "unknown", "deal": None}
    shown: JsonObject = {"deal": step.deal.hex(), "step": step.kind.value}
    if step.re:
        shown["re"] = step.re.hex()
    if step.reason:
        shown["reason"] = step.reason
    if step.kind is StepKind.OFFER and step.offer is not None:
        shown |= {
            "price": price_json(step.offer.price),
            "quantity": step.offer.quantity,
            "note": step.offer.note,
            "expires_at": time_text(step.offer.expires_ms),
        }
    return shown


def _may_review(clerk: Clerk, row: DealRow, deal: Deal) -> bool:
    """Whether it is time for one's own review, and not too late for it."""
    own_part = State.HANDED if deal.parties.seller == clerk.own else State.RECEIVED
    if deal.state not in ENDED and deal.state is not own_part:
        return False
    if clerk.now_ms() > row.changed_ms + limits.REVIEW_LATE_MS:
        return False
    return own_review(clerk.store, row) is None


def _waits_for(
    deal: Deal, roles: tuple[Role, ...], waits_for: Role | None, is_expired: bool
) -> str | None:
    """ "you", "them", "both" or None."""
    if is_expired:
        return None
    if deal.state is State.CONFIRMED:
        return "both"
    if waits_for is None:
        return None
    return "you" if waits_for in roles else "them"
