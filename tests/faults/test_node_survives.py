"""What hostile peers say on the sync stream and by gossip: it ends their session, costs them
points, and leaves the node as it was, talking to the others.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgpack
import pytest
import trio
import trio.testing

from jangteo.crypto.keys import AuthorKey
from jangteo.node.memory_transport import MemoryTransport
from jangteo.node.simulation import START_MS, Neighbourhood, SimulatedNode
from jangteo.node.sync_stream import SyncStream
from jangteo.node.transport import DialFailed, Stream, StreamBroken, StreamEnded, StreamRefused
from jangteo.protocol import canonical, limits, sync_frame
from jangteo.protocol.envelope import Header, Verified, author_record
from jangteo.protocol.item_set import item_key
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import topic
from jangteo.protocol.sync_frame import (
    Bye,
    Get,
    Hello,
    MarketSummary,
    Push,
    Pushed,
    Range,
    Recon,
    Records,
)
from jangteo.protocol.verdict import Verdict

pytestmark = pytest.mark.trio
MALLORY = AuthorKey.from_seed(bytes(range(32)))
DIGEST = bytes(16)
Script = Callable[[SyncStream], Awaitable[None]]


def listing(number: int, *, market: str = "open", ts_ms: int = START_MS) -> Verified:
    thread = number.to_bytes(16, "big")
    header = Header(LISTING, MALLORY.public, ts_ms, market, thread, 1, False)
    return author_record(MALLORY, header, Listing("x", created_ms=START_MS).to_body())


RECORD = listing(1)
FORGED = RECORD.raw[:-1] + bytes([RECORD.raw[-1] ^ 1])
ELSEWHERE = listing(2, market="elsewhere").raw
KEY = item_key(START_MS, RECORD.id)
HELLO = Hello(sync_frame.VERSION, START_MS, (MarketSummary("open", 600, 0, DIGEST),))


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


async def assert_well(place: Neighbourhood, ann: SimulatedNode) -> None:
    """ann still talks with an honest peer, both ways, and nothing has escaped."""
    assert place.network.handler_errors == []
    async with place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(2)
        await bob.sell("honest lamp")
        await ann.sell("honest chair")
        await place.until_even(10)


# What a peer says after its hello, as the side that asks; and whether it must pay for it.
ASKED: list[tuple[str, list[bytes], bool]] = [
    ("an answer", [sync_frame.encode_prefixed(Records(()))], True),
    ("an acknowledgement", [sync_frame.encode_prefixed(Pushed(1))], True),
    ("no frame", [framed(b"\xc1")], True),
    ("a frame of nothing", [framed(b"")], True),
    ("a length beyond the bound", [b"\xff\xff\xff\xff"], True),
    ("a number that no frame has", [framed(msgpack.packb([9, 1]))], True),
    ("a forged record", [sync_frame.encode_prefixed(Push("open", (FORGED,)))], True),
    ("a record of another market", [sync_frame.encode_prefixed(Push("open", (ELSEWHERE,)))], True),
    ("no record", [sync_frame.encode_prefixed(Push("open", (b"x",)))], True),
    ("garbage to reconcile", [sync_frame.encode_prefixed(Recon("open", b"\x61\xff\xff"))], True),
    ("no version to reconcile", [sync_frame.encode_prefixed(Recon("open", b"\x00"))], True),
    ("half a frame", [sync_frame.encode_prefixed(Push("open", (RECORD.raw,)))[:50]], False),
]


@pytest.mark.parametrize(
    ("said", "must_pay"),
    [pytest.param(said, must_pay, id=name) for name, said, must_pay in ASKED],
)
async def test_who_asks_for_nonsense_is_hung_up_on(
    said: list[bytes], must_pay: bool, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.network.open("mallory") as mallory:
        await mallory.dial("/memory/ann/p2p/ann")
        stream = await mallory.open_stream("ann", sync_frame.PROTOCOL)
        await stream.send_all(sync_frame.encode_prefixed(HELLO))
        with pytest.raises((StreamBroken, StreamEnded)):
            for data in said:
                await stream.send_all(data)
            while True:
                await stream.receive_exactly(1)
        await trio.sleep(1)
        assert (ann.core.penalties.points("mallory", ann.now_ms()) > 0) == must_pay
        assert (await ann.summary())[0] == 0
        await assert_well(place, ann)


def records_answer(*raws: bytes, next_key: bytes = b"", more: bool = False) -> Script:
    """To the first question after the hello: these records."""

    async def script(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        await stream.send(HELLO)
        await stream.receive()
        await stream.send(Records(raws, next_key, more))
        await stream.receive()
        await stream.receive()

    return script


def raw_answer(data: bytes) -> Callable[[SyncStream], Awaitable[None]]:
    async def script(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        await stream._stream.send_all(data)
        await stream.receive()

    return script


async def endless_range(stream: SyncStream) -> None:
    """The same page for ever."""
    await stream.receive_a(Hello)
    await stream.send(HELLO)
    while True:
        await stream.receive()
        await stream.send(Records((RECORD.raw,), KEY))


async def endless_more(stream: SyncStream) -> None:
    """An answer that never ends, with nothing in it."""
    await stream.receive_a(Hello)
    await stream.send(HELLO)
    await stream.receive()
    while True:
        await stream.send(Records((), b"", True))


async def endless_recon(stream: SyncStream) -> None:
    """A reconciliation that finds a new need each time, and delivers none of it."""
    dice = random.Random(1)  # noqa: S311  (repeatable on purpose)
    await stream.receive_a(Hello)
    await stream.send(Hello(1, START_MS, (MarketSummary("open", 10, 0, DIGEST),)))
    while True:
        frame = await stream.receive()
        if isinstance(frame, Recon):
            ids = b"".join(dice.randbytes(32) for _ in range(100))
            await stream.send(Recon("open", b"\x61\x00\x00\x02\x64" + ids))
        elif isinstance(frame, Get):
            await stream.send(Records(()))
        elif isinstance(frame, Hello):
            await stream.send(Hello(1, START_MS, (MarketSummary("open", 10, 0, DIGEST),)))
        elif isinstance(frame, Bye):
            return


ANSWERED: list[tuple[str, Script, bool]] = [
    ("a forged record", records_answer(FORGED), True),
    ("a record of another market", records_answer(ELSEWHERE), True),
    ("a record that is none", records_answer(b"x"), True),
    ("the same page for ever", endless_range, True),
    ("an answer without an end", endless_more, True),
    ("a need without an end", endless_recon, False),
    ("no hello but records", raw_answer(sync_frame.encode_prefixed(Records(()))), True),
    ("no hello but noise", raw_answer(b"\x00\x00\x00\x05abcde"), True),
    ("no hello but a huge length", raw_answer(b"\x7f\xff\xff\xff"), True),
]


@pytest.mark.parametrize(
    ("script", "must_pay"),
    [pytest.param(script, must_pay, id=name) for name, script, must_pay in ANSWERED],
)
async def test_who_answers_with_nonsense_is_hung_up_on(
    script: Script, must_pay: bool, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)

    async def serve(stream: Stream) -> None:
        await script(SyncStream(stream))

    async with place.node("ann") as ann, place.network.open("mallory") as mallory:
        mallory.serve(sync_frame.PROTOCOL, serve)
        await mallory.dial("/memory/ann/p2p/ann")
        await trio.sleep(10)
        assert (ann.core.penalties.points("mallory", ann.now_ms()) > 0) == must_pay
        place.network.handler_errors.clear()  # mallory's own
        await assert_well(place, ann)


async def promises(stream: SyncStream, ids: list[bytes]) -> None:
    """Claims to hold `ids`, or a whole market, and when asked for it says nothing."""
    digest = bytes(15) + b"\1"
    while True:
        frame = await stream.receive()
        if isinstance(frame, Hello):
            summary = MarketSummary("open", max(len(ids), 2), 0, digest)
            await stream.send(Hello(1, START_MS, (summary,)))
        elif isinstance(frame, Recon):
            listed = bytes([len(ids)]) + b"".join(ids)
            await stream.send(Recon("open", b"\x61\x00\x00\x02" + listed))
        else:
            await trio.sleep_forever()


@pytest.mark.parametrize("count", [100, 600], ids=["ids", "a whole market"])
async def test_who_promises_what_others_have_keeps_nobody_waiting_long(
    count: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("bob") as bob:
        records = await bob.sell_all([f"book {number}" for number in range(count)])
        async with place.node("ann") as ann, AsyncExitStack() as liars:
            promised = [record.id for record in records] if count < 128 else []

            async def serve(stream: Stream) -> None:
                await promises(SyncStream(stream), promised)

            if not promised:
                promised = [bytes([number]) * 32 for number in range(100)] * 6
            for name in ("mallory", "oscar", "trudy"):
                liar = await liars.enter_async_context(place.network.open(name))
                liar.serve(sync_frame.PROTOCOL, serve)
                await liar.dial("/memory/ann/p2p/ann")
            await trio.sleep(2.5)  # all have been asked, and promise
            await bob.transport.dial("/memory/ann/p2p/ann")
            patience_ms = limits.CLAIM_MS_MIN + limits.SYNC_SECOND_SIDE_WAIT_MS + 2000
            await place.until_even(patience_ms / limits.SECOND_MS)
            assert (await ann.summary())[0] == count


async def ask_for_everything(mallory: MemoryTransport, times: int) -> int:
    """The whole set of "open" in one session, again and again: how often it was given."""
    stream = SyncStream(await mallory.open_stream("ann", sync_frame.PROTOCOL))
    await stream.send(Hello(sync_frame.VERSION, START_MS, ()))
    await stream.receive_a(Hello)
    for time in range(times):
        after = b""
        while True:
            try:
                await stream.send(Range("open", after, limits.SYNC_RECORDS_MAX))
                frame = await stream.receive_a(Records)
            except (StreamBroken, StreamEnded):
                return time
            after = frame.next_key
            if not after:
                break
    return times


async def test_everything_again_and_again_is_not_served(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.network.open("mallory") as mallory:
        await ann.sell_all([f"book {n}" for n in range(2000)])
        await mallory.dial("/memory/ann/p2p/ann")
        assert 2 <= await ask_for_everything(mallory, 20) < 10


async def test_frames_that_bring_nothing_run_out_of_credit(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.network.open("mallory") as mallory:
        await mallory.dial("/memory/ann/p2p/ann")
        stream = SyncStream(await mallory.open_stream("ann", sync_frame.PROTOCOL))
        await stream.send(Hello(sync_frame.VERSION, START_MS, ()))
        await stream.receive_a(Hello)
        pushed = 0
        with pytest.raises((StreamBroken, StreamEnded)):
            while True:
                await stream.send(Push("open", (RECORD.raw,)))
                await stream.receive_a(Pushed)
                pushed += 1
        assert pushed <= limits.SYNC_CREDIT_BYTES // limits.SYNC_CREDIT_BYTES_PER_FRAME + 100
        await assert_well(place, ann)


async def test_what_nobody_asked_for_comes_no_faster_than_gossip(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.network.open("mallory") as mallory:
        await mallory.dial("/memory/ann/p2p/ann")
        stream = SyncStream(await mallory.open_stream("ann", sync_frame.PROTOCOL))
        await stream.send(Hello(sync_frame.VERSION, START_MS, ()))
        await stream.receive_a(Hello)
        began, seconds = trio.current_time(), 3
        count = limits.GOSSIP_RECORDS_BURST + seconds * limits.GOSSIP_RECORDS_PER_SECOND
        for begin in range(0, count, 100):
            raws = tuple(listing(number).raw for number in range(begin, begin + 100))
            await stream.send(Push("open", raws))
            await stream.receive_a(Pushed)
        assert trio.current_time() - began >= seconds
        assert (await ann.summary())[0] == count
        assert ann.core.penalties.points("mallory", ann.now_ms()) == 0


async def test_who_keeps_forging_is_banned_and_comes_back_later(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.network.open("mallory") as mallory:
        await mallory.join(topic("open"), lambda peer, data: Verdict.IGNORE)
        await mallory.dial("/memory/ann/p2p/ann")
        for number in range(3):
            record = listing(number).raw
            await mallory.publish(topic("open"), canonical.encode([record[:-1] + b"\x00"]))
            await trio.sleep(1)
        assert ann.core.penalties.is_banned("mallory", ann.now_ms())
        assert mallory.peers() == []
        with pytest.raises(DialFailed):
            await mallory.dial("/memory/ann/p2p/ann")
        await trio.sleep(1)
        assert mallory.peers() == []
        await trio.sleep(2 * limits.BAN_MS_MIN / 1000)
        await mallory.dial("/memory/ann/p2p/ann")
        await trio.sleep(1)
        assert [each.peer for each in mallory.peers()] == ["ann"]


@pytest.mark.parametrize("seed", range(5))
async def test_mutated_sessions_stop_nothing(
    seed: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Whole honest dialogues with bytes changed, cut and repeated."""
    dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
    place = Neighbourhood(tmp_path, seed)
    dialogue = [
        sync_frame.encode_prefixed(frame)
        for frame in (
            HELLO,
            Recon("open", b"\x61\x00\x00\x02\x00"),
            Get("open", (RECORD.id,)),
            Push("open", tuple(listing(n).raw for n in range(5))),
            Range("open", b"", 100),
            Bye(""),
        )
    ]
    async with place.node("ann") as ann:
        for _ in range(60):
            async with place.network.open("mallory") as mallory:
                data = bytearray(b"".join(dialogue))
                for _ in range(dice.randrange(1, 8)):
                    at = dice.randrange(len(data))
                    match dice.randrange(3):
                        case 0:
                            data[at] = dice.randrange(256)
                        case 1:
                            del data[at : at + dice.randrange(1, 50)]
                        case _:
                            data[at:at] = data[at : at + dice.randrange(1, 50)]
                try:
                    await mallory.dial("/memory/ann/p2p/ann")
                    stream = await mallory.open_stream("ann", sync_frame.PROTOCOL)
                    await stream.send_all(bytes(data))
                    await stream.close()
                except (DialFailed, StreamRefused, StreamBroken):
                    continue
                await trio.sleep(0.2)
        await trio.sleep(limits.SYNC_FRAME_WAIT_MS_MAX / 1000 + 1)
        await assert_well(place, ann)
