"""Fuzz targets for blobs: frames, and what a hostile peer says to a real session in either role, as
the bytes of its stream. Pictures lie in memory: the disk is not what is searched here."""

import random
from collections.abc import Collection, Iterator, Sequence
from functools import cache

import trio
import trio.testing

from jangteo.crypto.digest import sha256
from jangteo.node.blob_errand import Errands
from jangteo.node.blob_intake import BlobIntake, Verdict
from jangteo.node.blob_lender import BlobLender
from jangteo.node.blob_responder import BlobResponder
from jangteo.node.blob_session import BlobSession
from jangteo.node.blob_shelf import Arrival, BlobShelf
from jangteo.node.blob_stream import BlobStream
from jangteo.node.transport import Stream, StreamBroken
from jangteo.protocol import blob_frame, limits
from jangteo.protocol.blob_frame import Part
from jangteo.protocol.errors import RemoteProtocolError
from tests.faults.fuzz.session_targets import HeardStream, PairedStream, split
from tests.faults.fuzz.target import Target
from tests.faults.fuzz.value_mutation import mutated_bytes
from tests.faults.fuzz.wire_targets import by_value

SECONDS_MAX = 3600
SIZES = (1, 700, 3_000, 9_000, 70_000)
PICTURES = {
    sha256(data): data
    for data in (bytes([number]) * size for number, size in enumerate(SIZES, start=1))
}


# --- frames ---------------------------------------------------------------------------------------


def run_frame(data: bytes) -> None:
    try:
        frame = blob_frame.decode(data)
    except RemoteProtocolError as error:
        assert error.rule in ("R16.1", "R16.2"), error
        return
    assert blob_frame.decode(blob_frame.encode(frame)) == frame


def frames() -> list[blob_frame.Frame]:
    parts = tuple(Part(each, len(data), len(data) // 2) for each, data in PICTURES.items())
    return [
        blob_frame.Get(parts),
        blob_frame.Get(parts[:1]),
        blob_frame.Chunk(3, 5, 10, b"chunk"),
        blob_frame.Lacking(2),
        blob_frame.Bye("enough"),
    ]


# --- sessions -------------------------------------------------------------------------------------


class HeardBlobs(HeardStream):
    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self._is_over:
            raise StreamBroken("closed")
        for frame in split(data):
            blob_frame.decode(frame)


class MemoryShelf(BlobShelf):
    """Has the beginnings of some."""

    def __init__(self, begun: dict[bytes, int]) -> None:
        self._begun_sizes = begun

    async def begun(self, hashes: Collection[bytes]) -> dict[bytes, int]:
        return {each: self._begun_sizes[each] for each in hashes if each in self._begun_sizes}

    async def keep_beginning(self, blob_hash: bytes, offset: int, data: bytes) -> None:
        assert PICTURES[blob_hash]
        assert 0 < offset + len(data) < limits.PHOTO_BYTES_MAX

    async def drop_beginning(self, blob_hash: bytes) -> None:
        self._begun_sizes.pop(blob_hash)


class MemoryIntake(BlobIntake):
    """Takes what has its hash, and judges at once."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self.taken: set[bytes] = set()

    async def take(self, arrival: Arrival, verdict: Verdict) -> None:
        await trio.lowlevel.checkpoint()
        known = PICTURES[arrival.hash][: arrival.offset]
        is_right = sha256(known + arrival.data) == arrival.hash
        verdict(is_right)
        if is_right:
            self.taken.add(arrival.hash)
            self._errands.drop(arrival.hash)


class MemoryLender(BlobLender):
    def __init__(self, pictures: dict[bytes, bytes]) -> None:
        self._pictures = pictures
        self.served_count = self.served_bytes = 0

    async def here(self, peer: str, parts: Sequence[Part]) -> set[bytes]:
        return {part.hash for part in parts if part.hash in self._pictures}

    async def read(self, peer: str, hashes: Sequence[bytes]) -> list[bytes | None]:
        return [self._pictures[each] for each in hashes[:3]]

    async def rest(self, peer: str, byte_count: int) -> None:
        assert 0 <= byte_count <= limits.BLOB_GETS_MAX * limits.PHOTO_BYTES_MAX
        await trio.lowlevel.checkpoint()


async def ask(stream: Stream, begun: dict[bytes, int]) -> set[bytes]:
    """What came of it."""
    errands = Errands()
    errands.peer_up(stream.peer)
    errands.want((each, len(data), limits.PHOTO_BYTES_MAX) for each, data in PICTURES.items())
    intake = MemoryIntake(errands)
    session = BlobSession(errands, intake, MemoryShelf(begun), BlobStream(stream))
    try:
        with trio.fail_after(SECONDS_MAX):
            assert (await session.run()).peer == stream.peer
    except RemoteProtocolError as error:
        assert error.rule.startswith("R16."), error
    assert errands.under_way_count() == 0
    assert intake.taken.isdisjoint(each for each in PICTURES if each in errands)
    return intake.taken


async def answer(stream: Stream, pictures: dict[bytes, bytes]) -> None:
    lender = MemoryLender(pictures)
    responder = BlobResponder(lender, BlobStream(stream))
    try:
        with trio.fail_after(SECONDS_MAX):
            assert (await responder.run()).peer == stream.peer
    except RemoteProtocolError as error:
        assert error.rule.startswith("R16."), error


def run_asker(data: bytes) -> None:
    begun = {each: len(PICTURES[each]) // 3 for each in list(PICTURES)[:2]} if data[:1] else {}
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(ask, HeardBlobs(data), begun, clock=clock)


def run_answerer(data: bytes) -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(answer, HeardBlobs(data), PICTURES, clock=clock)


def dialogues(*, is_asker: bool) -> Iterator[bytes]:
    """What either side is told by an honest other one, which has all of it, some, or nothing."""
    for count in (len(PICTURES), 3, 0):
        clock = trio.testing.MockClock(autojump_threshold=0)
        yield trio.run(_told, dict(list(PICTURES.items())[:count]), is_asker, clock=clock)


async def _told(pictures: dict[bytes, bytes], is_asker: bool) -> bytes:
    ends = [PairedStream(end) for end in trio.testing.memory_stream_pair()]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, ends[0], {each: 1 for each in list(PICTURES)[1:2]})
        nursery.start_soon(answer, ends[1], pictures)
    return bytes(ends[0 if is_asker else 1].heard)


def mutate_frames(dice: random.Random, data: bytes) -> bytes:
    """A frame changed, left out, twice, or moved; now and then the bytes themselves."""
    if dice.random() < 0.1:
        return mutated_bytes(dice, data)
    told = split(data)
    for _ in range(dice.randint(1, 2)):
        if not told:
            return mutated_bytes(dice, data)
        at = dice.randrange(len(told))
        match dice.randrange(6):
            case 0:
                del told[at]
            case 1:
                told.insert(dice.randrange(len(told) + 1), told[at])
            case _:
                told[at] = by_value(dice, told[at])
    return b"".join(len(each).to_bytes(blob_frame.LENGTH_BYTES, "big") + each for each in told)


TARGETS = [
    Target("blob-frame", run_frame, lambda: map(blob_frame.encode, frames()), by_value, 65_536),
    Target(
        "blob-answerer",
        run_answerer,
        cache(lambda: tuple(dialogues(is_asker=False))),
        mutate_frames,
        65_536,
    ),
    Target(
        "blob-asker",
        run_asker,
        cache(lambda: tuple(dialogues(is_asker=True))),
        mutate_frames,
        131_072,
    ),
]
