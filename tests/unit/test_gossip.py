"""Gossip in and out: the verdict of every kind of message, and what a burst becomes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.crypto.keys import AuthorKey
from jangteo.node.gossip import DOORBELL, GossipIn, GossipOut, KnownIds, message_records, messages
from jangteo.node.memory_transport import MemoryNetwork, MemoryTransport
from jangteo.node.worker import InlineWorker
from jangteo.node.writer import Writer
from jangteo.protocol import canonical, limits
from jangteo.protocol.envelope import Header, Verified, author_record
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import topic
from jangteo.protocol.verdict import Verdict
from jangteo.store.store import Store

NOW_MS = 1_750_000_000_000
KEY = AuthorKey.from_seed(bytes(range(32)))


def listing(
    number: int, *, ts_ms: int = NOW_MS, market: str = "open", description: str = ""
) -> Verified:
    thread = number.to_bytes(16, "big")
    header = Header(LISTING, KEY.public, ts_ms, market, thread, 1, False)
    body = Listing(f"thing {number}", description=description, created_ms=ts_ms).to_body()
    return author_record(KEY, header, body)


def message(*records: Verified) -> bytes:
    return canonical.encode([record.raw for record in records])


class Ears:
    """A gossip's way in, and what it told of."""

    def __init__(self, writer: Writer) -> None:
        self.gossip = GossipIn(writer, now_ms=lambda: NOW_MS)
        self.writer = writer
        self.doorbells: list[str] = []
        self.missed: list[str] = []
        self.penalties: list[tuple[str, str]] = []
        self.gossip.on_doorbell = self.doorbells.append
        self.gossip.on_missed = self.missed.append
        self.gossip.on_penalty = lambda peer, error: self.penalties.append((peer, error.rule))

    def hear(self, data: bytes, market: str = "open") -> Verdict:
        return self.gossip.handle(market, "p", data)


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Ears]:
    """The writer does not run: what is queued can be counted."""
    with Store.open(tmp_path / "a.db") as store:
        yield Ears(Writer(store, now_ms=lambda: NOW_MS, worker=InlineWorker()))


@pytest.mark.trio
async def test_a_new_record_is_passed_on_and_queued(ears: Ears) -> None:
    assert ears.hear(message(listing(1), listing(2))) is Verdict.ACCEPT
    assert ears.writer.records_queued == 2


@pytest.mark.trio
async def test_a_known_record_is_not_passed_on_again(ears: Ears) -> None:
    ears.hear(message(listing(1)))
    assert ears.hear(message(listing(1))) is Verdict.IGNORE
    assert ears.hear(message(listing(1), listing(2))) is Verdict.ACCEPT
    assert ears.writer.records_queued == 2
    assert ears.penalties == []


@pytest.mark.trio
async def test_an_empty_message_is_a_doorbell(ears: Ears) -> None:
    assert ears.hear(DOORBELL) is Verdict.IGNORE
    assert ears.doorbells == ["p"]


@pytest.mark.trio
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xc1", id="no msgpack"),
        pytest.param(canonical.encode({}), id="a map"),
        pytest.param(canonical.encode([1]), id="a number for a record"),
        pytest.param(canonical.encode([b"x"]), id="no record"),
        pytest.param(canonical.encode([[b"x"]]), id="nested"),
        pytest.param(bytes(limits.GOSSIP_MESSAGE_BYTES_MAX + 1), id="too long"),
        pytest.param(
            canonical.encode([b"x"] * limits.GOSSIP_RECORDS_MAX).replace(
                b"\xdc\x00\x40", b"\xdc\x00\x41"
            )
            + b"\xc4\x01x",
            id="too many",
        ),
        pytest.param(message(listing(1))[:-1] + b"\x00", id="a wrong signature"),
        pytest.param(message(listing(1, market="elsewhere")), id="another market's"),
    ],
)
async def test_what_no_honest_peer_sends_is_rejected_and_costs(ears: Ears, data: bytes) -> None:
    assert ears.hear(data) is Verdict.REJECT
    assert len(ears.penalties) == 1
    assert ears.writer.records_queued == 0


@pytest.mark.trio
@pytest.mark.parametrize(
    "record",
    [
        pytest.param(listing(1, ts_ms=NOW_MS + limits.FUTURE_MS_MAX + 1), id="of the future"),
        pytest.param(listing(1, ts_ms=NOW_MS - limits.LIFETIME_SHORT_MS), id="expired"),
    ],
)
async def test_what_another_clock_may_see_otherwise_costs_nothing(
    ears: Ears, record: Verified
) -> None:
    assert ears.hear(message(record)) is Verdict.IGNORE
    assert ears.penalties == []
    assert ears.writer.records_queued == 0


@pytest.mark.trio
async def test_just_within_the_clock_s_tolerance_is_taken(ears: Ears) -> None:
    assert ears.hear(message(listing(1, ts_ms=NOW_MS + limits.FUTURE_MS_MAX))) is Verdict.ACCEPT


@pytest.mark.trio
async def test_a_version_to_come_costs_nothing(ears: Ears) -> None:
    raw = listing(1).raw
    later = raw[:1] + b"\x02" + raw[2:]
    assert ears.hear(canonical.encode([later])) is Verdict.IGNORE
    assert ears.penalties == []


@pytest.mark.trio
async def test_a_blocked_author_is_not_passed_on(ears: Ears) -> None:
    ears.gossip.is_unwanted = lambda author: author == KEY.public
    assert ears.hear(message(listing(1))) is Verdict.IGNORE
    assert ears.writer.records_queued == 0


@pytest.mark.trio
async def test_over_its_budget_a_peer_is_reconciled_with_instead(
    ears: Ears, autojump_clock: trio.testing.MockClock
) -> None:
    for start in range(0, limits.GOSSIP_RECORDS_BURST, 50):
        records = [listing(n) for n in range(start, start + 50)]
        assert ears.hear(message(*records)) is Verdict.ACCEPT
    assert ears.hear(message(listing(10**6))) is Verdict.IGNORE
    assert ears.missed == ["p"]
    assert ears.gossip.handle("open", "q", message(listing(10**6))) is Verdict.ACCEPT
    await trio.sleep(1)
    assert ears.hear(message(listing(10**6 + 1))) is Verdict.ACCEPT


@pytest.mark.trio
async def test_with_a_full_writer_the_peer_is_reconciled_with_later(ears: Ears) -> None:
    ears.writer.admit_nowait([listing(n) for n in range(limits.WRITER_RECORDS_MAX)], "q")
    record = listing(10**6)
    assert ears.hear(message(record)) is Verdict.IGNORE
    assert ears.missed == ["p"]
    assert record.id not in ears.gossip.known


def test_only_so_many_ids_are_known() -> None:
    known = KnownIds()
    for number in range(limits.KNOWN_IDS_MAX + 1):
        known.add(number.to_bytes(32, "big"))
    assert bytes(32) not in known
    assert (1).to_bytes(32, "big") in known
    assert len(known) == limits.KNOWN_IDS_MAX


def test_messages_hold_as_much_as_they_may_and_no_more() -> None:
    records = [listing(n, description="x" * 3000).raw for n in range(100)]
    packed = messages(records)
    assert [raw for data in packed for raw in message_records(data)] == records
    assert all(len(data) <= limits.GOSSIP_MESSAGE_BYTES_MAX for data in packed)
    assert len(packed) == -(-sum(map(len, records)) // limits.GOSSIP_MESSAGE_BYTES_MAX)
    small = messages([listing(n).raw for n in range(limits.GOSSIP_RECORDS_MAX + 1)])
    assert [len(message_records(data)) for data in small] == [limits.GOSSIP_RECORDS_MAX, 1]
    assert messages([]) == []


def test_a_message_of_too_many_records_is_none() -> None:
    with pytest.raises(RemoteProtocolError):
        message_records(bytes([0xDC, 0x00, 0x41]) + b"\xc4\x01x" * 65)


class Voice:
    """A gossip's way out in a network of two, and what the other hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def hear(self, peer: str, data: bytes) -> Verdict:
        self.heard.append(data)
        return Verdict.IGNORE


async def heard_of(records: list[list[Verified]], after_s: float) -> list[bytes]:
    """What a neighbour hears within `after_s` when these are told one after the other."""
    network, voice = MemoryNetwork(1), Voice()
    async with network.open("me") as me, network.open("you") as you:
        await you.join(topic("open"), voice.hear)
        await me.join(topic("open"), lambda peer, data: Verdict.IGNORE)
        await me.dial("/memory/you/p2p/you")
        out = GossipOut(me)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(out.run)
            for each in records:
                out.tell(each)
                await trio.sleep(0.1)
            await trio.sleep(after_s)
            nursery.cancel_scope.cancel()
    return voice.heard


@pytest.mark.trio
async def test_a_few_are_told_whole(autojump_clock: trio.testing.MockClock) -> None:
    records = [listing(n) for n in range(3)]
    heard = await heard_of([records], 5)
    assert heard == [message(*records)]


@pytest.mark.trio
async def test_of_many_the_first_are_told_and_a_doorbell_for_the_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    records = [listing(n) for n in range(1000)]
    heard = await heard_of([records], 5)
    told = [raw for data in heard for raw in message_records(data)]
    assert told == [record.raw for record in records[: limits.GOSSIP_DOORBELL_ABOVE]]
    assert heard[-1] == DOORBELL
    assert heard.count(DOORBELL) == 1


@pytest.mark.trio
async def test_a_long_import_rings_now_and_then_and_once_more_at_its_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    steps = [[listing(100 * step + n) for n in range(100)] for step in range(50)]
    heard = await heard_of(steps, 5)
    told = [raw for data in heard for raw in message_records(data)]
    assert len(told) <= limits.GOSSIP_DOORBELL_ABOVE + 5 * limits.GOSSIP_OWN_PER_SECOND
    assert 3 <= heard.count(DOORBELL) <= 5
    assert heard[-1] == DOORBELL


@pytest.mark.trio
async def test_a_market_that_was_left_meanwhile_stops_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    heard = await heard_of([[listing(1, market="left")], [listing(2)]], 5)
    assert heard == [message(listing(2))]


@pytest.mark.trio
async def test_a_publish_that_fails_costs_that_message_only(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, failed = MemoryTransport.publish, []

    async def fail_once(me: MemoryTransport, name: str, data: bytes) -> None:
        if not failed:
            failed.append(data)
            raise RuntimeError("what a library raises")
        await publish(me, name, data)

    monkeypatch.setattr(MemoryTransport, "publish", fail_once)
    heard = await heard_of([[listing(1)], [listing(2)]], 5)
    assert failed == [message(listing(1))]
    assert heard == [message(listing(2))]


@pytest.mark.trio
async def test_what_waits_to_be_published_is_bounded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with MemoryNetwork(1).open("me") as me:
        out = GossipOut(me)
        for number in range(2 * limits.GOSSIP_OUTBOX_RECORDS_MAX):
            out.tell([listing(number)])
            await trio.sleep(1)
        assert out.waiting_count == limits.GOSSIP_OUTBOX_RECORDS_MAX
