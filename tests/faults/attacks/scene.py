"""One attack on one real node process, with honest peers beside it and figures before, during and
after. Knows how attacks are ordered and what is measured; not what they do.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio

from jangteo.node.home import Home, NodeFace
from jangteo.protocol.limits import SYNC_PUSH_RECORDS_MAX
from tests.faults.attacks.field import OPEN, Attack
from tests.faults.attacks.honest import HeldBy, Honest, honest
from tests.interop.lan import Node

ROOT = Path(__file__).resolve().parents[3]
STOCK = 300
AFTER_MS_MAX = 1000
DURING_MS_MAX = 5000
RECOVERY_S_MAX = 12.0
RSS_SLACK_MIB = 32
FDS_SLACK = 4
TASKS_SLACK = 12
_PULSE_S = 0.25
_SAMPLE_S = 0.05
_ASK_S = 0.3
ANSWER_S_MAX = 20.0
PATIENCE_S_MAX = 120.0
_NEVER_MS = 99_999


@dataclass(frozen=True, slots=True)
class Figures:
    rss_mib: int
    fds: int
    tasks: int


@dataclass(slots=True)
class Outcome:
    """Times in ms; _NEVER_MS for what did not come about. `cpu_s` is the processor's time that the
    target took, `starved_s` how long it wanted a processor and others had it."""

    name: str
    seconds: float = 0.0
    sent: dict[str, int] = field(default_factory=dict)
    pulses: list[int] = field(default_factory=list)
    pulses_lost: int = 0
    newcomer_ms: int = _NEVER_MS
    after_ms: int = _NEVER_MS
    answers_ms: list[int] = field(default_factory=list)
    before: Figures = Figures(0, 0, 0)
    peak: Figures = Figures(0, 0, 0)
    after: Figures = Figures(0, 0, 0)
    recovery_s: float = 0.0
    cpu_s: float = 0.0
    starved_s: float = 0.0
    penalty: float = 0.0
    score: float = 0.0
    banned: int = 0
    honest_paid: float = 0.0
    is_up: bool = True
    error: str = ""

    @property
    def faults(self) -> list[str]:
        """What an honest peer or the owner would complain about."""
        found = self.lasting_faults
        if max(self.pulses, default=0) > DURING_MS_MAX or self.newcomer_ms > DURING_MS_MAX:
            found.append("slow during it")
        if self.after_ms > AFTER_MS_MAX:
            found.append("late after it")
        return found

    @property
    def lasting_faults(self) -> list[str]:
        """Those that do not depend on how fast this machine is, or how busy."""
        found = []
        if not self.is_up:
            found.append("the node died")
        if self.error:
            found.append(self.error)
        if not any(number for what, number in self.sent.items() if what != "hung up on"):
            found.append("no attack")
        if self.honest_paid:
            found.append("an honest peer paid")
        if self.pulses_lost or not self.pulses:
            found.append("no progress during it")
        if self.newcomer_ms == _NEVER_MS:
            found.append("no newcomer during it")
        if self.after_ms == _NEVER_MS:
            found.append("no newcomer after it")
        if self.after.rss_mib > self.before.rss_mib + RSS_SLACK_MIB:
            found.append("memory stays")
        if self.after.fds > self.before.fds + FDS_SLACK:
            found.append("descriptors stay")
        if self.after.tasks > self.before.tasks + TASKS_SLACK:
            found.append("tasks stay")
        return found


class Attackers:
    """The worker process, one attack at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.attacks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def order(self, **order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    async def told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await trio.to_thread.run_sync(self._process.stdout.readline, abandon_on_cancel=True)
        if not line:
            raise RuntimeError("the attackers' process has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


class Owner:
    """One lasting connection to the node's control API: a new one for each question would be
    counted among the descriptors that an attack leaves behind."""

    def __init__(self, face: NodeFace) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(face.url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {face.token}"}
        self._turn = trio.Lock()

    async def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        async with self._turn:
            return await trio.to_thread.run_sync(self._ask, verb, args)

    def _ask(self, verb: str, args: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(args).encode()
        headers = {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request("POST", f"/v1/{verb}", body=body, headers=headers)
            response = self._connection.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # The node hangs up on a connection that was quiet for a while.
            self._connection.close()
            self._connection.request("POST", f"/v1/{verb}", body=body, headers=headers)
            response = self._connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        if "result" not in answer:
            raise RuntimeError(f"{verb}: {answer}")
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        self._connection.close()


class Scene:
    """A target with STOCK listings and a resident peer, which has been there all the time."""

    def __init__(self, folder: Path, target: Node, attackers: Attackers, resident: Honest) -> None:
        self._folder = folder
        self._target = target
        self._attackers = attackers
        self._resident = resident
        ready = target.ready()[1]
        self._address: str = ready["addresses"][0]
        self._peer: str = ready["peer"]
        self._honest: set[str] = {resident.core.transport.peer}
        face = Home(target.home).node()
        assert face is not None
        self._owner = Owner(face)
        self._seller = Owner(face)
        self._held = HeldBy(Home(target.home).store_path)
        self._stock = self._held.ids()
        self._number = 0

    def close(self) -> None:
        self._held.close()
        self._owner.close()
        self._seller.close()

    async def settle(self) -> None:
        """Until the resident holds what the target holds."""
        await self._resident.meet(self._address)
        with trio.fail_after(30):
            await self._resident.until_held(self._stock)

    async def figures(self) -> Figures:
        tasks = (await self._owner.ask("status"))["tasks"]
        return Figures(self._rss_mib(), self._fds(), tasks)

    def _rss_mib(self) -> int:
        pages = Path(f"/proc/{self._target.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024**2

    def _fds(self) -> int:
        return len(list(Path(f"/proc/{self._target.process.pid}/fd").iterdir()))

    def _processor_s(self) -> tuple[float, float]:
        """Time on a processor, and time spent waiting for one, of all its threads."""
        tasks = Path(f"/proc/{self._target.process.pid}/task")
        told = [each.joinpath("schedstat").read_text().split() for each in tasks.iterdir()]
        return sum(int(one[0]) for one in told) / 1e9, sum(int(one[1]) for one in told) / 1e9

    async def play(self, attack: Attack, count: int, seconds: float) -> Outcome:
        """`attack` with intensity `count`, for at most so long."""
        outcome = Outcome(attack.name)
        self._number += 1
        market = OPEN
        if attack.wants_market:
            market = f"fair{self._number}"
            await self._owner.ask("join", market=market)
        outcome.before = outcome.peak = await self.figures()
        _, _, port = self._address.split("/")[2:5]
        self._attackers.order(
            name=attack.name,
            count=count,
            host="127.0.0.1",
            port=int(port),
            peer=self._peer,
            network=self._number,
            market=market,
            seed=self._number,
        )
        await self._attackers.told()
        async with (
            honest(
                self._folder, f"early{self._number}", f"127.1.{self._number}.1", market
            ) as early,
            honest(self._folder, f"late{self._number}", f"127.1.{self._number}.2", market) as late,
        ):
            self._honest |= {early.core.transport.peer, late.core.transport.peer}
            at_first = self._processor_s()
            await self._attack(outcome, market, early, seconds)
            if self._target.process.poll() is None:
                at_last = self._processor_s()
                outcome.cpu_s, outcome.starved_s = (
                    b - a for a, b in zip(at_first, at_last, strict=True)
                )
            began = trio.current_time()
            if await self._patiently(partial(self._visit, late, market)):
                outcome.after_ms = round((trio.current_time() - began) * 1000)
        await self._recover(outcome)
        if attack.wants_market:
            await self._owner.ask("leave", market=market)
        return outcome

    async def _attack(self, outcome: Outcome, market: str, early: Honest, seconds: float) -> None:
        """From its beginning to its end, with all that is measured meanwhile."""
        began = trio.current_time()
        over: dict[str, Any] = {}

        async def listen() -> None:
            over.update(await self._attackers.told())

        async def newcomer() -> None:
            await trio.sleep(min(0.1 * seconds, 0.5))
            came = trio.current_time()
            if await self._patiently(partial(self._visit, early, market)):
                outcome.newcomer_ms = round((trio.current_time() - came) * 1000)

        async with trio.open_nursery() as watchers:
            watchers.start_soon(self._sample, outcome)
            watchers.start_soon(self._question, outcome)
            async with trio.open_nursery() as actors:
                actors.start_soon(newcomer)
                actors.start_soon(self._pulse, outcome, began + seconds)
                await trio.sleep(seconds)
            async with trio.open_nursery() as listeners:
                listeners.start_soon(listen)
                self._attackers.order(stop=True)
            watchers.cancel_scope.cancel()
        outcome.seconds = trio.current_time() - began
        outcome.sent, outcome.error = over["sent"], over["error"]

    async def _visit(self, guest: Honest, market: str) -> None:
        """Comes, gets the target's own goods, and leaves its own there."""
        # More than a session pushes (SPEC.md R6.26): the target must ask for them.
        number_of_gifts = 5 if market == OPEN else 3 * SYNC_PUSH_RECORDS_MAX
        gifts = [guest.listing(f"gift {number}", market) for number in range(number_of_gifts)]
        await guest.publish(*gifts)
        await guest.meet(self._address)
        await guest.until_held(self._stock)
        await self._held.until([gift.id for gift in gifts])

    async def _pulse(self, outcome: Outcome, end: float) -> None:
        """Honest business all the while: the resident's goods to the target, and the other way."""

        async def trade(number: int) -> None:
            if number % 4:
                record = self._resident.listing(f"pulse {number}")
                await self._resident.publish(record)
                await self._held.until([record.id])
            else:
                sold = await self._seller.ask("sell", title=f"pulse {number}", price="free")
                await self._resident.until_held([bytes.fromhex(sold["listing"]["record_id"])])

        async def one(number: int) -> None:
            began = trio.current_time()
            if await self._patiently(partial(trade, number)):
                outcome.pulses.append(round((trio.current_time() - began) * 1000))
            else:
                outcome.pulses_lost += 1

        async with trio.open_nursery() as nursery:
            number = 0
            while trio.current_time() < end:
                nursery.start_soon(one, number)
                number += 1
                await trio.sleep(_PULSE_S)

    async def _patiently(self, job: Callable[[], Awaitable[None]]) -> bool:
        """Whether `job` is done within ANSWER_S_MAX. The time in which the loops of the target and
        of the honest peers wanted a processor and others had it does not count: that is this
        machine's doing. A node that hangs, or is busy with its attackers, has no such excuse."""
        began = trio.current_time()
        starved_s = self._loops_starved_s()
        is_done = False
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def watch() -> None:
                took_s = excused_s = 0.0
                while took_s < min(ANSWER_S_MAX + excused_s, PATIENCE_S_MAX):
                    await trio.sleep(_PULSE_S)
                    took_s = trio.current_time() - began
                    excused_s = self._loops_starved_s() - starved_s
                nursery.cancel_scope.cancel()

            await job()
            is_done = True
            nursery.cancel_scope.cancel()
        return is_done

    def _loops_starved_s(self) -> float:
        """How long both main threads have waited for a processor, ever; 0 for who has ended."""
        waited_ns = 0
        for pid in (self._target.process.pid, os.getpid()):
            with suppress(FileNotFoundError, ProcessLookupError):
                told = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text()
                waited_ns += int(told.split()[1])
        return waited_ns / 1e9

    async def _sample(self, outcome: Outcome) -> None:
        while True:
            try:
                now = Figures(self._rss_mib(), self._fds(), 0)
            except FileNotFoundError:
                outcome.is_up = False
                return
            outcome.peak = _peak(outcome.peak, now)
            await trio.sleep(_SAMPLE_S)

    async def _question(self, outcome: Outcome) -> None:
        """What its owner would ask, and how long that takes."""
        while True:
            began = trio.current_time()
            try:
                status = await self._owner.ask("status")
                outcome.answers_ms.append(round((trio.current_time() - began) * 1000))
                peers = (await self._owner.ask("peers"))["peers"]
            except (OSError, http.client.HTTPException) as error:
                outcome.error = str(error)
                return
            outcome.peak = _peak(outcome.peak, Figures(0, 0, status["tasks"]))
            outcome.banned = max(outcome.banned, status["banned"])
            hostile = [each for each in peers if each["peer"] not in self._honest]
            paid = [max(each["penalty"], -each["score"]) for each in peers if each not in hostile]
            outcome.honest_paid = max([outcome.honest_paid, *paid])
            outcome.penalty = max([outcome.penalty, *(each["penalty"] for each in hostile)])
            outcome.score = min([outcome.score, *(each["score"] for each in hostile)])
            await trio.sleep(_ASK_S)

    async def _recover(self, outcome: Outcome) -> None:
        """Until the figures are near what they were, or for RECOVERY_S_MAX."""
        began = trio.current_time()
        while True:
            if self._target.process.poll() is not None:
                outcome.is_up = False
                outcome.error = self._target.log()[-300:]
                return
            try:
                outcome.after = await self.figures()
            except (OSError, http.client.HTTPException) as error:
                outcome.error = str(error)
            outcome.recovery_s = trio.current_time() - began
            if outcome.recovery_s > RECOVERY_S_MAX or not any(
                fault.endswith(("stay", "stays")) for fault in outcome.lasting_faults
            ):
                return
            await trio.sleep(_SAMPLE_S)


def _peak(one: Figures, other: Figures) -> Figures:
    return Figures(
        max(one.rss_mib, other.rss_mib), max(one.fds, other.fds), max(one.tasks, other.tasks)
    )


@contextmanager
def _target(folder: Path) -> Iterator[Node]:
    goods = folder / "goods.csv"
    rows = [f"Honest thing {number},{number + 1} KRW" for number in range(STOCK)]
    goods.write_text("title,price\n" + "\n".join(rows) + "\n")
    node = Node(folder / "target", None, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
    try:
        node.ready()
        node.run("import", str(goods))
        yield node
        node.stop()
    finally:
        node.close()


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """A target of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="jangteo-attack-") as name:
        folder = Path(name)
        with closing(Attackers()) as attackers, _target(folder) as target:
            async with honest(folder, "resident", "127.1.0.1") as resident:
                with closing(Scene(folder, target, attackers, resident)) as made:
                    await made.settle()
                    yield made
