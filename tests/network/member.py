"""One node of a run: its home, its lives one after the other, its owner's words, what it takes.

Knows neither the network nor the plan. Times are seconds of one steady clock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jangteo.node.client import Client
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home
from jangteo.store.store import Store
from tests.interop.lan import Node
from tests.network.bad_lan import inside


@dataclass(frozen=True, slots=True)
class Figures:
    """What a process takes. `rss_kib` with its files' pages, `heap_kib` without."""

    at_s: float
    rss_kib: int
    heap_kib: int
    fds: int
    tasks: int
    threads: int
    store_bytes: int
    records: int
    peers: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


@dataclass(slots=True)
class Life:
    node: Node
    started_at: float
    ended_at: float = float("inf")

    @property
    def ready_at(self) -> float | None:
        first = self.node.events[0] if self.node.events else None
        return first[0] if first and first[1]["event"] == "ready" else None

    def visits(self, peer: str) -> list[tuple[float, float]]:
        """From when to when it was connected with `peer`."""
        found: list[tuple[float, float]] = []
        for at, event in list(self.node.events):
            if event["event"] != "peer" or event["peer"] != peer:
                continue
            if event["state"] == "up":
                found.append((at, self.ended_at))
            elif found:
                found[-1] = (found[-1][0], at)
        return found


class Member:
    """`number` from 0. `flags` of `up`, the same in every life."""

    def __init__(self, number: int, folder: Path, namespace: str, *flags: str) -> None:
        self.number = number
        self.home = Home(folder / f"node{number + 1:02}")
        self.namespace = namespace
        self.flags = flags
        self.lives: list[Life] = []
        self.peer = ""

    @property
    def name(self) -> str:
        return self.home.path.name

    @property
    def is_found(self) -> bool:
        """Whether it speaks mDNS."""
        return "--no-mdns" not in self.flags

    @property
    def node(self) -> Node:
        return self.lives[-1].node

    @property
    def is_up(self) -> bool:
        return bool(self.lives) and self.lives[-1].ended_at == float("inf")

    @property
    def is_ready(self) -> bool:
        return self.is_up and self.lives[-1].ready_at is not None

    def start(self) -> None:
        assert not self.is_up
        node = Node(self.home.path, self.namespace, *self.flags)
        self.lives.append(Life(node, time.monotonic()))

    def wait_ready(self, timeout_s: float) -> None:
        self.peer = str(self.node.ready(timeout_s)[1]["peer"])

    def stop(self) -> float:
        """As its owner does; the seconds it took."""
        took = self.node.stop()
        self._bury()
        return took

    def kill(self) -> None:
        self.node.kill()
        self._bury()

    def close(self) -> None:
        if self.is_up:
            self.node.close()
            self._bury()

    def _bury(self) -> None:
        self.lives[-1].ended_at = time.monotonic()
        self.node.close()

    def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        """A verb of the control API. DeskError; NodeGone is one of them."""
        face = self.home.node()
        if face is None:
            raise DeskError("node-gone", f"{self.name} does not run")
        with inside(self.namespace):
            return Client(face).call(verb, args)

    def figures(self) -> Figures:
        """DeskError where the node does not answer."""
        status = self.ask("status")
        process = Path(f"/proc/{self.node.process.pid}")
        told = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        store = self.home.store_path
        return Figures(
            time.monotonic(),
            _number(told["VmRSS"]),
            _number(told["RssAnon"]),
            len(list((process / "fd").iterdir())),
            status["tasks"],
            _number(told["Threads"]),
            sum(
                path.stat().st_size
                for path in (store, store.with_name(store.name + "-wal"))
                if path.exists()
            ),
            status["counts"]["records"],
            status["peers"],
        )

    def fingerprints(self) -> tuple[tuple[str, int, str], ...]:
        markets = self.ask("status")["markets"]
        return tuple((each["market"], each["records"], each["fingerprint"]) for each in markets)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """What it holds, beside the running node."""
        with Store.open(self.home.store_path, read_only=True) as store:
            yield store


def _number(text: str) -> int:
    return int(text.split()[0])
