"""Questions and answers: what their bodies may be, how they are shown, and the desk's words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.desk_error import DeskError
from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.kind import ANSWER, QUESTION
from jangteo.protocol.remark import Remark
from jangteo.protocol.schema import check
from tests.desk_maker import DAY_MS, Stall, stall
from tests.market_maker import NOW_MS, Seller, public_id

ID = bytes(32)
LONG = "x" * limits.REMARK_CHARS_MAX


@pytest.mark.parametrize(
    ("kind", "market", "body", "rule"),
    [
        (QUESTION, "open", {"text": "?"}, "R8.10"),
        (QUESTION, "open", {"listing": ID[:-1], "text": "?"}, "R8.10"),
        (QUESTION, "open", {"listing": "x" * 32, "text": "?"}, "R8.10"),
        (QUESTION, "open", {"listing": ID, "text": LONG + "x"}, "R8.10"),
        (QUESTION, "open", {"listing": ID, "text": " \u3000\n"}, "R8.10"),
        (QUESTION, "open", {"listing": ID, "text": b"?"}, "R8.10"),
        (ANSWER, "open", {"listing": ID, "text": "!"}, "R8.11"),
        (ANSWER, "open", {"listing": ID, "question": b"", "text": "!"}, "R8.11"),
        (ANSWER, "open", {"listing": ID, "question": ID, "text": ""}, "R8.11"),
        (QUESTION, "commons", {"listing": ID, "text": "?"}, "R8.12"),
        (ANSWER, "commons", None, "R8.12"),
    ],
)
def test_what_is_no_question_and_no_answer(
    kind: int, market: str, body: dict[str, Any] | None, rule: str
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check(kind, ID, market, bytes(16), NOW_MS, body)
    assert caught.value.rule == rule


def test_a_body_says_again_what_it_was_made_from() -> None:
    for remark in (Remark(ID, LONG), Remark(ID, "예", ID)):
        again = Remark.from_body(remark.to_body(), is_answer=bool(remark.question))
        assert again == remark
    later = {"listing": ID, "text": "?", "question": 5, "colour": "red"}
    assert Remark.from_body(later, is_answer=False) == Remark(ID, "?")


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ana") as made:
        yield made


@pytest.fixture
def ben(tmp_path: Path) -> Iterator[Stall]:
    with stall(tmp_path, "ben") as made:
        yield made


def bring(one: Stall, other: Stall) -> None:
    one.give(other, one.desk.take_published())


def test_who_asks_and_who_answers_read_the_same(ana: Stall, ben: Stall) -> None:
    ben.call("profile", name="Ben")
    lamp = ana.sell("Lamp")
    bring(ana, ben)
    asked = ben.call("ask", id=lamp[:8], text="  Does it\nwork? ")
    assert (asked["question"]["text"], asked["changed"]) == ("Does it\nwork?", True)
    assert asked["listing"] == {"id": lamp, "title": "Lamp"}
    assert not ben.call("ask", id=lamp, text="Does it\nwork?")["changed"]
    bring(ben, ana)
    (question,) = ana.call("show", id=lamp)["questions"]
    assert (question["name"], question["mine"], question["answers"]) == ("Ben", False, [])
    told = ana.call("answer", id=question["id"][:6], text="It does.")
    assert told["answer"]["is_seller"]
    assert not ana.call("answer", id=question["id"], text="It does.")["changed"]
    ben.call("answer", id=question["id"], text="thanks")
    bring(ana, ben)
    bring(ben, ana)
    (here,), (there,) = (each.call("show", id=lamp)["questions"] for each in (ana, ben))
    assert {(a["text"], a["is_seller"]) for a in here["answers"]} == {
        ("It does.", True), ("thanks", False),
    }  # fmt: skip
    assert there["mine"]
    assert {a["id"] for a in here["answers"]} == {a["id"] for a in there["answers"]}


def test_what_is_taken_back_is_gone_with_its_answers(ana: Stall, ben: Stall) -> None:
    lamp = ana.sell("Lamp")
    bring(ana, ben)
    question = ben.call("ask", id=lamp, text="Old?")["question"]["id"]
    bring(ben, ana)
    answer = ana.call("answer", id=question, text="No.")["answer"]["id"]
    with pytest.raises(DeskError, match="only its author can take it back"):
        ana.call("unask", id=question)
    assert ana.call("unask", id=answer)["kind"] == "answer"
    (shown,) = ana.call("show", id=lamp)["questions"]
    assert shown["answers"] == []
    assert ben.call("unask", id=question)["text"] == "Old?"
    bring(ben, ana)
    assert ana.call("show", id=lamp)["questions"] == []
    assert ana.store.check_views() == []


def test_only_what_belongs_to_the_listing_is_shown(ana: Stall) -> None:
    lamp = bytes.fromhex(ana.sell("Lamp"))
    desk = bytes.fromhex(ana.sell("Desk"))
    cho = Seller.named("cho")
    with ana.store.write(durable=False):
        ana.store.join("bikes")
        asked = cho.asks(1, lamp, "Here?")
        other = cho.asks(2, desk, "There?")
        stray = cho.publishes(ANSWER, 3, Remark(lamp, "lost", public_id(other)).to_body())
        foreign = cho.asks(4, lamp, "Elsewhere?", market="bikes")
        ana.store.admit([stray, foreign, other, asked], ana.moment())
    assert [q["text"] for q in ana.call("show", id=lamp.hex())["questions"]] == ["Here?"]
    ana.moment.pass_ms(91 * DAY_MS)
    assert ana.call("show", id=lamp.hex())["questions"] == []
    ana.moment.pass_ms(-91 * DAY_MS)
    ana.call("block", author=cho.author.hex())
    assert ana.call("show", id=lamp.hex())["questions"] == []


def test_of_very_many_the_newest_are_shown(ana: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMARKS_SHOWN_MAX", 3)
    lamp = bytes.fromhex(ana.sell("Lamp"))
    cho = Seller.named("cho")
    with ana.store.write(durable=False):
        ana.store.admit([cho.asks(n, lamp, f"{n}?") for n in range(5)], ana.moment())
    shown = ana.call("show", id=lamp.hex())["questions"]
    assert [question["text"] for question in shown] == ["2?", "3?", "4?"]


def test_a_listing_takes_the_place_of_a_question_in_one_thread(ana: Stall) -> None:
    lamp = bytes.fromhex(ana.sell("Lamp"))
    cho = Seller.named("cho")
    for records in (
        [cho.asks(1, lamp, "a?"), cho.lists(1, "b", revision=2)],
        [cho.lists(2, "c"), cho.asks(2, lamp, "d?", revision=2)],
    ):
        for record in records:
            with ana.store.write(durable=False):
                ana.store.admit([record], ana.moment())
    assert [q["text"] for q in ana.call("show", id=lamp.hex())["questions"]] == ["d?"]
    assert ana.titles() == ["Lamp", "b"]
    assert ana.store.check_views() == []


def mistakes(ana: Stall, ben: Stall) -> list[tuple[Stall, str, dict[str, Any], str, int]]:
    lamp, own = ana.sell("Lamp"), ben.sell("Own")
    gone, sold, over = ana.sell("Gone"), ana.sell("Sold"), ana.sell("Over", until="1d")
    ana.call("withdraw", id=gone)
    ana.call("sold", id=sold)
    bring(ana, ben)
    question = ben.call("ask", id=lamp, text="?")["question"]["id"]
    bring(ben, ana)
    answer = ana.call("answer", id=question, text="!")["answer"]["id"]
    bring(ana, ben)
    ben.moment.pass_ms(2 * DAY_MS)
    return [
        (ben, "ask", {"id": own, "text": "?"}, "that is your own listing", 2),
        (ben, "ask", {"id": "ffffffff", "text": "?"}, "no listing here begins", 3),
        (ben, "ask", {"id": "lamp", "text": "?"}, "is no id", 2),
        (ben, "ask", {"id": gone, "text": "?"}, "was withdrawn", 2),
        (ben, "ask", {"id": sold, "text": "?"}, "is sold: nobody will answer", 2),
        (ben, "ask", {"id": over, "text": "?"}, "has expired", 2),
        (ben, "ask", {"id": lamp, "text": " \n"}, "a question needs some words", 2),
        (ben, "ask", {"id": lamp, "text": LONG + "x"}, "at most 1,000 characters", 2),
        (ben, "ask", {"id": lamp}, "`ask` needs text", 2),
        (ana, "answer", {"id": question, "text": ""}, "an answer needs some words", 2),
        (ana, "answer", {"id": question, "text": LONG + "x"}, "at most 1,000 characters", 2),
        (ana, "answer", {"id": answer, "text": "!"}, "that is an answer", 2),
        (ana, "answer", {"id": lamp, "text": "!"}, "is a listing, not a question", 2),
        (ana, "answer", {"id": "0000000000", "text": "!"}, "no question here begins", 3),
        (ana, "answer", {"id": "abc", "text": "!"}, "is no id of a question", 2),
        (ana, "unask", {"id": "0000000000"}, "no question here begins", 3),
    ]


def test_every_mistake_is_one_clear_line(ana: Stall, ben: Stall) -> None:
    for who, verb, args, why, code in mistakes(ana, ben):
        with pytest.raises(DeskError) as caught:
            who.desk.call(verb, args)
        assert why in caught.value.message, (verb, args)
        assert "\n" not in caught.value.message
        assert caught.value.exit_code == code, (verb, args)
        assert who.desk.take_published() == [] or who is ana


def test_an_ambiguous_question_names_the_candidates(ana: Stall) -> None:
    lamp = bytes.fromhex(ana.sell("Lamp"))
    cho = Seller.named("cho")
    asked = [cho.asks(number, lamp, f"Q{number}") for number in range(1000)]
    with ana.store.write(durable=False):
        ana.store.admit(asked, ana.moment())
    prefixes = [public_id(each).hex()[:4] for each in asked]
    double = next(each for each in prefixes if prefixes.count(each) > 1)
    with pytest.raises(DeskError, match=f"'{double}' begins 2 ids") as caught:
        ana.call("answer", id=double, text="!")
    assert caught.value.exit_code == 2
    assert "Q" in caught.value.message


def looks(person: Stall) -> list[tuple[str, str, int]]:
    told = person.call("look-out")["happenings"]
    assert {each["event"] for each in told} <= {"notification"}
    return [(each["kind"], each["text"], each["count"]) for each in told]


def test_the_seller_hears_of_a_question_and_who_asked_of_the_answer(ana: Stall, ben: Stall) -> None:
    lamp = ana.sell("Lamp")
    bring(ana, ben)
    looks(ana), looks(ben)
    question = ben.call("ask", id=lamp, text="Old?")["question"]["id"]
    assert looks(ben) == []
    bring(ben, ana)
    assert looks(ana) == [("question", "Old?", 1)]
    assert looks(ana) == []
    (noted,) = ana.call("notifications")["notifications"]
    assert (noted["question"], noted["title"]) == (question, "Lamp")
    ana.call("answer", id=noted["question"], text="No.")
    bring(ana, ben)
    assert looks(ben) == [("answer", "No.", 1)]
    assert looks(ana) == []


def test_questions_without_end_about_one_listing_are_summed_up(ana: Stall) -> None:
    lamp, desk = (bytes.fromhex(ana.sell(title)) for title in ("Lamp", "Desk"))
    looks(ana)
    cho = Seller.named("cho")
    with ana.store.write(durable=False):
        asked = [cho.asks(number, lamp, f"{number}?") for number in range(40)]
        ana.store.admit([*asked, cho.asks(99, desk, "Here?")], ana.moment())
    assert looks(ana) == [("question", "39?", 40), ("question", "Here?", 1)]
