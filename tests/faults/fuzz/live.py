"""Mutated RPCs and sync frames against a real node, as many as asked for:

    python tests/faults/fuzz/live.py --count 1000000 --seed 1

A `jangteo up` process is the victim, another is its honest neighbour, and this process plays the
hostile peers, on loopback. Every so often the node is asked what it always answers: a search, its
status, and whether what the neighbour puts up arrives. A hostile peer that is sent away, or not
listened to any more, comes back under a new key. Counted is only what the node has read: each batch
of RPCs ends with bytes that are none, for which it resets the stream; each frame is answered, or
ends its session. What the node asks in sessions of its own is answered in the same manner, and not
counted.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import trio
from libp2p.exceptions import BaseLibp2pError
from libp2p.peer.id import ID
from libp2p.utils import encode_varint_prefixed

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from jangteo.node.client import Client  # noqa: E402
from jangteo.node.home import Home  # noqa: E402
from jangteo.node.libp2p_pubsub import GOSSIP_PROTOCOL  # noqa: E402
from jangteo.node.libp2p_transport import Libp2pTransport, open_libp2p  # noqa: E402
from jangteo.node.transport import (  # noqa: E402
    Stream,
    StreamBroken,
    StreamEnded,
    TransportError,
)
from jangteo.protocol import limits, sync_frame  # noqa: E402
from jangteo.protocol.market import OPEN, topic  # noqa: E402
from jangteo.protocol.verdict import Verdict  # noqa: E402
from tests.faults.fuzz.rpc_mutation import Babbler  # noqa: E402

COUNTED = str(Path(__file__).parent / "counted_node.py")
BATCH_RPCS = 200
WRONG_MAX = 9
BARRIER_S = 20.0
ANSWER_S = 10.0
PATIENCE_S = 60.0
GOSSIPERS = 3
SYNCERS = 2
SYNC_SHARE = 12
"""One in so many of what is said is a sync frame."""
SESSION_FRAMES = 24
HONEST_S_MAX = 30.0
GROWTH_MIB_MAX = 256
GROWTH_FILES_MAX = 32
GROWTH_TASKS_MAX = 256
NICENESS = 15


class Node:
    """`jangteo up --json` in a home of its own; its events as they come."""

    def __init__(self, home: Path, *peers: str) -> None:
        self._tasks = home.with_suffix(".tasks")
        command = [sys.executable, COUNTED, str(self._tasks), "--home", str(home)]
        command += ["up", "--json", "--no-mdns"]
        command += ["--listen", "/ip4/127.0.0.1/tcp/0"]
        for peer in peers:
            command += ["--peer", peer]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("JANGTEO_")}
        self.log = home.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        self._ready: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.address: str = self._ready.get(timeout=PATIENCE_S)["addresses"][0]
        face = Home(home).node()
        assert face is not None
        self.client = Client(face)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                self._ready.put(event)

    def search_until(self, title: str, seconds: float) -> float | None:
        """How long the search took that found it. Asked again and again: of many listings at
        once, events name the first few only."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            began = time.perf_counter()
            rows = self.client.call("search", {"text": title})["rows"]
            if [row["title"] for row in rows] == [title]:
                return time.perf_counter() - began
            time.sleep(0.05)
        return None

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def tasks(self) -> int:
        return int(self._tasks.read_text())

    def complaints(self) -> list[str]:
        """Lines of its log that tell of a bug of its own."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        signs = ("Traceback", "the handler of", "failed:", "ERROR", "CRITICAL")
        return [line for line in lines if any(sign in line for sign in signs)]


@contextmanager
def running(home: Path, *peers: str) -> Iterator[Node]:
    node = Node(home, *peers)
    try:
        yield node
    finally:
        node.process.terminate()
        try:
            node.process.wait(20)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()
        if node.process.stdout is not None:
            node.process.stdout.close()


@dataclass(slots=True)
class Count:
    """What was said, and what came of it."""

    rpcs: int = 0
    frames: int = 0
    unsure: int = 0
    """RPCs of batches of which nobody knows how far they were read."""
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.rpcs + self.frames


Talk = Callable[[Libp2pTransport, Babbler, random.Random], Awaitable[None]]


class Attack:
    """Hostile peers against one address, until `count` is reached."""

    def __init__(self, address: str, count: int, seed: int) -> None:
        self.address = address
        self.count = count
        self.said = Count()
        self._seed = seed
        self._born = 0

    @property
    def is_over(self) -> bool:
        return self.said.total >= self.count

    async def run(self, talk: Talk) -> None:
        """One hostile peer after the other, each with a key that was never seen."""
        while not self.is_over:
            self._born += 1
            dice = random.Random(f"{self._seed} {self._born}")  # noqa: S311  (repeatable)
            async with open_libp2p(dice.randbytes(32), []) as peer:
                await peer.join(topic(OPEN), lambda sender, data: Verdict.IGNORE)
                key = peer.host.get_private_key()
                babbler = Babbler(dice, key, time.time_ns() // 1_000_000)
                peer.serve(sync_frame.PROTOCOL, partial(self._answer_session, babbler))
                try:
                    await peer.dial(self.address)
                except TransportError:
                    self.said.kinds["not let in"] += 1
                    continue
                self.said.kinds["peers"] += 1
                try:
                    await talk(peer, babbler, dice)
                except (TransportError, BaseLibp2pError):
                    self.said.kinds["streams refused"] += 1
                self.said.kinds["sent away"] += not peer.peers()

    async def babble(self, peer: Libp2pTransport, babbler: Babbler, _: random.Random) -> None:
        """RPCs until the node listens no more, which it does not tell: after WRONG_MAX of those
        that cost."""
        victim = ID.from_base58(self.address.rpartition("/")[2])
        while not self.is_over and peer.peers() and babbler.wrong_count < WRONG_MAX:
            batch = [babbler.rpc() for _ in range(BATCH_RPCS)] + [babbler.last_rpc()]
            stream = await peer.host.new_stream(victim, [GOSSIP_PROTOCOL])
            with trio.move_on_after(BARRIER_S) as patience:
                try:
                    await stream.write(b"".join(map(bytes, map(encode_varint_prefixed, batch))))
                    while await stream.read(1024):
                        pass
                except BaseLibp2pError:
                    pass  # the reset, which is the answer
            if patience.cancelled_caught or not peer.peers():
                self.said.unsure += len(batch)
            else:
                self.said.rpcs += len(batch)
            self.said.kinds["gossip streams"] += 1

    async def sync(self, peer: Libp2pTransport, babbler: Babbler, dice: random.Random) -> None:
        while not self.is_over and peer.peers():
            if self.said.frames * SYNC_SHARE > self.said.total:
                await trio.sleep(0.1)
            else:
                await self._session(peer, babbler, dice)

    async def _session(self, peer: Libp2pTransport, babbler: Babbler, dice: random.Random) -> None:
        victim = self.address.rpartition("/")[2]
        stream = await peer.open_stream(victim, sync_frame.PROTOCOL)
        self.said.kinds["sessions"] += 1
        try:
            with trio.move_on_after(PATIENCE_S):
                await stream.send_all(sync_frame.encode_prefixed(babbler.hello()))
                await _answer(stream)
                for _ in range(SESSION_FRAMES):
                    data = babbler.frame()
                    length = len(data)
                    if dice.random() < 0.01:
                        length = dice.choice((0, 2**32 - 1, limits.SYNC_FRAME_BYTES_MAX + 1))
                    await stream.send_all(length.to_bytes(4, "big") + data)
                    self.said.frames += 1
                    with trio.fail_after(ANSWER_S):
                        more = await _answer(stream)
                        while more:
                            more = await _answer(stream)
        except TransportError:
            self.said.kinds["sessions ended by the node"] += 1
        except trio.TooSlowError:
            self.said.kinds["frames without an answer"] += 1
        await stream.reset()

    async def _answer_session(self, babbler: Babbler, stream: Stream) -> None:
        """A session that the node opened: it is told what it must not believe."""
        self.said.kinds["sessions of the node's"] += 1
        with trio.move_on_after(PATIENCE_S), suppress(StreamEnded, StreamBroken):
            while not isinstance(asked := await _frame(stream), sync_frame.Bye):
                data = babbler.answer(asked)
                await stream.send_all(len(data).to_bytes(4, "big") + data)
                self.said.kinds["answers to the node"] += 1


async def _answer(stream: Any) -> bool:
    """Reads a frame; whether another of the same answer follows."""
    frame = await _frame(stream)
    return isinstance(frame, sync_frame.Records) and frame.more


async def _frame(stream: Any) -> sync_frame.Frame:
    length = int.from_bytes(await stream.receive_exactly(sync_frame.LENGTH_BYTES), "big")
    return sync_frame.decode(await stream.receive_exactly(length))


@dataclass(slots=True)
class Checks:
    """What the node answers while it is attacked."""

    victim: Node
    honest: Node
    attack: Attack
    number: int = 0
    latest_s: float = 0.0
    worst_s: float = 0.0
    worst_search_s: float = 0.0
    memory_mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Raises AssertionError for a node that is not well; prints a row."""
        assert self.victim.process.poll() is None, "the node has stopped"
        assert self.honest.process.poll() is None, "the honest neighbour has stopped"
        self.number += 1
        title = f"honest {self.number} {os.getpid()}"
        began = time.perf_counter()
        self.honest.client.call("sell", {"title": title, "price": "free"})
        search_s = self.victim.search_until(title, HONEST_S_MAX)
        self.latest_s = time.perf_counter() - began
        assert search_s is not None, f"{title!r} has not arrived in {HONEST_S_MAX} s"
        status = self.victim.client.call("status", {})
        assert status["running"]
        self.worst_s = max(self.worst_s, self.latest_s)
        self.worst_search_s = max(self.worst_search_s, search_s)
        self.memory_mib.append(self.victim.memory_mib())
        self.files.append(self.victim.files())
        self.tasks.append(self.victim.tasks())
        self.threads.append(self.victim.threads())
        said = self.attack.said
        print(
            f"{said.rpcs:>10,}{said.frames:>9,}{said.kinds['peers']:>7,}"
            f"{said.kinds['sent away']:>7,}{status['counts']['records']:>9,}"
            f"{self.memory_mib[-1]:>7.0f}{self.files[-1]:>6}{self.tasks[-1]:>7}"
            f"{self.threads[-1]:>8}{self.latest_s:>9.2f}{search_s:>9.3f}",
            flush=True,
        )


async def play(attack: Attack, look: Callable[[], None], every: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(GOSSIPERS):
            nursery.start_soon(attack.run, attack.babble)
        for _ in range(SYNCERS):
            nursery.start_soon(attack.run, attack.sync)
        nursery.start_soon(_watch, attack, look, every)


async def _watch(attack: Attack, look: Callable[[], None], every: int) -> None:
    looked_at = 0
    while not attack.is_over:
        await trio.sleep(0.2)
        if attack.said.total >= looked_at + every:
            looked_at = attack.said.total
            await trio.to_thread.run_sync(look)


def run(count: int, seed: int, folder: Path, checks: int = 40) -> Checks:
    """The whole attack; AssertionError where the node was not well."""
    with running(folder / "victim") as victim, running(folder / "honest", victim.address) as honest:
        attack = Attack(victim.address, count, seed)
        watched = Checks(victim, honest, attack)
        print(
            f"{'RPCs':>10}{'frames':>9}{'peers':>7}{'banned':>7}{'records':>9}{'MiB':>7}{'fds':>6}"
            f"{'tasks':>7}{'threads':>8}{'gossip s':>9}{'search s':>9}"
        )
        watched.look()
        trio.run(play, attack, watched.look, max(1, count // checks))
        watched.look()
        assert watched.latest_s < HONEST_S_MAX
        growth = watched.memory_mib[-1] - watched.memory_mib[0]
        assert growth < GROWTH_MIB_MAX, f"{growth:.0f} MiB more than at first"
        assert max(watched.files) < watched.files[0] + GROWTH_FILES_MAX, watched.files
        assert max(watched.tasks) < watched.tasks[0] + GROWTH_TASKS_MAX, watched.tasks
        assert not victim.complaints(), "\n".join(victim.complaints()[:20])
        problems = victim.client.call("verify", {})
        print(f"verify: {json.dumps({k: v for k, v in problems.items() if k != 'notices'})[:200]}")
        return watched


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    os.nice(max(0, NICENESS - os.nice(0)))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        watched = run(told.count, told.seed, Path(made))
    said = watched.attack.said
    print(
        f"{said.total:,} read by the node ({said.rpcs:,} RPCs, {said.frames:,} frames; "
        f"{said.unsure:,} more of which nobody knows) in {time.monotonic() - began:,.0f} s"
    )
    print(", ".join(f"{name}: {number:,}" for name, number in sorted(said.kinds.items())))
    print(
        f"longest gossip of an honest listing {watched.worst_s:.2f} s, "
        f"longest search {watched.worst_search_s:.3f} s; memory {watched.memory_mib[0]:.0f} to "
        f"{max(watched.memory_mib):.0f} MiB, at the end {watched.memory_mib[-1]:.0f}; "
        f"file descriptors {watched.files[0]} to {max(watched.files)}, at the end "
        f"{watched.files[-1]}; tasks {watched.tasks[0]} to {max(watched.tasks)}, at the end "
        f"{watched.tasks[-1]}; threads at most {max(watched.threads)}"
    )


if __name__ == "__main__":
    main()
