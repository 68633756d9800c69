"""The clock's watch: whose word counts for how much."""

from jangteo.node.clock import ClockWatch, clock_warning
from jangteo.protocol import limits

NOW_MS = 1_750_000_000_000
MINUTE_MS = limits.MINUTE_MS


def watch(*offsets_ms: int) -> ClockWatch:
    """Peers whose clocks are that far behind ours."""
    clock = ClockWatch()
    for number, offset_ms in enumerate(offsets_ms):
        clock.heard(f"peer{number}", NOW_MS - offset_ms, NOW_MS)
    return clock


def test_without_peers_nobody_knows() -> None:
    assert watch().offset_ms() is None
    assert watch().warning() is None


def test_one_peer_is_believed() -> None:
    assert watch(7 * MINUTE_MS).offset_ms() == 7 * MINUTE_MS
    assert "7 min ahead" in (watch(7 * MINUTE_MS).warning() or "")
    assert "7 min behind" in (watch(-7 * MINUTE_MS).warning() or "")


def test_two_peers_are_believed_as_far_as_they_agree() -> None:
    assert watch(9 * MINUTE_MS, 6 * MINUTE_MS).offset_ms() == 6 * MINUTE_MS
    assert watch(-9 * MINUTE_MS, -6 * MINUTE_MS).offset_ms() == -6 * MINUTE_MS
    assert watch(9 * MINUTE_MS, -6 * MINUTE_MS).offset_ms() == 0


def test_of_three_one_liar_changes_little() -> None:
    assert watch(0, 1000, 60 * MINUTE_MS).offset_ms() == 1000
    assert watch(0, 1000, 60 * MINUTE_MS).warning() is None


def test_five_minutes_off_is_not_worth_a_word_and_a_bit_more_is() -> None:
    assert watch(limits.CLOCK_WARN_MS).warning() is None
    assert watch(limits.CLOCK_WARN_MS + 1).warning() is not None


def test_a_peer_s_last_word_replaces_its_earlier_one() -> None:
    clock = watch(9 * MINUTE_MS)
    clock.heard("peer0", NOW_MS, NOW_MS)
    assert clock.offset_ms() == 0


def test_only_so_many_peers_are_remembered() -> None:
    clock = watch(*[60 * MINUTE_MS] * 10, *[0] * limits.CONNECTIONS_MAX)
    assert clock.offset_ms() == 0
    assert clock_warning(60 * MINUTE_MS).startswith("this machine's clock is 60 min ahead")
