"""Deals over a bad network: plays of many seeds, judged as they go and at their end."""

import pytest

from jangteo.protocol import limits
from jangteo.protocol.deal import State

from .deal_play import Play, failures

COUNT = 200
GROUP = 20
FAILED = (255, 1177, 1739, 2402, 3367, 5117, 5203)
"""Goods put back twice; and steps that let in what had waited, and were void by that."""


@pytest.mark.parametrize("first", range(0, COUNT, GROUP))
def test_everybody_comes_to_one_state_and_nothing_is_sold_twice(first: int) -> None:
    assert list(failures(range(first, first + GROUP))) == []


def test_what_once_failed_does_not() -> None:
    for seed in FAILED:
        Play(seed).run()


def test_the_plays_come_to_all_ends() -> None:
    ends: set[State] = set()
    most = 0
    for seed in range(COUNT):
        play = Play(seed)
        play.run()
        ends |= {bargain.owner.deal.state for bargain in play.bargains}
        most = max(most, *(bargain.owner.deal.next_number for bargain in play.bargains))
    assert ends == set(State) - {State.ACCEPTED}
    assert 10 < most < limits.DEAL_STEPS_MAX
