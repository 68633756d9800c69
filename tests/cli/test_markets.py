"""Markets as people join and leave them: by name, or by the setting that is the same."""

from pathlib import Path

import pytest

from tests.cli_runner import Person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    one = Person(tmp_path / "home")
    assert one.types("init", "--name", "은하").code == 0
    return one


def test_markets_are_joined_and_left(person: Person) -> None:
    assert "campus/x" in person.json("join", "campus/x").row["joined"]
    assert person.json("sell", "x", "--price", "1 USD", "--market", "campus/x").code == 0
    assert "campus/x" not in person.json("leave", "campus/x").row["joined"]


def test_leaving_a_market_says_what_it_drops_and_how_that_comes_back(
    person: Person, tmp_path: Path
) -> None:
    other = Person(tmp_path / "other")
    other.types("init")
    other.sells("Lamp")
    other.sells("Desk")
    file = tmp_path / "theirs"
    other.types("export", "--format", "records", "--output", str(file))
    person.types("import", str(file))
    person.sells("Mine")
    said = person.types("leave", "open")
    assert said.out == "your markets: commons\n"
    assert "left open: 2 records of others there dropped" in said.err
    assert "join open` brings back" in said.err
    assert "dropped" not in person.types("leave", "open").err
    person.types("join", "open")
    assert person.json("leave", "open").row["forgotten"] == 0


def test_the_setting_of_markets_is_the_markets_that_are_joined(person: Person) -> None:
    assert person.types("config", "get", "markets").out == "open\n"
    person.types("join", "campus/x")
    assert person.types("config", "get", "markets").out == "campus/x,open\n"
    listed = {row["key"]: row for row in person.json("config").rows}
    assert (listed["markets"]["value"], listed["markets"]["from"]) == (
        ["campus/x", "open"],
        "joined",
    )
    said = person.types("config", "set", "markets", "open,geo/y")
    assert said.out == "markets = open,geo/y\n"
    assert "left campus/x" in said.err
    assert person.json("config", "get", "markets").row["value"] == ["geo/y", "open"]
    assert person.json("join", "open").row["joined"] == ["commons", "geo/y", "open"]
    assert person.types("config", "set", "markets", "").code == 0
    assert person.types("config", "get", "markets").out == "(none)\n"
    assert person.json("join", "commons").row["joined"] == ["commons"]
    assert person.types("config", "unset", "markets").out == "markets = open\n"
    assert person.types("config", "set", "markets", "Big Market").code == 2
    assert person.types("config", "get", "markets").out == "open\n"


def test_a_market_that_was_left_stays_left_though_an_old_file_names_it(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    person.types("init")
    (person.home / "config.toml").write_text('markets = ["open", "campus/x"]\n')
    assert person.types("config", "get", "markets").out == "campus/x,open\n"
    person.sells("Lamp", "1 USD", "--market", "campus/x")
    person.types("leave", "campus/x")
    person.sells("Desk")
    assert person.types("config", "get", "markets").out == "open\n"
