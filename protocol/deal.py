"""A deal, as a table of states (SPEC.md R14): a pure function of the steps that were said.

Two people haggle over a listing: its author (the owner) and another (the guest). Whoever knows the
same steps knows the same state, whatever order they came in, and however often. A deal exists by
the owner's confirmation of what the guest has signed, and nothing that comes later undoes that it
was made; whether it came in time is judged there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal, assert_never

from . import limits
from .deal_step import Offer, Step, StepKind
from .proof import Proof, Terms

Side = Literal["sell", "want"]


class State(StrEnum):
    NONE = "none"
    OFFERED = "offered"
    COUNTERED = "countered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    RETRACTED = "retracted"
    CONFIRMED = "confirmed"
    HANDED = "handed"
    RECEIVED = "received"
    DONE = "done"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"


class Role(StrEnum):
    """Who one is in a deal: of the first two one, and of the last two one."""

    OWNER = "owner"
    GUEST = "guest"
    SELLER = "seller"
    BUYER = "buyer"


TABLE: Final[Mapping[tuple[State, StepKind, Role], State]] = {
    (State.NONE, StepKind.OFFER, Role.GUEST): State.OFFERED,
    # Haggling: each offer takes the place of the one before.
    (State.OFFERED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.OFFERED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    (State.OFFERED, StepKind.DECLINE, Role.OWNER): State.DECLINED,
    (State.OFFERED, StepKind.RETRACT, Role.GUEST): State.RETRACTED,
    (State.COUNTERED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.COUNTERED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    (State.COUNTERED, StepKind.ACCEPT, Role.GUEST): State.ACCEPTED,
    (State.COUNTERED, StepKind.DECLINE, Role.GUEST): State.DECLINED,
    (State.COUNTERED, StepKind.RETRACT, Role.OWNER): State.RETRACTED,
    # The owner answers an acceptance: the goods may be gone by then.
    (State.ACCEPTED, StepKind.DECLINE, Role.OWNER): State.DECLINED,
    (State.ACCEPTED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    # Nothing came of it yet, and something still may.
    (State.DECLINED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.DECLINED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    (State.RETRACTED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.RETRACTED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    # What the guest has signed becomes a deal whatever else was said meanwhile: the owner who says
    # so may not have heard it (R14.13).
    (State.OFFERED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.COUNTERED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.ACCEPTED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.DECLINED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.RETRACTED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    # It is a deal: no way leads back.
    (State.CONFIRMED, StepKind.HANDED, Role.SELLER): State.HANDED,
    (State.CONFIRMED, StepKind.RECEIVED, Role.BUYER): State.RECEIVED,
    (State.HANDED, StepKind.RECEIVED, Role.BUYER): State.DONE,
    (State.RECEIVED, StepKind.HANDED, Role.SELLER): State.DONE,
    (State.CONFIRMED, StepKind.CANCEL, Role.OWNER): State.CANCELLED,
    (State.CONFIRMED, StepKind.CANCEL, Role.GUEST): State.CANCELLED,
    (State.HANDED, StepKind.CANCEL, Role.OWNER): State.CANCELLED,
    (State.HANDED, StepKind.CANCEL, Role.GUEST): State.CANCELLED,
    (State.RECEIVED, StepKind.CANCEL, Role.OWNER): State.CANCELLED,
    (State.RECEIVED, StepKind.CANCEL, Role.GUEST): State.CANCELLED,
    (State.CONFIRMED, StepKind.NOSHOW, Role.OWNER): State.NOSHOW,
    (State.CONFIRMED, StepKind.NOSHOW, Role.GUEST): State.NOSHOW,
    (State.NOSHOW, StepKind.NOSHOW, Role.OWNER): State.NOSHOW,
    (State.NOSHOW, StepKind.NOSHOW, Role.GUEST): State.NOSHOW,
}
"""(state, step, who) → the next state. A key that is missing: the step is void (R14.8)."""

OPEN: Final = frozenset((State.OFFERED, State.COUNTERED, State.ACCEPTED))
"""Somebody is to answer."""
MADE: Final = frozenset((State.CONFIRMED, State.HANDED, State.RECEIVED))
"""A deal that both are to fulfil."""
ENDED: Final = frozenset((State.DONE, State.CANCELLED, State.NOSHOW))

_TO_CONFIRM: Final = frozenset((State.OFFERED, State.ACCEPTED))
_FULFILLING: Final = frozenset((StepKind.HANDED, StepKind.RECEIVED))
_AFTERWARDS: Final = _FULFILLING | {StepKind.CANCEL, StepKind.NOSHOW}
_HAGGLING: Final = frozenset((StepKind.OFFER, StepKind.ACCEPT, StepKind.DECLINE, StepKind.RETRACT))


@dataclass(frozen=True, slots=True)
class SaidStep:
    """A step as it was said: the message's id, its author and its time (Unix ms)."""

    id: bytes
    author: bytes
    ts_ms: int
    step: Step


@dataclass(frozen=True, slots=True)
class Parties:
    """Between whom, and about what. `side` is the listing's: its author sells, or wants to buy."""

    owner: bytes
    guest: bytes
    side: Side
    listing: bytes

    @property
    def seller(self) -> bytes:
        return self.owner if self.side == "sell" else self.guest

    @property
    def buyer(self) -> bytes:
        return self.guest if self.side == "sell" else self.owner

    def roles(self, person: bytes) -> tuple[Role, ...]:
        if person == self.owner:
            return (Role.OWNER, Role.SELLER if self.side == "sell" else Role.BUYER)
        if person == self.guest:
            return (Role.GUEST, Role.BUYER if self.side == "sell" else Role.SELLER)
        return ()

    def proof(self, deal: bytes, offer: Offer) -> Proof:
        """What both sign for `offer`."""
        return Proof.of(self.seller, self.buyer, self.terms(deal, offer))

    def terms(self, deal: bytes, offer: Offer) -> Terms:
        return Terms(deal, self.listing, offer.record, offer.price, offer.quantity, offer.salt)


@dataclass(frozen=True, slots=True)
class Deal:
    """What the steps come to. `offer` is the one that stands, or that was confirmed; `ended_by` who
    declined, retracted, cancelled or missed the other. `history` is (id, state after it) of what
    had effect, in its order; `void` are the ids of what had none, `waiting` of what comes after
    something that has not come yet, `doubled` of confirmations of another offer than the one that
    counts. `said_count` is of each side's steps, by their author."""

    id: bytes
    parties: Parties
    state: State = State.NONE
    offer: SaidStep | None = None
    confirm: SaidStep | None = None
    guest_signature: bytes = b""
    owner_signature: bytes = b""
    next_number: int = 1
    reason: str = ""
    ended_by: tuple[bytes, ...] = ()
    void: tuple[bytes, ...] = ()
    waiting: tuple[bytes, ...] = ()
    doubled: tuple[bytes, ...] = ()
    history: tuple[tuple[bytes, State], ...] = ()
    said_count: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def standing(self) -> Offer:
        """The offer that stands; there is one in every state but NONE."""
        if self.offer is None or self.offer.step.offer is None:
            raise ValueError("nothing was offered yet")
        return self.offer.step.offer

    @property
    def is_made(self) -> bool:
        """Whether both have signed: also of one that came to nothing later."""
        return self.state in MADE or self.state in ENDED

    @property
    def proof(self) -> Proof:
        return self.parties.proof(self.id, self.standing)

    def is_expired(self, now_ms: int) -> bool:
        """Whether the offer that stands is over, as far as this side can tell: the owner may have
        confirmed it before."""
        return self.state in OPEN and now_ms > self.standing.expires_ms

    def waits_for(self) -> Role | None:
        """Who is to act."""
        match self.state:
            case State.OFFERED | State.ACCEPTED:
                return Role.OWNER
            case State.COUNTERED:
                return Role.GUEST
            case State.HANDED:
                return Role.BUYER
            case State.RECEIVED:
                return Role.SELLER
            case _:
                return None


def fold(deal_id: bytes, parties: Parties, said: Iterable[SaidStep]) -> Deal:
    """The deal that these steps make: each is looked at once, in an order that all who know them
    share (R14.9). Those of other people and of other deals are left out."""
    steps = {each.id: each for each in said if each.step.deal == deal_id}
    ours = sorted((each for each in steps.values() if parties.roles(each.author)), key=_order)
    deal = Deal(deal_id, parties, said_count=_counts(parties, ours))
    number, heard = 0, len(ours)
    for at, each in enumerate(ours):
        if each.step.number > number + 1:
            # R14.8: or the greatest number, said at once, would leave none for anybody else.
            heard = at
            break
        number = each.step.number
    waiting = tuple(each.id for each in ours[heard:])
    deal = replace(deal, next_number=number + 1, waiting=waiting)
    signed = _Signed({}, {})
    for each in ours[:heard]:
        if each.step.kind not in _AFTERWARDS:
            deal = _after(deal, each, signed)
    for each in _afterwards(deal, ours[:heard]):
        deal = _after(deal, each, signed)
    return deal


def next_state(deal: Deal, person: bytes, kind: StepKind) -> State | None:
    """Where a step of `person` about what stands would lead; None: it would be void."""
    if kind is StepKind.NOSHOW and deal.state is State.NOSHOW and person in deal.ended_by:
        return None
    for role in deal.parties.roles(person):
        after = TABLE.get((deal.state, kind, role))
        if after is not None:
            return after
    return None


def may_say(deal: Deal, person: bytes, kind: StepKind) -> bool:
    """Whether `person`, who knows `deal` as it is, is to say such a step (R14.12): it would not be
    void, what it confirms stands, and it leaves them steps for what a deal needs."""
    if next_state(deal, person, kind) is None:
        return False
    if kind is StepKind.CONFIRM and deal.state not in _TO_CONFIRM:
        return False
    kept = limits.DEAL_STEPS_KEPT if kind in _HAGGLING else 0
    return deal.said_count.get(person, 0) < limits.DEAL_STEPS_MAX // 2 - kept


def _counts(parties: Parties, ours: Iterable[SaidStep]) -> dict[bytes, int]:
    counts = {parties.owner: 0, parties.guest: 0}
    for each in ours:
        counts[each.author] += 1
    return counts


def _order(each: SaidStep) -> tuple[int, int, bytes]:
    return each.step.number, each.step.kind.rank, each.id


def _afterwards(deal: Deal, heard: list[SaidStep]) -> list[SaidStep]:
    """The steps that follow a deal, in their order. Where both say that their part is done, that
    comes first: no step that names a smaller number undoes it."""
    steps = [each for each in heard if each.step.kind in _AFTERWARDS]
    seller, buyer = deal.parties.seller, deal.parties.buyer
    number = 0 if deal.confirm is None else deal.confirm.step.number
    claims = {(each.step.kind, each.author) for each in steps if each.step.number > number}
    if {(StepKind.HANDED, seller), (StepKind.RECEIVED, buyer)} <= claims:
        steps.sort(key=lambda each: each.step.kind not in _FULFILLING)
    return steps


@dataclass(frozen=True, slots=True)
class _Signed:
    """What was folded so far: all offers by their ids, and the guest's signatures under them. They
    hold whatever was said besides: a confirmation of them is one for good."""

    offers: dict[bytes, SaidStep]
    by_guest: dict[bytes, bytes]


def _after(deal: Deal, each: SaidStep, signed: _Signed) -> Deal:
    step = each.step
    is_one = _is_one(deal, each, signed)
    state = next_state(deal, each.author, step.kind) if is_one else None
    if state is None:
        deal = replace(deal, void=(*deal.void, each.id))
        if is_one and step.kind is StepKind.CONFIRM and deal.confirm is not None:
            if step.re != deal.confirm.step.re:
                return replace(deal, doubled=(*deal.doubled, each.id))
        return deal
    deal = replace(deal, state=state, history=(*deal.history, (each.id, state)))
    match step.kind:
        case StepKind.OFFER:
            signature = step.signature if each.author == deal.parties.guest else b""
            return replace(deal, offer=each, guest_signature=signature, reason="", ended_by=())
        case StepKind.ACCEPT:
            return replace(deal, guest_signature=step.signature)
        case StepKind.CONFIRM:
            return replace(
                deal,
                offer=signed.offers[step.re],
                confirm=each,
                guest_signature=signed.by_guest[step.re],
                owner_signature=step.signature,
                reason="",
                ended_by=(),
            )
        case StepKind.DECLINE | StepKind.RETRACT | StepKind.CANCEL:
            return replace(deal, reason=step.reason, ended_by=(each.author,))
        case StepKind.NOSHOW:
            return replace(deal, ended_by=(*deal.ended_by, each.author))
        case StepKind.HANDED | StepKind.RECEIVED:
            return deal
        case _:
            assert_never(step.kind)


def _is_one(deal: Deal, each: SaidStep, signed: _Signed) -> bool:
    """Whether it says what its kind has to, and is signed where it must be (R14.8); an offer and an
    acceptance are noted in `signed`."""
    step, parties = each.step, deal.parties
    is_owner = each.author == parties.owner
    about = signed.offers.get(step.re)
    match step.kind:
        case StepKind.OFFER:
            if step.offer is None or not (is_owner or _is_signed(parties, each, each)):
                return False
            signed.offers[each.id] = each
            if not is_owner:
                signed.by_guest[each.id] = step.signature
            return True
        case StepKind.ACCEPT:
            if is_owner or about is None or about.author != parties.owner:
                return False
            if not _is_signed(parties, each, about):
                return False
            signed.by_guest.setdefault(about.id, step.signature)
            return _stands(deal, step)
        case StepKind.CONFIRM:
            if not is_owner or about is None or about.id not in signed.by_guest:
                return False
            assert about.step.offer is not None  # noqa: S101 — only offers are noted
            if each.ts_ms > about.step.offer.expires_ms:
                return False
            return _is_signed(parties, each, about)
        case StepKind.DECLINE | StepKind.RETRACT:
            return _stands(deal, step)
        case StepKind.HANDED | StepKind.RECEIVED | StepKind.CANCEL | StepKind.NOSHOW:
            return deal.confirm is not None and step.number > deal.confirm.step.number
        case _:
            assert_never(step.kind)


def _stands(deal: Deal, step: Step) -> bool:
    return deal.offer is not None and deal.offer.id == step.re


def _is_signed(parties: Parties, each: SaidStep, about: SaidStep) -> bool:
    offer = about.step.offer
    if offer is None:
        return False
    return parties.proof(each.step.deal, offer).is_signed(each.author, each.step.signature)
