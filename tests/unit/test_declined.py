"""The overlay of declined records: what is remembered toward whom, and for how long."""

import pytest

from jangteo.node.declined import Declined, Guise
from jangteo.protocol import limits
from jangteo.protocol.envelope import Header
from jangteo.protocol.item_set import item_key
from jangteo.protocol.kind import LISTING
from jangteo.protocol.verdict import Admission

NOW_MS = 1_750_000_000_000


def header(ts_ms: int = NOW_MS, market: str = "open") -> Header:
    return Header(LISTING, bytes(32), ts_ms, market, bytes(16), 1, False)


def number_id(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_what_was_declined_is_shown_to_the_peer_that_offered_it() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.BLOCKED, NOW_MS)
    assert declined.keys("p", "open", NOW_MS) == [item_key(NOW_MS, number_id(1))]
    assert declined.keys("q", "open", NOW_MS) == []
    assert declined.keys("p", "other", NOW_MS) == []


@pytest.mark.parametrize(
    "admission", [Admission.NEW, Admission.DUPLICATE, Admission.STALE, Admission.FOREIGN]
)
def test_what_was_kept_or_superseded_is_not(admission: Admission) -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), admission, NOW_MS)
    assert declined.keys("p", "open", NOW_MS) == []


def test_a_record_of_the_future_leaves_when_its_time_comes() -> None:
    declined = Declined()
    ts_ms = NOW_MS + limits.FUTURE_MS_MAX + 5000
    declined.note("p", header(ts_ms), number_id(1), Admission.FUTURE, NOW_MS)
    assert len(declined.keys("p", "open", NOW_MS + 4999)) == 1
    assert declined.keys("p", "open", NOW_MS + 5000) == []


def test_what_had_no_room_is_offered_again_later() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.FULL, NOW_MS)
    assert len(declined.keys("p", "open", NOW_MS)) == 1
    assert declined.keys("p", "open", NOW_MS + limits.DECLINED_PAUSE_MS) == []


def test_what_finds_no_room_time_and_again_is_offered_more_and_more_seldom() -> None:
    declined, now_ms, waits = Declined(), NOW_MS, []
    for _ in range(7):
        declined.note("p", header(), number_id(1), Admission.FULL, now_ms)
        began_ms = now_ms
        while declined.keys("p", "open", now_ms):
            now_ms += limits.HOUR_MS
        waits.append((now_ms - began_ms) // limits.HOUR_MS)
    assert waits == [1, 2, 4, 8, 16, 24, 24]
    now_ms += limits.DECLINED_PAUSE_MS_MAX
    declined.note("p", header(), number_id(1), Admission.FULL, now_ms)
    assert declined.keys("p", "open", now_ms + limits.HOUR_MS) == []


def test_what_has_no_room_is_offered_again_all_together() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.FULL, NOW_MS)
    declined.note("p", header(), number_id(2), Admission.FULL, NOW_MS + limits.HOUR_MS - 1)
    assert len(declined.keys("p", "open", NOW_MS + limits.HOUR_MS - 1)) == 2
    assert declined.keys("p", "open", NOW_MS + limits.HOUR_MS) == []


def test_what_had_no_room_is_offered_at_once_when_there_is_some() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.FULL, NOW_MS)
    declined.note("p", header(), number_id(2), Admission.BLOCKED, NOW_MS)
    declined.forget_roomless()
    assert declined.keys("p", "open", NOW_MS) == [item_key(NOW_MS, number_id(2))]


def test_what_the_peer_turns_out_not_to_have_is_dropped() -> None:
    declined = Declined()
    for number in (1, 2):
        declined.note("p", header(), number_id(number), Admission.BLOCKED, NOW_MS)
    assert declined.drop("p", "open", [number_id(1), number_id(9)]) == [number_id(1)]
    assert declined.keys("p", "open", NOW_MS) == [item_key(NOW_MS, number_id(2))]


def test_a_full_overlay_rests_its_market_for_an_hour_and_only_with_that_peer() -> None:
    declined = Declined()
    for number in range(limits.DECLINED_PER_PEER_MAX):
        assert declined.note("p", header(), number_id(number), Admission.BLOCKED, NOW_MS)
    assert not declined.is_paused("p", "open", NOW_MS)
    assert not declined.note("p", header(), number_id(10**9), Admission.BLOCKED, NOW_MS)
    assert declined.is_paused("p", "open", NOW_MS)
    assert not declined.is_paused("q", "open", NOW_MS)
    assert not declined.is_paused("p", "other", NOW_MS)
    assert not declined.is_paused("p", "open", NOW_MS + limits.DECLINED_PAUSE_MS)


def test_only_so_many_peers_are_remembered() -> None:
    declined = Declined()
    for peer in range(limits.DECLINED_PEERS_MAX + 1):
        declined.note(str(peer), header(), number_id(1), Admission.BLOCKED, NOW_MS)
    assert declined.keys("0", "open", NOW_MS) == []
    assert declined.keys("1", "open", NOW_MS) != []


def test_a_stale_record_need_not_come_again_for_a_while() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.STALE, NOW_MS)
    assert declined.is_stale(number_id(1), NOW_MS + limits.STALE_FORGET_MS - 1)
    assert not declined.is_stale(number_id(1), NOW_MS + limits.STALE_FORGET_MS)
    assert not declined.is_stale(number_id(2), NOW_MS)


def test_only_so_many_stale_ids_are_remembered() -> None:
    declined = Declined()
    for number in range(limits.STALE_IDS_MAX + 1):
        declined.note("p", header(), number_id(number), Admission.STALE, NOW_MS)
    assert not declined.is_stale(number_id(0), NOW_MS)
    assert declined.is_stale(number_id(1), NOW_MS)


def test_a_change_of_policy_forgets_all() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.BLOCKED, NOW_MS)
    declined.note("p", header(), number_id(2), Admission.STALE, NOW_MS)
    declined.forget_all()
    assert declined.keys("p", "open", NOW_MS) == []
    assert not declined.is_stale(number_id(2), NOW_MS)


def test_a_clock_that_was_set_back_forgets_all() -> None:
    declined = Declined()
    declined.note("p", header(), number_id(1), Admission.EXPIRED, NOW_MS)
    declined.note("p", header(), number_id(2), Admission.STALE, NOW_MS)
    assert len(declined.keys("p", "open", NOW_MS - limits.MINUTE_MS)) == 1
    assert declined.keys("p", "open", NOW_MS - limits.MINUTE_MS - 1) == []
    assert not declined.is_stale(number_id(2), NOW_MS)


def test_what_a_peer_does_not_want_is_left_out_of_its_guise_for_a_while() -> None:
    declined = Declined()
    key = item_key(NOW_MS, number_id(1))
    declined.note_unwanted("p", "open", [key], NOW_MS)
    assert declined.guise("p", "open", NOW_MS) == Guise((), (key,))
    assert declined.guise("q", "open", NOW_MS) == Guise()
    assert declined.guise("p", "other", NOW_MS) == Guise()
    assert declined.guise("p", "open", NOW_MS + limits.UNWANTED_PAUSE_MS) == Guise()


def test_what_stays_unwanted_rests_longer_each_time_up_to_an_hour() -> None:
    declined = Declined()
    key, now_ms, waits = item_key(NOW_MS, number_id(1)), NOW_MS, []
    for _ in range(8):
        declined.note_unwanted("p", "open", [key], now_ms)
        began_ms = now_ms
        while declined.guise("p", "open", now_ms).unwanted:
            now_ms += limits.MINUTE_MS
        waits.append((now_ms - began_ms) // limits.UNWANTED_PAUSE_MS)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_is_unwanted_counts_against_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DECLINED_PER_PEER_MAX", 3)
    declined = Declined()
    keys = [item_key(NOW_MS, number_id(number)) for number in range(5)]
    declined.note_unwanted("p", "open", keys, NOW_MS)
    assert declined.guise("p", "open", NOW_MS).unwanted == tuple(keys[:3])
