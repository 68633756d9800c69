"""Questions at the command line, with no node running: two homes, records carried by a file."""

from pathlib import Path

import pytest

from tests.cli_runner import Person


def carry(one: Person, other: Person, folder: Path) -> None:
    """All records of one home come to another, as on a USB stick."""
    path = str(folder / "stick.records")
    assert one.types("export", "--format", "records", "--output", path).code == 0
    assert other.types("import", path).code == 0


@pytest.fixture
def hana(tmp_path: Path) -> Person:
    one = Person(tmp_path / "hana")
    assert one.types("init", "--name", "Hana").code == 0
    return one


@pytest.fixture
def ben(tmp_path: Path) -> Person:
    one = Person(tmp_path / "ben")
    assert one.types("init", "--name", "Ben").code == 0
    return one


def test_a_question_is_asked_answered_shown_and_taken_back(
    hana: Person, ben: Person, tmp_path: Path
) -> None:
    lamp = hana.sells("Lamp")["id"]
    carry(hana, ben, tmp_path)
    asked = ben.json("ask", lamp[:8], "-- does it work?").row
    assert asked["changed"]
    question = asked["question"]["id"]
    carry(ben, hana, tmp_path)
    assert "Ben" in hana.types("show", lamp).out
    said = hana.types("answer", question[:8], "It\ndoes.")
    assert "answered Ben" in said.out
    carry(hana, ben, tmp_path)
    shown = ben.types("show", lamp).out
    assert "you (just now)\n          -- does it work?" in shown
    assert "Hana" in shown
    assert ", the seller (just now)\n    It\n    does." in shown
    (row,) = ben.json("show", lamp).row["questions"]
    assert row["answers"][0]["is_seller"]
    assert "question taken back" in ben.types("ask", "--withdraw", question).out
    assert ben.json("show", lamp).row["questions"] == []


def test_what_cannot_be_asked_is_told_in_a_line(hana: Person) -> None:
    lamp = hana.sells("Lamp")["id"]
    for words, code, told in (
        (("ask", lamp, "?"), 2, "that is your own listing"),
        (("ask", lamp), 2, "`ask` needs the question"),
        (("ask", "ffffffff", "?"), 3, "no listing here begins"),
        (("ask", "--withdraw", lamp, "x"), 2, "takes one id and no text"),
        (("answer", lamp, "x"), 2, "is a listing, not a question"),
        (("answer", "ffffffff", "x"), 3, "no question here begins"),
    ):
        said = hana.json(*words)
        assert said.code == code, words
        assert told in said.error["message"]


def test_a_person_is_shown_with_what_is_known_of_them(
    hana: Person, ben: Person, tmp_path: Path
) -> None:
    assert hana.types("profile", "--place", "연남동", "--languages", "ko,en").code == 0
    hana.sells("Lamp")
    carry(hana, ben, tmp_path)
    assert ben.types("contacts", "add", "Hana", "--note", "the potter").code == 0
    shown = ben.types("person", "Hana")
    assert "연남동 · ko, en" in shown.out
    assert "1 listing up · a contact of yours" in shown.out
    assert "your note: the potter" in shown.out
    assert "nobody has reviewed them yet" in shown.err
    row = ben.json("person", "hana").row
    assert (row["place"], row["reviews"], row["mine"]) == ("연남동", [], False)
    assert ben.json("person").row["mine"]
    nobody = ben.json("person", "Zoe")
    assert (nobody.code, nobody.error["code"]) == (3, "unknown-author")
