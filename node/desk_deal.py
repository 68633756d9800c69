"""The verbs of deals: offer, accept, decline, retract, done, cancel, noshow, deals.

Finds the deal that a person means, and says in one line why something cannot be. What each step
leads to is protocol/deal.py's.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from ..protocol import limits
from ..protocol import message as said
from ..protocol.deal import ENDED, MADE, OPEN, Deal, State, may_say, next_state
from ..protocol.deal_step import Offer, StepKind
from ..protocol.money import Price
from ..protocol.proof import SALT_BYTES
from ..protocol.told import tell
from ..store.deal_book import DealRow
from ..store.row import ListingRow
from .clerk import ID_HEX_MIN, Clerk
from .deal_json import deal_json, shown_text
from .deal_keeper import CHANGED, EXPIRED, SOLD, folded, owner_of
from .desk_args import Args, parse_until
from .desk_error import EXIT_UNKNOWN_ID, EXIT_USAGE, DeskError, bad_value
from .desk_talk import check_may_write, find_where, sent
from .listing_json import time_text

_SHORT: Final = 8
_DEAL_HEX: Final = 2 * limits.THREAD_BYTES
_LIST_MAX: Final = 500


def offer(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Offers a price for a listing, or counters the offer that stands there."""
    args = Args("offer", told, ("to", "price", "quantity", "note", "expires"))
    with clerk.pen().transaction():
        row, is_new = _for_offer(clerk, args.needed("to"))
        listing = clerk.store.listing(row.listing)
        if listing is None or listing.header.is_delete:
            raise bad_value(tell("its author has taken it back: there is nothing to offer for"))
        _check_may_offer(clerk, row, listing)
        terms = _offer_of(clerk, args, row, listing)
        keeper = clerk.keeper()
        if is_new:
            row = keeper.open(clerk.fresh(limits.THREAD_BYTES), row.parties, listing.listing.title)
        message = keeper.say(row, keeper.offer(row, terms))
        return _told(clerk, row, message)


def accept(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the offer that the other side made: the guest accepts, the owner makes it a deal."""
    args = Args("accept", told, ("to", "anyway"))
    with clerk.pen().transaction():
        kinds = (StepKind.ACCEPT, StepKind.CONFIRM)
        row = find_deal(clerk, args.needed("to"), OPEN, kinds)
        deal = folded(clerk.store, row)
        check_may_write(clerk, _other(clerk, row))
        if row.owner != clerk.own:
            _check_guest_accepts(clerk, deal)
            _check_has_steps(clerk, deal, StepKind.ACCEPT)
            keeper = clerk.keeper()
            return _told(clerk, row, keeper.say(row, keeper.answer(row, StepKind.ACCEPT)))
        if deal.state is State.COUNTERED:
            raise bad_value(
                tell("that offer is your own: the other side is to answer it"),
                tell("`jangteo retract {id}` takes it back", id=row.id.hex()[:_SHORT]),
            )
        _check_open(deal)
        listing = clerk.store.listing(row.listing)
        reason = clerk.keeper().why_not(row, listing)
        if reason == CHANGED and args.flag("anyway"):
            reason = ""
        if reason or listing is None:
            if reason == EXPIRED and not deal.is_expired(clerk.now_ms()):
                raise bad_value(
                    tell(
                        "your last step there is dated {time_text}, after this "
                        "offer's end: this machine's clock was ahead then, and a "
                        "confirmation would be void",
                        time_text=time_text(clerk.store.rooms.last_own_ms(row.room)),
                    ),
                    tell(
                        "counter with the same terms and a later end: `jangteo "
                        "counter DEAL PRICE --expires 7d`"
                    ),
                )
            raise bad_value(*_why_not_text(deal, reason, listing))
        _check_has_steps(clerk, deal, StepKind.CONFIRM)
        return _told(clerk, row, clerk.keeper().confirm(row, listing))


def decline(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Says no to the offer of the other side."""
    args = Args("decline", told, ("to", "reason"))
    return _step(clerk, args, StepKind.DECLINE, OPEN)


def retract(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Takes one's own offer back, as long as it is not accepted."""
    return _step(clerk, Args("retract", told, ("to",)), StepKind.RETRACT, OPEN)


def done(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """One's own part is done: the seller has handed over, the buyer has received."""
    args = Args("done", told, ("to",))
    with clerk.pen().transaction():
        kinds = (StepKind.HANDED, StepKind.RECEIVED)
        row = find_deal(clerk, args.needed("to"), MADE, kinds)
        deal = folded(clerk.store, row)
        is_seller = deal.parties.seller == clerk.own
        _check_made(deal)
        if deal.state is (State.HANDED if is_seller else State.RECEIVED):
            raise bad_value(tell("you have said so already: it is for the other side now"))
        kind = StepKind.HANDED if is_seller else StepKind.RECEIVED
        _check_has_steps(clerk, deal, kind)
        return _told(clerk, row, clerk.keeper().say(row, clerk.keeper().answer(row, kind)))


def cancel(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Ends a deal before it is done, and says why."""
    args = Args("cancel", told, ("to", "reason"))
    if not (args.text("reason") or "").strip():
        raise bad_value(
            tell("say why: the other side has relied on it"), tell("`jangteo cancel DEAL WHY`")
        )
    return _step(clerk, args, StepKind.CANCEL, MADE)


def noshow(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """The other side did not come."""
    return _step(clerk, Args("noshow", told, ("to",)), StepKind.NOSHOW, MADE | {State.NOSHOW})


def deals(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """One's deals, the latest first; without `all` those that somebody is still to act in."""
    args = Args("deals", told, ("all", "to", "limit"))
    limit = args.integer("limit", 1, _LIST_MAX) or _LIST_MAX
    if (typed := args.text("to")) is not None:
        rows, _ = _meant(clerk, typed)
        if not rows:
            raise _no_deal()
        return {
            "deals": [deal_json(clerk, row) for row in rows[:limit]],
            "has_more": len(rows) > limit,
        }
    is_all = args.flag("all")
    shown: list[dict[str, Any]] = []
    for row in clerk.store.deals.deals(_SAID if is_all else OPEN | MADE):
        # Of an offer only what was said tells whether it has expired.
        told = deal_json(clerk, row)
        if is_all or told["open"]:
            shown.append(told)
        if len(shown) > limit:
            break
    return {"deals": shown[:limit], "has_more": len(shown) > limit}


_SAID: Final = frozenset(State) - {State.NONE}


def find_deal(
    clerk: Clerk, typed: str, wanted: frozenset[State], kinds: tuple[StepKind, ...] = ()
) -> DealRow:
    """The deal that is meant by its id, or by a room, a listing or a person: the latest there that
    is in one of the states `wanted`, else the latest. Of several rooms the only one where a step of
    `kinds` may be said. DeskError: none (3), ambiguous (2)."""
    rows, is_one_room = _meant(clerk, typed)
    if not rows:
        raise _no_deal()
    fitting = [row for row in rows if State(row.state) in wanted]
    if len(fitting) > 1 and not is_one_room:
        fitting = [row for row in fitting if _can_say(clerk, row, kinds)] or fitting
    if len(fitting) > 1 and not is_one_room:
        ids = ", ".join(
            f"{row.id.hex()[:_SHORT]} ({clerk.name_of(_other(clerk, row)) or row.title})"
            for row in fitting[:5]
        )
        raise DeskError(
            "ambiguous",
            tell(
                "{typed!r} may be any of {count} deals: {ids}",
                typed=typed,
                count=len(fitting),
                ids=ids,
            ),
            None,
            EXIT_USAGE,
        )
    return (fitting or rows)[0]


def _meant(clerk: Clerk, typed: str) -> tuple[list[DealRow], bool]:
    """The deals that are meant, the latest first, and whether they are all of one room."""
    prefix = typed.strip().lower()
    if re.fullmatch(rf"[0-9a-f]{{{ID_HEX_MIN},{_DEAL_HEX}}}", prefix):
        found = clerk.store.deals.find(prefix)
        if len(found) == 1:
            return found, True
        if found:
            ids = ", ".join(row.id.hex()[: _SHORT + 4] for row in found[:5])
            raise DeskError(
                "ambiguous",
                tell(
                    "{typed!r} begins {count} deals: {ids}", typed=typed, count=len(found), ids=ids
                ),
                None,
                EXIT_USAGE,
            )
    rows: list[DealRow]
    if own := _own_listing(clerk, prefix):
        rows, is_one_room = clerk.store.deals.of_listing(own), False
    else:
        person, listing = find_where(clerk, typed)
        is_one_room = bool(listing)
        if listing:
            rows = clerk.store.deals.of_room(said.room_id(clerk.own or b"", person, listing))
        else:
            rows = [row for row in clerk.store.deals.deals() if person in (row.owner, row.guest)]
    rows = [row for row in rows if row.state != State.NONE]
    return rows, is_one_room or len({row.room for row in rows}) == 1


def _own_listing(clerk: Clerk, prefix: str) -> bytes | None:
    """One's own listing about which several people write, where nothing else is meant."""
    if not re.fullmatch(rf"[0-9a-f]{{{ID_HEX_MIN},64}}", prefix) or clerk.store.rooms.find(prefix):
        return None
    found = clerk.store.find(prefix)
    if len(found) != 1 or owner_of(clerk.store, found[0])[0] != clerk.own:
        return None
    return found[0] if len(clerk.store.rooms.rooms_about(found[0])) > 1 else None


def _can_say(clerk: Clerk, row: DealRow, kinds: tuple[StepKind, ...]) -> bool:
    """Whether one may say such a step there, and it is not too late for it."""
    deal = folded(clerk.store, row)
    if deal.is_expired(clerk.now_ms()):
        return False
    return any(may_say(deal, clerk.own or b"", kind) for kind in kinds)


def _no_deal() -> DeskError:
    return DeskError(
        "unknown-id",
        tell("no offer was made there yet"),
        tell("`jangteo offer ID PRICE` makes one, `jangteo deals --all` lists yours"),
        EXIT_UNKNOWN_ID,
    )


# -- offers -----------------------------------------------------------------------------------


def _for_offer(clerk: Clerk, typed: str) -> tuple[DealRow, bool]:
    """The deal in which an offer is made: the one that is haggled over there, or a new one."""
    prefix = typed.strip().lower()
    if re.fullmatch(rf"[0-9a-f]{{{ID_HEX_MIN},{_DEAL_HEX}}}", prefix):
        found = clerk.store.deals.find(prefix)
        if len(found) == 1 and State(found[0].state) not in MADE | ENDED:
            return found[0], False
    _check_not_own(clerk, prefix)
    person, listing = find_where(clerk, typed)
    if not listing:
        raise bad_value(
            tell("an offer is about a listing: name the listing, or the room about it"),
            tell("`jangteo search` finds listings, `jangteo inbox` rooms"),
        )
    for row in clerk.store.deals.of_room(said.room_id(clerk.own or b"", person, listing)):
        if State(row.state) not in MADE | ENDED and _is_worth_an_offer(clerk, row):
            return row, False
    owner, side = owner_of(clerk.store, listing)
    if owner is None:
        raise bad_value(tell("the listing is not here any more: there is nothing to offer for"))
    if owner == clerk.own:
        raise bad_value(
            tell("it is your own listing, and they have not offered anything yet"),
            tell("`jangteo edit ID --price …` changes what you ask"),
        )
    room = said.room_id(owner, clerk.own or b"", listing)
    return DealRow(
        b"", room, listing, owner, clerk.own or b"", side or "sell", "", State.NONE, 0
    ), True


def _check_not_own(clerk: Clerk, prefix: str) -> None:
    """An offer on one's own listing is a mistake that deserves its own words."""
    if not re.fullmatch(rf"[0-9a-f]{{{ID_HEX_MIN},64}}", prefix):
        return
    found = clerk.store.find(prefix)
    if len(found) == 1 and not clerk.store.rooms.rooms_about(found[0]):
        owner, _ = owner_of(clerk.store, found[0])
        if owner == clerk.own:
            raise bad_value(
                tell("that is your own listing: nobody offers to themselves"),
                tell("`jangteo edit ID --price …` changes what you ask"),
            )


def _check_may_offer(clerk: Clerk, row: DealRow, listing: ListingRow) -> None:
    check_may_write(clerk, _other(clerk, row))
    status = listing.status_at(clerk.now_ms())
    if status in (SOLD, EXPIRED):
        raise bad_value(tell("it is {status}: no offer can be made for it", status=status))
    if not listing.listing.quantity:
        raise bad_value(
            tell("all of it is reserved for somebody by a deal: no offer can be made now"),
            tell("write to them with `jangteo send`, or look again later"),
        )
    deal = folded(clerk.store, row) if row.id else None
    if deal is not None and deal.state is State.ACCEPTED and row.owner != clerk.own:
        raise bad_value(
            tell("you have accepted already: it waits for the other side's confirmation"),
            tell("write to them with `jangteo send`"),
        )
    if deal is not None:
        _check_has_steps(clerk, deal, StepKind.OFFER)


def _is_worth_an_offer(clerk: Clerk, row: DealRow) -> bool:
    """Whether one is made there, or refused there: what is over and full is left for a new one."""
    deal = folded(clerk.store, row)
    return deal.state in OPEN or may_say(deal, clerk.own or b"", StepKind.OFFER)


def _offer_of(clerk: Clerk, args: Args, row: DealRow, listing: ListingRow) -> Offer:
    price = _price(clerk, args, listing)
    standing = folded(clerk.store, row).offer if row.id else None
    kept = 1 if standing is None or standing.step.offer is None else standing.step.offer.quantity
    quantity = args.integer("quantity", 1, limits.QUANTITY_MAX) or kept
    if quantity > listing.listing.quantity:
        raise bad_value(
            tell(
                "there are only {quantity:,} of it, and the offer is for {wanted:,}",
                quantity=listing.listing.quantity,
                wanted=quantity,
            ),
            tell("`--quantity N` says how many"),
        )
    now_ms = clerk.now_ms()
    told = args.text("expires")
    expires_ms = now_ms + limits.OFFER_MS_DEFAULT if told is None else parse_until(told, now_ms)
    if not now_ms < expires_ms <= now_ms + limits.OFFER_MS_MAX:
        days = limits.OFFER_MS_MAX // limits.DAY_MS
        raise bad_value(
            tell("an offer stands for some time from now on, at most {days} days", days=days)
        )
    note = line(args.text("note") or "", "note")
    salt = clerk.fresh(SALT_BYTES)
    return Offer(listing.record_id, price, quantity, expires_ms, salt, note)


def _price(clerk: Clerk, args: Args, listing: ListingRow) -> Price:
    asked = listing.listing.price
    default = asked.currency if asked is not None and asked.amount else clerk.currency
    price = args.price("price", default)
    if price is None:
        raise bad_value(tell("an offer names a price, such as 900000 or '$80', or free"))
    if asked is not None and asked.amount and price.amount and price.currency != asked.currency:
        raise bad_value(
            tell("it is sold for {currency}: offer in that currency", currency=asked.currency)
        )
    return price


# -- other steps ------------------------------------------------------------------------------


def _step(clerk: Clerk, args: Args, kind: StepKind, wanted: frozenset[State]) -> dict[str, Any]:
    reason = line(args.text("reason") or "", "reason") if kind in _REASONED else ""
    with clerk.pen().transaction():
        row = find_deal(clerk, args.needed("to"), wanted, (kind,))
        deal = folded(clerk.store, row)
        check_may_write(clerk, _other(clerk, row))
        if next_state(deal, clerk.own or b"", kind) is None:
            raise bad_value(*_cannot(clerk, deal, kind))
        _check_has_steps(clerk, deal, kind)
        keeper = clerk.keeper()
        return _told(clerk, row, keeper.say(row, keeper.answer(row, kind, reason)))


_REASONED: Final = (StepKind.DECLINE, StepKind.CANCEL)


def _check_guest_accepts(clerk: Clerk, deal: Deal) -> None:
    if deal.state is State.OFFERED:
        raise bad_value(
            tell("that offer is your own: the other side is to answer it"),
            tell("`jangteo retract {id}` takes it back", id=deal.id.hex()[:_SHORT]),
        )
    if deal.state is State.ACCEPTED:
        raise bad_value(
            tell("you have accepted already: it waits for the other side's confirmation")
        )
    _check_open(deal)
    if deal.is_expired(clerk.now_ms()):
        raise bad_value(
            tell("the offer has expired"), tell("make one yourself with `jangteo offer`")
        )
    listing = clerk.store.listing(deal.parties.listing)
    if listing is None or listing.status_at(clerk.now_ms()) == SOLD:
        raise bad_value(tell("it is sold or taken back meanwhile: there is nothing to accept"))


def _check_has_steps(clerk: Clerk, deal: Deal, kind: StepKind) -> None:
    if not may_say(deal, clerk.own or b"", kind):
        raise bad_value(
            tell("as much was said in this deal as can be: no more offers and answers go into it"),
            tell(
                "agree with them by `jangteo send`; when nothing stands any more, "
                "`jangteo offer` begins a new deal"
            ),
        )


def _check_open(deal: Deal) -> None:
    match deal.state:
        case State.OFFERED | State.COUNTERED | State.ACCEPTED:
            return
        case State.DECLINED | State.RETRACTED | State.NONE:
            raise bad_value(
                tell("no offer stands there any more"), tell("make one with `jangteo offer`")
            )
        case _ if deal.state in ENDED:
            raise bad_value(tell("it is over: {shown_text}", shown_text=shown_text(deal, 0)))
        case _:
            raise bad_value(tell("it is {shown_text} already", shown_text=shown_text(deal, 0)))


def _check_made(deal: Deal) -> None:
    if deal.state in ENDED:
        raise bad_value(tell("it is over: {shown_text}", shown_text=shown_text(deal, 0)))
    if deal.state in (State.DECLINED, State.RETRACTED):
        raise bad_value(_nothing_text(deal))
    if deal.state not in MADE:
        raise bad_value(
            tell("it is no deal yet: the owner of the listing has to confirm it"),
            tell("`jangteo deals` shows what waits for whom"),
        )


def _cannot(clerk: Clerk, deal: Deal, kind: StepKind) -> tuple[str, str | None]:
    """Why a step that was asked for would be void."""
    if deal.offer is None:
        return tell("no offer stands there"), None
    is_own = deal.offer.author == clerk.own
    if deal.state in ENDED:
        return tell("it is over: {shown_text}", shown_text=shown_text(deal, 0)), None
    if deal.state in MADE:
        if kind is StepKind.NOSHOW:
            return tell("one of you has said that they came"), tell(
                "`jangteo cancel DEAL WHY` ends it"
            )
        return tell("it is {shown_text}", shown_text=shown_text(deal, 0)), tell(
            "`jangteo cancel DEAL WHY` ends it"
        )
    if deal.state in (State.DECLINED, State.RETRACTED):
        return _nothing_text(deal), None
    if deal.state is State.ACCEPTED and deal.parties.guest == clerk.own:
        until = time_text(deal.standing.expires_ms)
        return (
            tell(
                "you have accepted: that binds you until the other side confirms "
                "or declines it, or the offer expires ({until})",
                until=until,
            ),
            None,
        )
    if kind in (StepKind.CANCEL, StepKind.NOSHOW):
        retract = tell("`jangteo retract` takes your offer back")
        decline = tell("`jangteo decline` says no to the offer")
        return tell("it is no deal yet"), retract if is_own else decline
    if kind is StepKind.DECLINE and is_own:
        return tell("that offer is your own"), tell("`jangteo retract` takes it back")
    if kind is StepKind.RETRACT and is_own:
        return tell("they have accepted it"), tell("`jangteo decline` says no to that")
    if kind is StepKind.RETRACT:
        return tell("that offer is the other side's"), tell("`jangteo decline` says no to it")
    return tell("that cannot be said now"), None


def _nothing_text(deal: Deal) -> str:
    return tell("it came to nothing: {shown_text}", shown_text=shown_text(deal, 0))


def _why_not_text(deal: Deal, reason: str, listing: ListingRow | None) -> tuple[str, str | None]:
    match reason:
        case _ if reason == EXPIRED:
            return (
                tell("the offer has expired"),
                tell("counter with the same terms: `jangteo offer DEAL PRICE`"),
            )
        case _ if reason == CHANGED:
            return (
                tell("the listing has changed since this offer was made"),
                tell("look at it with `jangteo show`, then counter, or accept with --anyway"),
            )
        case _:
            left = 0 if listing is None else listing.listing.quantity
            wanted = deal.standing.quantity
            if listing is not None and left < wanted and listing.listing.status != SOLD:
                return tell(
                    "only {left:,} of {wanted:,} are left: others were confirmed before",
                    left=left,
                    wanted=wanted,
                ), None
            return tell("it is sold, expired or withdrawn: relist it first"), tell(
                "`jangteo relist ID`"
            )


def _told(clerk: Clerk, row: DealRow, message: said.Message) -> dict[str, Any]:
    """What was said, and what the deal is now. What the keeper told itself is not told again."""
    clerk.post().take_happenings()
    known = clerk.store.deals.deal(row.id)
    assert known is not None  # noqa: S101 — a step was said in it just now
    return sent(clerk, message) | {"deal": deal_json(clerk, known)}


def _other(clerk: Clerk, row: DealRow) -> bytes:
    return row.guest if row.owner == clerk.own else row.owner


def line(text: str, name: str, chars_max: int = limits.OFFER_NOTE_CHARS_MAX) -> str:
    """Words in one line, within their bound."""
    clean = " ".join(unicodedata.normalize("NFC", text).split())
    if len(clean) > chars_max:
        raise bad_value(
            tell(
                "{name} has {count:,} characters: at most {chars_max:,}",
                name=name,
                count=len(clean),
                chars_max=chars_max,
            )
        )
    return clean
