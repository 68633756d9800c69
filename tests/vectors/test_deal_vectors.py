"""The vectors of deals and reviews are what their generator makes, and are read as they say."""

import importlib.util
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from jangteo.crypto.keys import is_signature
from jangteo.node.opener_process import ANSWER_HEAD, answer_from, request, serve
from jangteo.protocol import canonical
from jangteo.protocol.deal import Parties, SaidStep, fold
from jangteo.protocol.deal_step import Step
from jangteo.protocol.envelope import open_record
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.proof import Proof, Terms
from jangteo.protocol.review import Review, commit_of

HERE = Path(__file__).parent
VECTORS: dict[str, Any] = json.loads((HERE / "deals.json").read_text(encoding="utf-8"))


def each(kind: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=lambda vector: vector["name"])


def test_the_committed_vectors_are_what_the_generator_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_deals", HERE / "make_deals.py")
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.all_of_them() == VECTORS


@each("steps")
def test_a_step_is_read_as_the_vector_says(vector: dict[str, Any]) -> None:
    body = canonical.decode(bytes.fromhex(vector["body"]))
    step = Step.from_body(body)
    assert (step.kind.value, step.number) == (vector["step"], vector["number"])
    assert step.to_body() == body


@each("bad_steps")
def test_a_bad_step_breaks_the_rule_the_vector_names(vector: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Step.from_body(canonical.decode(bytes.fromhex(vector["body"])))
    assert caught.value.rule == vector["breaks"]


@each("deals")
def test_steps_come_to_what_the_vector_says(vector: dict[str, Any]) -> None:
    owner, guest, listing = (bytes.fromhex(vector[name]) for name in ("owner", "guest", "listing"))
    said = [
        SaidStep(
            bytes.fromhex(told),
            bytes.fromhex(author),
            ts_ms,
            Step.from_body(canonical.decode(bytes.fromhex(body))),
        )
        for author, ts_ms, told, body in vector["said"]
    ]
    parties = Parties(owner, guest, vector["side"], listing)
    deal = fold(bytes.fromhex(vector["deal"]), parties, said)
    assert (deal.state.value, deal.next_number) == (vector["state"], vector["next_number"])
    assert [one.hex() for one in deal.void] == vector["void"]
    assert [one.hex() for one in deal.waiting] == vector["waiting"]
    confirmed = None if deal.confirm is None else deal.confirm.step.re.hex()
    assert confirmed == vector["confirmed"]


def test_a_proof_is_made_of_terms_as_the_vector_says() -> None:
    vector = {name: bytes.fromhex(value) for name, value in VECTORS["proof"].items()}
    terms = Terms.from_bytes(vector["terms"])
    assert terms.to_bytes() == vector["terms"]
    proof = Proof.of(vector["seller"], vector["buyer"], terms)
    assert (proof.terms_hash, proof.id) == (vector["terms_hash"], vector["id"])
    assert proof.signed_bytes == vector["signed"]
    for side in ("seller", "buyer"):
        assert is_signature(vector[side], vector[f"{side}_signature"], vector["signed"])
        assert proof.is_signed(vector[side], vector[f"{side}_signature"])
    assert not proof.is_signed(vector["seller"], vector["buyer_signature"])


@each("bad_terms")
def test_bad_terms_break_the_rule_the_vector_names(vector: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Terms.from_bytes(bytes.fromhex(vector["terms"]))
    assert caught.value.rule == vector["breaks"]


@each("reviews")
def test_a_review_is_read_as_the_vector_says(vector: dict[str, Any]) -> None:
    record = open_record(bytes.fromhex(vector["raw"]))
    review = Review.from_body(record.body or {})
    assert review.subject.hex() == vector["subject"]
    assert review.thread.hex() == record.header.thread.hex() == vector["thread"]
    assert commit_of(record.body or {}).hex() == vector["commit"]
    assert review.to_body() == record.body


@each("bad_reviews")
def test_a_bad_review_breaks_the_rule_the_vector_names(vector: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        open_record(bytes.fromhex(vector["raw"]))
    assert caught.value.rule == vector["breaks"]


def test_the_process_beside_the_node_opens_reviews_by_the_same_rules() -> None:
    good, bad = VECTORS["reviews"], VECTORS["bad_reviews"]
    answers = BytesIO()
    serve(BytesIO(request([bytes.fromhex(one["raw"]) for one in (*good, *bad)])), answers)
    told = answer_from(answers.getvalue()[ANSWER_HEAD.size :])
    assert told == [True] * len(good) + [False] * len(bad)
