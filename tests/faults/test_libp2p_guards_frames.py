"""Attacks with yamux's frames on a real node: those that bring nothing, and those that cannot be.
Each fails when node/libp2p_frames.py is taken out.
"""

import random
from types import SimpleNamespace
from typing import ClassVar

import pytest
import trio
import trio.testing
from libp2p.io.exceptions import IncompleteReadError
from libp2p.stream_muxer.yamux import yamux

from jangteo.node import libp2p_frames
from jangteo.node.libp2p_frames import FramePrices, FrameReader, is_earning, price_of
from jangteo.node.libp2p_guard import read_exactly
from jangteo.node.libp2p_transport import Libp2pTransport
from jangteo.protocol.limits import (
    FRAME_BYTES_UNWANTED,
    FRAME_SMALL_BYTES,
    FRAMES_EARNED,
    FRAMES_IDLE_AT_FIRST,
    FRAMES_IDLE_BURST,
    FRAMES_IDLE_PER_SECOND,
    FRAMES_PER_PING,
    FRAMES_PER_STREAM,
    STREAM_WINDOW_BYTES,
)
from tests.loopback import ECHO, SEED, is_well, settled, victim_and_attacker


def yamux_frame(kind: int, flags: int, number: int, length: int, body: bytes = b"") -> bytes:
    header = yamux.struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, kind, flags, number, length)
    return bytes(header + body)


async def pour(attacker: Libp2pTransport, frames: bytes, times: int) -> None:
    """Many frames at once, until the other side hangs up."""
    connection = attacker.swarm.get_connections()[0].muxed_conn
    for _ in range(times):
        try:
            async with connection._write_lock:
                await connection.secured_conn.write(frames)
        except Exception as error:  # any of the library's for a connection that is gone
            assert not isinstance(error, AssertionError)
            return


IDLE_FRAMES = {
    "pings to be answered": yamux_frame(yamux.TYPE_PING, yamux.FLAG_SYN, 0, 1),
    "pings": yamux_frame(yamux.TYPE_PING, yamux.FLAG_ACK, 0, 1),
    "windows of no stream": yamux_frame(yamux.TYPE_WINDOW_UPDATE, 0, 99, 1),
    "data of no stream": yamux_frame(yamux.TYPE_DATA, 0, 99, 3, b"abc"),
    "nothing": yamux_frame(yamux.TYPE_DATA, 0, 99, 0),
    "streams reset at once": yamux_frame(yamux.TYPE_WINDOW_UPDATE, yamux.FLAG_RST, 99, 0),
}


@pytest.mark.trio
@pytest.mark.parametrize("what", IDLE_FRAMES)
async def test_frames_that_bring_nothing_are_read_slowly(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """yamux.py:1228 reads as many as come: a whole core for pings."""
    async with victim_and_attacker() as (victim, attacker):
        held = libp2p_frames.FramePrices.spend
        paid = 0

        def count(prices: FramePrices, price: int, now: float) -> float:
            nonlocal paid
            paid += price
            return held(prices, price, now)

        monkeypatch.setattr(libp2p_frames.FramePrices, "spend", count)
        with trio.move_on_after(1):
            await pour(attacker, IDLE_FRAMES[what] * 1000, 100)
            await trio.sleep_forever()
        # Not a timed assertion: less is read on a slower machine.
        assert FRAMES_IDLE_AT_FIRST <= paid < FRAMES_IDLE_AT_FIRST + 10 * FRAMES_IDLE_PER_SECOND
        assert len(victim.peers()) == 1
        await is_well(victim)


@pytest.mark.trio
async def test_who_is_held_back_for_long_is_not_at_fault(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """It is read at the rate, for as long as it goes on, and that costs next to nothing."""
    pings = IDLE_FRAMES["pings"] * 1000

    class Endless:
        async def read(self) -> bytes:
            await trio.lowlevel.checkpoint()
            return pings

    class Connection:
        streams: ClassVar[dict[int, None]] = {}
        event_shutting_down = trio.Event()
        _ping_event = trio.Event()
        condemned: ClassVar[list[str]] = []

        def condemn(self, reason: str) -> None:
            self.condemned.append(reason)

    connection = Connection()
    connection._ping_event.set()
    reader = FrameReader(Endless(), connection)
    spent = 0
    spend = reader.prices.spend

    def count(price: int, now: float) -> float:
        nonlocal spent
        spent += price
        return spend(price, now)

    reader.prices.spend = count  # type: ignore[method-assign]
    with trio.move_on_after(300):
        await reader.read(12)
    assert connection.condemned == []
    paid = FRAMES_IDLE_AT_FIRST + 300 * FRAMES_IDLE_PER_SECOND
    assert paid <= spent <= paid + FRAMES_IDLE_PER_SECOND


@pytest.mark.trio
async def test_opening_streams_only_to_reset_them_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HTTP/2's rapid reset: each costs its reader a task, and its sender 24 bytes."""
    async with victim_and_attacker() as (victim, attacker):
        opened = 0

        def count(kind: int, flags: int, length: int, *, is_known: bool) -> int:
            nonlocal opened
            opened += bool(flags & yamux.FLAG_SYN)
            return price_of(kind, flags, length, is_known=is_known)

        monkeypatch.setattr(libp2p_frames, "price_of", count)
        streams = b"".join(
            yamux_frame(yamux.TYPE_WINDOW_UPDATE, yamux.FLAG_SYN, number, 0)
            + yamux_frame(yamux.TYPE_WINDOW_UPDATE, yamux.FLAG_RST, number, 0)
            for number in range(1001, 5001, 2)
        )
        with trio.move_on_after(1):
            await pour(attacker, streams, 1)
            await trio.sleep_forever()
        # Not a timed assertion: less is read on a slower machine.
        credit = FRAMES_IDLE_AT_FIRST + 10 * FRAMES_IDLE_PER_SECOND
        assert 0 < opened <= credit // FRAMES_PER_STREAM
        await is_well(victim)


@pytest.mark.trio
async def test_what_a_node_asks_on_streams_of_its_own_holds_nobody_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each read of a small request is answered with a window update, beside the small answer."""
    async with victim_and_attacker() as (victim, asker):
        prices = [each.muxed_conn._frames.prices for each in asker.swarm.get_connections()]
        balance: list[float] = []
        spend = FramePrices.spend
        earn = FramePrices.earn

        def count(self: FramePrices, price: int, now: float) -> float:
            balance.extend([-price] * (self in prices))
            return spend(self, price, now)

        def count_earned(self: FramePrices, now: float) -> None:
            balance.extend([FRAMES_EARNED] * (self in prices))
            earn(self, now)

        monkeypatch.setattr(FramePrices, "spend", count)
        monkeypatch.setattr(FramePrices, "earn", count_earned)
        for _ in range(50):
            stream = await asker.open_stream(victim.peer, ECHO)
            await stream.send_all(b"small")
            assert await stream.receive_exactly(5) == b"small"
            await stream.close()
        assert sum(balance) >= 0


def test_small_frames_earn_on_a_node_s_own_streams_only() -> None:
    data, window = yamux.TYPE_DATA, yamux.TYPE_WINDOW_UPDATE
    for is_initiator, own, other in ((True, 7, 8), (False, 8, 7)):

        def earns(kind: int, flags: int, number: int, length: int, mine: bool) -> bool:
            return is_earning(yamux_frame(kind, flags, number, length), is_initiator=mine)

        assert earns(data, 0, own, 1, is_initiator)
        assert earns(window, yamux.FLAG_SYN, own, 0, is_initiator)
        assert not earns(window, 0, own, 1, is_initiator)
        assert not earns(data, 0, other, FRAME_SMALL_BYTES - 1, is_initiator)
        assert earns(data, 0, other, FRAME_SMALL_BYTES, is_initiator)
        assert not earns(yamux.TYPE_PING, yamux.FLAG_ACK, 0, 1, is_initiator)


@pytest.mark.trio
@pytest.mark.parametrize(
    "frame",
    [
        yamux_frame(yamux.TYPE_DATA, 0, 1, STREAM_WINDOW_BYTES + 1),
        yamux_frame(9, 0, 1, 1),
        b"\x01" + yamux_frame(yamux.TYPE_PING, 0, 0, 1)[1:],
    ],
)
async def test_a_frame_that_cannot_be_costs_points_and_the_connection(frame: bytes) -> None:
    """yamux.py:1282 closes the connection for the first; for the others it looks away."""
    async with victim_and_attacker() as (victim, attacker):
        faults: list[str] = []
        victim.on_fault = lambda peer, error: faults.append(f"{peer} {error.rule}")
        await pour(attacker, frame, 1)
        await settled(lambda: not victim.peers())
        assert faults == [f"{attacker.peer} R11.5"]
        await is_well(victim)


class Pieces:
    """A session that has some bytes, to be read in pieces of any size."""

    def __init__(self, data: bytes, dice: random.Random) -> None:
        self._data = data
        self._dice = dice

    async def read(self) -> bytes:
        count = self._dice.choice((1, 5, 12, 700, 70_000))
        piece, self._data = self._data[:count], self._data[count:]
        return piece


class Streams:
    """What a muxer has of its streams, as far as its reader is concerned."""

    def __init__(self, numbers: range) -> None:
        self.streams = {number: SimpleNamespace(send_window=0) for number in numbers}
        self.got = dict.fromkeys(numbers, b"")
        self.event_shutting_down = trio.Event()

    def deliver(self, number: int, data: bytes) -> None:
        self.got[number] += data


@pytest.mark.trio
async def test_plain_frames_go_to_their_streams_and_others_to_the_muxer() -> None:
    """yamux.py:1228 sees each frame; here only those that do more than bring bytes or room."""
    dice = random.Random(SEED)  # noqa: S311
    streams = Streams(range(1, 9, 2))
    said, got, room, shown = b"", dict.fromkeys(streams.got, b""), dict.fromkeys(streams.got, 0), []
    for _ in range(300):
        number = dice.choice(list(streams.got))
        kind = dice.choice((yamux.TYPE_DATA, yamux.TYPE_WINDOW_UPDATE))
        flags = dice.choice((0, 0, 0, yamux.FLAG_FIN))
        body = dice.randbytes(dice.choice((0, 3, 1000, 20_000))) if kind == yamux.TYPE_DATA else b""
        length = len(body) if kind == yamux.TYPE_DATA else dice.randrange(1000)
        said += yamux_frame(kind, flags, number, length, body)
        if flags:
            shown.append((kind, flags, number, length, body))
        else:
            got[number] += body
            room[number] += length if kind == yamux.TYPE_WINDOW_UPDATE else 0
    reader = FrameReader(Pieces(said, dice), streams)
    seen = []
    with pytest.raises(IncompleteReadError):
        while True:
            header = await read_exactly(reader, yamux.HEADER_SIZE)
            _, kind, flags, number, length = yamux.struct.unpack(yamux.YAMUX_HEADER_FORMAT, header)
            body = b""
            if kind == yamux.TYPE_DATA and length:
                body = await read_exactly(reader, length)
            seen.append((kind, flags, number, length, body))
    assert seen == shown
    assert streams.got == got
    assert {number: each.send_window for number, each in streams.streams.items()} == room


def test_honest_frames_cost_nothing_or_little() -> None:
    data, window = yamux.TYPE_DATA, yamux.TYPE_WINDOW_UPDATE
    assert price_of(data, 0, FRAME_SMALL_BYTES, is_known=True) == 0
    assert price_of(data, 0, FRAME_SMALL_BYTES - 1, is_known=True) == 1
    assert price_of(data, 0, FRAME_BYTES_UNWANTED, is_known=False) == 2
    assert price_of(window, 0, 1, is_known=True) == 1
    assert price_of(window, yamux.FLAG_SYN, 0, is_known=False) == FRAMES_PER_STREAM
    assert price_of(yamux.TYPE_PING, yamux.FLAG_SYN, 0, is_known=False) == FRAMES_PER_PING
    assert price_of(yamux.TYPE_PING, yamux.FLAG_ACK, 0, is_known=False) == 1
    prices = FramePrices(0.0)
    for _ in range(100_000):  # a window update for each frame that goes out
        prices.earn(0.0)
        assert prices.spend(1, 0.0) == 0
    prices = FramePrices(0.0)
    assert prices.spend(FRAMES_IDLE_AT_FIRST, 0.0) == 0
    assert prices.spend(FRAMES_IDLE_BURST, 100.0) == 0
    assert prices.spend(FRAMES_IDLE_PER_SECOND, 100.0) == 1
    for _ in range(100):
        prices.earn(100.0)
    assert prices.spend(100 * FRAMES_EARNED, 100.0) == 1
