"""A room at the command line, with no node running: lines from a pipe, and what is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jangteo.cli.cmd_inbox import gives_up_text
from jangteo.cli.room_words import RoomAsk, RoomVerb, read_line
from jangteo.node.desk_error import DeskError
from tests.cli_runner import Person


@pytest.fixture
def market(tmp_path: Path) -> tuple[Person, str]:
    """Ben, and a lamp that Hana sells."""
    hana, ben = Person(tmp_path / "hana"), Person(tmp_path / "ben")
    assert hana.types("init", "--name", "Hana").code == 0
    assert ben.types("init", "--name", "Ben").code == 0
    lamp = hana.sells("Lamp", "30000 KRW")["id"]
    path = str(tmp_path / "stick.records")
    assert hana.types("export", "--format", "records", "--output", path).code == 0
    assert ben.types("import", path).code == 0
    return ben, lamp


def test_lines_of_a_pipe_are_all_done_and_the_last_refusal_is_the_exit_code(
    market: tuple[Person, str],
) -> None:
    ben, lamp = market
    assert ben.types("talk", lamp, stdin="hello\n").code == 0
    said = ben.types("talk", lamp, stdin="/nothing\nstill there?\n/agree\nand this\n")
    assert said.code == 2
    assert "there is no /nothing" in said.err and "no meeting was proposed" in said.err
    assert [row["text"] for row in ben.json("inbox", "--find", "th").rows] == [
        "and this",
        "still there?",
    ]
    assert ben.types("talk", lamp, stdin="one\n/quit\nnever\n").code == 0
    assert not ben.json("inbox", "--find", "never").rows


def test_nobody_talks_with_themselves(market: tuple[Person, str]) -> None:
    ben, _ = market
    for words in (("send", "Ben", "hello"), ("talk", "Ben")):
        said = ben.types(*words, stdin="hello\n")
        assert (said.code, "that is you" in said.err) == (2, True)


def test_a_meeting_needs_a_time(market: tuple[Person, str]) -> None:
    ben, lamp = market
    said = ben.types("meet", lamp, " ")
    assert said.code == 2
    assert f"meet {lamp} 'Saturday at 3'" in said.err
    assert "--time" not in said.err


def test_forgetting_looks_first_and_asks_only_who_is_there(market: tuple[Person, str]) -> None:
    ben, lamp = market
    assert ben.types("send", lamp, "hello").code == 0
    assert ben.types("forget", "ffff").code == 3
    said = ben.json("forget", lamp)
    assert (said.code, said.error["code"]) == (2, "usage")
    assert "--yes" in said.error["message"]
    assert ben.json("forget", lamp, "--yes").row["deleted"] == 1


def test_what_is_under_way_gives_up_when_the_help_says() -> None:
    now = datetime.now(UTC)
    for left, told in ((timedelta(14.9), "in 14 days"), (timedelta(2.5), "in 3 days")):
        entry = {"state": "stored", "ends_at": (now + left).isoformat()}
        assert gives_up_text(entry) == told
    assert gives_up_text({"state": "read", "ends_at": now.isoformat()}) == ""


def test_commands_may_be_typed_in_any_case() -> None:
    assert read_line("/DONE") == RoomVerb("done")
    assert read_line("/Counter 920000 last") == read_line("/offer 920000 last")
    assert read_line("/QUIT") is RoomAsk.LEAVE
    assert read_line("/help") is RoomAsk.HELP
    assert read_line("//DONE") == RoomVerb("send", {"text": "/DONE"})
    with pytest.raises(DeskError, match="needs a time"):
        read_line("/meet @ exit 2")
