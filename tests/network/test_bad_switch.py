"""The switch that loses, delays and parts, without a device or a clock; and the line through what
is measured.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.network.bad_switch import BadSwitch, Weather
from tests.network.churn import draw
from tests.network.forwarder import hardware_address
from tests.network.trend import trend

EVERYBODY = b"\xff" * 6
HOUR_S = 3600.0


def switch(weather: Weather, *, count: int = 3, seed: int = 1) -> BadSwitch:
    return BadSwitch([hardware_address(number) for number in range(1, count + 1)], seed, weather)


def frame(target: int | None, source: int, text: bytes = b"", *, size: int = 100) -> bytes:
    to = EVERYBODY if target is None else hardware_address(target + 1)
    return (to + hardware_address(source + 1) + b"\x08\x00" + text).ljust(size, b"\0")


def test_a_frame_goes_to_its_port_alone_and_one_for_all_to_all_others() -> None:
    lan = switch(Weather())
    lan.take(0, frame(2, 0), 1.0)
    assert [port for port, _ in lan.give(1.0)] == [2]
    lan.take(1, frame(None, 1), 2.0)
    assert [port for port, _ in lan.give(2.0)] == [0, 2]
    assert lan.next_at() is None


def test_a_frame_comes_when_its_delay_is_over() -> None:
    lan = switch(Weather(delay_s=0.05))
    lan.take(0, frame(1, 0), 1.0)
    assert lan.next_at() == pytest.approx(1.05)
    assert lan.give(1.04) == []
    assert len(lan.give(1.06)) == 1


@given(st.integers(0, 2**32), st.lists(st.floats(0, 0.01), min_size=2, max_size=60))
def test_what_one_says_to_another_stays_in_its_order(seed: int, waits: list[float]) -> None:
    lan = switch(Weather(delay_s=0.05, jitter_s=0.05, loss=0.1, rate=50_000.0), seed=seed)
    now = 0.0
    for number, wait in enumerate(waits):
        now += wait
        lan.take(0, frame(1, 0, number.to_bytes(2, "big")), now)
    came = [given for _, given in lan.give(now + 60)]
    assert came == sorted(came, key=lambda each: each[14:16])


def test_without_that_promise_frames_overtake_each_other() -> None:
    lan = switch(Weather(delay_s=0.05, jitter_s=0.05, keeps_order=False))
    for number in range(50):
        lan.take(0, frame(1, 0, bytes([number])), number / 1000)
    came = [given[14] for _, given in lan.give(60.0)]
    assert sorted(came) == list(range(50)) != came


def test_the_nth_frame_of_a_pair_meets_the_same_fate_whatever_others_send() -> None:
    def fates(*, with_others: bool) -> list[int]:
        lan = switch(Weather(delay_s=0.01, loss=0.3), seed=7)
        others = random.Random(3)  # noqa: S311
        for number in range(200):
            lan.take(0, frame(1, 0, bytes([number])), float(number))
            if with_others and others.random() < 0.5:
                lan.take(2, frame(1, 2, b"\xff"), float(number))
        return [got[14] for _, got in lan.give(1e6) if got[6:12] == hardware_address(1)]

    alone = fates(with_others=False)
    assert 100 < len(alone) < 180
    assert fates(with_others=True) == alone


def test_loss_is_counted_and_near_what_was_asked() -> None:
    lan = switch(Weather(loss=0.05))
    for _ in range(10_000):
        lan.take(0, frame(1, 0), 0.0)
    assert len(lan.give(0.0)) + lan.counts.lost == 10_000
    assert 400 < lan.counts.lost < 600


def test_a_thin_cable_sends_at_its_rate_and_drops_what_its_queue_cannot_hold() -> None:
    lan = switch(Weather(rate=10_000.0, queue_bytes_max=5_000))
    for _ in range(100):
        lan.take(0, frame(1, 0, size=100), 0.0)
    assert lan.counts.overflowed in (50, 51)
    assert 17 < len(lan.give(0.2)) < 22
    lan.give(10.0)
    assert lan.counts.given + lan.counts.overflowed == 100


def test_many_who_send_to_one_share_its_cable() -> None:
    lan = switch(Weather(rate=10_000.0, queue_bytes_max=1_000), count=11)
    for source in range(1, 11):
        for _ in range(5):
            lan.take(source, frame(0, source, size=100), 0.0)
    lan.give(0.01)
    lan.give(10.0)
    assert lan.counts.overflowed > 0
    assert lan.counts.given + lan.counts.overflowed == 50


def test_who_is_apart_hears_nothing_not_even_what_was_on_its_way() -> None:
    lan = switch(Weather(delay_s=1.0), count=4)
    lan.take(0, frame(1, 0), 0.0)
    lan.take(2, frame(3, 2), 0.0)
    lan.part([[0], [1], [2, 3]])
    lan.take(3, frame(None, 3), 0.0)
    assert [port for port, _ in lan.give(9.0)] == [3, 2]
    assert lan.counts.cut == 3
    lan.heal()
    lan.take(0, frame(1, 0), 9.0)
    assert [port for port, _ in lan.give(10.0)] == [1]


def test_what_is_no_frame_of_a_neighbour_goes_nowhere() -> None:
    lan = switch(Weather())
    lan.take(0, b"short", 0.0)
    lan.take(0, frame(99, 0), 0.0)
    lan.take(0, frame(0, 0), 0.0)
    assert lan.counts.unknown == 3
    assert lan.next_at() is None


@given(st.integers(0, 2**32))
def test_churn_stops_only_who_runs_and_parts_once_at_a_time(seed: int) -> None:
    leavers = [1, 2, 4, 5]
    happenings = draw(random.Random(seed), 6, leavers, 300.0)  # noqa: S311
    assert happenings == draw(random.Random(seed), 6, leavers, 300.0)  # noqa: S311
    up, is_whole = set(leavers), True
    for one in happenings:
        assert 0 <= one.at_s < 300
        if one.what in ("stop", "kill"):
            up.remove(one.who)
        elif one.what == "start":
            assert one.who not in up
            up.add(one.who)
        else:
            assert is_whole is (one.what == "cut")
            is_whole = not is_whole
            assert not one.groups or sorted(sum(one.groups, ())) == list(range(6))
    assert is_whole
    assert up == set(leavers)


def test_a_line_finds_the_slope_and_how_sure_it_is() -> None:
    dice = random.Random(1)  # noqa: S311
    times = [30.0 * number for number in range(120)]
    noisy = [1000 + 7 * at / HOUR_S + dice.gauss(0, 1) for at in times]
    found = trend(times, noisy)
    assert abs(found.per_hour - 7) < found.error < 2
    assert found.last - found.first == pytest.approx(5.25, abs=1)
    flat = trend(times, [5.0] * 120)
    assert (flat.per_hour, flat.error) == (0, 0)


def test_a_line_is_less_sure_of_measurements_that_hang_together() -> None:
    dice = random.Random(1)  # noqa: S311
    times = [float(number) for number in range(200)]
    apart = [dice.gauss(0, 1) for _ in times]
    tied = [0.0]
    for luck in apart[1:]:
        tied.append(0.9 * tied[-1] + luck)
    assert trend(times, tied).error > 4 * trend(times, apart).error
