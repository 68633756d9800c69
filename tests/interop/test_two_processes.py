"""Real nodes as real processes over real libp2p on loopback: what one sells the others have, also
when the seller has been killed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

JANGTEO = str(Path(sys.executable).parent / "jangteo")
PATIENCE_S = 30.0
Json = dict[str, Any]


class Node:
    """`jangteo up --json` in a home of its own; its events as they come."""

    def __init__(self, home: Path, *peers: str) -> None:
        self.home = home
        command = [JANGTEO, "--home", str(home), "up", "--json", "--no-mdns"]
        command += ["--listen", "/ip4/127.0.0.1/tcp/0"]
        for peer in peers:
            command += ["--peer", peer]
        self.log = home.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=quiet_environment()
            )
        self._events: Queue[Json] = Queue()
        threading.Thread(target=self._read, daemon=True).start()
        ready = self.wait_for(lambda event: event["event"] == "ready")
        self.address = ready["addresses"][0]
        self.author = ready["author"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))

    def wait_for(self, is_it: Callable[[Json], bool]) -> Json:
        """The next event that is it."""
        while True:
            try:
                event = self._events.get(timeout=PATIENCE_S)
            except Empty:
                raise AssertionError(f"no such event; log: {self.log.read_text()}") from None
            if is_it(event):
                return event

    def wait_title(self, title: str) -> Json:
        return self.wait_for(lambda event: event.get("title") == title)

    def run(self, *words: str) -> list[Json]:
        """One command of the same home, as JSON."""
        done = subprocess.run(
            [JANGTEO, "--home", str(self.home), *words, "--json"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=quiet_environment(),
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def fingerprints(self) -> dict[str, tuple[int, str]]:
        (status,) = self.run("status")
        return {
            market["market"]: (market["records"], market["fingerprint"])
            for market in status["markets"]
        }

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def quiet_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("JANGTEO_")}


@contextmanager
def running(home: Path, *peers: str) -> Iterator[Node]:
    node = Node(home, *peers)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.stop(signal.SIGKILL)


@pytest.mark.slow
def test_what_one_sells_the_others_have_and_keep(tmp_path: Path) -> None:
    with running(tmp_path / "ann") as ann, running(tmp_path / "bob", ann.address) as bob:
        bob.wait_for(lambda event: event["event"] == "peer")
        (sold,) = ann.run("sell", "자전거 팝니다", "--price", "95000 KRW")
        assert sold["held_by"] == 1
        bob.wait_title("자전거 팝니다")
        (found,) = bob.run("search", "자전거")
        assert found["id"] == sold["id"]
        assert found["author"] == ann.author
        ann.run("edit", sold["id"], "--price", "90000 KRW")
        bob.wait_for(lambda event: event.get("change") == "changed")
        (cheaper,) = bob.run("search", "자전거")
        assert cheaper["price"]["amount"] == "90000"

        ann.stop(signal.SIGKILL)
        with running(tmp_path / "cho", bob.address) as cho:
            cho.wait_title("자전거 팝니다")
            (kept,) = cho.run("search", "자전거")
            assert kept["record_id"] == cheaper["record_id"]
            assert cho.fingerprints() == bob.fingerprints()

            # The killed one comes back to the same home, and loses nothing.
            with running(tmp_path / "ann", cho.address) as again:
                again.wait_for(lambda event: event["event"] == "peer")
                again.run("sold", sold["id"])
                cho.wait_for(lambda event: event.get("status") == "sold")
                assert again.stop() == 0
            assert cho.stop(signal.SIGINT) == 0
        assert bob.stop() == 0


@pytest.mark.slow
def test_a_question_and_its_answer_are_told_to_whom_they_are_for(tmp_path: Path) -> None:
    def told(node: Node, kind: str) -> Json:
        return node.wait_for(lambda e: e["event"] == "notification" and e["kind"] == kind)

    with running(tmp_path / "ann") as ann, running(tmp_path / "bob", ann.address) as bob:
        bob.wait_for(lambda event: event["event"] == "peer")
        (sold,) = ann.run("sell", "자전거 팝니다", "--price", "95000 KRW")
        bob.wait_title("자전거 팝니다")
        (asked,) = bob.run("ask", sold["id"], "종도 있나요?")
        heard = told(ann, "question")
        assert (heard["text"], heard["question"]) == ("종도 있나요?", asked["question"]["id"])
        ann.run("answer", heard["question"], "네, 있어요")
        assert told(bob, "answer")["text"] == "네, 있어요"
        (home,) = ann.run()
        assert home["unseen"] == 1
        (shown,) = bob.run("show", sold["id"])
        assert shown["questions"][0]["answers"][0]["is_seller"]
        (noted,) = ann.run("notifications")
        assert noted["kind"] == "question"
        assert ann.run("notifications") == []


@pytest.mark.slow
def test_a_node_says_at_the_end_what_nobody_else_holds(tmp_path: Path) -> None:
    with running(tmp_path / "ann") as ann:
        (sold,) = ann.run("sell", "lamp", "--price", "free")
        assert sold["held_by"] == 0
        ann.process.send_signal(signal.SIGINT)
        warning = ann.wait_for(lambda event: event["event"] == "warning")
        assert (warning["code"], warning["count"]) == ("unheld", 1)
        assert ann.wait_for(lambda event: event["event"] == "stopping")["unheld"] == 1
        assert ann.stop() == 0


@pytest.mark.slow
def test_a_second_node_on_one_home_says_so(tmp_path: Path) -> None:
    with running(tmp_path / "ann") as ann:
        second = subprocess.run(
            [JANGTEO, "--home", str(ann.home), "up", "--no-mdns"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert second.returncode == 1
        assert "in use" in second.stderr
        assert str(ann.process.pid) in second.stderr
