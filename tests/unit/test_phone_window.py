"""The window for phones: what its desk lets through, whom its guard answers, and its bounds."""

import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from starlette.exceptions import HTTPException

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.control_connections import Connections, bound
from jangteo.node.desk_error import DeskError
from jangteo.node.guest_desk import GuestDesk
from jangteo.node.guest_node import GuestNode
from jangteo.node.live_node import DeskPort, JsonObject
from jangteo.node.phone_window import Frame, GuestGuard, PhoneWindow
from jangteo.protocol import limits
from tests.control_node import QuietNode

HERE = "127.0.0.1"
ITEM = {
    "id": "ab" * 32, "title": "bike", "status": "active", "market": "open", "mine": True,
    "held_by": 7, "author": "cd" * 32, "seller": "하나", "secret": "added later",
}  # fmt: skip
SHOWN = {
    "listing": ITEM,
    "revisions": [{"title": "bike", "is_delete": False}, {"title": "", "is_delete": True}],
    "questions": [
        {"id": "q", "author": "a", "name": "n", "text": "t", "at": "now", "mine": True,
         "answers": [{"id": "w", "text": "t", "mine": True, "is_seller": True}]}
    ],
    "seller": {"author": "cd" * 32, "name": "하나", "contact": True, "note": "my brother",
               "reviews": 3},
}  # fmt: skip


class ToldDesk(DeskPort):
    """Answers with SHOWN and ITEM, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.at_once = self.most = 0

    async def call(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        self.asked.append((verb, args))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await trio.testing.wait_all_tasks_blocked()
        self.at_once -= 1
        if verb == "show":
            return SHOWN
        gone = ITEM | {"status": "withdrawn"}
        return {"rows": [ITEM | {"cursor": "c"}, gone], "has_more": False, "notices": ["backup!"]}

    async def stream(
        self, verb: str, args: Mapping[str, Any]
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        yield []


@pytest.mark.trio
async def test_only_what_every_neighbour_could_know_goes_out() -> None:
    desk = GuestDesk(ToldDesk())
    told = repr([await desk.call("search", {}), await desk.call("show", {"id": "abab"})])
    for private in ("secret", "added later", "my brother", "backup!", "7", "True"):
        assert private not in told.replace("'is_seller': True", ""), private
    found = await desk.call("search", {})
    assert [(row["mine"], row["held_by"]) for row in found["rows"]] == [(False, 0)]


@pytest.mark.trio
@pytest.mark.parametrize("verb", ["waiting", "inbox", "profile", "favourites", "sell", "export"])
async def test_no_other_verb_is_a_guest_s(verb: str) -> None:
    inner = ToldDesk()
    desk = GuestDesk(inner)
    with pytest.raises(DeskError):
        await desk.call(verb, {})
    with pytest.raises(DeskError):
        await anext(desk.stream(verb, {}))
    assert inner.asked == []


@pytest.mark.trio
async def test_a_guest_reaches_nothing_of_the_running_node() -> None:
    guest = GuestNode(QuietNode())
    for asked in (
        guest.status(),
        guest.peers(),
        guest.connect("/ip4/127.0.0.1/tcp/1"),
        guest.sync(None),
        guest.phone({"on": False}),
        anext(guest.events()),
    ):
        with pytest.raises(DeskError):
            await asked


@pytest.mark.trio
async def test_guests_take_one_turn_at_the_store_between_them() -> None:
    inner = ToldDesk()
    desk = GuestDesk(inner)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(desk.call, "search", {"limit": 100})
    assert inner.most == 1
    assert all(args["limit"] <= 24 for _, args in inner.asked)


@pytest.mark.trio
async def test_one_market_is_all_that_its_window_asks_for() -> None:
    inner = ToldDesk()
    desk = GuestDesk(inner, "campus")
    await desk.call("search", {"market": "open"})
    assert inner.asked == [("search", {"market": "campus"})]
    with pytest.raises(DeskError):
        await desk.call("show", {"id": "abab"})


def test_the_guard_forgets_the_oldest_of_many_callers() -> None:
    guard = GuestGuard(Frame(HERE, 8410, None), lambda: 0.0)

    def asks(number: int) -> bool:
        headers = [(b"host", b"127.0.0.1:8410")]
        caller = (f"10.0.{number // 256}.{number % 256}", 1)
        try:
            guard.admit({"method": "GET", "headers": headers, "client": caller})
        except HTTPException as error:
            assert error.status_code == 429
            return False
        return True

    for _ in range(limits.PHONE_REQUESTS_BURST):
        assert asks(0)
    assert not asks(0)
    for number in range(1, limits.PHONE_ADDRESSES_MAX + 1):
        assert asks(number)
    assert len(guard._buckets) == limits.PHONE_ADDRESSES_MAX
    assert asks(0)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"on": True, "address": "10.1.1.1"}, "bad-value"),
        ({"on": True, "address": "0.0.0.0"}, "bad-value"),  # noqa: S104
        ({"on": True, "address": HERE, "port": 70_000}, "bad-value"),
        ({"on": True, "address": HERE, "market": "NO"}, "bad-value"),
        ({"on": "yes"}, "bad-value"),
        ({"off": True}, "usage"),
    ],
)
async def test_what_cannot_be_opened_is_refused(
    tmp_path: Path, wanted: dict[str, Any], code: str
) -> None:
    async with trio.open_nursery() as nursery:
        window = made(tmp_path, nursery)
        with pytest.raises(DeskError) as refused:
            await window.told(wanted)
        assert refused.value.code == code
        assert (await window.told({}))["phone"] is False


def made(folder: Path, nursery: trio.Nursery, addresses: Sequence[str] = (HERE,)) -> PhoneWindow:
    return PhoneWindow(
        ToldDesk(), QuietNode(), BlobFolder(folder), nursery, addresses=lambda: list(addresses)
    )


@pytest.mark.trio
async def test_without_a_network_there_is_no_window(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(DeskError) as refused:
            await made(tmp_path, nursery).told({"on": True})
        assert refused.value.code == "no-network"


@pytest.mark.trio
async def test_it_moves_to_the_next_port_where_one_is_taken(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        window, other = made(tmp_path, nursery), made(tmp_path, nursery)
        first = await window.told({"on": True, "address": HERE})
        again = await window.told({"on": True, "address": HERE})
        assert again == first
        second = await other.told({"on": True, "address": HERE})
        assert second["port"] > first["port"] >= limits.PHONE_PORT_DEFAULT
        with pytest.raises(DeskError) as refused:
            await other.told({"on": True, "address": HERE, "port": first["port"]})
        assert refused.value.code == "port-in-use"
        nursery.cancel_scope.cancel()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((HERE, first["port"]))


async def _silent(scope: Any, receive: Any, send: Any) -> None:
    await trio.sleep_forever()


@pytest.mark.trio
async def test_a_connection_ends_after_its_time_whatever_is_under_way() -> None:
    assert limits.PHONE_CONNECTION_MS_MAX <= 5 * limits.MINUTE_MS
    listener = bound(HERE, 0)
    connections = Connections(_silent, count_max=2, seconds_max=0.05)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            held = await nursery.start(connections.hold)
            nursery.start_soon(
                partial(trio.serve_listeners, handler_nursery=held), connections.serve, [listener]
            )
            port = listener.socket.getsockname()[1]
            stream = await trio.open_tcp_stream(HERE, port)
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await stream.receive_some() == b""
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert connections.count == 0
            await stream.aclose()
            await listener.aclose()
            connections.close()
            nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_more_connections_than_may_be_are_turned_away() -> None:
    listener = bound(HERE, 0)
    count_max = limits.PHONE_CONNECTIONS_MAX
    connections = Connections(_silent, count_max=count_max, seconds_max=60)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            held = await nursery.start(connections.hold)
            nursery.start_soon(
                partial(trio.serve_listeners, handler_nursery=held), connections.serve, [listener]
            )
            port = listener.socket.getsockname()[1]
            streams = [await trio.open_tcp_stream(HERE, port) for _ in range(count_max)]
            while connections.count < count_max:
                await trio.testing.wait_all_tasks_blocked(0.01)
            late = await trio.open_tcp_stream(HERE, port)
            try:
                assert await late.receive_some() == b""
            except trio.BrokenResourceError:
                pass
            assert connections.count == count_max
            await streams[0].aclose()
            while connections.count == count_max:
                await trio.testing.wait_all_tasks_blocked(0.01)
            for one in (late, *streams, listener):
                await one.aclose()
            connections.close()
            nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_who_has_left_takes_no_place_from_who_comes() -> None:
    """hypercorn keeps a closed connection for its idle seconds."""
    listener = bound(HERE, 0)
    connections = Connections(_silent, count_max=2)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            held = await nursery.start(connections.hold)
            nursery.start_soon(
                partial(trio.serve_listeners, handler_nursery=held), connections.serve, [listener]
            )
            port = listener.socket.getsockname()[1]
            for _ in range(6):
                stream = await trio.open_tcp_stream(HERE, port)
                await trio.testing.wait_all_tasks_blocked(0.01)
                with trio.move_on_after(0.01) as quiet:
                    await stream.receive_some()
                assert quiet.cancelled_caught, "it was turned away"
                await stream.aclose()
                await trio.testing.wait_all_tasks_blocked(0.01)
            await listener.aclose()
            connections.close()
            nursery.cancel_scope.cancel()
