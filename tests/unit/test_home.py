"""The home folder: modes, the lock, and whether a node runs on it. Real files, real processes."""

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jangteo.node.config import read_config
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home, HomeInUse, NodeFace, default_home
from jangteo.node.private_file import read_private, write_private


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


HOLDER = """
import sys
from pathlib import Path
from jangteo.node.home import Home, NodeFace
import os
home = Home(Path(sys.argv[1]))
with home.lock(sys.argv[2]):
    if sys.argv[2] == "node":
        home.write_node(NodeFace("http://127.0.0.1:1", "token", os.getpid()))
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(home: Home, holder: str) -> "subprocess.Popen[str]":
    """Another process that holds the lock until its stdin ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.path), holder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.communicate()


def test_the_home_is_where_the_environment_says_else_where_the_platform_does(
    tmp_path: Path,
) -> None:
    assert default_home({"JANGTEO_HOME": str(tmp_path)}).path == tmp_path
    assert default_home({}, lambda: tmp_path / "platform").path == tmp_path / "platform"
    assert default_home({}).path.name == "jangteo"


def test_a_home_is_made_for_its_owner_only(home: Home) -> None:
    home.make()
    assert mode(home.path) == 0o700


def test_a_home_that_others_can_open_is_refused_with_the_command_that_mends_it(home: Home) -> None:
    home.make()
    home.path.chmod(0o755)
    with pytest.raises(DeskError) as caught:
        home.check()
    assert caught.value.code == "loose"
    assert f"chmod 700 '{home.path}'" in (caught.value.hint or "")


def test_a_file_in_place_of_the_home_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeskError, match="cannot make the home"):
        Home(tmp_path / "file").make()


def test_a_home_that_is_not_there_is_touched_by_nothing_that_looks(home: Home) -> None:
    home.check()
    assert (home.node(), home.author(), home.is_locked()) == (None, None, False)
    assert home.owner.seen_ms() is None
    assert not home.path.exists()


def test_a_private_file_is_replaced_whole_and_leaves_nothing_beside_it(home: Home) -> None:
    home.make()
    path = home.path / "secret"
    write_private(path, b"one")
    write_private(path, b"two")
    assert read_private(path) == b"two"
    assert mode(path) == 0o600
    assert [entry.name for entry in home.path.iterdir()] == ["secret"]


def test_a_file_that_cannot_be_written_is_said(home: Home) -> None:
    home.make()
    (home.path / "taken").mkdir()
    (home.path / "taken" / "file").write_text("")
    with pytest.raises(DeskError, match=r"cannot write .*taken"):
        write_private(home.path / "taken", b"one")
    with pytest.raises(DeskError, match=r"cannot write .*nowhere"):
        write_private(home.path / "nowhere" / "file", b"one")
    assert [entry.name for entry in home.path.iterdir()] == ["taken"]
    home.lock_path.mkdir()
    with pytest.raises(DeskError, match="cannot lock the home"), home.lock("command"):
        raise AssertionError("held")


def test_a_key_file_that_others_can_read_is_refused(home: Home) -> None:
    home.make()
    write_private(home.author_key_path, b"secret")
    home.author_key_path.chmod(0o640)
    with pytest.raises(DeskError, match="mode 0640") as caught:
        read_private(home.author_key_path)
    assert caught.value.hint == f"close it with: chmod 600 '{home.author_key_path}'"


def test_a_key_file_that_is_a_link_is_not_followed(home: Home, tmp_path: Path) -> None:
    home.make()
    write_private(tmp_path / "elsewhere", b"secret")
    home.author_key_path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeskError, match="it is a link"):
        read_private(home.author_key_path)


def test_a_second_process_is_told_who_holds_the_home(home: Home) -> None:
    process = hold(home, "command")
    try:
        with pytest.raises(HomeInUse) as caught, home.lock("node", wait_ms=0):
            raise AssertionError("held twice")
        assert f"PID {process.pid}" in caught.value.message
        assert caught.value.exit_code == 1
    finally:
        end(process)
    with home.lock("node"):
        assert home.is_locked()
    assert not home.is_locked()


def test_the_lock_dies_with_its_process(home: Home) -> None:
    process = hold(home, "node")
    process.send_signal(signal.SIGKILL)
    end(process)
    assert home.node_path.exists()
    assert home.node() is None
    with home.lock("command", wait_ms=0):
        assert not home.node_path.exists()


def test_a_running_node_is_found_by_what_it_wrote(home: Home) -> None:
    process = hold(home, "node")
    try:
        assert home.node() == NodeFace("http://127.0.0.1:1", "token", process.pid)
        assert mode(home.node_path) == 0o600
    finally:
        end(process)
    assert home.node() is None


def test_what_a_crashed_node_left_is_not_believed_while_a_command_holds_the_lock(
    home: Home,
) -> None:
    process = hold(home, "command")
    try:
        write_private(
            home.node_path, json.dumps({"api": "http://x", "token": "t", "pid": 1}).encode()
        )
        assert home.node() is None
    finally:
        end(process)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api": "x"}', '{"api":1,"token":2,"pid":"x"}'])
def test_a_damaged_node_file_is_no_node(home: Home, text: str) -> None:
    with home.lock("node"):
        write_private(home.node_path, text.encode())
        assert home.node() is None


def test_the_token_of_a_node_shows_in_no_repr(home: Home) -> None:
    assert "secret" not in repr(NodeFace("http://127.0.0.1:1", "secret", 1))


def test_what_cannot_be_read_in_a_home_is_one_clear_line(home: Home) -> None:
    home.make()
    home.author_path.mkdir()
    with pytest.raises(DeskError, match="cannot read"):
        home.author()
    home.config_path.mkdir()
    with pytest.raises(DeskError, match="cannot be read"):
        read_config(home, environ={})
    (home.path / "state.json").mkdir()
    assert home.owner.seen_ms() is None


def test_what_the_owner_did_is_remembered_and_its_loss_costs_nothing(home: Home) -> None:
    home.make()
    home.owner.note_seen(5)
    home.owner.note_backed_up(6)
    assert (home.owner.seen_ms(), home.owner.backed_up_ms()) == (5, 6)
    assert home.owner.reminded_ms() is None
    home.owner.path.write_text("no json")
    assert home.owner.seen_ms() is None
    home.owner.note_seen(7)
    assert home.owner.seen_ms() == 7
    assert [entry.name for entry in home.path.iterdir()] == ["state.json"]


def test_somebody_else_s_folder_is_never_to_be_closed(home: Home) -> None:
    home.make()
    (home.path / "letter.txt").write_text("not ours")
    home.check()  # closed to others, it may become a home
    home.path.chmod(0o755)
    with pytest.raises(DeskError, match="no home of this program") as caught:
        home.check()
    assert "chmod" not in str(caught.value.hint)
    home.author_path.write_text("")
    with pytest.raises(DeskError) as ours:
        home.check()
    assert "chmod 700" in str(ours.value.hint)
