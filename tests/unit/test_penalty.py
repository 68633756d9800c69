"""Penalties: points fade, add up to a ban, and bans grow."""

from jangteo.node.penalty import Penalties
from jangteo.protocol import limits

BAN = limits.PENALTY_BAN_POINTS


def test_points_add_up_to_a_ban_that_ends() -> None:
    penalties = Penalties()
    assert not penalties.add("p", BAN // 2, 0)
    assert not penalties.is_banned("p", 0)
    assert penalties.add("p", BAN // 2, 0)
    assert penalties.is_banned("p", limits.BAN_MS_MIN - 1)
    assert not penalties.is_banned("p", limits.BAN_MS_MIN)


def test_points_fade_by_half_in_their_half_life() -> None:
    penalties = Penalties()
    penalties.add("p", 80, 0)
    assert penalties.points("p", limits.PENALTY_HALF_LIFE_MS) == 40
    assert not penalties.add("p", 50, limits.PENALTY_HALF_LIFE_MS)


def test_each_ban_is_longer_than_the_last_up_to_a_bound() -> None:
    penalties, now_ms = Penalties(), 0
    lengths = []
    for _ in range(12):
        assert penalties.add("p", BAN, now_ms)
        low, high = 0, 2 * limits.BAN_MS_MAX
        while low < high:
            middle = (low + high) // 2
            low, high = (
                (middle + 1, high)
                if penalties.is_banned("p", now_ms + middle)
                else (
                    low,
                    middle,
                )
            )
        lengths.append(low)
        now_ms += low
    assert lengths == sorted(lengths)
    assert lengths[0] == limits.BAN_MS_MIN
    assert lengths[-1] == limits.BAN_MS_MAX


def test_no_points_cost_nothing_and_are_not_remembered() -> None:
    penalties = Penalties()
    assert not penalties.add("p", 0, 0)
    assert penalties.points("p", 0) == 0


def test_only_so_many_peers_are_remembered() -> None:
    penalties = Penalties()
    for number in range(limits.PENALTY_PEERS_MAX + 1):
        penalties.add(str(number), 10, 0)
    assert penalties.points("0", 0) == 0
    assert penalties.points("1", 0) == 10
