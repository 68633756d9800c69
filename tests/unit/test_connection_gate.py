"""Who may come in, and who has to make room."""

import pytest
import trio
import trio.testing

from jangteo.node.connection_gate import Admission, ConnectionGate
from jangteo.protocol.limits import (
    CONNECTIONS_BURST,
    CONNECTIONS_INBOUND_MAX,
    CONNECTIONS_PENDING_MAX,
    CONNECTIONS_PER_IP_MAX,
    CONNECTIONS_PER_LOOPBACK_IP_MAX,
    CONNECTIONS_PER_SECOND,
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


def settle(gate: ConnectionGate, ip: str) -> Admission:
    admission = come(gate, ip)
    assert gate.authenticate(admission)
    return admission


async def test_one_address_has_its_share(gate: ConnectionGate) -> None:
    first = settle(gate, LAN_IP)
    for _ in range(CONNECTIONS_PER_IP_MAX - 1):
        come(gate, LAN_IP)
    assert gate.enter(LAN_IP, trio.CancelScope()) is None
    come(gate, "192.168.1.8")
    gate.leave(first)
    come(gate, LAN_IP)


async def test_loopback_has_a_larger_share(gate: ConnectionGate) -> None:
    assert CONNECTIONS_PER_LOOPBACK_IP_MAX > CONNECTIONS_INBOUND_MAX
    for _ in range(CONNECTIONS_INBOUND_MAX):
        settle(gate, "127.0.0.1")
    assert gate.count_from("127.0.0.1") == CONNECTIONS_INBOUND_MAX


async def test_a_full_house_refuses_the_newcomer(gate: ConnectionGate) -> None:
    inside = [settle(gate, f"10.0.0.{n}") for n in range(CONNECTIONS_INBOUND_MAX)]
    assert gate.enter(LAN_IP, trio.CancelScope()) is None
    assert not any(one.stay.cancel_called for one in inside)
    gate.leave(inside[0])
    come(gate, LAN_IP)


async def test_a_full_porch_drops_who_has_stood_there_longest(gate: ConnectionGate) -> None:
    waiting = [come(gate, f"10.0.0.{n}") for n in range(CONNECTIONS_PENDING_MAX)]
    settled = waiting.pop(1)
    assert gate.authenticate(settled)
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
    assert not gate.authenticate(oldest)
    gate.leave(oldest)
    assert gate.count_from(LAN_IP) == 0


async def test_those_whose_handshakes_end_together_do_not_overfill_the_house(
    gate: ConnectionGate,
) -> None:
    for n in range(CONNECTIONS_INBOUND_MAX - 1):
        settle(gate, f"10.0.0.{n}")
    last, late = come(gate, LAN_IP), come(gate, "10.0.1.1")
    assert gate.authenticate(last)
    assert not gate.authenticate(late)
    assert gate.established_count == CONNECTIONS_INBOUND_MAX


async def test_on_the_porch_too_many_of_one_address_keep_nobody_else_out(
    gate: ConnectionGate,
) -> None:
    honest = come(gate, LAN_IP)
    crowd = [come(gate, "127.0.0.1") for _ in range(3 * CONNECTIONS_PENDING_MAX)]
    assert not honest.stay.cancel_called
    assert sum(not one.stay.cancel_called for one in crowd) == CONNECTIONS_PENDING_MAX - 1
    assert gate.authenticate(honest)


async def test_in_a_full_house_who_came_last_of_the_largest_crowd_goes(
    gate: ConnectionGate,
) -> None:
    first = settle(gate, LAN_IP)
    crowd = [settle(gate, "127.0.0.1") for _ in range(CONNECTIONS_INBOUND_MAX - 1)]
    assert gate.enter("127.0.0.1", trio.CancelScope()) is None
    settle(gate, "10.0.0.1")
    assert [one.stay.cancel_called for one in crowd[-2:]] == [False, True]
    assert not first.stay.cancel_called
    assert gate.established_count == CONNECTIONS_INBOUND_MAX


async def test_a_crowd_gives_way_only_until_the_shares_are_equal(gate: ConnectionGate) -> None:
    half = CONNECTIONS_INBOUND_MAX // 2
    for _ in range(CONNECTIONS_INBOUND_MAX):
        settle(gate, "127.0.0.1")
    for _ in range(half):
        settle(gate, "::1")
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
    for admission in [settle(gate, LAN_IP), come(gate, LAN_IP)]:
        gate.leave(admission)
    assert (gate.pending_count, gate.established_count, gate.count_from(LAN_IP)) == (0, 0, 0)
