"""Plays a scenario with whole nodes over the in-memory network, and writes down what happened.

One seed is one run: trio's scheduler draws from it too, and time is virtual. Judges nothing; what
must hold is checks.py's.
"""

import hashlib
import logging
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, assert_never

import trio
import trio.testing

from jangteo.node.simulation import Clock, Neighbourhood, SimulatedNode
from jangteo.protocol import canonical, limits, mail_frame, sync_frame
from jangteo.protocol.envelope import Header, ThreadKey, Verified, author_record, parse
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.verdict import Admission

from . import checks
from .hostile import Hostile
from .scenario import (
    FAIR,
    Block,
    Cut,
    Edit,
    Happening,
    Heal,
    Join,
    Keep,
    Leave,
    Lose,
    Member,
    Partition,
    Scenario,
    Sell,
    SetClock,
    Start,
    Stop,
    Unblock,
    Unkeep,
    Weather,
    Withdraw,
)

_LOOK_EVERY_S: Final = 0.5
_SAMPLE_EVERY_S: Final = 5.0
_HELLO: Final = 1
_RECON: Final = 3
_RECORDS: Final = 5
_PUSH: Final = 6
_BYE: Final = 8
_NUMBER_AT: Final = sync_frame.LENGTH_BYTES + 1  # behind its length and the head of an array


@dataclass(slots=True)
class Traffic:
    """What one honest member has sent to honest ones, in bytes, and what it was sent."""

    hello_bytes: int = 0
    recon_bytes: int = 0
    record_bytes: int = 0
    gossip_bytes: int = 0
    other_bytes: int = 0
    records_delivered: int = 0
    records_new: int = 0

    @property
    def sent_bytes(self) -> int:
        return (
            self.hello_bytes
            + self.recon_bytes
            + self.record_bytes
            + self.gossip_bytes
            + self.other_bytes
        )


@dataclass(slots=True)
class Spread:
    """Of one record: when it was published, when it came to the last member so far, and to how many
    but its author. In virtual seconds."""

    began_s: float
    last_s: float
    count: int = 0


@dataclass(slots=True)
class Journal:
    """What happened. `bad` is what no run may show, in words. Times are virtual seconds;
    `even_s` is counted from the calm, None if it never came."""

    scenario: Scenario
    even_s: float | None = None
    quiet_s: float | None = None
    ended_s: float = 0.0
    uneven: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    traffic: defaultdict[str, Traffic] = field(default_factory=lambda: defaultdict(Traffic))
    published: dict[str, list[Verified]] = field(default_factory=lambda: defaultdict(list))
    spread: dict[bytes, Spread] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    kept: dict[str, dict[ThreadKey, Header]] = field(default_factory=lambda: defaultdict(dict))
    """By member: what it held of its contacts', and is to hold until it decides otherwise."""
    unkept: set[str] = field(default_factory=set)
    unrest: Counter[str] = field(default_factory=Counter)
    parted_uneven: dict[tuple[str, str], str] = field(default_factory=dict)
    moved_s: float = 0.0
    sessions: int = 0
    sessions_moving: int = 0
    penalties: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)
    hourly: list[dict[str, int]] = field(default_factory=list)
    trace: str = ""


class Stage:
    """One scenario while it is played."""

    def __init__(self, scenario: Scenario, folder: Path | None) -> None:
        self.scenario = scenario
        self.journal = Journal(scenario)
        self.place = Neighbourhood(folder, scenario.seed, delay_s=FAIR.delay_s)
        self.clocks = {
            member.name: Clock(round(member.skew_s * limits.SECOND_MS))
            for member in scenario.members
        }
        self._members = {member.name: member for member in scenario.members}
        self._honest = {member.name for member in scenario.honest}
        self._stops: dict[str, trio.Event] = {}
        self._gone: dict[str, trio.Event] = {}
        self._hash = hashlib.sha256()
        self._hostile: list[Hostile] = []
        self.place.network.on_sent = self._sent

    # --- the play ---------------------------------------------------------------------------

    async def play(self) -> None:
        scenario = self.scenario
        async with trio.open_nursery() as nursery:
            for member in scenario.members:
                await self._enter(nursery, member)
            nursery.start_soon(self._sample)
            for happening in scenario.happenings:
                await trio.sleep_until(happening.at_s)
                self._note(repr(happening))
                await self._happen(nursery, happening)
            await trio.sleep_until(scenario.calm_s)
            for hostile in self._hostile:
                hostile.tire()
            await self._settle()
            checks.look(self)
            self.journal.ended_s = trio.current_time()
            for name in sorted(self._stops):
                await self._stop(name)
            nursery.cancel_scope.cancel()
        self.journal.trace = self._hash.hexdigest()
        self.journal.bad += [f"a handler failed: {e!r}" for e in self.place.network.handler_errors]

    async def _settle(self) -> None:
        """Until all is even and nothing but hellos has flown for a while, or patience ends."""
        journal, calm_s = self.journal, trio.current_time()
        while trio.current_time() - calm_s < checks.EVEN_S_MAX:
            journal.uneven = checks.uneven(self)
            if not journal.uneven:
                journal.even_s = trio.current_time() - calm_s
                break
            await trio.sleep(_LOOK_EVERY_S)
        even_s = trio.current_time()
        while trio.current_time() - even_s < checks.QUIET_S_MAX:
            await trio.sleep(checks.REST_S / 8)
            is_quiet = trio.current_time() - max(journal.moved_s, calm_s) >= checks.REST_S
            if is_quiet and not checks.is_anyone_uneven(journal):
                journal.quiet_s = max(0.0, journal.moved_s - calm_s)
                journal.uneven = checks.uneven(self)
                return

    async def _enter(self, nursery: trio.Nursery, member: Member) -> None:
        if member.name in self._stops:
            return
        stop = self._stops[member.name] = trio.Event()
        self._gone[member.name] = trio.Event()
        await nursery.start(partial(self._live, member, stop))

    async def _live(
        self, member: Member, stop: trio.Event, *, task_status: Any = trio.TASK_STATUS_IGNORED
    ) -> None:
        clock = self.clocks[member.name]
        if member.is_honest:
            async with self.place.node(
                member.name,
                peers=member.peers,
                markets=member.markets,
                clock=clock,
                records_bytes_max=member.records_bytes_max,
            ) as node:
                self._watch(node)
                task_status.started()
                await stop.wait()
        else:
            async with self.place.network.open(member.name) as transport:
                hostile = Hostile(member, transport, self.scenario.seed, clock.now_ms)
                self._hostile.append(hostile)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(hostile.run)
                    task_status.started()
                    await stop.wait()
                    nursery.cancel_scope.cancel()
        self._gone[member.name].set()

    async def _stop(self, name: str) -> None:
        stop = self._stops.pop(name, None)
        if stop is not None:
            stop.set()
            await self._gone[name].wait()

    async def _happen(self, nursery: trio.Nursery, happening: Happening) -> None:
        network = self.place.network
        match happening:
            case Sell() | Edit() | Withdraw():
                await self._trade(happening)
            case Stop(_, name):
                await self._stop(name)
            case Start(_, name):
                await self._enter(nursery, self._members[name])
            case Lose(_, name):
                await self._stop(name)
                self.place.lose_store(name)
                self.journal.kept[name].clear()
                self.journal.lost.add(name)
            case Partition(_, groups):
                network.partition(groups)
            case Heal():
                network.heal()
            case Cut(_, one, other):
                if one in self.place.nodes:
                    self.place.nodes[one].transport.sever(other)
            case Weather(_, loss, doubling, delay_s):
                network.loss, network.doubling, network.delay_s = loss, doubling, delay_s
            case SetClock(_, name, skew_s):
                self.clocks[name].skew_ms = round(skew_s * limits.SECOND_MS)
                self.journal.kept[name].clear()  # what is over by it may find no room again
            case Block() | Unblock() | Keep() | Unkeep() | Join() | Leave():
                await self._decide(happening)
            case _:
                assert_never(happening)

    async def _trade(self, happening: Sell | Edit | Withdraw) -> None:
        node = self.place.nodes.get(happening.name)
        if node is None:
            return
        if isinstance(happening, Sell):
            market = happening.market
            if market not in node.core.joined:
                return
            titles = [f"{node.name} {happening.at_s} {each}" for each in range(happening.count)]
            if happening.left_s is None:
                records = await node.sell_all(titles, market)
            else:
                records = await _sell_old(node, titles, market, happening.left_s)
            self._published(node, records)
            return
        mine = [
            row
            for row in node.store.own_listings(node.key.public)
            if row.header.market in node.core.joined
            and row.header.expires_ms > node.now_ms() + limits.HOUR_MS
        ]
        if not mine:
            return
        row = mine[happening.pick % len(mine)]
        if isinstance(happening, Edit):
            record = await node.edit(row, f"{node.name} {happening.at_s}, edited")
        else:
            record = await node.withdraw(row)
        self._published(node, [record])

    def _published(self, node: SimulatedNode, records: list[Verified]) -> None:
        """Only what the store took: its own clock may call a change one of the future."""
        now = trio.current_time()
        kept = [record for record in records if node.store.has(record.id)]
        self.journal.published[node.name] += kept
        for record in kept:
            self.journal.spread[record.id] = Spread(now, now)

    async def _decide(self, happening: Block | Unblock | Keep | Unkeep | Join | Leave) -> None:
        node = self.place.nodes.get(happening.name)
        if node is None:
            return
        kept = self.journal.kept[node.name]
        with node.store.write(durable=True):
            match happening:
                case Block(_, _, author_of):
                    author = self.place.key_of(author_of).public
                    node.store.block(author)
                    _drop(kept, lambda key: key[1] == author)
                case Keep(_, _, author_of):
                    author = self.place.key_of(author_of).public
                    if author not in node.store.blocked():
                        node.store.keep(author, node.now_ms())
                        kept.update(_held_of(node, author))
                case Unkeep(_, _, author_of):
                    author = self.place.key_of(author_of).public
                    node.store.unkeep(author)
                    self.journal.unkept.add(node.name)
                    _drop(kept, lambda key: key[1] == author)
                case Unblock(_, _, author_of):
                    node.store.unblock(self.place.key_of(author_of).public)
                case Join(_, _, market):
                    node.store.join(market)
                case Leave(_, _, market):
                    node.store.leave(market)
                    _drop(kept, lambda key: key[0] == market)
        await node.core.refresh()

    # --- watching ---------------------------------------------------------------------------

    def _watch(self, node: SimulatedNode) -> None:
        core, journal = node.core, self.journal
        count, reported = core.writer.on_admitted, core.sync.on_report
        punish = core.penalize

        def admitted(each: Any, source: str) -> None:
            now, traffic = trio.current_time(), journal.traffic[node.name]
            contacts = {contact.author for contact in node.store.kept()}
            for record, admission in each:
                if admission is Admission.NEW:
                    traffic.records_new += 1
                    if record.header.author in contacts:
                        journal.kept[node.name][record.header.thread_key] = record.header
                    spread = journal.spread.get(record.id)
                    if spread is not None:
                        spread.last_s = now
                        spread.count += 1
            count(each, source)

        def report(each: Any) -> None:
            journal.sessions += each.is_initiator
            journal.sessions_moving += each.is_initiator and each.has_moved
            if each.is_initiator:
                why = "" if each.is_even else each.error or "uneven"
                journal.parted_uneven[node.name, each.peer] = why
            reported(each)

        def penalize(peer: str, error: RemoteProtocolError) -> None:
            if peer in self._honest:
                when = f"{trio.current_time():.1f} s"
                journal.bad.append(f"{when}: {node.name} blames {peer}, who is honest: {error}")
            else:
                journal.penalties[self._members[peer].mischief.name] += 1  # type: ignore[union-attr]
            punish(peer, error)

        core.writer.on_admitted = admitted
        core.sync.on_report = report
        core.sync.on_penalty = penalize
        core.gossip_in.on_penalty = penalize
        core.mail.on_penalty = penalize

    def _sent(self, sender: str, receiver: str, about: str, data: bytes) -> None:
        self._note(f"{trio.current_time():.6f} {sender} {receiver} {about} ", data)
        if sender not in self._honest or receiver not in self._honest:
            return
        if about == mail_frame.PROTOCOL:
            return  # no letters are written here: test_mail.py has them
        sent, got = self.journal.traffic[sender], self.journal.traffic[receiver]
        if about != sync_frame.PROTOCOL:
            sent.gossip_bytes += len(data)
            got.records_delivered += len(canonical.decode(data, bytes_max=len(data)))
            self._moved(sender, receiver, "gossip")
            return
        number = data[_NUMBER_AT]
        if number in (_HELLO, _BYE):
            sent.hello_bytes += len(data)
            return
        if number == _RECON:
            sent.recon_bytes += len(data)
        elif number in (_RECORDS, _PUSH):
            sent.record_bytes += len(data)
            frame = sync_frame.decode(data[sync_frame.LENGTH_BYTES :])
            got.records_delivered += len(frame.raws)  # type: ignore[union-attr]
        else:
            sent.other_bytes += len(data)
        self._moved(sender, receiver, f"frame {number}")

    def _moved(self, sender: str, receiver: str, what: str) -> None:
        self.journal.moved_s = trio.current_time()
        if self.journal.even_s is not None:
            self.journal.unrest[f"{sender} to {receiver}: {what}"] += 1

    def _note(self, text: str, data: bytes = b"") -> None:
        self._hash.update(text.encode() + len(data).to_bytes(4, "big"))
        self._hash.update(data)

    async def _sample(self) -> None:
        """Looks at what must stay bounded, now and then."""
        last_hour = 0
        while True:
            await trio.sleep(_SAMPLE_EVERY_S)
            checks.sample(self)
            hour = int(trio.current_time() // 3600)
            if hour != last_hour:
                last_hour = hour
                self.journal.hourly.append(checks.sizes(self))


async def _sell_old(
    node: SimulatedNode, titles: list[str], market: str, left_s: float
) -> list[Verified]:
    """Listings that were made long ago and expire in `left_s`."""
    ts_ms = node.now_ms() - limits.LIFETIME_SHORT_MS + round(left_s * limits.SECOND_MS)
    records = []
    for title in titles:
        thread = node.dice.randbytes(limits.THREAD_BYTES)
        header = Header(LISTING, node.key.public, ts_ms, market, thread, 1, False)
        body = Listing(title, created_ms=ts_ms).to_body()
        records.append(author_record(node.key, header, body))
    await node.commit(records)
    return records


class _Ear(logging.Handler):
    """Hears what nodes log as errors: a failure that they survived is a failure."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text += f": {type(error).__name__}: {error}"
        self.heard.append(text)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """trio's scheduler takes its tasks in an order drawn from the seed, as hypothesis has it."""
    run: Any = trio._core._run  # type: ignore[attr-defined]
    before, state = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()
    run._ALLOW_DETERMINISTIC_SCHEDULING = True
    run._r.seed(f"scheduler {seed}")
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING = before
        run._r.setstate(state)


@contextmanager
def _listening(journal: Journal) -> Iterator[None]:
    nodes = logging.getLogger("jangteo.node")
    ear, level, propagates = _Ear(), nodes.level, nodes.propagate
    nodes.addHandler(ear)
    nodes.setLevel(logging.ERROR)
    nodes.propagate = False
    try:
        yield
    finally:
        nodes.removeHandler(ear)
        nodes.setLevel(level)
        nodes.propagate = propagates
        journal.bad += [f"logged as an error: {text}" for text in ear.heard]


def play(scenario: Scenario) -> Journal:
    """The whole of a scenario, and what happened; `checks.failures` says whether it was well."""
    with ExitStack() as stack:
        folder = None
        if scenario.is_on_disk:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stage = Stage(scenario, folder)
        stack.enter_context(_seeded(scenario.seed))
        stack.enter_context(_listening(stage.journal))
        stack.callback(stage.place.close)
        trio.run(stage.play, clock=trio.testing.MockClock(autojump_threshold=0))
        return stage.journal


def _held_of(node: SimulatedNode, author: bytes) -> dict[ThreadKey, Header]:
    raws = [raw for _, raw in node.store.iter_records()]
    headers = [header for header in (parse(raw).header for raw in raws) if header.author == author]
    return {
        header.thread_key: header
        for header in sorted(headers, key=lambda each: (each.is_delete, each.revision))
    }


def _drop(kept: dict[ThreadKey, Header], is_over: Callable[[ThreadKey], bool]) -> None:
    for key in [key for key in kept if is_over(key)]:
        del kept[key]
