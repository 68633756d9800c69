"""`open`: the link of the page, a browser that is started without it, and the window for phones."""

import http.client
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jangteo.node.home import Home
from jangteo.node.page_link import page_link
from jangteo.protocol import limits
from tests.browser.conftest import RunningNode, running
from tests.cli_runner import Person

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    person = Person(tmp_path_factory.mktemp("home") / "home")
    person.types("init", "--name", "하나")
    person.sells("로드 자전거", "950000 KRW")
    with running(person) as started:
        yield started


def asked(port: int, path: str, method: str = "GET", host: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection(HERE, port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": host or f"{HERE}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_link_is_printed_and_opens(node: RunningNode) -> None:
    told = node.person.json("open").row
    assert told == {"page": node.link} == {"page": node.ready["page"]}
    assert node.person.types("open", "--print").out == node.link + "\n"
    status, _ = asked(node.port, node.link.removeprefix(node.url))
    assert status == 303


def test_a_browser_is_started_with_a_file_that_only_its_owner_can_read(
    node: RunningNode, tmp_path: Path
) -> None:
    """Every user of the machine sees what a program was started with."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\n')
    browser.chmod(0o755)
    said = node.person.types("open", BROWSER=f"{browser} %s")
    assert (said.code, said.out) == (0, "opened in your browser\n")
    home = Home(node.person.home)
    assert (tmp_path / "told").read_text() == f"{home.open_path.as_uri()}\n"
    assert node.link in home.open_path.read_text()
    assert stat.S_IMODE(home.open_path.stat().st_mode) == 0o600


def test_without_a_browser_the_link_is_printed(node: RunningNode) -> None:
    said = node.person.types("open", PATH=str(node.person.home))
    assert said.out == node.link + "\n"
    assert "no browser" in said.err


def test_without_a_node_it_says_how_to_start_one(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    for words in (["open"], ["open", "--phone"], ["open", "--phone", "--off"]):
        said = person.json(*words)
        assert said.code == 4, words
        assert said.error["code"] == "needs-node"
    assert "jangteo up" in person.types("open").err


@pytest.mark.parametrize(
    "words",
    [
        ["--off"],
        ["--market", "open"],
        ["--port", "9000"],
        ["--phone", "--print"],
        ["--phone", "--port", "0"],
        ["--phone", "--address", "0.0.0.0"],  # noqa: S104
        ["--phone", "--address", "10.255.255.254"],
        ["--phone", "--market", "No Market"],
    ],
)
def test_what_cannot_be_is_refused(node: RunningNode, words: list[str]) -> None:
    said = node.person.types("open", *words)
    assert said.code == 2
    assert said.err.startswith("jangteo: ")
    assert node.person.json("open", "--phone", "--off").row["phone"] is False


def test_what_is_kept_of_a_node_s_output_does_not_hold_the_link(tmp_path: Path) -> None:
    """A system's log is read by others of the machine."""
    import subprocess

    from tests.cli_runner import COMMAND

    person = Person(tmp_path / "home")
    with subprocess.Popen(
        [*COMMAND, "up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"],
        stdout=subprocess.PIPE,
        text=True,
        env=person.environ(),
    ) as process:
        assert process.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = process.stdout.readline()
            assert line
            told += line
        face = Home(person.home).node()
        assert face is not None
        process.kill()
    assert "jangteo open" in told
    assert page_link(face.url, face.token).rpartition("=")[2] not in told


# --- the window for phones ------------------------------------------------------------------------


def opened(node: RunningNode, *words: str) -> int:
    told = node.person.json("open", "--phone", "--address", HERE, *words).row
    assert told["phone"] is True
    assert told["url"] == f"http://{HERE}:{told['port']}/"
    return int(told["port"])


def test_a_guest_looks_and_nothing_of_the_owner_is_seen(node: RunningNode) -> None:
    port = opened(node)
    assert port >= limits.PHONE_PORT_DEFAULT
    status, page = asked(port, "/")
    assert status == 200
    assert "로드 자전거" in page
    (row,) = node.person.json("search").rows
    status, page = asked(port, f"/listing/{row['id']}")
    assert status == 200
    assert "하나" in page
    for private in ("Held by", ">You<", "/talk", "/me", "/sell", "/events", "favour", "/ask"):
        assert private not in page, private
    assert node.person.json("open", "--phone", "--off").row["phone"] is False
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/")


@pytest.mark.parametrize(
    "path",
    ["/me", "/node", "/talk", "/deals", "/events", "/state", "/enter", "/v1/peers", "/sell",
     "/favourites", "/notifications", "/language", "/settings", "/people", "/outbox"],
)  # fmt: skip
def test_what_is_the_owner_s_is_not_there_for_guests(node: RunningNode, path: str) -> None:
    port = opened(node)
    status, page = asked(port, path)
    assert status == 404
    assert node.token not in page


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_through_the_window_one_only_reads(node: RunningNode, method: str) -> None:
    port = opened(node)
    assert asked(port, "/", method)[0] == 405


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1", "localhost:{port}", "127.0.0.1:1"])
def test_the_window_answers_at_its_own_address_only(node: RunningNode, host: str) -> None:
    port = opened(node)
    assert asked(port, "/", host=host.format(port=port))[0] == 403


def test_a_window_on_one_market_shows_no_other(node: RunningNode) -> None:
    node.person.types("join", "family")
    kept = node.person.json("sell", "가족끼리", "--price", "free", "--market", "family").row
    port = opened(node, "--market", "open")
    assert "가족끼리" not in asked(port, "/")[1]
    assert "가족끼리" not in asked(port, "/?market=family")[1]
    assert asked(port, f"/listing/{kept['id']}")[0] == 404
    port = opened(node, "--market", "family")
    assert "가족끼리" in asked(port, "/")[1]


def test_what_was_taken_back_is_gone_for_guests(node: RunningNode) -> None:
    gone = node.person.sells("곧 사라짐")
    node.person.types("withdraw", gone["id"])
    port = opened(node)
    assert asked(port, f"/listing/{gone['id']}")[0] == 404
    assert "곧 사라짐" not in asked(port, "/?status=withdrawn")[1]


def test_a_guest_has_so_many_connections_and_no_more(node: RunningNode) -> None:
    port = opened(node, "--market", "open")
    held = [
        http.client.HTTPConnection(HERE, port, timeout=10)
        for _ in range(limits.PHONE_CONNECTIONS_PER_ADDRESS_MAX)
    ]
    try:
        for connection in held:
            connection.request("GET", "/static/0/none")
            connection.getresponse().read()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            asked(port, "/")
    finally:
        for connection in held:
            connection.close()


def test_who_asks_without_end_is_told_to_wait(node: RunningNode) -> None:
    port = opened(node)
    connection = http.client.HTTPConnection(HERE, port, timeout=10)
    statuses = []
    for _ in range(limits.PHONE_REQUESTS_BURST * 2):
        connection.request("GET", "/static/0/none")
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    assert 429 in statuses
    assert statuses.index(429) >= limits.PHONE_REQUESTS_BURST // 2
    assert node.person.json("open", "--phone", "--off").row["phone"] is False


def test_the_window_ends_with_the_node(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    with running(person) as started:
        told = person.json("open", "--phone", "--address", HERE).row
        assert json.dumps(told)
        started.process.terminate()
        assert started.process.wait(10) == 0
    with pytest.raises(ConnectionRefusedError):
        asked(told["port"], "/")
    assert not Home(person.home).open_path.exists()
