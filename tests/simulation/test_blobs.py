"""Photos in a neighbourhood that loses gossip, falls apart and comes together again: in the end
every node has the thumbnails of what it sees, and somebody's look finds the photo."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from jangteo.node.simulation import Neighbourhood, SimulatedNode
from jangteo.store.photo_view import FULL
from jangteo.store.store import Store
from tests.blob_maker import Picture, held, named, picture, put

pytestmark = pytest.mark.trio

NAMES = [f"n{number}" for number in range(6)]


async def sells(place: Neighbourhood, node: SimulatedNode, pictures: list[Picture]) -> None:
    """Listings with these pictures, told to the neighbours."""
    await put(place, node, pictures)
    records = named(pictures)

    def known(store: Store) -> bool:
        return all(store.current(record.header.thread_key) for record in records)

    assert await node.core.writer.call(known)
    node.core.published(records)


@pytest.mark.parametrize("seed", range(3))
async def test_thumbnails_end_everywhere_over_loss_and_a_partition(
    tmp_path: Path, autojump_clock: MockClock, seed: int
) -> None:
    place = Neighbourhood(tmp_path, seed, loss=0.2)
    left, right = NAMES[:3], NAMES[3:]
    thumbs = {name: [picture(seed * 100 + n, 5_000)] for n, name in enumerate(NAMES)}
    every = [one for own in thumbs.values() for one in own]
    photo = picture(seed * 100 + 50, 200_000, FULL)
    async with AsyncExitStack() as stack:
        nodes = {
            name: await stack.enter_async_context(
                place.node(name, photos="seen", peers=[other for other in NAMES if other != name])
            )
            for name in NAMES
        }
        await trio.sleep(5)
        place.network.partition([left, right])
        for name, node in nodes.items():
            await sells(place, node, thumbs[name])
        await sells(place, nodes["n0"], [photo])
        await trio.sleep(60)
        assert {name: held(place, name, every) for name in NAMES} == dict.fromkeys(NAMES, 3)
        place.network.heal()
        with trio.fail_after(600):
            while True:
                neighbours = {each.peer for each in nodes["n5"].transport.peers()}
                has_all = all(held(place, name, every) == len(every) for name in NAMES)
                if has_all and "n0" in neighbours:
                    break
                await trio.sleep(1)
        blobs = nodes["n5"].core.blobs
        assert blobs is not None
        assert await blobs.keeper.look(photo.hash)
        assert not place.network.handler_errors
        for node in nodes.values():
            assert not node.core.penalties.banned_count(node.now_ms())
