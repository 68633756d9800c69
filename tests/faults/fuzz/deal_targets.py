"""Fuzz targets for deals: a step's body, many steps of both sides folded, a review's body."""

import random
from collections.abc import Iterator
from typing import Any

from jangteo.protocol import canonical, limits
from jangteo.protocol.deal import OPEN, Deal, Parties, SaidStep, State, fold, may_say
from jangteo.protocol.deal_step import Step, StepKind
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.proof import Proof, Terms
from jangteo.protocol.review import Review, commit_of
from tests.deal_maker import DEAL, LISTING, NOW_MS, RECORD, Trader, offer, play
from tests.faults.fuzz.target import Target
from tests.faults.fuzz.value_mutation import mutated
from tests.faults.fuzz.wire_targets import by_value
from tests.market_maker import key

ANA, BEA = key("ana"), key("bea")
PARTIES = Parties(ANA.public, BEA.public, "sell", LISTING)
TALKS = (
    "guest offer, owner offer, guest accept, owner confirm, seller handed, buyer received",
    "guest offer, owner decline, guest offer, guest retract, owner offer, guest decline",
    "guest offer, owner confirm, owner noshow, guest noshow",
    "guest offer, owner confirm, guest cancel",
)


def run_step(data: bytes) -> None:
    body = body_of(data)
    if body is None:
        return
    try:
        step = Step.from_body(body)
    except RemoteProtocolError as error:
        assert error.rule in ("R14.1", "R14.2", "R14.3", "R14.4", "R14.5"), error
        return
    assert Step.from_body(step.to_body()) == step
    assert all(body[name] == value for name, value in step.to_body().items())


def body_of(data: bytes) -> dict[str, Any] | None:
    """The map that canonical bytes hold, as a message's body is one."""
    try:
        body = canonical.decode(data)
    except RemoteProtocolError:
        return None
    return body if type(body) is dict else None


def said_of(data: bytes) -> list[SaidStep]:
    """Of [[whose, time, body]…]: ids are by place, and what is no step is left out."""
    try:
        told = canonical.decode(data)
    except RemoteProtocolError:
        return []
    steps: list[SaidStep] = []
    for at, entry in enumerate(told if type(told) is list else []):
        if type(entry) is not list or len(entry) != 3 or type(entry[2]) is not dict:
            continue
        is_owner, ts_ms, body = entry
        if type(ts_ms) is not int:
            continue
        try:
            step = Step.from_body(body)
        except RemoteProtocolError:
            continue
        author = ANA if is_owner else BEA
        steps.append(SaidStep(id_of(at), author.public, ts_ms, step))
    return steps


def id_of(at: int) -> bytes:
    return at.to_bytes(limits.ID_BYTES, "big")


def run_fold(data: bytes) -> None:
    said = said_of(data)
    deal = folded(said)
    assert folded([*reversed(said), *said]) == deal
    ids = [*deal.void, *deal.waiting, *(each for each, _ in deal.history)]
    assert sorted(ids) == sorted({each.id for each in said if each.step.deal == DEAL})
    assert 1 <= deal.next_number <= limits.DEAL_STEPS_MAX + 1
    assert deal.is_made == (deal.confirm is not None)
    if deal.is_made:
        assert deal.proof.is_signed(BEA.public, deal.guest_signature)
        assert deal.proof.is_signed(ANA.public, deal.owner_signature)
    assert deal.is_expired(2**53) == (deal.state in OPEN)
    was_made = was_done = False
    for count in range(0, len(said) + 1, 1 + len(said) // 8):
        part = folded(said[:count])
        assert part.is_made >= was_made
        assert (part.state is State.DONE) >= was_done
        was_made, was_done = part.is_made, part.state is State.DONE
    for person in (ANA.public, BEA.public):
        for kind in StepKind:
            may_say(deal, person, kind)


def folded(said: list[SaidStep]) -> Deal:
    return fold(DEAL, PARTIES, said)


def run_review(data: bytes) -> None:
    body = body_of(data)
    if body is None:
        return
    try:
        review = Review.from_body(body)
    except RemoteProtocolError as error:
        assert error.rule.startswith(("R15.", "R14.6", "R14.7", "R1.")), error
        return
    assert Review.from_body(review.to_body()) == review
    assert review.author != review.subject
    assert len(review.thread) == limits.THREAD_BYTES
    assert len(commit_of(body)) == limits.ID_BYTES
    assert len({len(message) for _, _, message in review.signed()}) == 1


# --- what they begin with -------------------------------------------------------------------------


def steps_of(text: str) -> list[SaidStep]:
    return list(play(text)[0].known.values())


def seeds_step() -> Iterator[bytes]:
    for text in TALKS:
        for each in steps_of(text):
            yield canonical.encode(each.step.to_body())


def seeds_fold() -> Iterator[bytes]:
    for text in TALKS:
        steps = steps_of(text)
        places = {each.id: id_of(at) for at, each in enumerate(steps)}
        entries = []
        for each in steps:
            body = each.step.to_body()
            if "re" in body:
                body["re"] = places[body["re"]]
            entries.append([each.author == ANA.public, each.ts_ms, body])
        yield canonical.encode(entries)


def seeds_review() -> Iterator[bytes]:
    owner, _ = Trader.two()
    terms = owner.parties.terms(DEAL, offer())
    proof = Proof.of(ANA.public, BEA.public, terms)
    assert Terms.from_bytes(terms.to_bytes()).record == RECORD
    for shown in (None, terms):
        for side, subject in (("seller", BEA), ("buyer", ANA)):
            signatures = [proof.sign(ANA), proof.sign(BEA)]
            body: dict[str, Any] = {
                "mark": "good",
                "proof": proof.to_list(),
                "side": side,
                "signatures": signatures,
                "subject": subject.public,
                "text": "시간을 지켜요",
            }
            yield canonical.encode(body | ({} if shown is None else {"terms": shown.to_bytes()}))


def mutate_talk(dice: random.Random, data: bytes) -> bytes:
    """Steps in another order, doubled, left out, of another number, side or time."""
    try:
        told = canonical.decode(data)
    except RemoteProtocolError:
        return by_value(dice, data)
    if type(told) is not list or not told or dice.random() < 0.1:
        return by_value(dice, data)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(told))
        entry = told[at]
        if type(entry) is not list or len(entry) != 3 or type(entry[2]) is not dict:
            continue
        match dice.randrange(6):
            case 0:
                told.insert(dice.randrange(len(told) + 1), entry)
            case 1:
                told[at] = [not entry[0], *entry[1:]]
            case 2:
                told[at] = [entry[0], NOW_MS + dice.choice([0, 10**9]), entry[2]]
            case 3:
                step = dice.choice([kind.value for kind in StepKind])
                told[at] = [*entry[:2], entry[2] | {"step": step}]
            case 4:
                told[at] = [*entry[:2], entry[2] | {"number": dice.randint(1, len(told) + 1)}]
            case _:
                told[at] = [*entry[:2], mutated(dice, entry[2])]
    try:
        return canonical.encode(told[: limits.ARRAY_ENTRIES_MAX])
    except LocalProtocolError:
        return by_value(dice, data)


TARGETS = [
    Target("deal-step", run_step, seeds_step, by_value),
    Target("deal", run_fold, seeds_fold, mutate_talk),
    Target("review", run_review, seeds_review, by_value),
]
