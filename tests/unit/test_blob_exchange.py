"""Pictures between whole nodes over the network in memory (SPEC.md R16)."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from jangteo.node.blob_exchange import BlobExchange
from jangteo.node.blob_folder import BlobFolder
from jangteo.node.simulation import Neighbourhood, SimulatedNode
from jangteo.protocol import limits
from jangteo.store.photo_view import FULL
from tests.blob_maker import held, name, picture, put
from tests.blob_stranger import met, serving

pytestmark = pytest.mark.trio


async def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    with trio.fail_after(within_s):
        while True:
            if condition():
                return
            await trio.sleep(0.05)


def blobs_of(node: SimulatedNode) -> BlobExchange:
    assert node.core.blobs is not None
    return node.core.blobs


async def look(node: SimulatedNode, blob_hash: bytes) -> bool:
    return await blobs_of(node).keeper.look(blob_hash)


async def test_thumbnails_come_along_and_photos_when_somebody_looks(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    thumbs = [picture(number) for number in range(300)]
    photos = [picture(1000 + number, 150_000, FULL) for number in range(3)]
    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="seen", peers=["seller"]) as buyer,
    ):
        await put(place, seller, [*thumbs, *photos])
        await name(buyer, [*thumbs, *photos])
        await until(lambda: held(place, "buyer", thumbs) == len(thumbs))
        assert held(place, "buyer", photos) == 0
        assert await look(buyer, photos[1].hash)
        assert held(place, "buyer", photos) == 1
        assert blobs_of(seller).status()["served"] == 301
        assert blobs_of(buyer).status()["fetched"] == 301


async def test_a_thousand_thumbnails_do_not_cost_a_thousand_round_trips(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path, delay_s=(0.1, 0.1))
    thumbs = [picture(number, 9_000) for number in range(1000)]
    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="seen", peers=["seller"]) as buyer,
    ):
        await put(place, seller, thumbs)
        await name(buyer, thumbs)
        began = trio.current_time()
        await until(lambda: held(place, "buyer", thumbs) == len(thumbs))
        assert trio.current_time() - began < 10.0  # each way takes 0.1 s, and the window is 256 KiB


@pytest.mark.parametrize(("policy", "count"), [("all", 2), ("seen", 1), ("none", 0)])
async def test_what_comes_along_is_the_owners_choice(
    tmp_path: Path, autojump_clock: MockClock, policy: str, count: int
) -> None:
    place = Neighbourhood(tmp_path)
    both = [picture(1), picture(2, 150_000, FULL)]
    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos=policy, peers=["seller"]) as buyer,
    ):
        await put(place, seller, both)
        await name(buyer, both)
        await trio.sleep(20)
        assert held(place, "buyer", both) == count
        assert await look(buyer, both[1].hash) is (policy != "none")


async def test_who_has_looked_serves_others_when_the_seller_is_off(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    pictures = [picture(1), picture(2, 400_000, FULL)]
    async with place.node("buyer", photos="seen", peers=["seller"]) as buyer:
        async with place.node("seller", photos="seen") as seller:
            await put(place, seller, pictures)
            await name(buyer, pictures)
            await until(lambda: held(place, "buyer", pictures) == 1)
            assert await look(buyer, pictures[1].hash)
        async with place.node("late", photos="all", peers=["buyer"]) as late:
            await name(late, pictures)
            await until(lambda: held(place, "late", pictures) == 2)


async def test_what_one_neighbour_lacks_the_next_is_asked_for(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    thumbs = [picture(number) for number in range(30)]
    async with (
        place.node("a", photos="seen") as a,
        place.node("b", photos="seen") as b,
        place.node("c", photos="seen") as c,
        place.node("buyer", photos="seen", peers=["a", "b", "c"]) as buyer,
    ):
        await trio.sleep(5)
        for node, own in ((a, thumbs[:10]), (b, thumbs[10:20]), (c, thumbs[20:])):
            await put(place, node, own)
        await name(buyer, thumbs)
        await until(lambda: held(place, "buyer", thumbs) == 30)
        assert all(not buyer.core.penalties.points(peer, buyer.now_ms()) for peer in "abc")


async def test_what_nobody_has_comes_from_a_neighbour_that_comes_later(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    thumb = picture(1)
    async with (
        place.node("poor", photos="none"),
        place.node("buyer", photos="seen", peers=["poor", "rich"]) as buyer,
    ):
        await name(buyer, [thumb])
        await trio.sleep(60)  # it is given up
        assert not await look(buyer, thumb.hash)
        assert len(blobs_of(buyer).errands) == 0
        async with place.node("rich", photos="seen") as rich:
            await put(place, rich, [thumb])
            await until(lambda: held(place, "buyer", [thumb]) == 1, 200)


async def test_what_somebody_looks_at_does_not_wait_for_all_that_comes_along(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path, delay_s=(0.2, 0.2))
    photos = [picture(number, 400_000, FULL) for number in range(40)]
    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="all", peers=["seller"]) as buyer,
    ):
        await put(place, seller, photos)
        await name(buyer, photos)
        await until(lambda: held(place, "buyer", photos) > 0, 60)
        oldest = photos[0]  # the last in line
        assert await look(buyer, oldest.hash)
        assert held(place, "buyer", photos) < 15


async def test_many_that_look_at_once_wait_for_one_fetch(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    photo = picture(1, 300_000, FULL)
    answers: list[bool] = []

    async def note(node: SimulatedNode) -> None:
        answers.append(await look(node, photo.hash))

    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="seen", peers=["seller"]) as buyer,
    ):
        await put(place, seller, [photo])
        await name(buyer, [photo])
        await until(lambda: bool(buyer.transport.peers()))
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(note, buyer)
        assert answers == [True] * 5
        assert blobs_of(seller).status()["served"] == 1


async def test_who_is_alone_hears_at_once_that_nobody_has_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    photo = picture(1, 300_000, FULL)
    async with place.node("buyer", photos="seen") as buyer:
        await name(buyer, [photo])
        began = trio.current_time()
        assert not await look(buyer, photo.hash)
        assert not await look(buyer, bytes(32))  # no listing names it
        assert trio.current_time() - began < 1


async def test_a_silent_neighbour_does_not_keep_a_look_waiting(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    photo = picture(1, 300_000, FULL)

    async def silent(stream: object) -> None:
        await trio.sleep_forever()

    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="seen", peers=["seller"]) as buyer,
        met(buyer, place, silent, "a-silent-one"),
    ):
        await put(place, seller, [photo])
        await name(buyer, [photo])
        await until(lambda: len(buyer.transport.peers()) == 2)
        began = trio.current_time()
        assert await look(buyer, photo.hash)
        assert trio.current_time() - began < limits.BLOB_CLAIM_MS / limits.SECOND_MS + 1


async def test_a_damaged_file_is_not_served_and_is_fetched_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    thumb = picture(1)
    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="seen", peers=["seller"]) as buyer,
    ):
        await put(place, seller, [thumb])
        path = BlobFolder(place.blob_path("seller")).path(thumb.hash)
        path.write_bytes(b"x" + thumb.data[1:])
        await name(buyer, [thumb])
        await trio.sleep(5)
        assert held(place, "buyer", [thumb]) == 0
        assert not path.exists()
        assert not buyer.core.penalties.points("seller", buyer.now_ms())
        async with met(seller, place, serving([thumb]), "third"):
            await until(lambda: held(place, "seller", [thumb]) == 1)
            await until(lambda: held(place, "buyer", [thumb]) == 1, 60)


async def test_a_file_that_the_store_has_forgotten_is_found_and_not_fetched(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    thumb = picture(1)
    BlobFolder(place.blob_path("buyer")).put(thumb.data)
    async with place.node("buyer", photos="seen") as buyer:
        await name(buyer, [thumb])
        await until(lambda: blobs_of(buyer).keeper.fetched_count == 1)
        assert await look(buyer, thumb.hash)


async def test_arrivals_are_told_one_by_one_or_summed_up(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    few = [picture(number) for number in range(3)]
    many = [picture(100 + number, 100) for number in range(limits.EVENT_PHOTOS_AT_ONCE_MAX * 4)]
    async with (
        place.node("seller", photos="seen") as seller,
        place.node("buyer", photos="seen", peers=["seller"]) as buyer,
    ):
        await put(place, seller, few)
        events = buyer.core.board.events()

        async def next_photo() -> dict[str, object]:
            async for event in events:
                if event["event"] == "photo":
                    return event
            raise AssertionError

        async with trio.open_nursery() as nursery:
            nursery.start_soon(name, buyer, few)
            told = {str((await next_photo())["hash"]) for _ in few}
        assert told == {one.hash.hex() for one in few}
        await put(place, seller, many)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(name, buyer, many)
            for _ in range(limits.EVENT_PHOTOS_AT_ONCE_MAX):
                assert (await next_photo())["hash"]
            rest = len(many) - limits.EVENT_PHOTOS_AT_ONCE_MAX
            assert await next_photo() == {"event": "photo", "hash": None, "count": rest}
        await events.aclose()
