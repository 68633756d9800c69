"""What is fetched of whom: each blob of one neighbour at a time, of the next where it is lacking,
and again after a rest (SPEC.md R16.6, R16.7)."""

from math import inf

from jangteo.node.blob_errand import Errands, parts_from
from jangteo.protocol import limits
from jangteo.protocol.blob_frame import Part

S = limits.SECOND_MS
MOST = limits.PHOTO_BYTES_MAX


def h(number: int) -> bytes:
    return number.to_bytes(32, "big")


def errands_of(count: int, *peers: str, size: int = 10_000) -> Errands:
    errands = Errands()
    for peer in peers:
        errands.peer_up(peer)
    errands.want((h(number), size, MOST) for number in range(count))
    return errands


def taken(errands: Errands, peer: str, now: float = 0.0) -> list[bytes]:
    return [part.hash for part in errands.take(peer, now)]


def test_one_get_asks_for_many_in_the_order_in_which_they_are_wanted() -> None:
    errands = errands_of(300, "a", size=2000)
    assert taken(errands, "a") == [h(number) for number in range(limits.BLOB_GETS_MAX)]
    assert len(taken(errands, "a")) == 300 - limits.BLOB_GETS_MAX
    assert taken(errands, "a") == []


def test_one_get_asks_for_no_more_bytes_than_may_stand_before_what_is_looked_at() -> None:
    size = limits.PHOTO_BYTES_MAX
    errands = errands_of(5, "a", size=size)
    assert len(taken(errands, "a")) == limits.BLOB_GET_BYTES_MAX // size


def test_what_one_fetches_no_other_does_as_long_as_something_comes() -> None:
    errands = errands_of(3, "a", "b")
    assert len(taken(errands, "a", 0.0)) == 3
    assert taken(errands, "b", 1.0) == []
    errands.came("a", 2.0)
    stale = 2.0 + limits.BLOB_CLAIM_MS / S
    assert errands.next_at(2.0) == stale
    assert errands.due(["b"], stale - 0.1) == []
    assert errands.due(["b"], stale) == ["b"]
    assert len(taken(errands, "b", stale)) == 3


def test_what_one_lacks_the_next_is_asked_for() -> None:
    errands = errands_of(1, "a", "b")
    assert errands.due(["a", "b"], 0.0) == ["a", "b"]
    taken(errands, "a")
    errands.lacked("a", h(0))
    assert errands.due(["a", "b"], 0.0) == ["b"]
    assert errands.settle(0.0).again == ()


def test_what_all_lack_is_asked_for_again_and_at_last_given_up() -> None:
    errands = errands_of(1, "a")
    now = 0.0
    for round_number in range(limits.BLOB_ROUNDS_MAX):
        assert taken(errands, "a", now) == [h(0)]
        errands.lacked("a", h(0))
        settled = errands.settle(now)
        if round_number == limits.BLOB_ROUNDS_MAX - 1:
            assert settled.missed == (h(0),)
            break
        assert settled.again == (h(0),)
        assert taken(errands, "a", now) == []
        rest = (limits.BLOB_ROUND_MS << round_number) / S
        assert errands.next_at(now) == now + rest
        now += rest
        assert errands.settle(now).again == ()
    assert h(0) not in errands
    assert errands.next_at(now) == inf


def test_a_new_neighbour_is_asked_at_once_and_the_others_are_not_asked_again() -> None:
    errands = errands_of(1, "a")
    taken(errands, "a")
    errands.lacked("a", h(0))
    errands.settle(0.0)
    errands.peer_up("b")
    assert errands.due(["a", "b"], 0.1) == ["b"]
    assert taken(errands, "b", 0.1) == [h(0)]


def test_nothing_is_given_up_while_there_is_nobody_to_ask() -> None:
    errands = errands_of(1)
    assert errands.settle(0.0).again == ()
    assert errands.next_at(0.0) == inf
    errands.peer_up("a")
    assert errands.due(["a"], 9.0) == ["a"]


def test_what_somebody_looks_at_goes_first() -> None:
    errands = errands_of(200, "a")
    assert errands.look(h(150), 10_000)
    assert errands.look(h(999), 300_000)
    assert taken(errands, "a")[:3] == [h(150), h(999), h(0)]


def test_who_looks_at_what_nobody_has_hears_so_after_one_round() -> None:
    errands = errands_of(0, "a")
    errands.look(h(1), 5)
    taken(errands, "a")
    errands.lacked("a", h(1))
    assert errands.settle(0.0).missed == (h(1),)
    alone = errands_of(1)
    alone.look(h(0), 10_000)
    assert alone.settle(0.0).again == (h(0),)  # it still comes along, when there is somebody


def test_a_look_ends_the_rest_of_what_nobody_had() -> None:
    errands = errands_of(1, "a")
    taken(errands, "a")
    errands.lacked("a", h(0))
    errands.settle(0.0)
    assert errands.due(["a"], 0.1) == []
    errands.look(h(0), 10_000)
    assert errands.due(["a"], 0.1) == ["a"]


def test_the_one_who_left_in_the_middle_has_promised_nothing() -> None:
    errands = errands_of(2, "a", "b")
    taken(errands, "a")
    errands.left("a")
    assert errands.due(["a", "b"], 0.0) == ["a", "b"]
    taken(errands, "a")
    errands.left("a", is_at_fault=True)
    assert errands.due(["a", "b"], 0.0) == ["b"]
    errands.peer_down("b")
    assert errands.due(["a", "b"], 0.0) == []


def test_who_served_before_is_asked_first() -> None:
    errands = errands_of(1, "a", "b", "c")
    errands.served("c", 500)
    errands.served("b", 900)
    assert errands.due(["a", "b", "c"], 0.0) == ["b", "c", "a"]


def test_what_is_no_longer_named_is_given_up_but_not_what_is_under_way() -> None:
    errands = errands_of(3, "a")
    errands.look(h(2), 10_000)
    errands.want([(h(1), 10_000, MOST)])
    assert len(errands) == 2
    assert h(0) not in errands
    errands.drop(h(2))
    taken(errands, "a")
    errands.want([])
    assert h(1) in errands
    assert errands.under_way_count() == 1


def test_no_more_are_remembered_than_the_bound() -> None:
    errands = errands_of(limits.BLOB_ERRANDS_MAX + 10, "a")
    assert len(errands) == limits.BLOB_ERRANDS_MAX
    for number in range(limits.BLOB_LOOKS_MAX):
        assert errands.look(h(10**6 + number), 5)
    assert not errands.look(h(0), 5)


def test_what_is_begun_is_asked_for_from_there_on() -> None:
    parts = [Part(h(0), 100), Part(h(1), 100), Part(h(2), 100)]
    assert parts_from(parts, {h(1): 40, h(2): 100}) == (
        Part(h(0), 100),
        Part(h(1), 100, 40),
        Part(h(2), 100),
    )


def test_what_was_given_up_is_asked_of_a_new_neighbour_alone() -> None:
    errands = errands_of(1, "a")
    now = 0.0
    while not errands.settle(now).missed:
        if taken(errands, "a", now):
            errands.lacked("a", h(0))
        else:
            now = errands.next_at(now)
    assert len(errands) == 0
    errands.want([])
    errands.peer_up("b")
    errands.want([])
    assert errands.due(["a", "b"], now) == ["b"]
    taken(errands, "b", now)
    errands.lacked("b", h(0))
    assert errands.settle(now).missed == (h(0),)


def test_no_more_that_was_given_up_is_remembered_than_the_bound() -> None:
    errands = Errands()
    errands.peer_up("a")
    count = limits.BLOB_MISSED_MAX + 100
    for begin in range(0, count, 100):
        errands.want((h(number), 9, MOST) for number in range(begin, begin + 100))
        now = 0.0
        while errands.take("a", now) or len(errands):
            for number in range(begin, begin + 100):
                errands.lacked("a", h(number))
            errands.settle(now)
            now = min(errands.next_at(now), 10**6)
            errands.settle(now)
    errands.peer_up("b")
    assert len(errands) == limits.BLOB_MISSED_MAX
    assert h(0) not in errands
