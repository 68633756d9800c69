"""Letters between whole nodes over the network in memory, and with a stranger who speaks the frames
by hand (SPEC.md R12)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.simulation import START_MS, Neighbourhood, SimulatedNode
from jangteo.protocol import limits
from jangteo.protocol.letter import Letter
from jangteo.store.mail_book import MailAdmission
from jangteo.store.store import Store
from tests.letter_maker import letter, letters

pytestmark = pytest.mark.trio


def sealed(number: int, days: int = limits.LETTER_DAYS) -> Letter:
    return letter(number, now_ms=START_MS, days=days)


def some(numbers: range) -> list[Letter]:
    return letters(numbers, now_ms=START_MS)


async def write(node: SimulatedNode, written: Sequence[Letter]) -> list[MailAdmission]:
    """Letters of the node's own: committed for good, then told, as its owner's words are."""

    def put(store: Store) -> list[MailAdmission]:
        with store.write(durable=True):
            return store.mail.put(written, node.now_ms(), None, is_own=True)

    admissions = await node.core.writer.call(put)
    node.core.mail.written()
    return admissions


def carried(node: SimulatedNode) -> set[bytes]:
    return {raw for _, raw in node.store.mail.after(0, limits.MAIL_LETTERS_MAX)}


def held(node: SimulatedNode, one: Letter) -> int:
    return node.store.mail.held_counts([one.id])[one.id]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[SimulatedNode, SimulatedNode]]:
    """ann and bob, connected and even."""
    place = Neighbourhood(tmp_path, loss=1.0)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        yield ann, bob


async def test_equal_books_are_done_in_one_round_trip(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, _ = pair
    report = await ann.core.mail.meet("bob")
    assert report.is_even
    assert not report.has_moved


async def test_a_letter_that_is_written_is_with_a_neighbour_within_a_second(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    came: list[float] = []
    known: list[float] = []
    bob.core.mail.on_letters = lambda: came.append(trio.current_time())
    ann.core.mail.on_held = lambda: known.append(trio.current_time())
    one = sealed(1)
    assert await write(ann, [one]) == [MailAdmission.NEW]
    await trio.sleep(1)
    assert carried(bob) == {one.raw}
    assert len(came) == len(known) == 1
    assert held(ann, one) == 1
    assert held(bob, one) == 0  # what is not its own it keeps no books of


async def test_letters_go_both_ways_in_one_session(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    here, there = some(range(0, 40)), some(range(40, 70))
    for node, written in ((ann, here), (bob, there)):
        with node.store.write(durable=True):
            node.store.mail.put(written, node.now_ms(), None, is_own=True)
    report = await ann.core.mail.meet("bob")
    assert (report.received, report.sent, report.is_even) == (30, 40, True)
    assert carried(ann) == carried(bob)
    assert all(held(ann, one) == 1 for one in here)


async def test_a_letter_goes_from_hand_to_hand_while_its_writer_is_off(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("bob") as bob:
        async with place.node("ann", peers=["bob"]) as ann:
            await write(ann, [sealed(1)])
            await trio.sleep(5)
        async with place.node("cho", peers=["bob"]) as cho:
            await trio.sleep(5)
            assert carried(bob) == carried(cho) == {sealed(1).raw}


async def test_a_newcomer_fetches_all_that_is_carried(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    count = 3 * limits.MAIL_IDS_MAX + 1
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await write(ann, some(range(count)))
        await trio.sleep(30)
        assert len(carried(bob)) == count
        async with place.node("cho", peers=["ann", "bob"]) as cho:
            await trio.sleep(10)
            assert carried(cho) == carried(ann)
            assert ann.store.mail.own_ids("cho", ann.store.mail.last_rid()) == []
