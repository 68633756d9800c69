"""The schedule of sessions: who is due when, as a machine over times."""

import random

from jangteo.node.sync_schedule import SyncSchedule
from jangteo.protocol import limits


def schedule(our_peer: str = "M") -> SyncSchedule:
    return SyncSchedule(our_peer, random.Random(1), 0.0)  # noqa: S311  (repeatable on purpose)


def over(
    plan: SyncSchedule, peer: str, now: float, *, even: bool = True, moved: bool = False
) -> None:
    """A session of ours that began and ended at `now`."""
    plan.ended(peer, now, now, is_ours=True, is_even=even, has_moved=moved)


def test_the_smaller_id_begins_at_once_and_the_other_waits_for_it() -> None:
    plan = schedule("M")
    plan.peer_up("Z", 1.0)
    plan.peer_up("A", 1.0)
    assert plan.take_due(1.0) == ["Z"]
    assert plan.take_due(1.0 + limits.SYNC_SECOND_SIDE_WAIT_MS / 1000) == ["Z", "A"]


def test_the_other_side_s_session_spares_ours() -> None:
    plan = schedule("M")
    plan.peer_up("A", 1.0)
    plan.ended("A", 1.1, 1.3, is_ours=False, is_even=True, has_moved=False)
    assert plan.take_due(4.0) == []


def test_a_session_that_began_before_something_was_wanted_does_not_count_for_it() -> None:
    plan = schedule("M")
    plan.peer_up("A", 1.0)
    plan.ended("A", 0.9, 1.3, is_ours=False, is_even=True, has_moved=False)
    assert plan.take_due(4.0) == ["A"]


def test_nobody_is_due_while_a_session_with_them_runs() -> None:
    plan = schedule()
    plan.peer_up("Z", 0.0)
    assert plan.take_due(0.0) == ["Z"]
    plan.begun("Z")
    plan.doorbell("Z", 1.0)
    assert plan.take_due(5.0) == []
    over(plan, "Z", 0.5)
    assert plan.take_due(5.0) == ["Z"]


def test_every_so_often_one_peer_is_drawn() -> None:
    plan = schedule()
    for peer in "XYZ":
        plan.peer_up(peer, 0.0)
        plan.begun(peer)
        over(plan, peer, 0.0)
    now, drawn = 0.0, []
    for _ in range(30):
        now = plan.next_at()
        for peer in plan.take_due(now):
            drawn.append(peer)
            plan.begun(peer)
            over(plan, peer, now)
    assert set(drawn) == set("XYZ")
    assert 0.75 * 30 <= now / (limits.SYNC_EVERY_MS / 1000) <= 1.25 * 30


def test_a_doorbell_is_answered_within_half_a_second() -> None:
    plan = schedule()
    plan.peer_up("Z", 0.0)
    plan.begun("Z")
    over(plan, "Z", 0.0)
    plan.doorbell("Z", 1.0)
    assert plan.take_due(1.0 + limits.SYNC_DOORBELL_JITTER_MS / 1000) == ["Z"]


def test_what_came_from_one_peer_is_offered_to_the_others() -> None:
    plan = schedule()
    for peer in "XYZ":
        plan.peer_up(peer, 0.0)
        plan.begun(peer)
        over(plan, peer, 0.0)
    plan.want_all_but("Y", 1.0, 1.0)
    assert sorted(plan.take_due(2.0)) == ["X", "Z"]


def test_fruitless_sessions_wait_longer_and_longer_within_a_bound() -> None:
    plan = schedule()
    plan.peer_up("Z", 0.0)
    now, waits = 0.0, []
    for _ in range(15):
        assert plan.take_due(now) == ["Z"]
        plan.begun("Z")
        over(plan, "Z", now, even=False)
        plan.want("Z", now, 0.0)
        before, now = now, now
        while not plan.take_due(now):
            now = plan.next_at()
        waits.append(now - before)
    assert waits == sorted(waits)
    assert waits[0] == limits.SYNC_FRUITLESS_WAIT_MS / 1000
    assert waits[-1] == limits.SYNC_FRUITLESS_WAIT_MS_MAX / 1000


def test_a_session_that_moved_something_ends_the_waiting() -> None:
    plan = schedule()
    plan.peer_up("Z", 0.0)
    for _ in range(5):
        plan.begun("Z")
        over(plan, "Z", 0.0, even=False)
    plan.begun("Z")
    over(plan, "Z", 1.0, even=False, moved=True)
    plan.want("Z", 1.0, 0.0)
    assert plan.take_due(1.0) == ["Z"]


def test_a_doorbell_cuts_a_long_rest_short() -> None:
    plan = schedule()
    plan.peer_up("Z", 0.0)
    for _ in range(10):
        plan.begun("Z")
        over(plan, "Z", 0.0, even=False)
    plan.want("Z", 0.0, 0.0)
    assert plan.take_due(10.0) == []
    plan.doorbell("Z", 10.0)
    assert plan.take_due(10.0) == []
    assert plan.take_due(10.0 + limits.SYNC_FRUITLESS_WAIT_MS / 1000) == ["Z"]


def test_some_are_drawn_from_many_and_strangers_are_nobody() -> None:
    plan = schedule()
    for number in range(20):
        plan.peer_up(f"Z{number}", 0.0)
        plan.begun(f"Z{number}")
        over(plan, f"Z{number}", 0.0)
    plan.want_some(limits.SYNC_PUBLISHED_PEERS_MAX, 1.0, 0.1)
    plan.want("stranger", 1.0, 0.0)
    assert len(plan.take_due(1.2)) == limits.SYNC_PUBLISHED_PEERS_MAX


def test_who_has_gone_is_not_due() -> None:
    plan = schedule()
    plan.peer_up("Z", 0.0)
    plan.peer_down("Z")
    assert plan.take_due(100.0) == []
    over(plan, "Z", 100.0)
    assert plan.peers == []
