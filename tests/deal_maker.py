"""Makes the two sides of a deal, for tests: each knows the steps that it has said and heard."""

from dataclasses import dataclass, field
from typing import Any, Self

from jangteo.crypto.digest import sha256
from jangteo.crypto.keys import AuthorKey
from jangteo.protocol import canonical
from jangteo.protocol.deal import Deal, Parties, Role, SaidStep, Side, fold, may_say
from jangteo.protocol.deal_step import Offer, Step, StepKind
from jangteo.protocol.money import Price
from tests.market_maker import key

NOW_MS = 1_760_000_000_000
DEAL = bytes(range(16))
LISTING = sha256(b"listing")
RECORD = sha256(b"revision")
SIGNED = (StepKind.ACCEPT, StepKind.CONFIRM)
ANSWERS = (*SIGNED, StepKind.DECLINE, StepKind.RETRACT)


def said(author: bytes, ts_ms: int, step: Step) -> SaidStep:
    """As if its message had come: its body read back, under an id that its bytes have."""
    body = step.to_body()
    read = Step.from_body(canonical.decode(canonical.encode(body)))
    assert read == step
    return SaidStep(sha256(canonical.encode([author, ts_ms, body])), author, ts_ms, read)


def offer(
    amount: int = 900, *, quantity: int = 1, expires_ms: int = NOW_MS + 1000, salt: int = 0
) -> Offer:
    return Offer(
        RECORD, Price(amount, "KRW"), quantity, expires_ms, salt.to_bytes(16, "big"), note=""
    )


@dataclass
class Trader:
    """One side of a deal between `parties`, who signs with `key`."""

    key: AuthorKey
    parties: Parties
    deal_id: bytes = DEAL
    known: dict[bytes, SaidStep] = field(default_factory=dict)
    salts: int = 0
    folded: tuple[frozenset[bytes], Deal] | None = None

    @classmethod
    def two(cls, side: Side = "sell", *, guest: str = "bea", deal_id: bytes = DEAL) -> list[Self]:
        """The owner and the guest."""
        parties = Parties(key("ana").public, key(guest).public, side, LISTING)
        return [cls(key("ana"), parties, deal_id), cls(key(guest), parties, deal_id)]

    @property
    def public(self) -> bytes:
        return self.key.public

    @property
    def is_owner(self) -> bool:
        return self.public == self.parties.owner

    @property
    def deal(self) -> Deal:
        known = frozenset(self.known)
        if self.folded is None or self.folded[0] != known:
            self.folded = known, fold(self.deal_id, self.parties, self.known.values())
        return self.folded[1]

    def hears(self, *steps: SaidStep) -> None:
        self.known |= {each.id: each for each in steps}

    def may(self) -> list[StepKind]:
        """What it may say now."""
        deal = self.deal
        return [kind for kind in StepKind if may_say(deal, self.public, kind)]

    def says(self, kind: StepKind, now_ms: int = NOW_MS, **changes: Any) -> SaidStep:
        """The step of `kind` about what stands, signed where it must be; `changes` are the lies."""
        deal = self.deal
        told: dict[str, Any] = {"deal": self.deal_id, "kind": kind, "number": deal.next_number}
        terms = changes.pop("offer", None)
        about = None if deal.offer is None else deal.offer.step.offer
        if kind is StepKind.OFFER:
            self.salts += 1
            about = told["offer"] = terms or offer(salt=self.salts * 2 + self.is_owner)
        if kind in ANSWERS or (kind is StepKind.OFFER and deal.offer is not None):
            told["re"] = b"" if deal.offer is None else deal.offer.id
        if (kind in SIGNED or (kind is StepKind.OFFER and not self.is_owner)) and about is not None:
            told["signature"] = self.parties.proof(self.deal_id, about).sign(self.key)
        step = said(self.public, now_ms, Step(**(told | changes)))
        self.hears(step)
        return step


def play(text: str, side: Side = "sell") -> tuple[Trader, Trader]:
    """Both sides, who have said and heard `text`: "guest offer, owner confirm, seller handed"."""
    owner, guest = Trader.two(side)
    for words in filter(None, text.split(", ")):
        role, kind = words.split(" ")
        speaker = owner if Role(role) in owner.parties.roles(owner.public) else guest
        step = speaker.says(StepKind(kind))
        owner.hears(step)
        guest.hears(step)
    return owner, guest
