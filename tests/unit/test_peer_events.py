"""Comings and goings for a reader who may be late."""

import pytest
import trio
import trio.testing

from jangteo.node.peer_events import PeerEvents
from jangteo.node.transport import PeerDown, PeerEvent, PeerUp

pytestmark = pytest.mark.trio


def up(peer: str) -> PeerUp:
    return PeerUp(peer, (), False)


async def read(events: PeerEvents, count: int) -> list[PeerEvent]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(events.run)
        with trio.fail_after(5):
            found = [await events.receiver.receive() for _ in range(count)]
        await trio.testing.wait_all_tasks_blocked()
        assert events.pending_count == 0
        nursery.cancel_scope.cancel()
    return found


async def test_each_peers_events_come_in_order() -> None:
    events = PeerEvents()
    for peer in ("ana", "bo"):
        events.up(up(peer))
    assert await read(events, 2) == [up("ana"), up("bo")]


async def test_a_visit_unread_is_left_out() -> None:
    events = PeerEvents()
    events.up(up("ana"))
    events.up(up("bo"))
    events.down("ana")
    assert await read(events, 1) == [up("bo")]


async def test_a_return_is_told_as_going_and_coming() -> None:
    events = PeerEvents()
    events.down("ana")
    events.up(up("ana"))
    assert await read(events, 2) == [PeerDown("ana"), up("ana")]


async def test_a_thousand_visits_unread_take_two_events_at_most() -> None:
    events = PeerEvents()
    events.down("ana")
    for _ in range(1000):
        events.up(up("ana"))
        events.down("ana")
    events.up(up("ana"))
    assert events.pending_count == 2
    assert await read(events, 2) == [PeerDown("ana"), up("ana")]


async def test_the_loop_ends_with_the_transport() -> None:
    events = PeerEvents()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(events.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [event async for event in events.receiver] == []
