"""Where a command is done: here under the lock, or by the node that runs, a real other process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jangteo.node import identity
from jangteo.node.client import NodeGone
from jangteo.node.config import read_config
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home, HomeInUse, NodeFace
from jangteo.node.office import Office, open_office
from jangteo.node.private_file import write_private
from jangteo.protocol import limits
from jangteo.store import rebuild
from jangteo.store import store as store_module
from tests.desk_maker import Dice, Moment

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    with made.lock("command"):
        identity.create(made, entropy=Dice())
    return made


@contextmanager
def office(home: Home, **options: Any) -> Iterator[Office]:
    config = read_config(home, flags={"currency": "KRW"}, environ={})
    with open_office(home, config, **{"environ": {}, **options}) as made:
        yield made


class NodeProcess:
    """A node without a network, in a process of its own."""

    def __init__(self, home: Home) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.control_node", str(home.path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("http://127.0.0.1:")

    def stop(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def node(home: Home) -> Iterator[NodeProcess]:
    process = NodeProcess(home)
    process.wait_ready()
    yield process
    process.stop()


def test_without_a_node_a_command_writes_by_itself_and_leaves_the_lock(home: Home) -> None:
    with office(home) as one:
        assert one.node is None
        one.call("profile", {"name": "Ana"})
        sold = one.call("sell", {"title": "Lamp", "price": "5000"})
        assert sold["listing"]["seller"] == "Ana"
        assert not home.is_locked()
        assert [row["title"] for row in one.call("search")["rows"]] == ["Lamp"]
        one.call("sell", {"title": "Chair"})
        assert len(one.call("search")["rows"]) == 2
    assert "Lamp" in [row["title"] for row in _read(home)]


def _read(home: Home) -> list[dict[str, Any]]:
    with office(home) as made:
        return list(made.stream("search", {"limit": 1000}))


def test_a_home_that_nothing_was_kept_in_is_searched_and_stays_untouched(tmp_path: Path) -> None:
    home = Home(tmp_path / "nobody")
    with office(home) as made:
        found = made.call("search", {"text": "lamp"})
        assert found["rows"] == []
        assert [notice["code"] for notice in found["notices"]] == ["no-identity"]
        assert made.call("home")["author"] is None
    assert not home.exists


def test_selling_without_an_identity_says_how_to_get_one(tmp_path: Path) -> None:
    with office(Home(tmp_path / "nobody")) as made:
        with pytest.raises(DeskError) as caught:
            made.call("sell", {"title": "Lamp"})
        assert (caught.value.code, caught.value.exit_code) == ("no-identity", 1)


@pytest.mark.parametrize("verb", ["status", "peers", "connect", "sync", "photo"])
def test_what_only_a_node_knows_needs_one(home: Home, verb: str) -> None:
    with office(home) as made:
        with pytest.raises(DeskError) as caught:
            made.call(verb, {})
        assert (caught.value.code, caught.value.exit_code) == ("needs-node", 4)
        with pytest.raises(DeskError) as caught:
            list(made.stream("watch"))
        assert caught.value.exit_code == 4


def test_with_a_node_writing_goes_through_it_and_reading_does_not(
    home: Home, node: NodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office(home) as made:
        assert made.node is not None
        assert made.node.pid == node.process.pid
        made.call("sell", {"title": "Lamp", "price": "5000"})
        assert [row["title"] for row in made.call("search")["rows"]] == ["Lamp"]
        assert made.call("home")["running"]
        assert made.call("status")["peer"] == "12D3"
        assert made.call("peers")["peers"]
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.csv").write_text("title\nChair\nSofa\n")
        *_, last = made.stream("import", {"path": "a.csv"})
        assert last["created"] == 2
        assert list(made.stream("watch")) == [{"event": "ready"}]
        with pytest.raises(DeskError) as caught:
            made.call("edit", {"id": "zz"})
        assert caught.value.exit_code == 2
        # A dry run writes nothing, and needs nobody.
        *_, last = made.stream("import", {"path": "a.csv", "dry_run": True})
        assert last["unchanged"] == 2


def test_a_node_that_was_killed_is_not_waited_for(home: Home) -> None:
    process = NodeProcess(home)
    process.wait_ready()
    with office(home) as made:
        made.call("sell", {"title": "Lamp"})
        process.kill()
        assert home.node_path.exists()
        assert made.node is None
        made.call("sell", {"title": "Chair"})
        assert not home.node_path.exists()
    assert sorted(row["title"] for row in _read(home)) == ["Chair", "Lamp"]


def test_a_command_waits_for_a_node_that_is_starting(home: Home) -> None:
    process = NodeProcess(home)
    try:
        with office(home) as made:
            made.call("sell", {"title": "Lamp"})
    finally:
        process.wait_ready()
        process.stop()
    assert [row["title"] for row in _read(home)] == ["Lamp"]


def test_two_commands_at_once_are_done_one_after_the_other(home: Home) -> None:
    def sell(title: str) -> None:
        with office(home) as made:
            made.call("sell", {"title": title})

    threads = [threading.Thread(target=sell, args=(f"Lamp {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_read(home)) == 4


def test_a_home_that_another_command_keeps_is_said_to_be_in_use(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jangteo.node.office._LOCK_WAIT_MS", 100)
    with home.lock("command"), office(home) as made:
        with pytest.raises(HomeInUse, match=f"PID {os.getpid()}") as caught:
            made.call("sell", {"title": "Lamp"})
        assert caught.value.exit_code == 1
        with pytest.raises(HomeInUse):
            list(made.stream("import", {"path": "a.csv"}))
        assert made.call("search")["rows"] == []


def test_a_node_that_holds_the_home_but_does_not_answer_is_said(home: Home) -> None:
    with home.lock("node"):
        home.write_node(NodeFace("http://127.0.0.1:9", "token", os.getpid()))
        with office(home) as made, pytest.raises(NodeGone, match="does not answer"):
            made.call("sell", {"title": "Lamp"})


DYING_NODE = """
import os, socket, sys
from pathlib import Path
from jangteo.node.home import Home, NodeFace
home, listening = Home(Path(sys.argv[1])), socket.create_server(("127.0.0.1", 0))
with home.lock("node"):
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    home.write_node(NodeFace(url, "token", os.getpid()))
    print(url, flush=True)
    asked, _ = listening.accept()
    asked.recv(100_000)
    asked.sendall(sys.argv[2].encode())
    os._exit(1)
"""
HALF_AN_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"result"'


@pytest.mark.parametrize("answer", ["", "HTTP/1.1 200 OK\r\nContent-Le", HALF_AN_ANSWER])
def test_what_a_node_was_asked_before_it_died_is_not_done_twice(home: Home, answer: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DYING_NODE, str(home.path), answer],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("http")
        with office(home) as made, pytest.raises(NodeGone, match="stopped before") as caught:
            made.call("sell", {"title": "Lamp"})
        assert caught.value.hint == "look whether it was done before you ask again"
    assert _read(home) == []


def test_settings_with_too_many_markets_are_one_clear_line(home: Home) -> None:
    markets = [f"m{number}" for number in range(limits.MARKETS_JOINED_MAX)]
    config = read_config(home, flags={"markets": markets}, environ={})
    with open_office(home, config, environ={}) as made:
        with pytest.raises(DeskError, match="of the settings cannot be joined"):
            made.call("sell", {"title": "Lamp"})
    with open_office(Home(home.path.parent / "fresh"), config, environ={}) as made:
        with pytest.raises(DeskError, match="of the settings cannot be joined"):
            made.call("search", {})


def test_an_import_that_is_closed_early_keeps_what_it_told_and_frees_the_home(
    home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("title\n" + "".join(f"row {number}\n" for number in range(700)))
    with office(home) as made:
        items = made.stream("import", {"path": str(path)})
        assert next(items)["event"] == "start"
        assert home.is_locked()
        assert next(items)["result"] == "created"
        items.close()
        assert not home.is_locked()
        count = made.call("status-local")["counts"]["own_active"]
        assert count == limits.IMPORT_BATCH_ROWS_MAX


def test_a_sealed_identity_reads_without_and_signs_with_its_passphrase(home: Home) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return "horse"

    with home.lock("command"):
        identity.set_passphrase(home, "horse", None, {}, entropy=Dice())
    with office(home, ask_passphrase=ask) as made:
        assert made.call("whoami")["sealed"]
        assert made.call("search")["rows"] == []
        made.call("block", {"author": "ab" * 32})
        assert asked == []
        made.call("sell", {"title": "Lamp"})
        assert asked == ["asked"]
    with office(home) as made, pytest.raises(DeskError, match="passphrase"):
        made.call("sell", {"title": "Chair"})


def test_every_command_of_the_owner_is_noted(home: Home) -> None:
    moment = Moment()
    with office(home, now_ms=moment) as made:
        made.call("search")
        assert home.owner.seen_ms() == moment.now_ms
        moment.pass_ms(limits.HOUR_MS // 2)
        made.call("search")
        assert home.owner.seen_ms() == moment.now_ms - limits.HOUR_MS // 2
        moment.pass_ms(limits.HOUR_MS)
        made.call("search")
        assert home.owner.seen_ms() == moment.now_ms


def test_a_loose_home_is_refused_for_reading_too(home: Home) -> None:
    home.path.chmod(0o755)
    with office(home) as made, pytest.raises(DeskError, match="open to other users"):
        made.call("search")


def test_markets_new_in_the_settings_are_joined_and_what_was_left_stays_left(home: Home) -> None:
    def joined(markets: str | None) -> list[str]:
        config = read_config(home, flags={"markets": markets}, environ={})
        with open_office(home, config, environ={}) as made:
            made.call("sell", {"title": "Lamp", "market": "campus"} if markets else {"title": "x"})
            return [one["market"] for one in made.call("status-local")["markets"]]

    assert joined(None) == ["commons", "open"]
    assert joined("open,campus") == ["campus", "commons", "open"]
    assert joined(None) == ["campus", "commons", "open"]
    with office(home) as made:
        made.call("leave", {"market": "open"})
    assert joined("open,campus") == ["campus", "commons"]


def test_the_first_command_of_a_newer_program_makes_the_views_anew(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office(home) as made:
        made.call("sell", {"title": "접이식 자전거", "price": "5000"})
    later = store_module.VIEW_VERSION + 1
    for module in (store_module, rebuild):
        monkeypatch.setattr(module, "VIEW_VERSION", later)
    with home.lock("command"), office(home) as made, pytest.raises(DeskError, match="in use"):
        made.call("search", {"text": "자전거"})
    with office(home) as made:
        assert len(made.call("search", {"text": "자전거"})["rows"]) == 1
    assert _read(home)


def test_a_damaged_store_is_said(home: Home) -> None:
    write_private(home.store_path, b"no database " * 1000)
    with office(home) as made:
        for verb, args in (("search", {}), ("sell", {"title": "Lamp"})):
            with pytest.raises(DeskError) as caught:
                made.call(verb, args)
            assert caught.value.code == "store"


LOADED = """
import sys
from pathlib import Path
from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.office import open_office
home = Home(Path(sys.argv[1]))
with open_office(home, read_config(home)) as office:
    office.call("search", {"text": "lamp"})
    office.call("home")
print([name for name in sys.argv[2:] if name in sys.modules])
"""


def test_reading_loads_neither_trio_nor_a_network(home: Home) -> None:
    heavy = ["trio", "libp2p", "starlette", "hypercorn", "http.client", "zeroconf", "multiaddr"]
    told = subprocess.run(
        [sys.executable, "-c", LOADED, str(home.path), *heavy],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "[]\n"
