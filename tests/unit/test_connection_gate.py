"""Who may come in, and who has to make room."""

import pytest
import trio
import trio.testing

from jangteo.node.connection_gate import Admission, ConnectionGate, group_of
from jangteo.protocol.limits import (
    CONNECTION_STAY_MS_MIN,
    CONNECTIONS_BURST,
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_KEPT,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_IP_MAX,
    CONNECTIONS_PER_LOOPBACK_IP_MAX,
    CONNECTIONS_PER_SECOND,
    CONNECTIONS_TURN_MS,
    CONNECTIONS_TURNS_BURST,
    PENALTY_PEERS_MAX,
    SECOND_MS,
)

pytestmark = pytest.mark.trio  # cancel scopes ask for the time

LAN_IP = "192.168.1.7"


@pytest.fixture
def gate() -> ConnectionGate:
    return ConnectionGate()


def come(gate: ConnectionGate, ip: str) -> Admission:
    admission = gate.enter(ip, trio.CancelScope())
    assert admission is not None
    return admission


async def settle(gate: ConnectionGate, ip: str) -> Admission:
    admission = come(gate, ip)
    assert await gate.settle(admission)
    return admission


async def fill(gate: ConnectionGate, network: str = "10.0.0") -> list[Admission]:
    """A house of as many addresses as there are places, in the order in which they came."""
    return [await settle(gate, f"{network}.{n}") for n in range(CONNECTIONS_INBOUND_MAX)]


def gone(admissions: list[Admission]) -> list[int]:
    return [n for n, each in enumerate(admissions) if each.stay.cancel_called]


async def test_one_address_has_its_share(gate: ConnectionGate) -> None:
    first = await settle(gate, LAN_IP)
    for _ in range(CONNECTIONS_PER_IP_MAX - 1):
        come(gate, LAN_IP)
    assert gate.enter(LAN_IP, trio.CancelScope()) is None
    come(gate, "192.168.1.8")
    gate.leave(first)
    come(gate, LAN_IP)


async def test_loopback_has_a_larger_share(gate: ConnectionGate) -> None:
    assert CONNECTIONS_PER_LOOPBACK_IP_MAX > CONNECTIONS_INBOUND_MAX
    for _ in range(CONNECTIONS_INBOUND_MAX):
        await settle(gate, "127.0.0.1")
    assert gate.count_from("127.0.0.1") == CONNECTIONS_INBOUND_MAX


async def test_a_full_house_makes_room_for_a_stranger_by_the_last_who_came(
    gate: ConnectionGate,
) -> None:
    inside = await fill(gate)
    assert gate.enter("10.0.0.1", trio.CancelScope()) is None  # it has a place already
    await settle(gate, LAN_IP)
    assert gone(inside) == [CONNECTIONS_INBOUND_MAX - 1]
    assert gate.established_count == CONNECTIONS_INBOUND_MAX


async def test_strangers_take_turns(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    await fill(gate)
    for n in range(CONNECTIONS_TURNS_BURST):
        await settle(gate, f"10.0.1.{n}")
    began = trio.current_time()
    for n in range(3):
        await settle(gate, f"10.0.2.{n}")
    assert trio.current_time() - began == pytest.approx(3 * CONNECTIONS_TURN_MS / SECOND_MS)


async def test_who_was_made_room_for_stays_for_a_while(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await fill(gate)
    guest = await settle(gate, LAN_IP)
    for n in range(CONNECTION_STAY_MS_MIN // CONNECTIONS_TURN_MS):
        await settle(gate, f"10.0.1.{n}")
        assert not guest.stay.cancel_called
    await trio.sleep(CONNECTION_STAY_MS_MIN / SECOND_MS)
    await settle(gate, "10.0.2.1")
    # The older half has lost nobody, however many came.
    assert min(gone(inside)) >= CONNECTIONS_INBOUND_MAX // 2


async def test_a_flood_of_strangers_leaves_the_older_half_alone(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await fill(gate)
    for n in range(200):
        await settle(gate, f"10.1.{n}.1")
    assert min(gone(inside)) >= CONNECTIONS_INBOUND_MAX // 2


async def test_the_useful_and_the_near_stay(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await fill(gate)
    useful, near = inside[-CONNECTIONS_KEPT:], inside[-2 * CONNECTIONS_KEPT : -CONNECTIONS_KEPT]
    for each in useful:
        each.peer = each.ip
        gate.note_useful(each.ip)
    for each in inside:
        each.round_trip_s = lambda is_near=each in near: 0.001 if is_near else 0.1
    for n in range(100):
        await settle(gate, f"10.1.{n}.1")
    left = set(gone(inside))
    assert left.isdisjoint(inside.index(each) for each in useful + near)
    assert min(left) >= (CONNECTIONS_INBOUND_MAX - 2 * CONNECTIONS_KEPT) // 2


async def test_one_address_keeps_one_place_for_being_useful(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await fill(gate)
    gate.leave(inside[-2])
    second = await settle(gate, inside[-1].ip)
    for each in (inside[-1], second):
        each.peer = each.ip
    gate.note_useful(second.ip)
    for n in range(50):
        await settle(gate, f"10.1.{n}.1")
    assert [each.stay.cancel_called for each in (inside[-1], second)].count(True) == 1


async def in_turn(gate: ConnectionGate, *waiting: Admission) -> list[str]:
    """Their addresses, in the order in which they get a place."""
    order: list[str] = []

    async def wait(admission: Admission) -> None:
        assert await gate.settle(admission)
        order.append(admission.ip)

    async with trio.open_nursery() as nursery:
        for each in waiting:
            nursery.start_soon(wait, each)
    return order


async def full_house_without_turns(gate: ConnectionGate) -> list[Admission]:
    inside = await fill(gate)
    for n in range(CONNECTIONS_TURNS_BURST):
        await settle(gate, f"10.0.1.{n}")
    return inside


async def gives_up(gate: ConnectionGate, ip: str) -> None:
    """Its handshake is done, and no place comes in time."""
    admission = come(gate, ip)
    with trio.move_on_after(0.1):
        await gate.settle(admission)
    gate.leave(admission)


async def test_who_came_first_and_comes_again_goes_before_who_came_since(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    await full_house_without_turns(gate)
    for _ in range(3):
        await gives_up(gate, LAN_IP)
    fresh = [come(gate, f"10.0.2.{n}") for n in range(2)]
    order = await in_turn(gate, *fresh, come(gate, LAN_IP))
    assert order[0] == LAN_IP


async def test_who_never_ends_its_handshake_is_in_no_line(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    await full_house_without_turns(gate)
    await gives_up(gate, "10.0.2.1")
    gate.leave(come(gate, "10.0.2.1"))  # this loses what it had
    await gives_up(gate, LAN_IP)
    order = await in_turn(gate, come(gate, "10.0.2.1"), come(gate, LAN_IP))
    assert order == [LAN_IP, "10.0.2.1"]


async def test_who_is_sent_away_at_once_has_a_turn_as_newcomers_have(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await full_house_without_turns(gate)
    last = inside[-1]
    assert last.stay.cancel_called
    gate.leave(last)
    await trio.sleep(0.1)
    fresh = [come(gate, f"10.0.2.{n}") for n in range(2)]
    assert (await in_turn(gate, *fresh, come(gate, last.ip)))[0] == last.ip


async def test_who_has_had_its_time_gets_no_second_turn(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await fill(gate)
    await trio.sleep(CONNECTION_STAY_MS_MIN / SECOND_MS)
    for n in range(2):
        await settle(gate, f"10.0.1.{n}")
    for number, leaving in ((-1, inside[-1]), (-2, inside[-2])):
        assert gone(inside)[number] == inside.index(leaving)
        gate.leave(leaving)
        assert gate.enter(leaving.ip, trio.CancelScope()) is None


async def test_who_leaves_a_place_of_itself_has_had_it(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    inside = await fill(gate)
    gate.leave(inside[-1])
    await settle(gate, "10.0.1.1")
    assert gate.enter(inside[-1].ip, trio.CancelScope()) is None


async def test_the_line_remembers_a_bounded_number(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    await full_house_without_turns(gate)
    gate._turn_at = trio.current_time() + 3600
    for n in range(PENALTY_PEERS_MAX + 1):
        await gives_up(gate, f"10.{2 + (n >> 8)}.0.{n & 255}")
    assert len(gate._line._since) == PENALTY_PEERS_MAX


async def test_a_full_porch_drops_the_last_in_line_if_most_of_it_waits(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    await full_house_without_turns(gate)
    gate._turn_at = trio.current_time() + 3600
    half = CONNECTIONS_PENDING_MAX // 2
    waiting = [come(gate, f"10.0.2.{n}") for n in range(half + 1)]
    async with trio.open_nursery() as nursery:
        for each in waiting:
            nursery.start_soon(gate.settle, each)
            await trio.sleep(0.1)
        greeting = [come(gate, f"10.0.3.{n}") for n in range(half)]  # one too many
        assert gone(waiting) == [half]
        assert gone(greeting) == []
        come(gate, LAN_IP)
        assert gone(waiting) == [half]  # those who wait keep half of it
        assert gone(greeting) == [0]
        nursery.cancel_scope.cancel()


async def test_on_the_internet_a_network_counts_as_one(gate: ConnectionGate) -> None:
    assert group_of("8.8.8.8") == group_of("8.8.8.9") != group_of("8.8.9.8")
    assert group_of("2600:1:2:3::4") == group_of("2600:1:2:ffff::5") != group_of("2600:1:3::4")
    assert group_of("192.168.0.7") != group_of("192.168.0.8")
    assert group_of("fe80::1") != group_of("fe80::2")
    inside = await fill(gate, "8.8.8")
    for n in range(CONNECTIONS_INBOUND_MAX // 2):
        await settle(gate, f"9.9.9.{n}")  # at once: no turn is needed
    assert len(gone(inside)) == CONNECTIONS_INBOUND_MAX // 2
    assert gate.enter("8.8.8.200", trio.CancelScope()) is None


async def test_a_full_porch_refuses_who_has_come_more_often_than_all_on_it(
    gate: ConnectionGate,
) -> None:
    for _ in range(3):
        gate.leave(come(gate, LAN_IP))
    waiting = [come(gate, f"10.0.0.{n}") for n in range(CONNECTIONS_PENDING_MAX)]
    assert gate.enter(LAN_IP, trio.CancelScope()) is None
    assert gone(waiting) == []
    assert gate.count_from(LAN_IP) == 0


async def test_a_full_porch_drops_who_has_stood_there_longest(gate: ConnectionGate) -> None:
    waiting = [come(gate, f"10.0.0.{n}") for n in range(CONNECTIONS_PENDING_MAX)]
    settled = waiting.pop(1)
    assert await gate.settle(settled)
    come(gate, LAN_IP)
    assert not any(one.stay.cancel_called for one in waiting)
    come(gate, "10.0.1.1")
    assert [one.stay.cancel_called for one in waiting[:2]] == [True, False]
    assert not settled.stay.cancel_called
    assert gate.pending_count == CONNECTIONS_PENDING_MAX


async def test_who_was_crowded_out_does_not_get_in(gate: ConnectionGate) -> None:
    oldest = come(gate, LAN_IP)
    for n in range(CONNECTIONS_PENDING_MAX):
        come(gate, f"10.0.0.{n}")
    assert not await gate.settle(oldest)
    gate.leave(oldest)
    assert gate.count_from(LAN_IP) == 0


async def test_those_whose_handshakes_end_together_do_not_overfill_the_house(
    gate: ConnectionGate,
) -> None:
    for n in range(CONNECTIONS_INBOUND_MAX - 1):
        await settle(gate, f"10.0.0.{n}")
    last, late = come(gate, LAN_IP), come(gate, "10.0.1.1")
    assert await gate.settle(last)
    assert await gate.settle(late)
    assert gate.established_count == CONNECTIONS_INBOUND_MAX


async def test_on_the_porch_too_many_of_one_address_keep_nobody_else_out(
    gate: ConnectionGate,
) -> None:
    honest = come(gate, LAN_IP)
    crowd = [come(gate, "127.0.0.1") for _ in range(3 * CONNECTIONS_PENDING_MAX)]
    assert not honest.stay.cancel_called
    assert sum(not one.stay.cancel_called for one in crowd) == CONNECTIONS_PENDING_MAX - 1
    assert await gate.settle(honest)


async def test_in_a_full_house_who_came_last_of_the_largest_crowd_goes(
    gate: ConnectionGate,
) -> None:
    first = await settle(gate, LAN_IP)
    crowd = [await settle(gate, "127.0.0.1") for _ in range(CONNECTIONS_INBOUND_MAX - 1)]
    assert gate.enter("127.0.0.1", trio.CancelScope()) is None
    await settle(gate, "10.0.0.1")
    assert [one.stay.cancel_called for one in crowd[-2:]] == [False, True]
    assert not first.stay.cancel_called
    assert gate.established_count == CONNECTIONS_INBOUND_MAX


async def test_a_crowd_gives_way_only_until_the_shares_are_equal(gate: ConnectionGate) -> None:
    half = CONNECTIONS_INBOUND_MAX // 2
    for _ in range(CONNECTIONS_INBOUND_MAX):
        await settle(gate, "127.0.0.1")
    for _ in range(half):
        await settle(gate, "::1")
    assert gate.enter("::1", trio.CancelScope()) is None
    assert gate.enter("127.0.0.1", trio.CancelScope()) is None


async def test_who_comes_and_goes_too_often_is_let_in_later(
    gate: ConnectionGate, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(CONNECTIONS_BURST):
        gate.leave(come(gate, LAN_IP))
    assert gate.enter(LAN_IP, trio.CancelScope()) is None
    come(gate, "192.168.1.8")
    await trio.sleep(1 / CONNECTIONS_PER_SECOND)
    come(gate, LAN_IP)


async def test_leaving_forgets_everything(gate: ConnectionGate) -> None:
    for admission in [await settle(gate, LAN_IP), come(gate, LAN_IP)]:
        gate.leave(admission)
    assert (gate.pending_count, gate.established_count, gate.count_from(LAN_IP)) == (0, 0, 0)
