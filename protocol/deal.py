"""A deal, as a table of states (SPEC.md R14): a pure function of the steps that were said.

Two people haggle over a listing: its author (the owner) and another (the guest). Whoever knows the
same steps knows the same state, whatever order they came in, and however often. A deal exists by
the owner's confirmation alone, and whether it came in time is judged there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

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
    (State.OFFERED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.COUNTERED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.COUNTERED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    (State.COUNTERED, StepKind.ACCEPT, Role.GUEST): State.ACCEPTED,
    (State.COUNTERED, StepKind.DECLINE, Role.GUEST): State.DECLINED,
    (State.COUNTERED, StepKind.RETRACT, Role.OWNER): State.RETRACTED,
    # The owner answers an acceptance: the goods may be gone by then.
    (State.ACCEPTED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.ACCEPTED, StepKind.DECLINE, Role.OWNER): State.DECLINED,
    (State.ACCEPTED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    # Nothing came of it yet, and something still may.
    (State.DECLINED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.DECLINED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
    (State.RETRACTED, StepKind.OFFER, Role.GUEST): State.OFFERED,
    (State.RETRACTED, StepKind.OFFER, Role.OWNER): State.COUNTERED,
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
    """What the steps come to. `offer` is the one that stands, or that was confirmed; `void` are the
    ids of steps without effect, `history` (id, state after it) of the others, in their order."""

    id: bytes
    parties: Parties
    state: State = State.NONE
    offer: SaidStep | None = None
    guest_signature: bytes = b""
    owner_signature: bytes = b""
    next_number: int = 1
    reason: str = ""
    ended_by: bytes = b""
    void: tuple[bytes, ...] = ()
    history: tuple[tuple[bytes, State], ...] = ()

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
    """The deal that these steps make: each is looked at once, in the order of (number, rank of its
    kind, id), which all who know them share (R14.9)."""
    steps = {each.id: each for each in said if each.step.deal == deal_id}
    deal = Deal(deal_id, parties)
    for each in sorted(steps.values(), key=_order):
        deal = _after(deal, each)
    return deal


def next_state(deal: Deal, person: bytes, kind: StepKind) -> State | None:
    """Where a step of `person` would lead; None: it would be void."""
    for role in deal.parties.roles(person):
        after = TABLE.get((deal.state, kind, role))
        if after is not None:
            return after
    return None


def _order(each: SaidStep) -> tuple[int, int, bytes]:
    return each.step.number, each.step.kind.rank, each.id


def _after(deal: Deal, each: SaidStep) -> Deal:
    step = each.step
    deal = replace(deal, next_number=max(deal.next_number, step.number + 1))
    state = next_state(deal, each.author, step.kind)
    signature = b"" if state is None else _signature(deal, each)
    if state is None or signature is None:
        return replace(deal, void=(*deal.void, each.id))
    deal = replace(deal, state=state, history=(*deal.history, (each.id, state)))
    match step.kind:
        case StepKind.OFFER:
            return replace(deal, offer=each, guest_signature=signature, reason="")
        case StepKind.ACCEPT:
            return replace(deal, guest_signature=signature)
        case StepKind.CONFIRM:
            return replace(deal, owner_signature=signature)
        case StepKind.DECLINE | StepKind.RETRACT | StepKind.CANCEL | StepKind.NOSHOW:
            return replace(deal, reason=step.reason, ended_by=each.author)
        case _:
            return deal


def _signature(deal: Deal, each: SaidStep) -> bytes | None:
    """What `each` has signed, b"" where nothing is to be; None where it is void: about another
    offer than the one that stands, not signed as it must be, or a confirmation that is too late."""
    step, parties = each.step, deal.parties
    if step.kind is StepKind.OFFER:
        if step.offer is None:
            return None
        if each.author == parties.owner:
            return b""
        proof = parties.proof(deal.id, step.offer)
        return step.signature if proof.is_signed(parties.guest, step.signature) else None
    if not step.re:
        return b""
    if deal.offer is None or step.re != deal.offer.id:
        return None
    if step.kind not in (StepKind.ACCEPT, StepKind.CONFIRM):
        return b""
    if step.kind is StepKind.CONFIRM and each.ts_ms > deal.standing.expires_ms:
        return None
    proof = parties.proof(deal.id, deal.standing)
    return step.signature if proof.is_signed(each.author, step.signature) else None
