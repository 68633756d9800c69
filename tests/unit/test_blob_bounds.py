"""What strangers may do with blobs, and each bound of it (SPEC.md R16)."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.blob_intake import BlobIntake
from jangteo.node.blob_shelf import Arrival, BlobShelf
from jangteo.node.blob_stream import BlobStream
from jangteo.node.desk_error import DeskError
from jangteo.node.simulation import START_MS, Neighbourhood, SimulatedNode
from jangteo.node.transport import StreamBroken, StreamEnded
from jangteo.node.worker import InlineWorker
from jangteo.protocol import blob_frame, limits
from jangteo.protocol.blob_frame import Bye, Chunk, Get, Lacking, Part
from jangteo.store.photo_view import FULL
from tests.blob_maker import held, name, picture, put
from tests.blob_stranger import (
    chunks,
    first_report,
    got,
    is_hung_up_on,
    met,
    parts_of,
    points,
    serving,
    session_to,
)
from tests.market_maker import Seller

pytestmark = pytest.mark.trio

S = limits.SECOND_MS
THUMB = picture(1)
SIZE = len(THUMB.data)
PHOTO = picture(2, 400_000, FULL)
Place = tuple[SimulatedNode, Neighbourhood]


@pytest.fixture
async def ann(tmp_path: Path) -> AsyncIterator[Place]:
    place = Neighbourhood(tmp_path, delay_s=(0.0, 0.0))
    async with place.node("ann", photos="all") as node:
        yield node, place


# --- answers that are none ------------------------------------------------------------------------


async def test_bytes_that_are_not_the_blob_cost_their_sender_and_nothing_is_kept(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    await name(node, [THUMB])
    report = await first_report(node, place, serving([THUMB], spoil=True))
    assert "R16.5" in report.error
    assert points(node) > 20
    assert not list(place.blob_path("ann").rglob("*.part"))
    assert held(place, "ann", [THUMB]) == 0
    async with met(node, place, serving([THUMB]), "honest"):
        await trio.sleep(5)
        assert held(place, "ann", [THUMB]) == 1


async def test_who_sends_wrong_bytes_again_and_again_is_banned(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    await name(node, [picture(number) for number in range(50)])
    async with met(node, place, serving([picture(n) for n in range(50)], spoil=True)):
        await trio.sleep(300)
        assert not node.core.may_talk("stranger") or not node.transport.peers()


def answering(
    answer: Callable[[BlobStream, Get], Awaitable[None]],
) -> Callable[..., Awaitable[None]]:
    async def script(stream: BlobStream) -> None:
        get = await stream.receive_a(Get)
        await answer(stream, get)
        await is_hung_up_on(stream)

    return script


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        pytest.param(Chunk(1, 0, SIZE, THUMB.data), "R16.4", id="of what was not asked"),
        pytest.param(Chunk(0, 5, SIZE, THUMB.data), "R16.4", id="another place"),
        pytest.param(Chunk(0, 0, SIZE, THUMB.data[:-1]), "R16.4", id="a byte short"),
        pytest.param(Chunk(0, 0, SIZE, THUMB.data + b"x"), "R16.4", id="a byte long"),
        pytest.param(Chunk(0, 0, 2**19, THUMB.data), "R16.4", id="larger than a thumbnail"),
        pytest.param(Lacking(1), "R16.4", id="lacking what was not asked"),
        pytest.param(Get((Part(THUMB.hash, 5),)), "R16.3", id="a question for an answer"),
    ],
)
async def test_an_answer_that_is_none_costs_its_sender(
    ann: Place, autojump_clock: MockClock, frame: blob_frame.Frame, rule: str
) -> None:
    node, place = ann
    await name(node, [THUMB])

    async def answer(stream: BlobStream, get: Get) -> None:
        await stream.send(frame)

    report = await first_report(node, place, answering(answer))
    assert rule in report.error
    assert points(node) >= 10
    assert held(place, "ann", [THUMB]) == 0


async def test_a_question_from_the_answering_side_and_no_frame_at_all_cost_their_sender(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    for number, frame in enumerate((Chunk(0, 0, 1, b"x"), Lacking(0))):
        async with met(node, place, name=f"s{number}") as stranger:
            stream = await session_to(stranger, node)
            await stream.send(frame)
            await is_hung_up_on(stream)
            assert points(node, f"s{number}") >= 10
    async with met(node, place, name="noise") as stranger:
        raw = await stranger.open_stream("ann", blob_frame.PROTOCOL)
        await raw.send_all(b"\x00\x00\x00\x02\x91\x09")
        with pytest.raises((StreamBroken, StreamEnded)):
            await raw.receive_exactly(1)
        assert points(node, "noise") >= 10


# --- time -----------------------------------------------------------------------------------------


async def test_a_trickle_of_chunks_does_not_hold_a_session(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    await name(node, [PHOTO])

    async def answer(stream: BlobStream, get: Get) -> None:
        for chunk in chunks(0, PHOTO.data):
            await trio.sleep(20)
            await stream.send(chunk)

    began = trio.current_time()
    report = await first_report(node, place, answering(answer))
    assert "says nothing" in report.error
    assert trio.current_time() - began < 100
    assert points(node) == 0


async def test_who_says_nothing_is_left(ann: Place, autojump_clock: MockClock) -> None:
    node, place = ann
    await name(node, [THUMB])

    async def answer(stream: BlobStream, get: Get) -> None:
        await trio.sleep_forever()

    began = trio.current_time()
    report = await first_report(node, place, answering(answer))
    assert "says nothing" in report.error
    assert trio.current_time() - began <= limits.SYNC_FRAME_WAIT_MS_MAX / S + 2


# --- going on where it was left -------------------------------------------------------------------


async def test_what_was_cut_off_goes_on_with_another_neighbour(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    await name(node, [PHOTO])

    async def answer(stream: BlobStream, get: Get) -> None:
        for chunk in chunks(0, PHOTO.data)[:3]:
            await stream.send(chunk)
        await trio.sleep(1)
        await stream.reset()

    async def cut(stream: BlobStream) -> None:
        await answer(stream, await stream.receive_a(Get))

    await first_report(node, place, cut)
    kept = 3 * limits.BLOB_CHUNK_BYTES
    assert BlobFolder(place.blob_path("ann")).part_size(PHOTO.hash) == kept
    asked: list[Part] = []

    async def rest(stream: BlobStream) -> None:
        get = await stream.receive_a(Get)
        asked.extend(get.parts)
        for chunk in chunks(0, PHOTO.data, get.parts[0].offset):
            await stream.send(chunk)
        await is_hung_up_on(stream)

    async with met(node, place, rest, "second"):
        await trio.sleep(5)
        assert asked == [Part(PHOTO.hash, limits.PHOTO_BYTES_MAX, kept)]
        assert held(place, "ann", [PHOTO]) == 1
        assert BlobFolder(place.blob_path("ann")).part_size(PHOTO.hash) == 0


async def test_who_brings_the_right_end_of_a_wrong_beginning_is_not_blamed(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    folder = BlobFolder(place.blob_path("ann"))
    folder.append(PHOTO.hash, 0, bytes(100_000))
    await name(node, [PHOTO])
    async with met(node, place, serving([PHOTO])):
        await trio.sleep(5)
        assert points(node) == 0
        assert held(place, "ann", [PHOTO]) == 1


async def test_the_beginning_of_what_comes_slowly_is_kept_meanwhile(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    await name(node, [PHOTO])
    folder = BlobFolder(place.blob_path("ann"))
    sizes: list[int] = []

    async def answer(stream: BlobStream, get: Get) -> None:
        for chunk in chunks(0, PHOTO.data):
            await stream.send(chunk)
            await trio.sleep(1.5)
            sizes.append(folder.part_size(PHOTO.hash))

    async with met(node, place, answering(answer)):
        await trio.sleep(60)
        assert held(place, "ann", [PHOTO]) == 1
        assert len([size for size in sizes if size]) >= 4
        assert folder.part_size(PHOTO.hash) == 0
        assert points(node) == 0


# --- serving --------------------------------------------------------------------------------------


async def test_only_what_the_store_says_is_here_is_served_and_of_its_size(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    stray = picture(3)
    BlobFolder(place.blob_path("ann")).put(stray.data)
    await put(place, node, [THUMB, PHOTO])
    thumb, photo = parts_of([THUMB, PHOTO])
    async with met(node, place) as stranger:
        unknown, *_ = parts_of([stray])
        answers = await got(
            stranger, node, [unknown, photo, Part(bytes(32), 7), thumb._replace(offset=9_999)]
        )
        assert answers == [None, PHOTO.data, None, THUMB.data[9_999:]]
        # A beginning that is longer than the blob, or a blob that is larger than what is wanted.
        assert await got(stranger, node, [thumb._replace(size_max=9_999)]) == [None]
        longer = Part(THUMB.hash, limits.PHOTO_BYTES_MAX, 20_000)
        assert await got(stranger, node, [longer]) == [None]
        assert points(node) == 0


async def test_a_payer_is_served_so_many_bytes_and_then_more_slowly(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    photos = [picture(10 + number, 500_000, FULL) for number in range(10)]
    await put(place, node, photos)
    async with met(node, place) as stranger:
        began = trio.current_time()
        rounds = limits.BLOB_SERVED_BYTES_BURST // 5_000_000
        for _ in range(rounds):
            assert None not in await got(stranger, node, parts_of(photos))
        quick = (trio.current_time() - began) / rounds
        began = trio.current_time()
        for _ in range(10):
            assert None not in await got(stranger, node, parts_of(photos))
        slow = (trio.current_time() - began) / 10
        assert slow > quick
        assert slow == pytest.approx(5_000_000 / limits.BLOB_SERVED_BYTES_PER_SECOND, rel=0.2)


async def test_what_is_lacking_is_not_asked_for_without_end(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        stream = await session_to(stranger, node)
        asked = tuple(Part(n.to_bytes(32, "big"), 5) for n in range(limits.BLOB_GETS_MAX))
        cost = limits.BLOB_GETS_MAX * limits.BLOB_GET_PRICE_BYTES
        free = limits.BLOB_SERVED_BYTES_BURST // cost
        began = trio.current_time()
        times = []
        for _ in range(free + 50):
            await stream.send(Get(asked))
            for _ in asked:
                await stream.receive_a(Lacking)
                stream.earn_bytes(0)
            times.append(trio.current_time() - began)
            began = trio.current_time()
        assert max(times[: free - 10]) < cost / limits.BLOB_SERVED_BYTES_PER_SECOND
        assert times[-1] >= 0.9 * cost / limits.BLOB_SERVED_BYTES_PER_SECOND


async def test_a_payer_has_so_many_sessions_at_once(ann: Place, autojump_clock: MockClock) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        open_ones = [
            await session_to(stranger, node) for _ in range(limits.BLOB_SESSIONS_PER_PEER_MAX)
        ]
        await trio.sleep(1)
        await is_hung_up_on(await session_to(stranger, node))
        await open_ones[0].send(Bye(""))
        await is_hung_up_on(open_ones[0])
        assert await got(stranger, node, [Part(bytes(32), 7)]) == [None]


async def test_a_full_house_of_sessions_has_one_for_each(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    async with trio.open_nursery() as nursery:
        done = trio.Event()

        async def hold(number: int) -> None:
            async with met(node, place, name=f"holder {number}") as transport:
                await session_to(transport, node)
                await done.wait()

        for number in range(limits.BLOB_SESSIONS_IN_MAX):
            nursery.start_soon(hold, number)
        await trio.sleep(1)
        async with met(node, place) as stranger:
            first = await session_to(stranger, node)
            await trio.sleep(1)
            await is_hung_up_on(await session_to(stranger, node))
            await first.send(Get((Part(bytes(32), 7),)))
            assert await first.receive_a(Lacking) == Lacking(0)
        done.set()


async def test_sessions_of_one_payer_come_no_faster_than_the_bound(
    ann: Place, autojump_clock: MockClock
) -> None:
    node, place = ann
    refused = 0
    async with met(node, place) as stranger:
        for _ in range(limits.BLOB_SESSIONS_BURST + 40):
            try:
                await got(stranger, node, [Part(bytes(32), 7)])
            except (StreamBroken, StreamEnded):
                refused += 1
    assert refused


# --- room -----------------------------------------------------------------------------------------


async def test_no_more_bytes_are_on_their_way_to_the_disk_than_the_bound(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann", photos="all") as node:
        slow = trio.Event()

        async def stuck(job: Callable[[], object]) -> object:
            await slow.wait()
            return job()

        shelf = BlobShelf(BlobFolder(tmp_path / "b"), reader=InlineWorker(), writer=stuck)  # type: ignore[arg-type]
        intake = BlobIntake(shelf, node.core.writer, now_ms=node.now_ms)
        photos = [picture(number, 500_000, FULL) for number in range(40)]
        await name(node, photos)
        taken = 0

        async def bring() -> None:
            nonlocal taken
            for one in photos:
                arrival = Arrival(one.hash, 0, one.data)
                await intake.take(arrival, lambda is_right: None)
                taken += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(intake.run)
            nursery.start_soon(bring)
            await trio.sleep(10)
            assert taken == -(-limits.BLOB_CAME_BYTES_MAX // 500_000)
            slow.set()
            await trio.sleep(10)
            assert taken == len(photos)
            nursery.cancel_scope.cancel()


async def test_a_disk_that_takes_nothing_stops_fetching_for_a_while(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Neighbourhood(tmp_path)
    full = True
    put_files = BlobFolder.put_all

    def put_or_fail(self: BlobFolder, datas: Sequence[bytes]) -> None:
        if full and "ann" in str(self.path(bytes(32))):
            raise DeskError("unwritable", "cannot write it: No space left on device")
        put_files(self, datas)

    monkeypatch.setattr(BlobFolder, "put_all", put_or_fail)
    async with (
        place.node("bob", photos="seen") as bob,
        place.node("ann", photos="seen", peers=["bob"]) as node,
    ):
        await put(place, bob, [THUMB, PHOTO])
        await name(node, [THUMB, PHOTO])
        await trio.sleep(5)
        assert "photos" in node.core.warnings
        assert node.core.blobs is not None
        assert not await node.core.blobs.keeper.look(PHOTO.hash)
        served = bob.core.blobs.lender.served_count if bob.core.blobs else 0
        assert served < 5
        full = False
        await trio.sleep(3 * limits.BLOB_TEND_EVERY_MS / S)
        assert held(place, "ann", [THUMB]) == 1
        assert "photos" not in node.core.warnings


async def test_a_flood_of_one_author_does_not_take_the_room_of_others(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    quota = 1_600_000
    flood = [picture(100 + number, 10_000) for number in range(60)]
    other = [picture(number, 10_000) for number in range(5)]
    async with (
        place.node("seller", photos="none") as seller,
        place.node("ann", photos="seen", peers=["seller"], blob_bytes_max=quota) as node,
    ):
        for some, whose in ((flood, "flooder"), (other, "neighbour")):
            await put(place, seller, some, Seller.named(whose))
            await name(node, some, Seller.named(whose))
        await trio.sleep(90)
        assert held(place, "ann", flood) == quota // limits.BLOB_AUTHOR_SHARE // 10_000
        assert held(place, "ann", other) == len(other)
        # Somebody who looks at one sees it all the same.
        assert node.core.blobs is not None
        missing = next(one for one in flood if not held(place, "ann", [one]))
        assert await node.core.blobs.keeper.look(missing.hash)


async def test_what_is_over_the_quota_goes_by_when_it_was_looked_at_and_never_one_s_own(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    photos = [picture(number, 300_000, FULL) for number in range(5)]
    async with (
        place.node("seller", photos="none") as seller,
        place.node("ann", photos="seen", peers=["seller"], blob_bytes_max=1_000_000) as node,
    ):
        own = picture(99, 400_000, FULL)
        await name(node, [own], Seller(node.key))
        await put(place, node, [own])
        await put(place, seller, photos)
        await name(node, photos)
        await trio.sleep(5)
        assert node.core.blobs is not None
        for one in (*photos, photos[0]):
            assert await node.core.blobs.keeper.look(one.hash)
            await trio.sleep(5)
        await trio.sleep(2 * limits.BLOB_TEND_EVERY_MS / S)
        here = [held(place, "ann", [one]) for one in photos]
        assert sum(here) == 3
        assert here[4] == 1
        assert held(place, "ann", [own]) == 1
        assert node.store.blobs.held().byte_count <= 1_000_000


async def test_files_that_nothing_knows_go_after_a_day(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    folder = BlobFolder(place.blob_path("ann"))
    old_s = START_MS / S - limits.BLOB_UNNAMED_MS / S - 1
    stray, begun, fresh = picture(1), picture(2), picture(3)
    for one in (stray, fresh):
        folder.put(one.data)
    folder.append(begun.hash, 0, b"a beginning")
    part = folder.path(begun.hash).with_name(begun.hash.hex() + ".part")
    for path in (folder.path(stray.hash), part, folder.path(THUMB.hash)):
        if path.exists():
            os.utime(path, (old_s, old_s))
    async with place.node("ann", photos="seen"):
        await trio.sleep(5)
        assert [each for each, _, _ in folder.files()] == [fresh.hash]
