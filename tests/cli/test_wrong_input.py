"""What cannot be is answered by one line that says what can, the right exit code, and nothing
written."""

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli_runner import Person


@pytest.fixture(scope="module")
def seller(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Has an identity, three listings, and one of another author, come by file."""
    other = Person(tmp_path_factory.mktemp("other") / "home")
    other.types("init", "--name", "Other")
    other.sells("Another's lamp", "20 USD")
    records = other.home.parent / "records"
    other.types("export", "--format", "records", "--output", str(records))
    person = Person(tmp_path_factory.mktemp("seller") / "home")
    person.types("init", "--name", "은하")
    for title in ("Bike", "Desk", "Lamp"):
        person.sells(title)
    assert person.types("import", str(records), "--format", "records").code == 0
    return person


def _written(person: Person) -> str:
    """What the store says of itself."""
    return hashlib.sha256(person.json("export", "--format", "records").out.encode()).hexdigest()


def _id_of(person: Person, text: str) -> str:
    listing_id = person.json("search", text).row["id"]
    assert isinstance(listing_id, str)
    return listing_id


WRONG = [
    (["sell", "x", "--price", "abc"], 2, "is no price"),
    (["sell", "x", "--price", "5 ABC"], 2, "unknown currency"),
    (["sell", "x", "--price", "1.005 USD"], 2, "at most 2 decimals"),
    (["sell", "x", "--price", "-5 USD"], 2, "negative"),
    (["sell", "x", "--price", "5000"], 2, "names no currency"),
    (["sell", "x" * 5000, "--price", "5 USD"], 2, "at most 120"),
    (["sell", "   ", "--price", "5 USD"], 2, "title"),
    (["sell", "x", "--description", "y" * 4001], 2, "at most 4,000"),
    (["sell", "x", "--until", "2020-01-01"], 2, "in the past"),
    (["sell", "x", "--until", "soon"], 2, "is no date"),
    (["sell", "x", "--until", "400d"], 2, "at most 90 days"),
    (["sell", "x", "--quantity", "many"], 2, "whole number"),
    (["sell", "x", "--condition", "shiny"], 2, "is not one of new, like-new"),
    (["sell", "x", "--market", "Not A Market"], 2, "market"),
    (["sell"], 2, "missing argument"),
    (["sell", "x", "--colour", "red"], 2, "no such option"),
    (["sell", "two", "words"], 2, "extra argument"),
    (["show", "ffffffff"], 3, "begins with"),
    (["edit", "ffffffff", "--title", "x"], 3, "begins with"),
    (["show", "zz"], 2, "id"),
    (["withdraw", "0"], 2, "at least"),
    (["search", "--sort", "best"], 2, "not one of"),
    (["search", "--limit", "-3"], 2, "whole number"),
    (["search", "--min-price", "x"], 2, "price"),
    (["search", "--after", "nonsense"], 2, "cursor"),
    (["search", "--colour", "red"], 2, "no such option"),
    (["block", "nobody-of-this-name"], 3, "nobody"),
    (["contacts", "add", "9f"], 3, "at least 4 digits"),
    (["renew"], 2, "--all"),
    (["import", "/no/such/file.csv"], 1, "does not exist"),
    (["export", "--format", "xml"], 2, "not one of"),
    (["join", "Big Market"], 2, "market"),
    (["config", "set", "colour", "red"], 2, "unknown setting"),
    (["config", "set", "currency", "XYZ"], 2, "ISO 4217"),
    (["config", "get"], 2, "missing argument"),
    (["peers"], 4, "running node"),
    (["status"], 4, "running node"),
    (["sync"], 4, "running node"),
    (["watch"], 4, "running node"),
    (["connect", "/ip4/127.0.0.1/tcp/1"], 4, "running node"),
    (["serach"], 2, "no such command"),
    (["devnet", "--nodes", "0"], 2, "from 1 to 16"),
    (["restore", "--wait", "-1"], 2, "--wait"),
    (["completion", "csh"], 2, "bash"),
    (["words"], 1, "terminal"),
]


@pytest.mark.parametrize(
    ("words", "code", "told"), WRONG, ids=[" ".join(w)[:40] for w, *_ in WRONG]
)
def test_wrong_input_gets_one_line_and_writes_nothing(
    seller: Person, words: list[str], code: int, told: str
) -> None:
    before = _written(seller)
    said = seller.types(*words)
    assert said.code == code
    assert said.out == ""
    first, *hints = said.err.splitlines()
    assert first.startswith("jangteo: ")
    assert told in first
    assert len(hints) <= 1 and all(hint.startswith("  ") for hint in hints)
    assert _written(seller) == before


@pytest.mark.parametrize(("words", "code", "told"), WRONG[:8] + WRONG[17:19] + WRONG[-10:-6])
def test_under_json_the_error_is_an_object_on_stderr(
    seller: Person, words: list[str], code: int, told: str
) -> None:
    said = seller.json(*words)
    assert (said.code, said.out) == (code, "")
    assert set(said.error) == {"code", "message", "hint"}
    assert told in said.error["message"]


@pytest.mark.parametrize(
    "words",
    [["edit", "--title", "mine now"], ["reserve"], ["sold"], ["withdraw"], ["renew"]],
)
def test_anothers_listing_cannot_be_changed(seller: Person, words: list[str]) -> None:
    before = _written(seller)
    command, *options = words
    said = seller.types(command, _id_of(seller, "Another's"), *options)
    assert said.code == 2
    assert "Other" in said.err or "not yours" in said.err
    assert len(said.err.splitlines()) <= 2
    assert _written(seller) == before


def test_an_ambiguous_beginning_is_refused_and_the_candidates_are_named(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    person.types("init")
    # Of so many, some 25 pairs begin with the same four characters of 65,536: never none.
    rows = "\n".join(f'{{"title": "thing {n}", "price": "{n + 1} USD"}}' for n in range(1800))
    (tmp_path / "many.jsonl").write_text(rows)
    imported = person.json("import", str(tmp_path / "many.jsonl")).rows
    ids = sorted(row["id"] for row in imported if row["event"] == "row")
    one, other = next((a, b) for a, b in pairwise(ids) if a[:4] == b[:4])
    said = person.json("show", one[:4])
    assert said.code == 2
    assert said.error["code"] == "ambiguous"
    told = said.error["message"] + (said.error["hint"] or "")
    assert one[:8] in told and other[:8] in told
    assert person.types("show", one).code == 0


def test_an_empty_home_says_what_to_type_and_stays_empty(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    for words in ([], ["search", "bike"], ["mine"], ["whoami"], ["export"], ["doctor"]):
        assert person.types(*words).code == 0, words
    said = person.types("sell", "x", "--price", "5 USD")
    assert said.code == 1
    assert "jangteo init" in said.err
    assert person.types("show", "abcdef12").code == 3
    assert not person.home.exists()


@pytest.mark.parametrize("text", ['"', "*", "AND", "-", "-x", '"a" OR NOT (', "🚲", "'; DROP", "%"])
def test_no_search_is_an_error(seller: Person, text: str) -> None:
    said = seller.types("search", text)
    assert said.code == 0
    assert "jangteo:" not in said.err
    assert seller.types("search", "--", "--help", text).code == 0
