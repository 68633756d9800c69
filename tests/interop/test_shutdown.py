"""How a node ends, as a real process: in time, with its watchers told and nothing lost, also when
nobody reads what it says.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

from jangteo.protocol import limits
from jangteo.store.store import Store

JANGTEO = str(Path(sys.executable).parent / "jangteo")
PATIENCE_S = 30.0
STOP_S = 15.0
"""Not the bound of a stop, which takes SHUTDOWN_MS_MAX on an idle machine: a hang is what fails."""


@contextmanager
def running(home: Path, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    environment = {key: text for key, text in os.environ.items() if not key.startswith("JANGTEO_")}
    command = [JANGTEO, "--home", str(home), "up", "--json", "--no-mdns"]
    process = subprocess.Popen(
        [*command, "--listen", "/ip4/127.0.0.1/tcp/0"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"LC_ALL": "C.UTF-8"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def asked(home: Path, path: str, body: dict[str, Any] | None = None) -> IO[bytes]:
    """The control API's answer, as it comes."""
    told = json.loads((home / "node.json").read_text())
    headers = {"Authorization": f"Bearer {told['token']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(told["api"] + path, data, headers)  # noqa: S310  (loopback)
    answer: IO[bytes] = urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310
    return answer


def test_watchers_of_the_api_are_told_that_the_node_stops(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home) as node:
        assert node.stdout is not None
        assert json.loads(node.stdout.readline())["event"] == "ready"
        with asked(home, "/v1/events") as events:
            node.send_signal(signal.SIGTERM)
            told = [json.loads(line)["event"] for line in events]
        assert told[-2:] == ["stopping", "end"]
        assert node.wait(STOP_S) == 0
        assert json.loads(node.stdout.readlines()[-1])["event"] == "stopping"
        assert not (home / "node.json").exists()


def test_a_node_whose_words_nobody_reads_stops_all_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(writing, bytes(size))
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)
    with running(home, writing) as node:
        os.close(writing)
        while not (home / "node.json").exists():
            with suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"it ended by itself: {node.wait(0.1)}")
        node.send_signal(signal.SIGTERM)
        assert node.wait(STOP_S) == 0
        assert node.stderr is not None
        assert node.stderr.read() == ""
        assert not (home / "node.json").exists()
    os.close(reading)


@pytest.mark.parametrize("rows_read", [1, 700])
def test_what_an_import_told_of_is_there_when_the_node_was_stopped_amid_it(
    rows_read: int, tmp_path: Path
) -> None:
    home, file = tmp_path / "home", tmp_path / "goods.csv"
    rows = 6 * limits.IMPORT_BATCH_ROWS_MAX
    file.write_text("title,price\n" + "".join(f"thing {n},{n + 1}\n" for n in range(rows)))
    with running(home) as node:
        assert node.stdout is not None
        assert json.loads(node.stdout.readline())["event"] == "ready"
        body = {"path": str(file), "currency": "KRW", "format": "csv"}
        told = 0
        with asked(home, "/v1/stream/import", body) as answer:
            try:
                for line in answer:
                    told += json.loads(line).get("result") == "created"
                    if told == rows_read:
                        node.send_signal(signal.SIGTERM)
            except (OSError, ValueError):
                pass  # cut in the middle of a line
        assert node.wait(STOP_S) == 0
        assert not (home / "node.json").exists()
    with closing(Store.open(home / "jangteo.db", read_only=True)) as store:
        kept = store.summary("open")[0]
        assert rows_read <= told <= kept
        assert store.check_views() == []
