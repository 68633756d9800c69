"""The shell around a node: how events reach whoever prints them, and which port is taken."""

import socket
import threading
from pathlib import Path

import pytest
import trio
import trio.lowlevel
import trio.testing

from jangteo.node.event_board import EventBoard
from jangteo.node.interfaces import ANY_IPV4
from jangteo.node.live_node import JsonObject
from jangteo.node.runtime import PORT_META, Voice, remembered_port
from jangteo.store.store import Store


@pytest.mark.trio
async def test_events_are_told_one_after_the_other_and_none_after_the_goodbye() -> None:
    told: list[JsonObject] = []
    board, stop = EventBoard(), trio.Event()
    voice = Voice(told.append, stop)
    with board.watching() as events:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(voice.tell_all, {"event": "ready"}, events)
            board.post({"event": "peer"})
            while len(told) < 2:
                await trio.lowlevel.checkpoint()
            voice.has_said_goodbye = True
            await voice.tell({"event": "stopping"})
            board.post({"event": "peer"})
            board.close()
    assert told == [{"event": "ready"}, {"event": "peer"}, {"event": "stopping"}]


@pytest.mark.trio
async def test_a_reader_that_does_not_read_holds_nothing_up() -> None:
    is_read = threading.Event()
    board = EventBoard()
    voice = Voice(lambda event: bool(is_read.wait(10)), trio.Event())
    with board.watching() as events:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(voice.tell_all, {"event": "ready"}, events)
            board.post({"event": "peer"})
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    is_read.set()


@pytest.mark.trio
async def test_when_nobody_reads_any_more_the_node_stops() -> None:
    def closed(event: JsonObject) -> None:
        raise BrokenPipeError

    stop = trio.Event()
    await Voice(closed, stop).tell({"event": "peer"})
    assert stop.is_set()


def test_the_port_of_last_time_is_taken_again_if_it_is_free(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        first = remembered_port(store, PORT_META, 40_000, ANY_IPV4)
        assert store.meta(PORT_META) == str(first)
        assert remembered_port(store, PORT_META, 50_000, ANY_IPV4) == first
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((ANY_IPV4, first))
            other.listen()
            second = remembered_port(store, PORT_META, 40_000, ANY_IPV4)
        assert second > first
        assert store.meta(PORT_META) == str(second)
