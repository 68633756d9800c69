"""What a command ends with when something is wrong: a line, an exit code, never a traceback."""

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from jangteo.cli.fault import report_of
from jangteo.cli.program import named
from jangteo.protocol.errors import LocalProtocolError
from tests.cli_runner import COMMAND, Person, Said


def _bug() -> Exception:
    try:
        raise KeyError("of nobody's expecting")
    except KeyError as error:
        return error


def test_a_bug_is_one_line_and_its_details_are_in_a_private_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = report_of(_bug(), tmp_path)
    report.print(is_json=False)
    log = tmp_path / "errors.log"
    shown = capsys.readouterr().err
    assert shown.splitlines() == [
        f"jangteo: something unexpected went wrong (KeyError); details in {log}"
    ]
    assert report.exit_code == 1
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "Traceback" in log.read_text() and "of nobody's expecting" in log.read_text()
    report_of(_bug(), tmp_path)
    assert log.read_text().count("Traceback") == 2


def test_without_a_home_the_details_go_to_a_file_for_the_moment(tmp_path: Path) -> None:
    report = report_of(_bug(), tmp_path / "absent")
    path = Path(report.message.rsplit(" ", 1)[1])
    assert "Traceback" in path.read_text()
    path.unlink()
    assert not (tmp_path / "absent").exists()


def test_debugging_shows_the_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JANGTEO_DEBUG", "1")
    report_of(_bug(), tmp_path)
    assert "Traceback" in capsys.readouterr().err


def test_the_log_of_bugs_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "errors.log"
    log.write_bytes(b"x" * 2_000_000)
    report_of(_bug(), tmp_path)
    assert log.stat().st_size < 100_000
    assert "Traceback" in log.read_text()


def test_errors_of_the_world_and_of_the_typist_are_told_plainly() -> None:
    missing = report_of(FileNotFoundError(2, "No such file or directory", "x.csv"), None)
    assert (missing.message, missing.exit_code) == ("No such file or directory (x.csv)", 1)
    wrong = report_of(LocalProtocolError("title has 200 characters: at most 120", "title"), None)
    assert (wrong.code, wrong.exit_code) == ("bad-value", 2)


def test_errors_from_elsewhere_cannot_act_on_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report_of(LocalProtocolError("no \x1b[2J\u202e price"), None).print(is_json=False)
    assert capsys.readouterr().err == "jangteo: no �[2J price\n"
    report_of(LocalProtocolError("no \x1b[2J price"), None).print(is_json=True)
    assert json.loads(capsys.readouterr().err)["error"]["message"] == "no �[2J price"


def test_ctrl_c_is_exit_130_without_a_word(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    # It waits for words to be typed.
    near, far = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "restore"],
        stdin=near,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=person.environ() | {"PYTHONPROFILEIMPORTTIME": "1"},
        text=True,
    ) as process:
        assert process.stderr is not None
        # The module that reads the words is the last to load before it waits.
        for line in process.stderr:
            if line.rstrip().endswith("jangteo.node.backup"):
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        told = [line for line in process.stderr if line.strip() and "import time:" not in line]
    os.close(near)
    os.close(far)
    assert told == []
    assert not person.home.exists()


def test_a_wrapper_may_give_the_program_its_own_name(tmp_path: Path) -> None:
    person = Person(tmp_path / "home", (("JANGTEO_PROGRAM", "./run"),))
    assert "./run up" in person.types().out
    assert "`./run init`" in person.types("sell", "x", "--price", "1 USD").err


def test_hints_are_typed_as_they_stand_by_a_wrapper_and_for_another_home(tmp_path: Path) -> None:
    home = tmp_path / "another home"
    person = Person(tmp_path / "home", (("JANGTEO_PROGRAM", "./run"),))
    said = person.types("--home", str(home), "sell", "x", "--price", "1 USD")
    assert f"`./run --home '{home}' init`" in said.err
    assert "`./run join campus/x`" in _sells_in_a_market(person).err
    assert "`./run words`" in person.types("doctor").out
    said = person.json("sell", "x", "--price", "1 USD", "--market", "campus/x")
    assert "`./run join campus/x`" in said.error["hint"]
    for verb in ("sell", "search", "config", "up"):
        page = person.types(verb, "--help").out
        assert f"Usage: ./run {verb}" in page
        assert " jangteo " not in page.replace("systemctl --user status jangteo", "")


def _sells_in_a_market(person: Person) -> Said:
    person.types("init")
    return person.types("sell", "x", "--price", "1 USD", "--market", "campus/x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_was_done_is_said_to_be_done_though_its_answer_cannot_be_written(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    person = Person(tmp_path / "home")
    person.types("init")
    lost = "standard output cannot be written: No space left on device"
    for words, told in (
        (("sell", "full", "--price", "free"), f"done, but {lost}"),
        (("config", "set", "currency", "KRW"), f"done, but {lost}"),
        (("mine",), lost),
        (("config", "get", "currency"), lost),
    ):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*COMMAND, *words, *more],
                stdin=subprocess.DEVNULL,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env=person.environ(),
                check=False,
            )
        said = done.stderr.splitlines()[-1]
        assert done.returncode == 1, words
        assert told in said, words
        assert "done" in told or "done" not in said, words
    assert [row["title"] for row in person.json("mine").rows] == ["full"]


def test_what_is_handed_over_names_no_place_of_this_machine() -> None:
    told = "run on the other: jangteo up --peer /ip4/10.0.0.1/tcp/4110"
    assert named(told, "/home/me/second") == told
    assert named("`jangteo up --peer ADDRESS`", "x") == "`jangteo --home x up --peer ADDRESS`"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["search", "search --json", "show ffff", "export", "--help"])
def test_a_stream_that_was_closed_before_is_no_fault(
    tmp_path: Path, line: str, closed: str
) -> None:
    person = Person(tmp_path / "home")
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {line} {closed}', "sh", *COMMAND],
        capture_output=True,
        text=True,
        timeout=60,
        env=person.environ(),
        check=False,
    )
    assert done.returncode == (3 if "show" in line else 0)
    assert "Traceback" not in done.stderr
    assert not (person.home / "errors.log").exists()


def test_what_was_typed_at_length_is_not_told_at_length(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    person.types("init")
    for words in (("sell", "x" * 5_000), ("join", "m" * 9_000), ("show", "f" * 9_000)):
        said = person.types(*words)
        assert said.code == 2
        assert len(said.err) < 800
    assert "at most 120" in person.types("sell", "x" * 5_000).err


def test_an_option_without_its_value_names_the_help_of_its_command(tmp_path: Path) -> None:
    said = Person(tmp_path / "home").types("sell", "x", "--price")
    assert (said.code, "`jangteo sell --help`" in said.err) == (2, True)


def test_a_command_mistyped_is_guessed_at(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    said = person.types("serach", "bike")
    assert (said.code, "did you mean search?" in said.err) == (2, True)
    assert "did you mean" not in person.types("xyzzy").err
