"""What a running node costs: two real processes over libp2p on loopback. `./run bench node`.

Start and stop, cold transfer of 5,000 and 20,000 records, latency of a listing by gossip, and what
a node takes at rest (Linux: read from /proc). Takes about a minute.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jangteo.node import identity
from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.home_store import open_store
from jangteo.node.office import open_office
from jangteo.protocol.envelope import Header, author_record
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price
from jangteo.store.store import Store

JANGTEO = str(Path(sys.executable).parent / "jangteo")
WORDS = (
    "자전거 의자 책상 노트북 냉장고 中古 自転車 テレビ bicycle chair desk lamp guitar book".split()
)
SALES = 60
REST_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


def fill(home: Home, count: int) -> None:
    """`count` listings of ordinary length."""
    home.make()
    with home.lock("command"):
        author, _ = identity.ensure(home)
        key = identity.load_author_key(home)
        dice = random.Random(1)  # noqa: S311  (repeatable on purpose)
        now_ms = time.time_ns() // 1_000_000
        with open_store(home, read_config(home), own=author) as store:
            for start in range(0, count, 500):
                records = []
                for number in range(start, min(count, start + 500)):
                    body = Listing(
                        " ".join(dice.choices(WORDS, k=5)),
                        description=" ".join(dice.choices(WORDS, k=40)),
                        price=Price(dice.randrange(10**6), "KRW"),
                        category=dice.choice(WORDS),
                        created_ms=now_ms,
                    ).to_body()
                    thread = number.to_bytes(16, "big")
                    header = Header(
                        LISTING, author, now_ms - dice.randrange(10**9), "open", thread, 1, False
                    )
                    records.append(author_record(key, header, body))
                with store.write(durable=False):
                    store.admit(records, now_ms)


class Node:
    def __init__(self, home: Path, *peers: str) -> None:
        command = [JANGTEO, "--home", str(home), "up", "--json", "--no-mdns"]
        command += ["--listen", "/ip4/127.0.0.1/tcp/0"]
        for peer in peers:
            command += ["--peer", peer]
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.events: Iterator[str] = iter(self.process.stdout)
        self.address = self.next_event()["addresses"][0]
        self.ready_s = time.perf_counter() - began

    def next_event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(next(self.events))
        return event

    def read_on(self) -> None:
        """So that it never waits for a reader."""
        threading.Thread(target=lambda: list(self.events), daemon=True).start()

    def cpu_s(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / TICKS

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> float:
        began = time.perf_counter()
        self.process.terminate()
        self.process.wait()
        return time.perf_counter() - began


@contextmanager
def pair(folder: Path, records: int) -> Iterator[tuple[Node, Node]]:
    fill(Home(folder / "a"), records)
    first = Node(folder / "a")
    second = Node(folder / "b", first.address)
    try:
        yield first, second
    finally:
        for node in (first, second):
            if node.process.poll() is None:
                node.stop()


def cold_transfer(folder: Path, records: int) -> None:
    with pair(folder, records) as (first, second):
        began, cpu_s = time.perf_counter(), (first.cpu_s(), second.cpu_s())
        received = 0
        while received < records:
            event = second.next_event()
            received += event["received"] if event["event"] == "sync" else 0
        took = time.perf_counter() - began
        print(
            f"{records:,} records to an empty node: {took:.2f} s, {records / took:,.0f}/s, "
            f"processor {first.cpu_s() - cpu_s[0]:.1f} s there and "
            f"{second.cpu_s() - cpu_s[1]:.1f} s here, {second.memory_mib():.0f} MiB"
        )


def latency(folder: Path) -> None:
    with pair(folder, 0) as (first, second):
        print(f"ready after {first.ready_s:.2f} s (new home: {second.ready_s:.2f} s)")
        first.read_on()
        second.read_on()
        time.sleep(2)
        home = Home(folder / "a")
        arrivals, answers = [], []
        store = Store.open(folder / "b" / "jangteo.db", read_only=True)
        with store, open_office(home, read_config(home)) as office:
            for number in range(SALES):
                began = time.perf_counter()
                told = {"title": f"thing {number}", "price": "80 USD"}
                selling = threading.Thread(target=office.call, args=("sell", told))
                selling.start()
                while store.summary("open")[0] <= number:
                    time.sleep(0.001)
                arrivals.append(time.perf_counter() - began)
                selling.join()
                answers.append(time.perf_counter() - began)
        arrivals.sort()
        answers.sort()
        print(
            f"a listing sold is at the neighbour after {1000 * arrivals[SALES // 2]:.0f} ms (p50), "
            f"{1000 * arrivals[-1]:.0f} ms (worst of {SALES}); known to be held, and answered, "
            f"after {1000 * answers[SALES // 2]:.0f} ms"
        )
        cpu_s = first.cpu_s(), second.cpu_s()
        time.sleep(REST_S)
        rest = [
            100 * (node.cpu_s() - was) / REST_S
            for node, was in zip((first, second), cpu_s, strict=True)
        ]
        print(
            f"at rest with a neighbour: {max(rest):.1f} % of a core, {first.memory_mib():.0f} MiB"
        )
        print(f"stops within {max(first.stop(), second.stop()):.2f} s")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        latency(Path(folder) / "latency")
        for records in (5000, 20_000):
            cold_transfer(Path(folder) / f"cold{records}", records)


if __name__ == "__main__":
    main()
