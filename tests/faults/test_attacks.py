"""Each attack of tests/faults/attacks, short, on one real node process: it stays up, honest peers
come and trade during it and after it, and its memory, tasks and descriptors come back.

How fast is for `python tests/faults/attack.py` to say, on a machine that does nothing else. Under
`JANGTEO_ATTACKS=1` only: on a machine that does much else, the figures before and after are noise.
"""

import os
import sys

import pytest
import trio

from tests.faults.attacks.catalogue import ATTACKS
from tests.faults.attacks.scene import Outcome, scene

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "JANGTEO_ATTACKS" not in os.environ, reason="JANGTEO_ATTACKS=1 plays the attacks"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="figures are read from /proc"),
]
SECONDS = 0.3


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """All of them, one after the other, on one node."""

    async def play() -> dict[str, Outcome]:
        async with scene() as made:
            return {
                attack.name: await made.play(attack, attack.short, SECONDS)
                for attack in ATTACKS.values()
            }

    return trio.run(play)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_stops_nobody(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].lasting_faults == [], outcomes[name]


def test_an_attack_that_cannot_be_honest_costs_its_peer(outcomes: dict[str, Outcome]) -> None:
    for name in ("garbage-rpc", "garbage-sync", "forged-messages", "forged-records"):
        assert outcomes[name].penalty > 0 or outcomes[name].banned > 0, name


def test_what_an_honest_peer_of_another_mind_might_do_costs_nothing(
    outcomes: dict[str, Outcome],
) -> None:
    for name in ("replays", "untimely", "doorbells", "empty-lists", "hellos"):
        assert outcomes[name].penalty == 0, name
