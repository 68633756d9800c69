"""Fuzz targets for what peers send: canonical values, records, frames, reconciliation, gossip,
announcements, addresses."""

import random
from collections.abc import Iterator
from typing import Any

import msgpack
import trio

from jangteo.crypto.digest import LIFT_BITS, sha256
from jangteo.node.gossip import GossipIn, message_records, messages
from jangteo.node.libp2p_transport import parse_address
from jangteo.node.mdns import Mdns
from jangteo.node.transport import DialFailed
from jangteo.protocol import canonical, limits, sync_frame
from jangteo.protocol.envelope import Verified, listing_id, open_record, parse
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.item_set import ListItemSet, item_key
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price
from jangteo.protocol.photo import Photo
from jangteo.protocol.reconcile import Reconciliation
from jangteo.protocol.verdict import Verdict
from tests.faults.fuzz.target import AUTHOR, Target
from tests.faults.fuzz.value_mutation import mutated, mutated_bytes, packed
from tests.market_maker import NOW_MS, Seller

DOMAIN = b"jangteo/record/1\x00"
SELLER = Seller(AUTHOR)
FULL = Listing(
    title="접이식 자전거 20인치",
    description="2년 탔습니다.\n브레이크 새로 교체.",
    price=Price(95_000, "KRW"),
    tags=("자전거", "folding"),
    url="https://example.org/bike",
    category="스포츠/자전거",
    condition="good",
    place="행당동",
    until_ms=NOW_MS + 30 * limits.DAY_MS,
    created_ms=NOW_MS,
    ref=sha256(b"row"),
    photos=(
        Photo(sha256(b"photo"), 90_000, 1600, 1200, sha256(b"small"), 9000, bytes(48)),
        Photo(sha256(b"other"), 1, 1, 1600, sha256(b"small"), 1, bytes(48)),
    ),
)


def records() -> list[Verified]:
    return [
        SELLER.lists(1, FULL),
        SELLER.lists(2, "Desk lamp"),
        SELLER.lists(3, Listing("책 나눔", price=Price(0, "XXX"), created_ms=NOW_MS)),
        SELLER.withdraws(1, revision=2),
        SELLER.is_called("하나", about="행당동 주민"),
        SELLER.publishes(40, 4, {"later": [1, "b", b"c", {"d": True}]}, market="campus/hanyang"),
    ]


def by_value(dice: random.Random, data: bytes) -> bytes:
    """Changes the value that msgpack bytes hold; bytes, where they hold none."""
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=False)
        return packed(dice, mutated(dice, value))
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
        return mutated_bytes(dice, data)


# --- values and records ---------------------------------------------------------------------------


def run_canonical(data: bytes) -> None:
    try:
        value = canonical.decode(data)
    except RemoteProtocolError:
        return
    assert canonical.encode(value) == data


def seeds_canonical() -> Iterator[bytes]:
    yield from (record.raw[: -limits.SIGNATURE_BYTES] for record in records())
    yield from map(canonical.encode, (None, 2**53 - 1, -1, [], {}, ["", b"", {"a": [[]]}]))


def run_envelope(data: bytes) -> None:
    try:
        envelope = parse(data)
    except RemoteProtocolError:
        return
    assert envelope.raw == data
    assert 0 <= envelope.header.expires_ms < 2**63
    try:
        record = open_record(data)
    except RemoteProtocolError as error:
        assert error.rule == "R2.5", error
        return
    assert (record.id, record.raw) == (envelope.id, data)


def sign(payload: bytes) -> bytes:
    """`payload` with a signature of the one author that the seeds have."""
    return payload + AUTHOR.sign(DOMAIN + sha256(payload))


def run_signed(payload: bytes) -> None:
    """A payload that its author did sign: what is inside must be found out without the help of
    the signature."""
    try:
        record = open_record(sign(payload))
    except RemoteProtocolError:
        return
    header = record.header
    assert header.author == AUTHOR.public
    assert len(listing_id(header.thread_key)) == limits.ID_BYTES
    body = record.body
    values: list[Any] = [header.kind, header.author, header.ts_ms, header.market, header.thread]
    assert canonical.encode([1, *values, header.revision, body]) == payload


def mutate_body(dice: random.Random, payload: bytes) -> bytes:
    """Mostly a body that is changed, in a thread of its own: what is admitted is what is looked
    at."""
    if dice.random() < 0.2:
        return by_value(dice, payload)
    try:
        fields = canonical.decode(payload)
    except RemoteProtocolError:
        return by_value(dice, payload)
    if type(fields) is not list or len(fields) != 8 or type(fields[7]) is not dict:
        return by_value(dice, payload)
    body = mutated(dice, fields[7])
    fields[6] = dice.randrange(2**40)
    fields[7] = body
    if fields[1] == LISTING:
        fields[5] = dice.randbytes(16)
    try:
        return canonical.encode(fields)
    except LocalProtocolError:
        return by_value(dice, payload)


# --- frames and reconciliation --------------------------------------------------------------------


def run_frame(data: bytes) -> None:
    try:
        frame = sync_frame.decode(data)
    except RemoteProtocolError:
        return
    assert sync_frame.decode(sync_frame.encode(frame)) == frame


def frames() -> list[sync_frame.Frame]:
    raws = tuple(record.raw for record in records()[:3])
    summary = sync_frame.MarketSummary("open", 3, 0, bytes(16), 1)
    key = item_key(NOW_MS, sha256(b"key"))
    return [
        sync_frame.Hello(1, NOW_MS, (summary,)),
        sync_frame.Hello(1, 0, ()),
        sync_frame.Range("open", b"", 1),
        sync_frame.Range("campus/hanyang", key, 1024),
        sync_frame.Recon("open", b"\x61\x00\x00\x02\x00"),
        sync_frame.Get("open", (sha256(b"a"), sha256(b"b"))),
        sync_frame.Records(raws, key, True),
        sync_frame.Records(()),
        sync_frame.Push("open", raws),
        sync_frame.Pushed(3),
        sync_frame.Bye("enough"),
    ]


def keys(count: int) -> list[bytes]:
    return [item_key(NOW_MS + n // 3, sha256(n.to_bytes(4, "big"))) for n in range(count)]


SET_SIZES = (0, 1, 31, 33, 600)
MINE = {size: ListItemSet(keys(size)) for size in SET_SIZES}
THEIRS = ListItemSet(keys(900)[100:])


def machine(items: ListItemSet, *, initiator: bool) -> Reconciliation:
    return Reconciliation(items, lift_bits=LIFT_BITS, frame_bytes_max=4096, initiator=initiator)


def run_reconcile(data: bytes) -> None:
    """The first byte: role and size of the set; then messages, each after its length in two
    bytes. What is answered must be a message that an honest other side takes."""
    if not data:
        return
    is_initiator = bool(data[0] & 1)
    tested = machine(MINE[SET_SIZES[(data[0] >> 1) % len(SET_SIZES)]], initiator=is_initiator)
    honest = machine(THEIRS, initiator=not is_initiator)
    if is_initiator:
        tested.initiate()
    else:
        honest.initiate()
    place = 1
    try:
        while place < len(data):
            length = int.from_bytes(data[place : place + 2], "big")
            step = tested.handle(data[place + 2 : place + 2 + length])
            place += 2 + length
            assert all(len(one) == limits.ID_BYTES for one in step.have + step.need)
            if step.reply is None:
                assert is_initiator
                continue
            assert len(step.reply) <= 4096
            other = machine(THEIRS, initiator=not is_initiator)
            if not is_initiator:
                other.initiate()
            try:
                other.handle(step.reply)
            except RemoteProtocolError as error:
                raise AssertionError(f"we said what is against the rules: {error}") from error
    except RemoteProtocolError:
        return


def seeds_reconcile() -> Iterator[bytes]:
    """Whole honest dialogues: what either role was told."""
    for at, size in enumerate(SET_SIZES):
        for is_initiator in (False, True):
            asking = machine(THEIRS if not is_initiator else MINE[size], initiator=True)
            answering = machine(MINE[size] if not is_initiator else THEIRS, initiator=False)
            told = bytearray([at << 1 | is_initiator])
            question: bytes | None = asking.initiate()
            while question is not None:
                answer = answering.handle(question).reply or b""
                heard = answer if is_initiator else question
                told += len(heard).to_bytes(2, "big") + heard
                question = asking.handle(answer).reply
            yield bytes(told)


# --- gossip ---------------------------------------------------------------------------------------


class Taking:
    """In place of the writer's queue: takes everything, or nothing."""

    def __init__(self, takes: bool) -> None:
        self.takes = takes
        self.records: list[Verified] = []

    def admit_nowait(self, found: list[Verified], source: str) -> bool:
        self.records += found
        return self.takes


def run_gossip(data: bytes) -> None:
    try:
        raws = message_records(data)
    except RemoteProtocolError:
        raws = None
    if raws is not None:
        again = messages(raws)
        assert again == ([data] if raws else [])
    trio.run(_handle, data, raws is None)


async def _handle(data: bytes, is_none: bool) -> None:
    writer = Taking(takes=True)
    gossip = GossipIn(writer, now_ms=lambda: NOW_MS)  # type: ignore[arg-type]
    charged: list[RemoteProtocolError] = []
    gossip.on_penalty = lambda peer, error: charged.append(error)
    verdict = gossip.handle("open", "mallory", data)
    assert (verdict is Verdict.REJECT) == bool(charged)
    assert not is_none or verdict is Verdict.REJECT
    assert (verdict is Verdict.ACCEPT) == bool(writer.records)
    assert all(record.header.market == "open" for record in writer.records)


def seeds_gossip() -> Iterator[bytes]:
    raws = [record.raw for record in records()]
    yield canonical.encode([])
    yield canonical.encode(raws[:4])
    yield from (canonical.encode([raw]) for raw in raws)


def mutate_gossip(dice: random.Random, data: bytes) -> bytes:
    """A record of the message changed and signed again, or the message itself changed."""
    try:
        raws = message_records(data)
    except RemoteProtocolError:
        return by_value(dice, data)
    if not raws or dice.random() < 0.2:
        return by_value(dice, data)
    at = dice.randrange(len(raws))
    changed = by_value(dice, raws[at][: -limits.SIGNATURE_BYTES])
    raws[at] = sign(changed) if dice.random() < 0.9 else changed + raws[at][-64:]
    return packed(dice, raws)


# --- announcements and addresses ------------------------------------------------------------------

PEER = "12D3KooWAXBTgGPh6Uqy6ePJEhi87BY2Ae15cgDNDSChyp3kSjSX"
OTHER = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
ADDRESS = f"/ip4/192.168.0.7/tcp/4110/p2p/{PEER}"


def run_mdns(packet: bytes) -> None:
    trio.run(_hear, packet)


async def _hear(packet: bytes) -> None:
    mdns = Mdns(OTHER, list, list, 5353)
    mdns._hear(packet)
    with mdns.found:
        for _ in range(mdns.found.statistics().current_buffer_used):
            address = mdns.found.receive_nowait()
            assert address.isprintable() and len(address) <= 255
            run_address(address.encode())


def seeds_mdns() -> Iterator[bytes]:
    mdns = Mdns(PEER, lambda: [ADDRESS, ADDRESS.replace("4110", "4111")], list, 5353)
    response = mdns._response("192.168.0.7")
    assert response is not None
    yield from response.packets()
    yield bytes.fromhex("000000000001000000000000045f703270045f756470056c6f63616c00000c0001")


def run_address(data: bytes) -> None:
    try:
        host, port, _ = parse_address(data.decode(errors="replace"))
    except DialFailed:
        return
    assert host and 0 <= port <= 65_535


def seeds_address() -> Iterator[bytes]:
    yield ADDRESS.encode()
    yield b"/ip6/::1/tcp/1"
    yield b"/dns4/example.org/tcp/4110/p2p/" + PEER.encode()
    yield b"/dnsaddr/example.org"
    yield b"/ip4/1.2.3.4/udp/9/quic-v1"


TARGETS = [
    Target("canonical", run_canonical, seeds_canonical, by_value),
    Target("envelope", run_envelope, lambda: [record.raw for record in records()]),
    Target("signed", run_signed, seeds_canonical, by_value),
    Target("frame", run_frame, lambda: map(sync_frame.encode, frames()), by_value, 65_536),
    Target("reconcile", run_reconcile, seeds_reconcile, bytes_max=8192),
    Target("gossip", run_gossip, seeds_gossip, mutate_gossip, limits.GOSSIP_MESSAGE_BYTES_MAX),
    Target("mdns", run_mdns, seeds_mdns, bytes_max=limits.MDNS_PACKET_BYTES_MAX),
    Target("address", run_address, seeds_address, bytes_max=512),
]
