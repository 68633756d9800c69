"""Favourites, followed sellers and saved searches, and what is told of them: once each, and nothing
missed while nobody looked."""

from pathlib import Path
from typing import Any

import pytest

from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from tests.desk_maker import Stall, stall
from tests.talk_maker import Talker, introduce, talkers


def looks(person: Stall) -> list[dict[str, Any]]:
    """What the running node would tell now."""
    return list(person.call("look-out")["happenings"])


def kinds(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["kind"], each["title"]) for each in told]


def met(tmp_path: Path) -> Any:
    return talkers(tmp_path, "ana", "bea")


def comes(seller: Talker, buyer: Talker, title: str, price: str = "1000 KRW") -> str:
    listing = seller.sell(title, price)
    introduce(seller, buyer)
    return listing


def test_what_was_there_before_is_no_news(tmp_path: Path) -> None:
    with met(tmp_path) as (ana, bea):
        comes(ana, bea, "Road bike")
        bea.call("follow", author="ana")
        assert looks(bea) == []


def test_a_followed_seller_s_new_listing_is_told_once(tmp_path: Path) -> None:
    with met(tmp_path) as (ana, bea):
        looks(bea)
        bea.call("follow", author="ana")
        comes(ana, bea, "Road bike")
        assert kinds(looks(bea)) == [("follow", "Road bike")]
        assert looks(bea) == []
        bea.call("follow", author="ana", on=False)
        comes(ana, bea, "Lamp")
        assert looks(bea) == []


def test_a_saved_search_tells_of_what_fits(tmp_path: Path) -> None:
    with met(tmp_path) as (ana, bea):
        looks(bea)
        bea.call("save", name="bikes", query={"text": "bike", "max_price": "500000 KRW"})
        comes(ana, bea, "Road bike", "400000 KRW")
        comes(ana, bea, "Golden bike", "900000 KRW")
        comes(ana, bea, "Lamp")
        bea.sell("My own bike", "100 KRW")
        (told,) = looks(bea)
        assert (told["saved"], told["title"]) == ("bikes", "Road bike")
        bea.call("unsave", name="bikes")
        comes(ana, bea, "Another bike")
        assert looks(bea) == []


def test_many_at_once_are_summed_up(tmp_path: Path) -> None:
    with met(tmp_path) as (ana, bea):
        looks(bea)
        bea.call("save", name="jars", query={"text": "jar"})
        for number in range(8):
            ana.sell(f"Jar {number}")
        introduce(ana, bea)
        (told,) = looks(bea)
        assert told["count"] == 8


@pytest.mark.parametrize(
    ("verb", "arguments", "status"),
    [
        ("edit", {"price": "900 KRW"}, "active"),
        ("reserve", {}, "reserved"),
        ("sold", {}, "sold"),
        ("withdraw", {}, "withdrawn"),
    ],
)
def test_a_favourite_s_change_is_told(
    tmp_path: Path, verb: str, arguments: dict[str, Any], status: str
) -> None:
    with met(tmp_path) as (ana, bea):
        bike = comes(ana, bea, "Road bike")
        looks(bea)
        assert bea.call("favour", id=bike[:8])["changed"]
        ana.call(verb, id=bike, **arguments)
        introduce(ana, bea)
        (told,) = looks(bea)
        assert (told["kind"], told["status"]) == ("favourite", status)
        assert told["title"] == "Road bike"
        if status != "withdrawn":  # of which nothing is left but that
            assert told["before"] == {"amount": "1000", "currency": "KRW"}
        assert bea.call("favourites")["rows"][0]["status"] == status


def test_a_favourite_that_is_renewed_is_no_news(tmp_path: Path) -> None:
    with met(tmp_path) as (ana, bea):
        bike = comes(ana, bea, "Road bike")
        looks(bea)
        bea.call("favour", id=bike)
        ana.call("edit", id=bike, tags=["fast"])
        introduce(ana, bea)
        assert looks(bea) == []


def test_what_came_while_nobody_looked_is_told_later(tmp_path: Path) -> None:
    with met(tmp_path) as (ana, bea):
        bea.call("follow", author="ana")
        looks(bea)
        comes(ana, bea, "Road bike")
        bea.close()
        again = Talker(tmp_path, "bea")
        assert kinds(looks(again)) == [("follow", "Road bike")]
        (note,) = again.call("notifications")["notifications"]
        assert not note["seen"]
        again.call("see", up_to=note["id"])
        assert again.call("notifications")["notifications"] == []
        assert len(again.call("notifications", all=True)["notifications"]) == 1
        bea.store = again.store


def test_of_too_many_notifications_the_seen_ones_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTIFICATIONS_MAX", 4)
    with stall(tmp_path) as ana, ana.store.write(durable=False):
        wishes = ana.store.wishes
        for number in range(3):
            wishes.notify("test", {"number": number}, number)
        wishes.see(wishes.notifications(count_max=9, with_seen=True)[0].rid)
        for number in range(3, 6):
            wishes.notify("test", {"number": number}, number)
        left = wishes.notifications(count_max=9, with_seen=True)
        assert [note.about["number"] for note in left] == [5, 4, 3, 2]
        assert wishes.dropped_count() == 0
        wishes.notify("test", {"number": 6}, 6)
        wishes.notify("test", {"number": 7}, 7)
        assert wishes.dropped_count() == 1  # the one that was seen went first
        wishes.see(wishes.notifications(count_max=1, with_seen=True)[0].rid)
        assert wishes.dropped_count() == 0


@pytest.mark.parametrize(
    ("bound", "verb", "one", "other"),
    [
        ("FOLLOWS_MAX", "follow", {"author": "ana"}, {"author": "cho"}),
        (
            "SAVED_SEARCHES_MAX",
            "save",
            {"name": "a", "query": {"text": "a"}},
            {"name": "b", "query": {"text": "b"}},
        ),
    ],
)
def test_there_is_an_end_to_what_is_kept_an_eye_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    verb: str,
    one: dict[str, Any],
    other: dict[str, Any],
) -> None:
    monkeypatch.setattr(limits, bound, 1)
    with talkers(tmp_path, "ana", "bea", "cho") as (_, bea, _):
        assert bea.call(verb, **one)["changed"]
        assert not bea.call(verb, **one)["changed"]
        with pytest.raises(DeskError, match="at most 1"):
            bea.call(verb, **other)


def test_there_is_an_end_to_favourites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FAVOURITES_MAX", 1)
    with met(tmp_path) as (ana, bea):
        first, second = comes(ana, bea, "Road bike"), comes(ana, bea, "Lamp")
        bea.call("favour", id=first)
        with pytest.raises(DeskError, match="at most 1"):
            bea.call("favour", id=second)
        bea.call("unfavour", id=first)
        assert bea.call("favour", id=second)["changed"]


@pytest.mark.parametrize(
    ("verb", "arguments", "message"),
    [
        ("favour", {"id": "0123"}, "no listing here"),
        ("unfavour", {"id": "0123"}, "none of your favourites"),
        ("follow", {"author": "bea"}, "that is you"),
        ("follow", {"author": "nobody"}, "nobody known"),
        ("save", {"name": " ", "query": {"text": "x"}}, "1 to 40"),
        ("save", {"name": "x" * 41, "query": {"text": "x"}}, "1 to 40"),
        ("save", {"name": "x", "query": {}}, "looks for something"),
        ("save", {"name": "x", "query": {"colour": "red"}}, "knows no colour"),
        ("save", {"name": "x", "query": {"max_price": "much"}}, "price"),
        ("save", {"name": "x", "query": 5}, "what a search is asked with"),
        ("saved", {"name": "x"}, "no search is saved"),
        ("unsave", {"name": "x"}, "no search is saved"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, verb: str, arguments: dict[str, Any], message: str
) -> None:
    with met(tmp_path) as (_, bea), pytest.raises(DeskError, match=message):
        bea.call(verb, **arguments)


def test_a_question_is_told_to_the_seller_and_its_answer_to_who_asked(tmp_path: Path) -> None:
    with talkers(tmp_path, "ana", "bea", "cho") as (ana, bea, cho):
        bike = ana.sell("Road bike")
        introduce(ana, bea, cho)
        for each in (ana, bea, cho):
            looks(each)
        asked = bea.call("ask", id=bike, text="What size is the frame?")
        introduce(ana, bea, cho)
        (told,) = looks(ana)
        assert (told["kind"], told["title"], told["text"], told["name"]) == (
            "question", "Road bike", "What size is the frame?", "bea",
        )  # fmt: skip
        assert looks(bea) == looks(cho) == []
        ana.call("answer", id=asked["question"]["id"], text="54 cm")
        introduce(ana, bea, cho)
        (told,) = looks(bea)
        assert (told["kind"], told["text"]) == ("answer", "54 cm")
        assert looks(ana) == looks(cho) == []
