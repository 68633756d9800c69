"""Makes deals.json: steps of deals, what they come to, proofs and reviews; and those that break a
rule. Deterministic: fixed keys, no clock, no dice.

`steps` and `bad_steps` are bodies (canonical bytes, in hex). In `deals` each step is [author, time,
message id, body], in an order in which they may have come. `reviews` and `bad_reviews` are records.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jangteo.crypto.digest import sha256
from jangteo.crypto.keys import AuthorKey
from jangteo.protocol import canonical, limits
from jangteo.protocol.deal import Parties, SaidStep, fold
from jangteo.protocol.deal_step import Offer, Step, StepKind
from jangteo.protocol.kind import REVIEW
from jangteo.protocol.market import COMMONS
from jangteo.protocol.message import DEAL, author_message
from jangteo.protocol.money import Price
from jangteo.protocol.review import Review, commit_of

Vector = dict[str, Any]

ANA = AuthorKey.from_seed(bytes(range(32)))
BEA = AuthorKey.from_seed(bytes(range(32, 64)))
EVE = AuthorKey.from_seed(bytes(range(64, 96)))
LISTING = sha256(b"a listing")
RECORD = sha256(b"its revision")
DEAL_ID = bytes(range(16))
TS_MS = 1_767_225_600_000
PARTIES = Parties(ANA.public, BEA.public, "sell", LISTING)
RECORD_DOMAIN = b"jangteo/record/1\x00"


def terms(amount: int = 900_000, salt: int = 1) -> Offer:
    end_ms = TS_MS + limits.OFFER_MS_DEFAULT
    price = Price(amount, "KRW")
    return Offer(RECORD, price, 1, end_ms, salt.to_bytes(16, "big"), "오늘 저녁?")


def said(key: AuthorKey, step: Step, ts_ms: int = TS_MS) -> SaidStep:
    person = BEA.public if key is ANA else ANA.public
    message = author_message(key, person, ts_ms, LISTING, DEAL, step.to_body())
    return SaidStep(message.id, key.public, ts_ms, step)


def offers(key: AuthorKey, number: int, amount: int = 900_000, signer: AuthorKey = BEA) -> SaidStep:
    offer = terms(amount, number)
    signature = b"" if key is ANA else PARTIES.proof(DEAL_ID, offer).sign(signer)
    return said(key, Step(DEAL_ID, StepKind.OFFER, number, b"", offer, signature))


def answers(
    key: AuthorKey,
    kind: StepKind,
    number: int,
    about: SaidStep,
    ts_ms: int = TS_MS,
    reason: str = "",
) -> SaidStep:
    signature = b""
    if kind in (StepKind.ACCEPT, StepKind.CONFIRM):
        assert about.step.offer
        signature = PARTIES.proof(DEAL_ID, about.step.offer).sign(key)
    step = Step(DEAL_ID, kind, number, about.id, None, signature, reason)
    return said(key, step, ts_ms)


def says(key: AuthorKey, kind: StepKind, number: int, reason: str = "") -> SaidStep:
    return said(key, Step(DEAL_ID, kind, number, reason=reason))


OFFER = offers(BEA, 1)
COUNTER = offers(ANA, 2, 920_000)
ACCEPT = answers(BEA, StepKind.ACCEPT, 3, COUNTER)
CONFIRM = answers(ANA, StepKind.CONFIRM, 4, COUNTER)
HANDED = says(ANA, StepKind.HANDED, 5)
RECEIVED = says(BEA, StepKind.RECEIVED, 6)
END_MS = TS_MS + limits.OFFER_MS_DEFAULT


def body(step: SaidStep) -> str:
    return canonical.encode(step.step.to_body()).hex()


def steps() -> list[Vector]:
    named = [
        ("offer", OFFER),
        ("counter", COUNTER),
        ("accept", ACCEPT),
        ("confirm", CONFIRM),
        ("decline", answers(ANA, StepKind.DECLINE, 2, OFFER, reason="sold")),
        ("retract", answers(BEA, StepKind.RETRACT, 2, OFFER)),
        ("handed", HANDED),
        ("received", RECEIVED),
        ("cancel", says(BEA, StepKind.CANCEL, 5, "it does not fit")),
        ("noshow", says(ANA, StepKind.NOSHOW, limits.DEAL_STEPS_MAX)),
    ]
    return [
        {"name": name, "body": body(each), "step": each.step.kind.value, "number": each.step.number}
        for name, each in named
    ]


def bad_steps() -> list[Vector]:
    offer, accept = OFFER.step.to_body(), ACCEPT.step.to_body()
    cases: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("deal-short", "R14.1", offer, {"deal": bytes(15)}),
        ("step-unknown", "R14.1", offer, {"step": "haggle"}),
        ("step-no-text", "R14.1", offer, {"step": 1}),
        ("number-0", "R14.2", offer, {"number": 0}),
        ("number-too-large", "R14.2", offer, {"number": limits.DEAL_STEPS_MAX + 1}),
        ("number-bool", "R14.2", offer, {"number": True}),
        ("record-short", "R14.3", offer, {"record": bytes(31)}),
        ("price-shape", "R14.3", offer, {"price": [5]}),
        ("price-negative", "R14.3", offer, {"price": [-5, "KRW"]}),
        ("price-of-no-currency", "R14.3", offer, {"price": [5, "ZZZ"]}),
        ("quantity-0", "R14.3", offer, {"quantity": 0}),
        ("quantity-too-large", "R14.3", offer, {"quantity": limits.QUANTITY_MAX + 1}),
        ("expires-negative", "R14.3", offer, {"expires": -1}),
        ("salt-short", "R14.3", offer, {"salt": bytes(15)}),
        ("note-long", "R14.3", offer, {"note": "a" * (limits.OFFER_NOTE_CHARS_MAX + 1)}),
        ("re-missing", "R14.4", accept, {"re": ...}),
        ("re-short", "R14.4", accept, {"re": bytes(31)}),
        ("re-of-a-counter", "R14.4", offer, {"re": bytes(31)}),
        ("signature-missing", "R14.5", accept, {"signature": ...}),
        ("signature-short", "R14.5", accept, {"signature": bytes(63)}),
        ("signature-of-an-offer", "R14.5", offer, {"signature": bytes(63)}),
    ]
    return [
        {"name": name, "breaks": rule, "body": canonical.encode(changed(whole, changes)).hex()}
        for name, rule, whole, changes in cases
    ]


def changed(whole: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def deals() -> list[Vector]:
    done = [OFFER, COUNTER, ACCEPT, CONFIRM, HANDED, RECEIVED]
    late = answers(ANA, StepKind.CONFIRM, 2, OFFER, END_MS + 1)
    in_time = answers(ANA, StepKind.CONFIRM, 2, OFFER, END_MS)
    retract = answers(BEA, StepKind.RETRACT, 2, OFFER)
    second = offers(BEA, 2, 910_000)
    unsigned = answers(ANA, StepKind.CONFIRM, 3, COUNTER)
    cases: list[tuple[str, str, Sequence[SaidStep]]] = [
        ("done", "from the first offer to the end", done),
        ("done-reversed", "any order is the same", done[::-1]),
        ("done-doubled", "and any repetition", done + done),
        ("waits", "the second step has not come yet", [OFFER, ACCEPT, CONFIRM]),
        ("in-time", "confirmed in the last millisecond", [OFFER, in_time]),
        ("late", "confirmed after the offer's end", [OFFER, late]),
        ("retract-crosses-confirm", "a confirmation is not undone", [retract, in_time, OFFER]),
        (
            "smaller-number-later",
            "nor by an offer that names a smaller number",
            [*done[:4], offers(BEA, 2, 1)],
        ),
        (
            "confirmed-twice",
            "the first in the order counts",
            [OFFER, second, in_time, answers(ANA, StepKind.CONFIRM, 3, second)],
        ),
        ("forged-offer", "signed by another", [offers(BEA, 1, signer=EVE)]),
        ("not-accepted", "the guest has not signed the counter", [OFFER, COUNTER, unsigned]),
        (
            "guest-confirms",
            "only the owner does",
            [OFFER, answers(BEA, StepKind.CONFIRM, 2, OFFER)],
        ),
        (
            "declined-other",
            "not the offer that stands",
            [OFFER, second, answers(ANA, StepKind.DECLINE, 3, OFFER)],
        ),
        ("noshow-alone", "one side's word", [*done[:4], says(ANA, StepKind.NOSHOW, 5)]),
        ("cancel-and-done", "both say that it is done", [*done, says(BEA, StepKind.CANCEL, 5)]),
        ("greatest-number", "uses nothing up", [OFFER, says(BEA, StepKind.CANCEL, 200), in_time]),
    ]
    vectors = []
    for name, why, told in cases:
        deal = fold(DEAL_ID, PARTIES, told)
        vectors.append(
            {
                "name": name,
                "why": why,
                "owner": ANA.public.hex(),
                "guest": BEA.public.hex(),
                "side": PARTIES.side,
                "listing": LISTING.hex(),
                "deal": DEAL_ID.hex(),
                "said": [
                    [each.author.hex(), each.ts_ms, each.id.hex(), body(each)] for each in told
                ],
                "state": deal.state.value,
                "next_number": deal.next_number,
                "void": [each.hex() for each in deal.void],
                "waiting": [each.hex() for each in deal.waiting],
                "confirmed": None if deal.confirm is None else deal.confirm.step.re.hex(),
            }
        )
    return vectors


def proof_vector() -> Vector:
    assert COUNTER.step.offer
    agreed = PARTIES.terms(DEAL_ID, COUNTER.step.offer)
    proof = PARTIES.proof(DEAL_ID, COUNTER.step.offer)
    return {
        "terms": agreed.to_bytes().hex(),
        "terms_hash": proof.terms_hash.hex(),
        "seller": proof.seller.hex(),
        "buyer": proof.buyer.hex(),
        "id": proof.id.hex(),
        "signed": proof.signed_bytes.hex(),
        "seller_signature": proof.sign(ANA).hex(),
        "buyer_signature": proof.sign(BEA).hex(),
    }


def bad_terms() -> list[Vector]:
    assert COUNTER.step.offer
    whole = canonical.decode(PARTIES.terms(DEAL_ID, COUNTER.step.offer).to_bytes())
    cases: list[tuple[str, int, Any]] = [
        ("terms-version", 0, 2),
        ("terms-version-bool", 0, True),
        ("terms-deal", 1, bytes(15)),
        ("terms-listing", 2, bytes(31)),
        ("terms-record", 3, "record"),
        ("terms-price-shape", 4, [5]),
        ("terms-price-map", 4, {"amount": 5}),
        ("terms-amount", 4, ["5", "KRW"]),
        ("terms-amount-bool", 4, [True, "KRW"]),
        ("terms-currency", 4, [5, 410]),
        ("terms-price", 4, [-5, "KRW"]),
        ("terms-quantity-0", 5, 0),
        ("terms-quantity", 5, limits.QUANTITY_MAX + 1),
        ("terms-quantity-bool", 5, True),
        ("terms-salt", 6, bytes(17)),
    ]
    told = [(name, [*whole[:at], value, *whole[at + 1 :]]) for name, at, value in cases]
    told += [("terms-a-field-less", whole[:-1]), ("terms-no-array", {"a": 1})]
    return [
        {"name": name, "breaks": "R14.7", "terms": canonical.encode(value).hex()}
        for name, value in told
    ]


def review(*, reveals: bool = False) -> Review:
    assert COUNTER.step.offer
    proof = PARTIES.proof(DEAL_ID, COUNTER.step.offer)
    agreed = PARTIES.terms(DEAL_ID, COUNTER.step.offer) if reveals else None
    return Review(
        ANA.public,
        "buyer",
        "good",
        "시간을 지켜요",
        proof,
        proof.sign(ANA),
        proof.sign(BEA),
        agreed,
    )


def record(told: Any, *, key: AuthorKey = BEA, market: str = COMMONS, thread: bytes = b"") -> str:
    head = [1, REVIEW, key.public, TS_MS, market, thread or review().thread, TS_MS // 1000]
    payload = canonical.encode([*head, told])
    return (payload + key.sign(RECORD_DOMAIN + sha256(payload))).hex()


def reviews() -> list[Vector]:
    return [
        {
            "name": name,
            "raw": record(each.to_body()),
            "subject": each.subject.hex(),
            "thread": each.thread.hex(),
            "commit": commit_of(each.to_body()).hex(),
        }
        for name, each in (("review", review()), ("review-with-terms", review(reveals=True)))
    ]


def bad_reviews() -> list[Vector]:
    whole = review().to_body()
    shown = review(reveals=True).to_body()
    seller, buyer, terms_hash = whole["proof"]
    signatures = whole["signatures"]
    bad = bytes(limits.SIGNATURE_BYTES)
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("mark-unknown", "R15.2", {"mark": "superb"}),
        ("side-unknown", "R15.2", {"side": "judge"}),
        ("text-long", "R15.2", {"text": "a" * (limits.REVIEW_CHARS_MAX + 1)}),
        ("subject-another", "R15.3", {"subject": EVE.public}),
        ("subject-oneself", "R15.3", {"subject": BEA.public}),
        ("side-of-the-other", "R15.1", {"side": "seller", "subject": BEA.public}),
        ("proof-of-others", "R15.1", {"proof": [seller, EVE.public, terms_hash]}),
        ("proof-shape", "R14.6", {"proof": [seller, buyer]}),
        ("proof-short-key", "R14.6", {"proof": [seller, buyer[1:], terms_hash]}),
        ("proof-with-oneself", "R14.6", {"proof": [buyer, buyer, terms_hash]}),
        ("proof-of-another-deal", "R15.1", {"proof": [seller, buyer, bytes(32)]}),
        ("signatures-one", "R15.4", {"signatures": signatures[:1]}),
        ("signature-short", "R15.4", {"signatures": [signatures[0], bytes(63)]}),
        ("seller-has-not-signed", "R2.5", {"signatures": [bad, signatures[1]]}),
        ("buyer-has-not-signed", "R2.5", {"signatures": [signatures[0], bad]}),
        ("signatures-swapped", "R2.5", {"signatures": signatures[::-1]}),
        ("terms-of-another", "R15.5", {"terms": shown["terms"][:-1] + b"\x00"}),
    ]
    vectors = [
        {"name": name, "breaks": rule, "raw": record(whole | changes)}
        for name, rule, changes in cases
    ]
    for name, raw in (
        ("review-elsewhere", record(whole, market="open")),
        ("review-thread", record(whole, thread=bytes(16))),
        ("review-of-another-author", record(whole, key=EVE)),
    ):
        vectors.append({"name": name, "breaks": "R15.1", "raw": raw})
    return vectors


def all_of_them() -> dict[str, Any]:
    return {
        "steps": steps(),
        "bad_steps": bad_steps(),
        "deals": deals(),
        "proof": proof_vector(),
        "bad_terms": bad_terms(),
        "reviews": reviews(),
        "bad_reviews": bad_reviews(),
    }


def main() -> None:
    text = json.dumps(all_of_them(), ensure_ascii=False, indent=1) + "\n"
    Path(__file__).with_name("deals.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
