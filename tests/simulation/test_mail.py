"""Sealed letters between whole nodes through cut connections, partitions, restarts, lost stores and
small books: every letter that is alive reaches every node, and then all is quiet.
"""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.simulation import START_MS, Clock, Neighbourhood, SimulatedNode
from jangteo.protocol import limits
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.letter import Letter
from jangteo.store.mail_book import MailAdmission
from jangteo.store.store import Store
from tests.letter_maker import GREAT, SMALL, letter

pytestmark = pytest.mark.trio
NAMES = ("ann", "bob", "cho", "dae", "eun", "fay", "gil")
STORM_S = 240.0
CALM_S = 90.0


@dataclass(slots=True)
class Village:
    """Nodes that come and go, and everything that was ever written. `blamed` is what no run may
    show."""

    place: Neighbourhood
    dice: random.Random
    names: tuple[str, ...]
    written: dict[bytes, Letter] = field(default_factory=dict)
    blamed: list[str] = field(default_factory=list)
    stops: dict[str, trio.Event] = field(default_factory=dict)
    ended: dict[str, trio.Event] = field(default_factory=dict)

    async def live(self, name: str) -> None:
        """One node, from its start to its stop."""
        stop, ended = self.stops[name], self.ended[name]
        peers = [each for each in self.names if each != name]
        async with self.place.node(name, peers=peers) as node:
            node.core.mail.on_penalty = self._blame
            await stop.wait()
        ended.set()

    def start(self, nursery: trio.Nursery, name: str) -> None:
        self.stops[name], self.ended[name] = trio.Event(), trio.Event()
        nursery.start_soon(self.live, name)

    async def stop(self, name: str) -> None:
        self.stops.pop(name).set()
        await self.ended[name].wait()

    async def write(self, node: SimulatedNode, count: int, days: int) -> None:
        """Letters of its owner: the first seconds of their life they may be in its book alone."""
        some = [
            letter(
                self.dice.randrange(2**60),
                now_ms=node.now_ms(),
                days=days,
                size=self.dice.choice((SMALL, GREAT)),
            )
            for _ in range(count)
        ]

        def put(store: Store) -> list[MailAdmission]:
            with store.write(durable=True):
                return store.mail.put(some, node.now_ms(), None, is_own=True)

        admissions = await node.core.writer.call(put)
        assert set(admissions) == {MailAdmission.NEW}
        self.written |= {one.id: one for one in some}
        node.core.mail.written()

    def _blame(self, peer: str, error: RemoteProtocolError) -> None:
        self.blamed.append(f"{peer}: {error}")

    async def storm(self, nursery: trio.Nursery) -> None:
        """Things happen, one after the other. Letters are written by nodes that stay: what nobody
        else had when its writer's disk was lost is lost with it."""
        until = trio.current_time() + STORM_S
        while trio.current_time() < until:
            await trio.sleep(self.dice.uniform(0.5, 12.0))
            up = sorted(set(self.place.nodes) & set(self.stops))
            down = sorted(set(self.names) - set(self.stops))
            match self.dice.randrange(8):
                case 0 | 1 | 2 if up:
                    node = self.place.nodes[self.dice.choice(up)]
                    count = self.dice.choice((1, 1, 3, limits.MAIL_PUT_LETTERS_MAX + 20))
                    await self.write(node, count, self.dice.choice((0, 3, limits.LETTER_DAYS)))
                case 3:
                    groups = [[], []]
                    for name in self.names:
                        self.dice.choice(groups).append(name)
                    self.place.network.partition(groups)
                case 4:
                    self.place.network.heal()
                case 5 if len(up) > 2:
                    await self.stop(self.dice.choice(up))
                case 6 if down:
                    self.start(nursery, self.dice.choice(down))
                case 7 if len(up) > 1:
                    one, other = self.dice.sample(up, 2)
                    self.place.nodes[one].transport.sever(other)
                case _:
                    continue

    def carried(self) -> dict[str, set[bytes]]:
        return {
            name: {raw for _, raw in node.store.mail.after(0, limits.MAIL_LETTERS_MAX)}
            for name, node in self.place.nodes.items()
        }


@asynccontextmanager
async def village(seed: int, folder: Path | None) -> AsyncIterator[tuple[Village, trio.Nursery]]:
    dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
    place = Neighbourhood(folder, seed, loss=0.5, delay_s=(0.001, dice.choice((0.01, 0.2))))
    made = Village(place, dice, NAMES[: dice.randint(5, 7)])
    async with trio.open_nursery() as nursery:
        for name in made.names:
            made.start(nursery, name)
        yield made, nursery
        for name in sorted(made.stops):
            await made.stop(name)
    assert place.network.handler_errors == []
    assert made.blamed == []
    place.close()


@pytest.mark.parametrize("seed", range(12))
async def test_every_live_letter_reaches_every_node(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with village(seed, None) as (here, nursery):
        await here.storm(nursery)
        here.place.network.heal()
        for name in sorted(set(here.names) - set(here.stops)):
            here.start(nursery, name)
        await trio.sleep(CALM_S)
        expected = {one.raw for one in here.written.values()}
        assert len(expected) > 20
        for name, found in here.carried().items():
            assert found == expected, f"seed {seed}: {name} has {len(found)} of {len(expected)}"
        # All is known to be held, and nothing more moves.
        moved = []
        for node in here.place.nodes.values():
            node.core.mail.on_report = lambda report: moved.append(report.has_moved)
            mine = [
                letter_id
                for letter_id in here.written
                if letter_id in node.store.mail.own_ids("nobody", node.store.mail.last_rid())
            ]
            held = node.store.mail.held_counts(mine).values()
            assert all(count >= 1 for count in held), f"seed {seed}: {node.name}"
        await trio.sleep(60)
        assert moved
        assert not any(moved)


@pytest.mark.parametrize("seed", range(3))
async def test_a_store_that_is_lost_is_filled_again(
    seed: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with village(seed, tmp_path) as (here, nursery):
        await trio.sleep(5)
        for name in here.names[:3]:
            await here.write(here.place.nodes[name], 30, limits.LETTER_DAYS)
        await trio.sleep(30)
        await here.stop(here.names[0])
        here.place.lose_store(here.names[0])
        here.start(nursery, here.names[0])
        await trio.sleep(30)
        expected = {one.raw for one in here.written.values()}
        assert len(expected) == 90
        assert all(found == expected for found in here.carried().values())


async def test_letters_leave_at_their_end_though_clocks_differ(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """A clock that is ahead forgets first, and is not made to fetch again and again what the others
    still carry."""
    place = Neighbourhood(tmp_path)
    moved: list[int] = []
    async with AsyncExitStack() as stack:
        skews = {"ann": 0, "bob": 4 * limits.MINUTE_MS, "cho": -4 * limits.MINUTE_MS}
        nodes = [
            await stack.enter_async_context(
                place.node(name, peers=[each for each in skews if each != name], clock=Clock(skew))
            )
            for name, skew in skews.items()
        ]
        await trio.sleep(10)
        here = Village(place, random.Random(1), tuple(skews))  # noqa: S311  (repeatable)
        await here.write(nodes[0], 40, 0)
        await here.write(nodes[0], 40, 1)
        await trio.sleep(10)
        assert {len(found) for found in here.carried().values()} == {80}
        for node in nodes:
            node.core.mail.on_report = lambda report: moved.append(
                report.received + report.declined
            )
        today_ms = START_MS % limits.DAY_MS
        await trio.sleep((limits.DAY_MS - today_ms) / 1000 + 15 * 60 - trio.current_time())
        assert {len(found) for found in here.carried().values()} == {40}
        # Each was offered at most once more to each of those whose day had ended.
        assert sum(moved) <= 40 * 6
        await trio.sleep(3 * limits.HOUR_MS / 1000)
        assert sum(moved) <= 40 * 6


async def test_books_too_small_for_everything_come_to_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with village(5, None) as (here, _):
        await trio.sleep(5)
        for place, node in enumerate(here.place.nodes.values()):
            node.store.mail.letters_max = 40 + 10 * place
            node.store.mail.bytes_max = 400_000
            node.store.mail.drop()
        for name in here.names[:4]:
            await here.write(here.place.nodes[name], 25, limits.LETTER_DAYS)
            await trio.sleep(5)
        await trio.sleep(40 * 60)
        moved = []
        for node in here.place.nodes.values():
            node.core.mail.on_report = lambda report: moved.append(
                (report.received, report.sent, report.declined)
            )
        await trio.sleep(5 * 60)
        assert moved
        assert sum(received for received, _, _ in moved) == 0
        for name in here.names[:4]:
            book = here.place.nodes[name].store.mail
            assert book.counts().own == 25
            assert book.counts().letters <= book.letters_max
