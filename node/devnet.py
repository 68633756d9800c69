"""Several real nodes on loopback with sample goods, to try Jangteo alone.

Each node is a process of its own in a temporary home; all are stopped and removed at the end.
Knows how to start `up` and read its events; nothing of how they are shown.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from ..protocol import limits
from .config import read_config, set_value
from .desk_error import DeskError
from .home import Home
from .identity import create
from .office import open_office

NODES_MAX: Final = 16
READY_SECONDS_MAX: Final = 60
TOGETHER_SECONDS_MAX: Final = 90
_STOP_SECONDS_MAX: Final = 8
_LOOK_SECONDS: Final = 0.25
_SAMPLES: Final = Path(__file__).with_name("samples")
# A neighbourhood's languages in turn: the sample file, its currency, and names.
_PEOPLE: Final = (
    ("korean.jsonl", "KRW", ("은하", "지훈", "서연", "도윤", "하윤", "민준")),
    ("japanese.jsonl", "JPY", ("さくら", "はると", "ひなた", "りん", "そうた")),
    ("english.jsonl", "USD", ("Maya", "Noah", "Olivia", "Liam", "Ada")),
)

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """One node's owner; `goods` are lines of JSON as `import` takes them."""

    number: int
    name: str
    currency: str
    goods: tuple[str, ...]


def people(count: int) -> list[Person]:
    """`count` persons who share all samples among them."""
    goods: list[list[str]] = [[] for _ in range(count)]
    for language, (file, _, _) in enumerate(_PEOPLE):
        speakers = [number for number in range(count) if number % len(_PEOPLE) == language]
        owners = speakers or [language % count]
        lines = (_SAMPLES / file).read_text(encoding="utf-8").splitlines()
        for index, line in enumerate(lines):
            goods[owners[index % len(owners)]].append(line)
    persons = []
    for number in range(count):
        _, currency, names = _PEOPLE[number % len(_PEOPLE)]
        name = names[number // len(_PEOPLE)]
        persons.append(Person(number + 1, name, currency, tuple(goods[number])))
    return persons


class Devnet:
    """A context manager: leaving it stops every node and removes the homes.

    `command` starts this program. `events` has what happens, with "node" as the number of the
    node it happens at.
    """

    def __init__(self, command: Sequence[str], count: int) -> None:
        if not 1 <= count <= NODES_MAX:
            raise DeskError("bad-value", f"from 1 to {NODES_MAX} nodes, not {count}", None, 2)
        self.people = people(count)
        self.listings = sum(len(person.goods) for person in self.people)
        self.folder = Path(tempfile.mkdtemp(prefix="jangteo-devnet-"))
        self.addresses: dict[int, str] = {}
        self._command = list(command)
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def home(self, person: Person) -> Home:
        return Home(self.folder / f"node-{person.number}")

    def furnish(self, person: Person) -> Event:
        """Makes a person's home with an identity and goods, before any node runs."""
        home = self.home(person)
        with home.lock("command"):
            create(home)
        home.owner.note_backed_up(time.time_ns() // 1_000_000)  # nothing here is worth keeping
        set_value(home, "currency", person.currency)
        goods = home.path / "goods.jsonl"
        goods.write_text("\n".join(person.goods) + "\n", encoding="utf-8")
        with open_office(home, read_config(home)) as office:
            office.call("profile", {"name": person.name})
            failed = [
                event
                for event in office.stream("import", {"path": str(goods), "format": "jsonl"})
                if event.get("result") == "failed"
            ]
        if failed:
            raise DeskError("failed", f"a sample is no listing: {failed[0]['error']}")
        return {
            "event": "home",
            "node": person.number,
            "name": person.name,
            "home": str(home.path),
            "listings": len(person.goods),
        }

    def start(self, person: Person) -> None:
        """Starts a person's node; the others' addresses that are known are its neighbours."""
        home = self.home(person)
        known = [word for address in self.addresses.values() for word in ("--peer", address)]
        command = [*self._command, "--home", str(home.path), "--json", "up", "--no-mdns"]
        command += ["--listen", "/ip4/127.0.0.1/tcp/0", *known]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop("JANGTEO_HOME", None)
        with (home.path / "up.log").open("w") as log:
            # The command is this program's own.
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        self._processes[person.number] = process
        told = process.stdout
        reader = threading.Thread(
            target=self._read, args=(person.number, process, told), daemon=True
        )
        reader.start()

    def events(self, seconds: float) -> Iterator[Event]:
        """What happens within `seconds`. DeskError where a node ends by itself."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                event = self._events.get(timeout=min(left, _LOOK_SECONDS))
                if event["event"] == "ended":
                    raise DeskError(
                        "failed",
                        f"node {event['node']} ended by itself (exit code {event['code']}): "
                        f"{self._last_words(event['node'])}",
                    )
                if event["event"] == "ready":
                    self.addresses[event["node"]] = event["addresses"][0]
                yield event

    def wait_ready(self, numbers: Sequence[int]) -> Iterator[Event]:
        """Until those nodes answer; DeskError after READY_SECONDS_MAX."""
        missing = set(numbers) - set(self.addresses)
        if not missing:
            return
        for event in self.events(READY_SECONDS_MAX):
            yield event
            missing -= set(self.addresses)
            if not missing:
                return
        raise DeskError("failed", f"node {min(missing)} did not start within a minute")

    def wait_together(self) -> Iterator[Event]:
        """Until every node has every listing; DeskError after TOGETHER_SECONDS_MAX."""
        deadline = time.monotonic() + TOGETHER_SECONDS_MAX
        while time.monotonic() < deadline:
            yield from self.events(_LOOK_SECONDS)
            if all(self.counted(person) >= self.listings for person in self.people):
                return
        raise DeskError("failed", "the nodes did not come to hold the same goods in time")

    def counted(self, person: Person) -> int:
        """Active listings in a person's store."""
        home = self.home(person)
        with open_office(home, read_config(home)) as office:
            counts: Mapping[str, int] = office.call("status-local", {})["counts"]
        return counts["listings_active"]

    def stop(self) -> None:
        """Stops the nodes, by force if they take longer than they may, and removes the homes."""
        with _undisturbed():
            for process in self._processes.values():
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + _STOP_SECONDS_MAX
            for process in self._processes.values():
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, number: int, process: subprocess.Popen[str], told: IO[str]) -> None:
        """On a thread for each node: its events into the one queue."""
        with told:
            for line in told:
                with contextlib.suppress(json.JSONDecodeError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        self._events.put({**event, "node": number})
        self._events.put({"event": "ended", "node": number, "code": process.wait()})

    def _last_words(self, number: int) -> str:
        with contextlib.suppress(OSError):
            log = self.folder / f"node-{number}" / "up.log"
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1][: limits.SYNC_TEXT_CHARS_MAX] if lines else "it said nothing"
        return "it said nothing"


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave nodes behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
