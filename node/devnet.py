"""Several real nodes on loopback with sample goods, to try Jangteo alone.

Each node is a process of its own in a temporary home; all are stopped and removed at the end.
Knows how to start `up` and read its events; nothing of how they are shown.
"""

import contextlib
import json
import queue
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ..protocol.told import tell
from .blob_folder import BlobFolder
from .config import read_config, set_value
from .desk_error import DeskError
from .home import Home
from .identity import create
from .node_process import Event, NodeProcess, stop_all, undisturbed
from .office import open_office
from .photo_bring import put

NODES_MAX: Final = 16
READY_SECONDS_MAX: Final = 60
TOGETHER_SECONDS_MAX: Final = 90
_LOOK_SECONDS: Final = 0.25
_SAMPLES: Final = Path(__file__).with_name("samples")
# A neighbourhood's languages in turn: the sample file, its currency, and names.
_PEOPLE: Final = (
    ("korean.jsonl", "KRW", ("은하", "지훈", "서연", "도윤", "하윤", "민준")),
    ("japanese.jsonl", "JPY", ("さくら", "はると", "ひなた", "りん", "そうた")),
    ("english.jsonl", "USD", ("Maya", "Noah", "Olivia", "Liam", "Ada")),
)


@dataclass(frozen=True, slots=True)
class Person:
    """One node's owner; `goods` are lines of JSON as `import` takes them, with a "motif" besides:
    what their photos show."""

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


def _with_photos(goods: Sequence[str], folder: BlobFolder) -> list[str]:
    """The same with photos that are drawn now, and in `folder` then."""
    from .sample_photo import photos_of

    def draw(line: str) -> str:
        told = json.loads(line)
        pictures = photos_of(told.pop("motif"), told["title"])
        drawn = [put(folder, pressed, is_durable=False) for pressed in pictures]
        return json.dumps(told | {"photos": drawn}, ensure_ascii=False)

    with ThreadPoolExecutor() as threads:
        return list(threads.map(draw, goods))


class Devnet:
    """A context manager: leaving it stops every node and removes the homes.

    `command` starts this program. `events` has what happens, with "node" as the number of the
    node it happens at.
    """

    def __init__(self, command: Sequence[str], count: int) -> None:
        if not 1 <= count <= NODES_MAX:
            raise DeskError(
                "bad-value",
                tell("from 1 to {nodes_max} nodes, not {count}", nodes_max=NODES_MAX, count=count),
                None,
                2,
            )
        self.people = people(count)
        self.listings = sum(len(person.goods) for person in self.people)
        self.folder = Path(tempfile.mkdtemp(prefix="jangteo-devnet-"))
        self.addresses: dict[int, str] = {}
        self._command = list(command)
        self._nodes: dict[int, NodeProcess] = {}
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
        lines = _with_photos(person.goods, BlobFolder(home.blobs_path))
        goods.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        with open_office(home, read_config(home)) as office:
            office.call("profile", {"name": person.name})
            failed = [
                event
                for event in office.stream("import", {"path": str(goods), "format": "jsonl"})
                if event.get("result") == "failed"
            ]
        if failed:
            raise DeskError(
                "failed", tell("a sample is no listing: {error}", error=failed[0]["error"])
            )
        return {
            "event": "home",
            "node": person.number,
            "name": person.name,
            "home": str(home.path),
            "listings": len(person.goods),
        }

    def start(self, person: Person) -> None:
        """Starts a person's node; the others' addresses that are known are its neighbours."""
        known = [word for address in self.addresses.values() for word in ("--peer", address)]
        options = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", *known]
        home = self.home(person).path
        self._nodes[person.number] = NodeProcess(
            self._command, home, options, self._events, person.number
        )

    def events(self, seconds: float) -> Iterator[Event]:
        """What happens within `seconds`. DeskError where a node ends by itself."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                event = self._events.get(timeout=min(left, _LOOK_SECONDS))
                if event["event"] == "ended":
                    raise DeskError(
                        "failed",
                        tell(
                            "node {node} ended by itself (exit code {code}): {last_words}",
                            node=event["node"],
                            code=event["code"],
                            last_words=self._nodes[event["node"]].last_words,
                        ),
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
        raise DeskError(
            "failed", tell("node {min} did not start within a minute", min=min(missing))
        )

    def wait_together(self) -> Iterator[Event]:
        """Until every node has every listing; DeskError after TOGETHER_SECONDS_MAX."""
        deadline = time.monotonic() + TOGETHER_SECONDS_MAX
        while time.monotonic() < deadline:
            yield from self.events(_LOOK_SECONDS)
            if all(self.counted(person) >= self.listings for person in self.people):
                return
        raise DeskError("failed", tell("the nodes did not come to hold the same goods in time"))

    def counted(self, person: Person) -> int:
        """Active listings in a person's store."""
        home = self.home(person)
        with open_office(home, read_config(home)) as office:
            counts: Mapping[str, int] = office.call("status-local", {})["counts"]
        return counts["listings_active"]

    def stop(self) -> None:
        """Stops the nodes and removes the homes."""
        with undisturbed():
            stop_all(self._nodes.values())
            shutil.rmtree(self.folder, ignore_errors=True)
