"""Reviews: only of a deal, once a side, blind until both or two weeks, with both's signatures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jangteo.cli.message_view import message_text
from jangteo.crypto.keys import AuthorKey
from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from jangteo.protocol.envelope import Header, author_record, open_record
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.kind import REVIEW
from jangteo.protocol.market import COMMONS
from jangteo.protocol.review import Review
from tests.cli_runner import Person
from tests.desk_maker import DAY_MS
from tests.market_maker import key
from tests.talk_maker import Talker, introduce, meet, talkers

Market = tuple[Talker, Talker, str]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """Ana has sold Bea a bike, and both say so."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        bea.call("offer", to=bike, price="900000")
        meet(ana, bea)
        ana.call("accept", to=bike)
        meet(ana, bea)
        ana.call("done", to=bike)
        bea.call("done", to=bike)
        meet(ana, bea)
        yield ana, bea, bike


def published(person: Talker) -> list[Review]:
    """Reviews that are public at somebody's."""
    records = [open_record(raw) for _, raw in person.store.iter_records()]
    return [Review.from_body(one.body or {}) for one in records if one.header.kind == REVIEW]


def test_they_are_shown_when_both_have_written(market: Market) -> None:
    ana, bea, bike = market
    first = ana.call("review", to=bike, mark="good", text="came on time")
    assert not first["published"]
    meet(ana, bea)
    assert published(bea) == published(ana) == []
    second = bea.call("review", to=bike, mark="good", text="as described")
    assert second["published"]
    meet(ana, bea)
    for person in (ana, bea):
        assert {(one.side, one.text) for one in published(person)} == {
            ("seller", "came on time"),
            ("buyer", "as described"),
        }


def test_a_room_and_a_listing_tell_what_can_be_read(market: Market) -> None:
    ana, bea, bike = market
    ana.call("review", to=bike, mark="good", text="came on time")
    meet(ana, bea)
    assert bea.last(bike)["published"] is False
    assert "shown when both have" in message_text(bea.last(bike))
    assert bea.call("show", id=bike)["seller"]["reviews"] == 0
    bea.call("review", to=bike, mark="good", text="as described")
    meet(ana, bea)
    for person in (ana, bea):
        for said in person.call("room", to=bike, limit=2)["messages"]:
            assert said["published"] is True
            assert f"person {said['subject'][:8]}" in message_text(said)
    assert bea.call("show", id=bike)["seller"]["reviews"] == 1
    seller = ana.key.public.hex()[:8]
    shown = Person(bea.home.path).types("show", bike).out
    assert f"1 review of them: `jangteo person {seller}`" in shown


def test_a_room_keeps_its_title_though_the_listing_is_gone(market: Market) -> None:
    ana, bea, bike = market
    ana.call("withdraw", id=bike)
    meet(ana, bea)
    assert bea.call("inbox")["rooms"][0]["title"] == "Road bike"


def test_or_after_two_weeks_though_the_other_never_writes(market: Market) -> None:
    ana, bea, bike = market
    ana.call("review", to=bike, mark="bad", text="hm")
    meet(ana, bea)
    for days, count in ((13, 0), (1, 1)):
        ana.moment.pass_ms(days * DAY_MS)
        bea.moment.pass_ms(days * DAY_MS)
        ana.tend()
        introduce(ana, bea)
        assert len(published(bea)) == count


def test_a_review_reveals_neither_listing_nor_price_unless_it_is_asked_to(market: Market) -> None:
    ana, bea, bike = market
    ana.call("review", to=bike, mark="good")
    meet(ana, bea)
    bea.call("review", to=bike, mark="good", reveal=True)
    meet(ana, bea)
    hidden, shown = sorted(published(ana), key=lambda one: one.side == "buyer")
    assert hidden.terms is None
    assert bytes.fromhex(bike) not in repr(hidden.to_body()).encode()
    assert shown.terms is not None
    assert (shown.terms.price.amount, shown.terms.listing.hex()) == (900_000, bike)


def test_one_side_reviews_once(market: Market) -> None:
    ana, _, bike = market
    ana.call("review", to=bike, mark="good")
    with pytest.raises(DeskError, match="already"):
        ana.call("review", to=bike, mark="bad")


def test_it_may_be_too_late(market: Market) -> None:
    ana, _, bike = market
    ana.moment.pass_ms(limits.REVIEW_LATE_MS + 1)
    with pytest.raises(DeskError, match="too late"):
        ana.call("review", to=bike, mark="good")


def test_no_deal_no_review(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        with pytest.raises(DeskError, match="no offer was made"):
            bea.call("review", to=bike, mark="good")
        bea.call("offer", to=bike, price="900000")
        with pytest.raises(DeskError, match="no deal"):
            bea.call("review", to=bike, mark="good")
        meet(ana, bea)
        ana.call("accept", to=bike)
        with pytest.raises(DeskError, match="not over"):
            ana.call("review", to=bike, mark="good")
        for arguments in ({"mark": "superb"}, {"mark": "good", "text": "x" * 1001}):
            with pytest.raises(DeskError):
                ana.call("review", to=bike, **arguments)


def forged(review: Review, author: AuthorKey, **changes: Any) -> Any:
    """A record of `author`'s with this review, or what stands in the way."""
    body = review.to_body() | changes
    header = Header(REVIEW, author.public, 1_760_000_000_000, COMMONS, review.thread, 1, False)
    return author_record(author, header, body)


def test_only_who_made_the_deal_reviews_it(market: Market) -> None:
    ana, bea, bike = market
    ana.call("review", to=bike, mark="good")
    meet(ana, bea)
    bea.call("review", to=bike, mark="good")
    meet(ana, bea)
    review = next(one for one in published(ana) if one.side == "seller")
    assert forged(review, key("ana")).body["mark"] == "good"
    with pytest.raises(LocalProtocolError, match="its author"):
        forged(review, key("eve"))
    bad = bytes(limits.SIGNATURE_BYTES)
    for signatures in ([review.seller_signature, bad], [bad, review.buyer_signature]):
        with pytest.raises(LocalProtocolError, match="signatures"):
            forged(review, key("ana"), signatures=signatures)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"mark": "superb"}, "R15.2"),
        ({"side": "judge"}, "R15.2"),
        ({"text": "x" * 1001}, "R15.2"),
        ({"subject": bytes(32)}, "R15.3"),
        ({"side": "buyer"}, "R15.3"),
        ({"signatures": []}, "R15.4"),
        ({"signatures": [b"", b""]}, "R15.4"),
        ({"proof": [bytes(32)] * 3}, "R14.6"),
        ({"proof": 5}, "R14.6"),
        ({"terms": b"other terms"}, "R15.5"),
        ({"terms": 5}, "R15.5"),
    ],
)
def test_what_is_no_review_is_refused(market: Market, changes: dict[str, Any], rule: str) -> None:
    ana, bea, bike = market
    ana.call("review", to=bike, mark="good")
    meet(ana, bea)
    bea.call("review", to=bike, mark="good")
    meet(ana, bea)
    review = next(one for one in published(ana) if one.side == "seller")
    with pytest.raises(RemoteProtocolError) as caught:
        Review.from_body(review.to_body() | changes)
    assert caught.value.rule == rule


def test_who_looks_at_a_person_sees_who_wrote_what_and_how_they_know_them(market: Market) -> None:
    ana, bea, bike = market
    ana.call("review", to=bike, mark="mixed", text="came late")
    meet(ana, bea)
    bea.call("review", to=bike, mark="good", text="as described", reveal=True)
    told = meet(ana, bea)
    assert told is not None
    seen = bea.call("person", author="ana")
    assert (seen["name"], seen["mine"], seen["contact"], seen["listings"]) == (
        "ana", False, False, 0,
    )  # fmt: skip
    assert [deal["title"] for deal in seen["deals"]] == ["Road bike"]
    (review,) = seen["reviews"]
    assert (review["mark"], review["known"], review["side"]) == ("good", "you", "buyer")
    assert review["price"] == {"amount": "900000", "currency": "KRW"}
    assert review["listing"] == bike
    (written,) = seen["written"]
    assert (written["subject"], written["price"]) == (bea.key.public.hex(), None)
    (of_bea,) = ana.call("person", author="bea")["reviews"]
    assert of_bea["known"] == "you"
    assert ana.call("person")["reviews"][0]["known"] == "dealt"
    ana.call("keep", author="bea", note="on time")
    assert ana.call("person")["reviews"][0]["known"] == "contact"
    assert ana.call("person", author="bea")["note"] == "on time"
    for each in (ana, bea):
        assert each.store.check_views() == []
        before = each.call("person", author="ana")
        each.store.reindex()
        assert each.call("person", author="ana") == before
    ana.call("block", author="bea")
    assert ana.call("person")["reviews"] == []
    assert ana.call("person", author="bea")["blocked"]
    assert ana.store.check_views() == []


def test_only_the_latest_reviews_are_read(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bea, bike = market
    for person in (ana, bea):
        person.call("review", to=bike, mark="good", text=".")
        meet(ana, bea)
    assert len(ana.store.reviews.of_subject(ana.key.public)) == 1
    monkeypatch.setattr(limits, "REVIEWS_SHOWN_MAX", 0)
    assert ana.store.reviews.of_subject(ana.key.public) == []


def test_a_review_of_oneself_is_noted(market: Market) -> None:
    ana, bea, bike = market
    ana.call("look-out")
    for person in (bea, ana):
        person.call("review", to=bike, mark="bad", text="scratched")
        meet(ana, bea)
    (told,) = ana.call("look-out")["happenings"]
    assert (told["event"], told["kind"], told["name"], told["mark"]) == (
        "notification", "review", "bea", "bad",
    )  # fmt: skip
    assert ana.call("look-out")["happenings"] == []


def test_a_person_that_nobody_knows_is_told(market: Market) -> None:
    with pytest.raises(DeskError, match="nobody known here") as caught:
        market[0].call("person", author="Zoe")
    assert caught.value.exit_code == 3


def test_a_commit_that_comes_before_the_deal_is_known_counts(tmp_path: Path) -> None:
    """As when the letters come in another order, or the listing comes last."""
    with talkers(tmp_path, "ana", "bea") as (ana, bea):
        bike = ana.sell("Road bike", "950000 KRW")
        introduce(ana, bea)
        known = {letter.id for letter in bea.letters()}
        offered = bea.call("offer", to=bike, price="900000")["deal"]
        (offer,) = (letter for letter in bea.letters() if letter.id not in known)
        commit = {"commit": bytes(32), "deal": bytes.fromhex(offered["deal"])}
        with bea.pen().transaction():
            bea.post().say(ana.key.public, bytes.fromhex(bike), "review", commit)
        early = [each for each in bea.letters() if each.id not in known | {offer.id}]
        ana.gets(early)
        ana.opens()
        ana.gets([offer])
        ana.opens()
        ana.call("accept", to=bike)
        meet(ana, bea)
        ana.call("done", to=bike)
        bea.call("done", to=bike)
        meet(ana, bea)
        assert ana.call("review", to=bike, mark="good")["published"]


def test_a_review_that_is_not_what_was_committed_to_is_told(market: Market) -> None:
    ana, bea, bike = market

    def told() -> object:
        (deal,) = ana.call("deals", to=bike)["deals"]
        return deal["their_review"]

    assert told() is None
    bea.call("review", to=bike, mark="good")
    meet(ana, bea)
    assert told() == "committed"
    ana.call("review", to=bike, mark="bad")
    meet(ana, bea)
    assert told() == "published"
    (row,) = ana.store.deals.deals()
    kept = ana.store.reviews.of_deal(row.id)
    assert kept is not None
    with ana.store.write(durable=True):
        ana.store.reviews.put(replace(kept, theirs=bytes(32)))
    assert told() == "changed"


def test_a_deal_says_whether_it_waits_for_ones_review(market: Market) -> None:
    ana, bea, bike = market

    def told() -> object:
        (deal,) = ana.call("deals", to=bike)["deals"]
        return deal["may_review"], deal["my_review"]

    assert told() == (True, None)
    ana.call("review", to=bike, mark="good")
    assert told() == (False, "kept")
    meet(ana, bea)
    bea.call("review", to=bike, mark="good")
    meet(ana, bea)
    assert told() == (False, "published")


def test_a_review_that_is_too_late_is_not_waited_for(market: Market) -> None:
    ana, _, bike = market
    (deal,) = ana.call("deals", to=bike)["deals"]
    assert deal["may_review"]
    ana.moment.pass_ms(limits.REVIEW_LATE_MS + 1)
    (deal,) = ana.call("deals", to=bike)["deals"]
    assert not deal["may_review"]
