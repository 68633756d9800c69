"""The board of events: everybody sees all, the slow are told what they missed."""

import pytest
import trio
import trio.testing

from jangteo.node.event_board import EventBoard, JsonObject
from jangteo.protocol import limits

pytestmark = pytest.mark.trio


async def collect(board: EventBoard, into: list[JsonObject]) -> None:
    async for event in board.events():
        into.append(event)


async def test_watchers_see_what_is_posted_until_the_end() -> None:
    board = EventBoard()
    one: list[JsonObject] = []
    two: list[JsonObject] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect, board, one)
        nursery.start_soon(collect, board, two)
        await trio.testing.wait_all_tasks_blocked()
        board.post({"event": "peer"})
        board.post({"event": "sync"})
        board.close()
    assert one == two == [{"event": "peer"}, {"event": "sync"}]


async def test_a_slow_watcher_loses_the_oldest_and_is_told_how_many() -> None:
    board = EventBoard()
    seen: list[JsonObject] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect, board, seen)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(limits.EVENTS_PENDING_MAX + 3):
            board.post({"event": "n", "number": number})
        board.close()
    assert seen[0]["code"] == "missed"
    assert seen[0]["count"] == 3
    assert seen[1] == {"event": "n", "number": 3}
    assert len(seen) == limits.EVENTS_PENDING_MAX + 1


async def test_a_watcher_that_leaves_is_forgotten() -> None:
    board = EventBoard()
    events = board.events()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def watch() -> None:
            assert await anext(events) == {"event": "peer"}

        await trio.testing.wait_all_tasks_blocked()
        board.post({"event": "peer"})
    await events.aclose()
    board.post({"event": "peer"})
    assert board.watcher_count == 0
