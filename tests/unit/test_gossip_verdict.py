"""The verdict on a gossip message at the edges of its rules (R5.2), and what goes on with it."""

from collections.abc import Sequence
from typing import cast

import pytest
import trio.testing

from jangteo.node.gossip import DOORBELL, GossipIn, message_records
from jangteo.node.writer import Writer
from jangteo.protocol import canonical, limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.verdict import Verdict
from tests.market_maker import NOW_MS, Seller

ANA, BEN = Seller.named("ana"), Seller.named("ben")
SHORT_MS = limits.LIFETIME_SHORT_MS
LATEST_MS = NOW_MS + limits.FUTURE_MS_MAX


class Tray:
    """What a writer takes, which is all that gossip asks of one."""

    def __init__(self) -> None:
        self.has_room = True
        self.taken: list[tuple[list[Verified], str]] = []

    def admit_nowait(self, records: Sequence[Verified], peer: str) -> bool:
        if self.has_room:
            self.taken.append((list(records), peer))
        return self.has_room


class Ears:
    def __init__(self) -> None:
        self.tray = Tray()
        self.told: list[tuple[str, ...]] = []
        self.gossip = GossipIn(cast(Writer, self.tray), now_ms=lambda: NOW_MS)
        self.gossip.on_doorbell = lambda peer: self.told.append(("doorbell", peer))
        self.gossip.on_missed = lambda peer: self.told.append(("missed", peer))
        self.gossip.on_penalty = lambda peer, error: self.told.append((error.rule, peer))

    def hear(self, *records: Verified | bytes, peer: str = "p") -> Verdict:
        raws = [record if isinstance(record, bytes) else record.raw for record in records]
        return self.gossip.handle("open", peer, canonical.encode(raws))


def later_version(record: Verified) -> bytes:
    return record.raw[:1] + b"\x02" + record.raw[2:]


@pytest.mark.trio
async def test_a_doorbell_is_told_of_and_not_passed_on() -> None:
    ears = Ears()
    assert ears.gossip.handle("open", "p", DOORBELL) is Verdict.IGNORE
    assert ears.told == [("doorbell", "p")] and ears.tray.taken == []


@pytest.mark.trio
async def test_what_is_new_is_handed_on_with_its_sender_once() -> None:
    ears = Ears()
    lamp, desk = ANA.lists(1, "lamp"), ANA.lists(2, "desk")
    assert ears.hear(lamp, desk) is Verdict.ACCEPT
    assert ears.hear(lamp, desk, peer="q") is Verdict.IGNORE
    assert ears.tray.taken == [([lamp, desk], "p")] and ears.told == []


@pytest.mark.trio
@pytest.mark.parametrize(
    "unwanted",
    [
        pytest.param(later_version(ANA.lists(1, "lamp")), id="of another version"),
        pytest.param(ANA.lists(1, "x", ts_ms=LATEST_MS + 1), id="of the future"),
        pytest.param(ANA.lists(1, "x", ts_ms=NOW_MS - SHORT_MS), id="just over"),
        pytest.param(BEN.lists(1, "x"), id="of a blocked author"),
        pytest.param(ANA.lists(7, "known"), id="known"),
    ],
)
async def test_what_is_not_wanted_keeps_nothing_else_from_being_heard(
    unwanted: Verified | bytes,
) -> None:
    ears = Ears()
    ears.gossip.is_unwanted = lambda author: author == BEN.author
    ears.gossip.known.add(ANA.lists(7, "known").id)
    assert ears.hear(unwanted) is Verdict.IGNORE
    assert ears.tray.taken == []
    lamp, desk = ANA.lists(2, "lamp"), ANA.lists(3, "desk")
    assert ears.hear(lamp, unwanted, desk) is Verdict.ACCEPT
    assert ears.tray.taken == [([lamp, desk], "p")] and ears.told == []


@pytest.mark.trio
@pytest.mark.parametrize("ts_ms", [LATEST_MS, NOW_MS - SHORT_MS + 1])
async def test_the_first_and_the_last_moment_of_a_record_are_its_own(ts_ms: int) -> None:
    assert Ears().hear(ANA.lists(1, "lamp", ts_ms=ts_ms)) is Verdict.ACCEPT


@pytest.mark.trio
@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (ANA.lists(1, "lamp", market="elsewhere"), "R5.3"),
        (ANA.lists(1, "lamp").raw[:-1] + b"\x00", "R2.5"),
        (b"x", "R2.1"),
    ],
)
async def test_what_no_honest_peer_sends_is_told_of_by_its_rule(
    record: Verified | bytes, rule: str
) -> None:
    ears = Ears()
    assert ears.hear(ANA.lists(2, "desk"), record) is Verdict.REJECT
    assert ears.told == [(rule, "p")] and ears.tray.taken == []
    assert ears.hear(ANA.lists(2, "desk")) is Verdict.ACCEPT


@pytest.mark.trio
async def test_who_pays_for_a_message_is_asked(autojump_clock: trio.testing.MockClock) -> None:
    ears = Ears()
    ears.gossip.payer_of = lambda peer: peer[0]
    some = [later_version(ANA.lists(1, "lamp"))] * limits.GOSSIP_RECORDS_MAX
    heard = 0
    while heard + len(some) <= limits.GOSSIP_RECORDS_BURST:
        assert ears.hear(*some, peer=f"a{heard}") is Verdict.IGNORE
        heard += len(some)
    assert ears.told == []
    rest = some[: limits.GOSSIP_RECORDS_BURST - heard]
    assert ears.hear(*rest, ANA.lists(2, "desk"), peer="a-last") is Verdict.IGNORE
    assert ears.told == [("missed", "a-last")]
    assert ears.hear(ANA.lists(2, "desk"), peer="b") is Verdict.ACCEPT


@pytest.mark.trio
async def test_what_finds_no_room_is_heard_again_later() -> None:
    ears = Ears()
    ears.tray.has_room = False
    assert ears.hear(ANA.lists(1, "lamp")) is Verdict.IGNORE
    assert ears.told == [("missed", "p")]
    ears.tray.has_room = True
    assert ears.hear(ANA.lists(1, "lamp")) is Verdict.ACCEPT


def test_a_message_may_be_as_long_as_its_bound() -> None:
    raws = [bytes(limits.RECORD_BYTES_MAX - 4)] * 4
    data = canonical.encode(raws)
    raws[0] += bytes(limits.GOSSIP_MESSAGE_BYTES_MAX - len(data))
    data = canonical.encode(raws)
    assert len(data) == limits.GOSSIP_MESSAGE_BYTES_MAX
    assert message_records(data) == raws
    raws[0] += b"x"
    with pytest.raises(RemoteProtocolError) as caught:
        message_records(canonical.encode(raws))
    assert caught.value.rule == "R1.1"


@pytest.mark.parametrize("value", [{}, None, 1, b"", "", [1], [b"x", None], [[b"x"]]])
def test_a_message_is_an_array_of_bytes(value: object) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        message_records(canonical.encode(value))
    assert caught.value.rule == "R5.1"
