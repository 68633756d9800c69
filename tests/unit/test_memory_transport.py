"""The in-memory network's own faults: loss, delay and partition from one seed."""

import pytest
import trio
import trio.testing

from jangteo.node.memory_transport import MemoryNetwork, MemoryTransport
from jangteo.node.transport import DialFailed, PeerDown, PeerUp, Stream, StreamBroken
from jangteo.protocol.verdict import Verdict

pytestmark = pytest.mark.trio

TOPIC = "/test/1/square"


async def heard_of_100(network: MemoryNetwork) -> list[bytes]:
    heard: list[bytes] = []

    def keep(peer: str, data: bytes) -> Verdict:
        heard.append(data)
        return Verdict.ACCEPT

    async with network.open("ana") as ana, network.open("bo") as bo:
        await ana.join(TOPIC, keep)
        await bo.join(TOPIC, keep)
        await ana.dial(bo.addresses()[0])
        for n in range(100):
            await ana.publish(TOPIC, b"%d" % n)
        await trio.sleep(10)
    return heard


async def test_gossip_is_lost_and_late_as_the_seed_says(
    autojump_clock: trio.testing.MockClock,
) -> None:
    def lossy(seed: int) -> MemoryNetwork:
        return MemoryNetwork(seed, loss=0.3, delay_s=(0.01, 0.5))

    first, again, other = [await heard_of_100(lossy(seed)) for seed in (1, 1, 2)]
    assert first == again != other
    assert 50 < len(first) < 90
    assert first != sorted(first, key=int)


async def test_nothing_is_lost_without_loss(autojump_clock: trio.testing.MockClock) -> None:
    assert len(await heard_of_100(MemoryNetwork(1, delay_s=(0.0, 1.0)))) == 100


async def test_streams_take_their_time_and_lose_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def echo(stream: Stream) -> None:
        await stream.send_all(await stream.receive_exactly(5))

    network = MemoryNetwork(1, loss=1.0, delay_s=(2.0, 2.0))
    async with network.open("ana") as ana, network.open("bo") as bo:
        bo.serve("/echo", echo)
        await ana.dial(bo.addresses()[0])
        stream = await ana.open_stream("bo", "/echo")
        began_at = trio.current_time()
        await stream.send_all(b"hello")
        assert await stream.receive_exactly(5) == b"hello"
        assert trio.current_time() - began_at == pytest.approx(4.0)


async def next_events(*transports: MemoryTransport) -> list[object]:
    return [await transport.events.receive() for transport in transports]


async def test_a_partition_cuts_and_healing_lets_them_dial_again() -> None:
    async def wait(stream: Stream) -> None:
        await stream.receive_exactly(1)

    network = MemoryNetwork(1)
    async with network.open("ana") as ana, network.open("bo") as bo, network.open("cy") as cy:
        bo.serve("/wait", wait)
        for other in (bo, cy):
            await ana.dial(other.addresses()[0])
        assert await next_events(ana, ana) == [
            PeerUp("bo", (bo.addresses()[0],), False),
            PeerUp("cy", (cy.addresses()[0],), False),
        ]
        stream = await ana.open_stream("bo", "/wait")
        network.partition([["ana", "cy"], ["bo"]])
        assert await next_events(ana) == [PeerDown("bo")]
        with pytest.raises(StreamBroken):
            await stream.receive_exactly(1)
        assert [one.peer for one in ana.peers()] == ["cy"]
        with pytest.raises(DialFailed):
            await ana.dial(bo.addresses()[0])
        network.heal()
        await ana.dial(bo.addresses()[0])
        assert {one.peer for one in ana.peers()} == {"bo", "cy"}
    assert network.handler_errors == []


async def test_a_peer_in_no_group_is_alone() -> None:
    network = MemoryNetwork(1)
    async with network.open("ana") as ana, network.open("bo") as bo:
        network.partition([["ana"]])
        async with network.open("cy") as cy:
            for other in (bo, cy):
                with pytest.raises(DialFailed):
                    await ana.dial(other.addresses()[0])


async def test_a_handlers_bug_is_kept_for_the_test_to_see() -> None:
    async def fail(stream: Stream) -> None:
        raise KeyError("a bug")

    network = MemoryNetwork(1)
    async with network.open("ana") as ana, network.open("bo") as bo:
        bo.serve("/fail", fail)
        await ana.dial(bo.addresses()[0])
        stream = await ana.open_stream("bo", "/fail")
        with pytest.raises(StreamBroken):
            await stream.receive_exactly(1)
    assert [type(error) for error in network.handler_errors] == [KeyError]


async def test_a_name_is_taken_once() -> None:
    network = MemoryNetwork(1)
    async with network.open("ana"):
        with pytest.raises(ValueError, match="already"):
            async with network.open("ana"):
                pass
