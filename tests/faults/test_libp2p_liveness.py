"""Connections that lead nowhere any more, over loopback: a relay in between falls silent, as the
network does when an address is gone.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from libp2p.peer.id import ID

from jangteo.node import libp2p_liveness
from jangteo.node.libp2p_transport import Libp2pTransport
from jangteo.node.transport import PeerUp
from jangteo.protocol.limits import SECOND_MS
from tests.loopback import ECHO, PATIENCE_S, echo, host, settled

pytestmark = pytest.mark.trio


class Relay:
    """A TCP port that leads to another, until it is silent."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.is_silent = False
        self.port = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", self._to)
        async with near, far, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass, near, far)
            nursery.start_soon(self._pass, far, near)

    async def _pass(self, source: trio.SocketStream, target: trio.SocketStream) -> None:
        try:
            while data := await source.receive_some():
                if self.is_silent:
                    await trio.sleep_forever()
                await target.send_all(data)
        except trio.BrokenResourceError:
            return


@asynccontextmanager
async def through_a_relay() -> AsyncIterator[tuple[Libp2pTransport, Libp2pTransport, Relay]]:
    """A host, another one that has dialled it, and the relay between them."""
    async with host("stays") as stays, host("moves") as moves, trio.open_nursery() as nursery:
        stays.serve(ECHO, echo)
        relay = Relay(int(stays.addresses()[0].split("/")[4]))
        await nursery.start(relay.run)
        await moves.dial(f"/ip4/127.0.0.1/tcp/{relay.port}/p2p/{stays.peer}")
        assert isinstance(await stays.events.receive(), PeerUp)
        assert isinstance(await moves.events.receive(), PeerUp)
        with trio.fail_after(PATIENCE_S):
            yield stays, moves, relay
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libp2p_liveness, "STREAM_OPEN_MS_MAX", SECOND_MS // 2)


async def test_a_peer_that_has_moved_is_not_sought_at_its_old_place() -> None:
    async with through_a_relay() as (stays, moves, relay):
        there = ID.from_base58(moves.peer)
        (old,) = stays.swarm.get_connections(there)
        relay.is_silent = True
        host_, port = stays.addresses()[0].split("/")[2:5:2]
        await moves.swarm.dial(host_, int(port), ID.from_base58(stays.peer))
        await settled(lambda: old not in stays.swarm.get_connections(there))
        assert len(stays.swarm.get_connections(there)) == 1
        await settled(lambda: len(moves.swarm.get_connections()) == 1)
        stream = await moves.open_stream(stays.peer, ECHO)
        await stream.send_all(b"hello")
        assert await stream.receive_exactly(5) == b"hello"


async def test_two_connections_that_both_work_stay() -> None:
    async with through_a_relay() as (stays, moves, _):
        there = ID.from_base58(moves.peer)
        (old,) = stays.swarm.get_connections(there)
        host_, port = stays.addresses()[0].split("/")[2:5:2]
        await moves.swarm.dial(host_, int(port), ID.from_base58(stays.peer))
        await settled(lambda: len(stays.swarm.get_connections(there)) == 2)
        assert await libp2p_liveness.answers(old.muxed_conn, PATIENCE_S)
        await libp2p_liveness.close_dead(stays.swarm.get_connections(there))
        assert len(stays.swarm.get_connections(there)) == 2


async def test_asking_does_not_spoil_the_round_trip() -> None:
    """yamux.py:1318 reckons it from when it last asked itself, half a minute ago."""
    async with through_a_relay() as (stays, _, _):
        (connection,) = stays.swarm.get_connections()
        connection.muxed_conn._ping_sent_time = trio.current_time() - 30
        assert await libp2p_liveness.answers(connection.muxed_conn, PATIENCE_S)
        assert connection.muxed_conn.rtt() < 5


@pytest.mark.trio
async def test_a_node_that_is_cancelled_while_it_starts_is_no_more() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        async with host("late"):
            raise AssertionError("it is cancelled")
    assert scope.cancelled_caught
    async with host("late"):
        pass
