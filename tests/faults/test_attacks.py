"""Attacks of tests/faults/attacks, short, on one real node process: it stays up, honest peers come
and trade during them and after them, and its memory, tasks and descriptors come back.

Those that tell most are always played, one or two for each layer; `JANGTEO_ATTACKS=1` plays all.
How fast is for `python tests/faults/attack.py` to say, on a machine that does nothing else.
"""

import os
import sys
from typing import Any

import pytest
import trio
import trio.testing

from tests.faults.attacks.catalogue import ATTACKS
from tests.faults.attacks.scene import ANSWER_S_MAX, PATIENCE_S_MAX, Outcome, Scene, scene

IS_WHOLE = "JANGTEO_ATTACKS" in os.environ
ALWAYS = (
    "garbage-yamux",
    "crowd",
    "frame-flood",
    "garbage-rpc",
    "forged-records",
    "garbage-sync",
    "claims-and-nothing",
)
PLAYED = tuple(ATTACKS) if IS_WHOLE else ALWAYS
SECONDS = 0.3

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="figures are read from /proc"),
]
whole = pytest.mark.skipif(not IS_WHOLE, reason="JANGTEO_ATTACKS=1 plays all attacks")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """One after the other, on one node."""

    async def play() -> dict[str, Outcome]:
        async with scene() as made:
            return {
                name: await made.play(ATTACKS[name], ATTACKS[name].short, SECONDS)
                for name in PLAYED
            }

    return trio.run(play)


@pytest.mark.parametrize("name", PLAYED)
def test_an_attack_stops_nobody(name: str, outcomes: dict[str, Outcome]) -> None:
    assert not outcomes[name].lasting_faults, outcomes[name]


def test_an_attack_that_cannot_be_honest_costs_its_peer(outcomes: dict[str, Outcome]) -> None:
    liars = {"garbage-yamux", "garbage-rpc", "garbage-sync", "forged-messages", "forged-records"}
    for name in liars.intersection(PLAYED):
        assert outcomes[name].penalty > 0 or outcomes[name].banned > 0, name


@whole
def test_what_an_honest_peer_of_another_mind_might_do_costs_nothing(
    outcomes: dict[str, Outcome],
) -> None:
    for name in ("replays", "untimely", "doorbells", "empty-lists", "hellos"):
        assert outcomes[name].penalty == 0, name


@pytest.mark.trio
@pytest.mark.parametrize("starved", [0.0, 0.5, 1.0])
async def test_only_a_starved_node_is_waited_for_longer(
    starved: float, autojump_clock: trio.testing.MockClock
) -> None:
    """`starved`: the part of the time in which it wants a processor and others have it."""
    made: Any = object.__new__(Scene)
    made._loops_starved_s = lambda: starved * trio.current_time()
    began = trio.current_time()
    assert await made._patiently(trio.lowlevel.checkpoint)
    assert not await made._patiently(trio.sleep_forever)
    waited_s = trio.current_time() - began
    longest_s = {0.0: ANSWER_S_MAX, 0.5: 2 * ANSWER_S_MAX, 1.0: PATIENCE_S_MAX}[starved]
    assert longest_s <= waited_s <= longest_s + 1
