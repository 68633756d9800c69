"""The commands that speak to a running node, over a real one on loopback."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from jangteo.cli.event_view import to_hand_over
from jangteo.node.home import Home
from tests.cli_runner import COMMAND, Person

OPTIONS = ("--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")


class Node:
    """A started `up --json`; its events are read one by one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready = self.next("ready")

    def next(self, kind: str) -> dict[str, Any]:
        """The next event of that kind."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == kind:
                assert isinstance(event, dict)
                return event
        assert self._process.stderr is not None
        raise AssertionError(f"no {kind}: {self._process.stderr.read()}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self._process.send_signal(number)
        return self._process.wait(10)

    @property
    def rest(self) -> list[dict[str, Any]]:
        assert self._process.stdout is not None
        return [json.loads(line) for line in self._process.stdout]


@contextmanager
def running(person: Person, *options: str) -> Iterator[Node]:
    command = [*COMMAND, "up", "--json", *OPTIONS, *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=person.environ(),
    ) as process:
        try:
            yield Node(process)
        finally:
            process.kill()


@pytest.fixture
def hana(tmp_path: Path) -> Person:
    person = Person(tmp_path / "hana")
    person.types("init", "--name", "하나")
    person.sells("로드 자전거", "950000 KRW")
    return person


@pytest.fixture
def noah(tmp_path: Path) -> Person:
    return Person(tmp_path / "noah")


def test_up_makes_an_identity_and_says_where_it_can_be_reached(noah: Person) -> None:
    with running(noah) as node:
        assert node.ready["author"] == noah.json("whoami").row["author"]
        assert node.ready["addresses"][0].endswith(f"/p2p/{node.ready['peer']}")
        assert node.ready["api"].startswith("http://127.0.0.1:")
        words = noah.json("words").row["words"]
        assert node.stop() == 0
        told = json.dumps([node.ready, *node.rest])
    assert words.split()[0] + " " not in told


def test_a_store_of_an_older_program_is_brought_up_to_date_before_the_node_is_ready(
    hana: Person,
) -> None:
    connection = apsw.Connection(str(Home(hana.home).store_path))
    connection.execute("UPDATE tally SET view_version = 0")
    connection.close()
    command = [*COMMAND, "up", "--json", *OPTIONS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=hana.environ()
    ) as process:
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.kill()
    assert told[:2] == [{"event": "upgrade", "done": done, "total": 2} for done in (0, 2)]
    assert told[2]["event"] == "ready"


def test_neighbours_share_what_they_have(hana: Person, noah: Person) -> None:
    with running(hana) as one, running(noah, "--peer", one.ready["addresses"][0]) as other:
        came = other.next("listing")
        assert (came["title"], came["seller"], came["mine"]) == ("로드 자전거", "하나", False)
        assert noah.json("search", "자전거").row["id"] == came["id"]

        status = noah.json("status").row
        assert status["counts"]["listings_active"] == 1
        assert [peer["peer"] for peer in noah.json("peers").rows] == [one.ready["peer"]]
        assert "1 neighbour connected" in noah.types("status").out
        assert one.ready["peer"][-8:] in noah.types("peers").out
        assert noah.json("connect", one.ready["addresses"][0]).row["peer"] == one.ready["peer"]
        assert all(row["ok"] for row in noah.json("sync", one.ready["peer"][-8:]).rows)
        assert noah.json("sync", "nobodyofthisname").code == 3
        assert "1 neighbour connected" in noah.types().out

        # What is sold goes through the running node, at once.
        sold = hana.json("sell", "Lamp", "--price", "20 USD").row
        assert other.next("listing")["id"] == sold["id"]
        hana.types("edit", sold["id"], "--price", "15 USD")
        changed = other.next("listing")
        assert (changed["change"], changed["price"]["amount"]) == ("changed", "15.00")
        # A completed reconciliation is what counts as held.
        assert hana.json("sync").code == 0
        assert hana.json("show", sold["id"]).row["held_by"] == 1
        assert "held by 1 peer" in hana.types("show", sold["id"]).out

        assert one.stop() == 0
        assert noah.json("show", sold["id"]).row["title"] == "Lamp"


def test_a_currency_that_is_set_counts_at_once_though_the_node_runs(
    hana: Person, tmp_path: Path
) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("title,price\nDesk,12000\n")
    with running(hana):
        assert hana.types("sell", "Lamp", "--price", "20000").code == 2
        assert hana.types("config", "set", "currency", "JPY").code == 0
        lamp = hana.json("sell", "Lamp", "--price", "20000").row
        assert lamp["price"] == {"amount": "20000", "currency": "JPY"}
        assert hana.json("edit", lamp["id"], "--price", "$5").row["price"]["currency"] == "USD"
        assert hana.json("edit", lamp["id"], "--price", "ask").row["price"] is None
        assert hana.json("edit", lamp["id"], "--price", "free").code == 0
        refused = hana.json("edit", lamp["id"], "--price", "1.5")
        assert (refused.code, "no decimals" in refused.error["message"]) == (2, True)
        assert hana.json("import", str(file)).rows[-1]["created"] == 1
        assert hana.json("search", "desk").row["price"]["currency"] == "JPY"


def test_what_a_neighbour_cannot_use_is_not_to_be_handed_over() -> None:
    lan, own = "/ip4/192.168.0.7/tcp/4110", "/ip4/127.0.0.1/tcp/4110"
    assert to_hand_over([lan, own, "/ip6/::1/tcp/4110"]) == [lan]
    assert to_hand_over([own]) == [own]


def test_wrong_words_for_a_running_node_are_wrong_usage(hana: Person) -> None:
    with running(hana):
        for address in ("nonsense", "192.168.0.7", "192.168.0.7:4110", ""):
            refused = hana.json("connect", address)
            assert (refused.code, "/ip4/" in refused.error["message"]) == (2, True)
        # That a node runs is not what is wrong: it need not be stopped.
        second = hana.json("init")
        assert (second.code, second.error["code"]) == (1, "identity-exists")
        assert "2 listings by 1 person" not in hana.types("status").out
        assert "1 listing by 1 person" in hana.types("status").out


def test_watch_tells_what_happens(hana: Person) -> None:
    with (
        running(hana) as node,
        subprocess.Popen(
            [*COMMAND, "watch"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=hana.environ(),
        ) as watcher,
    ):
        assert watcher.stdout is not None and watcher.stderr is not None
        assert "watching" in watcher.stderr.readline()
        # It may take the watcher as long as one sale until it is heard by the node.
        sold = [hana.sells("Lamp", "20 USD")["id"][:8] for _ in range(3)]
        line = watcher.stdout.readline()
        assert "Lamp · $20.00 · you" in line
        assert any(short in line for short in sold)
        assert node.stop() == 0
        assert "stopping" in watcher.stdout.read()
        assert watcher.wait(10) == 0


def test_writing_goes_through_the_node_that_runs(hana: Person, tmp_path: Path) -> None:
    goods = tmp_path / "goods.csv"
    goods.write_text("title,price,currency\nLamp,20,USD\nDesk,abc,USD\n")
    with running(hana) as node:
        said = hana.types("import", str(goods))
        assert (said.code, said.out) == (0, "1 created, 1 failed\n")
        assert "line 3" in said.err
        assert node.next("listing")["title"] == "Lamp"
        assert hana.json("profile", "--name", "하나로").row["name"] == "하나로"
        assert "campus/x" in hana.json("join", "campus/x").row["joined"]
        assert hana.types("renew", "--all").code == 0
        wrong = hana.json("sell", "x", "--price", "abc")
        assert (wrong.code, wrong.error["code"]) == (2, "bad-value")
        assert hana.json("withdraw", "ffffffff").code == 3
        assert hana.json("connect", "nonsense").code in (1, 2)
        assert hana.json("verify").row["ok"] is True
        assert hana.types("doctor").code == 0
        assert node.stop() == 0
    assert hana.json("whoami").row["name"] == "하나로"


def test_a_home_is_for_one_node_alone(hana: Person) -> None:
    with running(hana):
        second = hana.types("up", *OPTIONS, "--json")
        assert second.code == 1
        assert second.error["code"] == "home-in-use"


def test_what_keeps_a_node_from_starting_is_one_line(noah: Person) -> None:
    taken = noah.types("up", "--no-mdns", "--listen", "/ip4/203.0.113.9/tcp/4110")
    assert taken.code == 1
    assert taken.err.startswith("jangteo: cannot listen there: /ip4/203.0.113.9/tcp/4110")
    (noah.home / "jangteo.db").write_bytes(b"not a database" * 1000)
    for words in (["up", *OPTIONS], ["search"], ["sell", "x", "--price", "1 USD"]):
        damaged = noah.types(*words)
        assert damaged.code == 1
        assert "is damaged" in damaged.err
        assert len(damaged.err.splitlines()) == 1
    for words in (["--listen", "x"], ["--peer", "x"], ["--api-port", "x"], ["--market", "A B"]):
        assert noah.types("up", *words).code == 2


def test_stopping_warns_of_what_nobody_else_holds(hana: Person) -> None:
    with running(hana) as node:
        assert node.stop(signal.SIGTERM) == 0
        warning, stopping = node.rest[-2:]
    assert warning["code"] == "unheld"
    assert stopping["event"] == "stopping"


def test_up_speaks_to_people_in_lines(hana: Person) -> None:
    with subprocess.Popen(
        [*COMMAND, "up", *OPTIONS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=hana.environ(),
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            first = process.stdout.readline()
            assert "ready; you are" in first
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert "/ip4/127.0.0.1/tcp/" in rest
            assert "held by no other node" in rest
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_restoring_fetches_ones_own_records_from_a_neighbour(
    hana: Person, noah: Person, tmp_path: Path
) -> None:
    words = hana.json("words").row["words"]
    with running(noah) as keeper:
        with running(hana, "--peer", keeper.ready["addresses"][0]):
            assert keeper.next("listing")["title"] == "로드 자전거"
        again = Person(tmp_path / "again")
        address = keeper.ready["addresses"][0]
        told = again.types("restore", "--json", "--peer", address, stdin=words).row
        assert (told["listings"], told["peers"]) == (1, 1)
        assert again.json("mine").row["title"] == "로드 자전거"


def test_devnet_brings_nodes_together_and_leaves_nothing_behind(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    with subprocess.Popen(
        [*COMMAND, "devnet", "--nodes", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=person.environ(),
    ) as net:
        try:
            assert net.stdout is not None and net.stderr is not None
            homes: list[Path] = []
            for line in net.stdout:
                event = json.loads(line)
                if event["event"] == "home":
                    homes.append(Path(event["home"]))
                if event["event"] == "together":
                    break
            assert event["listings"] >= 60
            assert len(homes) == 2 and all(home.is_dir() for home in homes)
            found = person.json("search", "--limit", "100", "--home", str(homes[1])).rows
            assert len(found) == event["listings"]
            assert {"KRW", "JPY", "USD"} <= {r["price"]["currency"] for r in found if r["price"]}
            pids = [json.loads((home / "node.json").read_text())["pid"] for home in homes]
            net.send_signal(signal.SIGINT)
            assert net.wait(20) == 0, net.stderr.read()
            assert not homes[0].parent.exists()
            for pid in pids:
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
            assert not person.home.exists()
        finally:
            net.kill()


def test_devnet_stops_by_itself(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    said = person.types("devnet", "--nodes", "1", "--seconds", "1")
    assert said.code == 0
    assert "search 자전거" in said.out
