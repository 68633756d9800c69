"""Streams whose peer says odd things while several tasks here read, write, close and reset them, in
an order that dice choose: none waits for ever, and nothing is kept.
"""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
from libp2p.io.exceptions import IOException
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamError

from jangteo.node.libp2p_guard import GuardedYamux
from tests.faults.fuzz.libp2p_targets import STRANGER_ID, Told, run_virtually
from tests.faults.fuzz.targets import TARGETS, corpus

GROUPS, RUNS = 8, 100
ENDED = (MuxedStreamError, IOException)


class Slow(Told):
    """Comes in pieces, at its own pace; what is written takes its time, or fails."""

    def __init__(self, data: bytes, dice: random.Random) -> None:
        super().__init__(data)
        self._dice = dice

    async def read(self, count: int | None = None) -> bytes:
        if self._dice.random() < 0.3:
            await trio.sleep(self._dice.choice((0, 0.01, 1, 40)))
        size = self._dice.choice((1, 5, 12, 30, 1000))
        return await super().read(min(count or size, size))

    async def write(self, data: bytes) -> None:
        chance = self._dice.random()
        if chance < 0.1:
            await trio.sleep(self._dice.choice((0.01, 1, 100)))
        elif chance < 0.12:
            raise IOException("gone")
        await super().write(data)


async def play(data: bytes, dice: random.Random) -> None:
    connection = GuardedYamux(Slow(data, dice), STRANGER_ID, is_initiator=False)

    async def quietly(job: Callable[[Any], Awaitable[None]], stream: Any) -> None:
        try:
            await job(stream)
        except ENDED:
            pass

    async def read(stream: Any) -> None:
        while await stream.read(dice.choice((1, 1000, -1))):
            pass

    async def write_a_while(stream: Any) -> None:
        with trio.move_on_after(dice.choice((0, 0.001, 1))):
            await stream.write(bytes(1000))

    async def finish(stream: Any) -> None:
        await stream.close()
        await stream.forget_unread()

    async def act(stream: Any) -> None:
        await trio.sleep(dice.choice((0, 0, 0.01, 0.5, 5)))
        many = bytes(dice.choice((1, 1000, 300_000)))
        acts = (
            stream.reset,
            stream.close,
            partial(stream.write, many),
            partial(write_a_while, stream),
            partial(finish, stream),
        )
        await dice.choice(acts)()

    async def open_one(_: Any) -> None:
        stream = await connection.open_stream()
        await quietly(act, stream)
        await read(stream)

    async def accept(nursery: trio.Nursery) -> None:
        try:
            while True:
                stream = await connection.accept_stream()
                for job in [read] * dice.randint(1, 2) + [act] * dice.randint(0, 3):
                    nursery.start_soon(quietly, job, stream)
        except MuxedConnUnavailable:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, nursery)
        if dice.random() < 0.5:
            nursery.start_soon(quietly, open_one, None)
        await connection.start()
    assert connection.event_shutting_down.is_set()
    assert not connection.streams and not connection.stream_buffers


@pytest.mark.parametrize("group", range(GROUPS))
def test_nobody_waits_for_ever(group: int) -> None:
    for seed in range(group * RUNS, (group + 1) * RUNS):
        play_seed(seed)


def play_seed(seed: int) -> None:
    target = TARGETS["yamux"]
    trio._core._run._r.seed(seed)  # type: ignore[attr-defined]  # the order of tasks is dice too
    dice = random.Random(seed)  # noqa: S311
    data = dice.choice([*target.seeds(), *corpus("yamux")])
    for _ in range(dice.randint(0, 4)):
        data = target.mutate(dice, data)[: target.bytes_max]
    if dice.random() < 0.5:
        data += dice.choice([*target.seeds(), *corpus("yamux")])
    try:
        run_virtually(partial(play, data, dice))
    except BaseException as error:
        error.add_note(f"seed {seed}: {data.hex()}")
        raise
