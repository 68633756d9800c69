"""The dialer: which address when, and the loop over a network in memory."""

import random
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from jangteo.node import dialer as dialer_module
from jangteo.node.dialer import DialBook, Dialer, peer_in
from jangteo.node.memory_transport import MemoryNetwork
from jangteo.node.transport import PeerUp
from jangteo.protocol import limits

A, B = "/ip4/10.0.0.1/tcp/4110/p2p/A", "/ip4/10.0.0.2/tcp/4110/p2p/B"


def dice() -> random.Random:
    return random.Random(1)  # noqa: S311  (repeatable on purpose)


def book() -> DialBook:
    return DialBook("ME", dice())


def test_the_peer_of_an_address_is_what_it_ends_in() -> None:
    assert peer_in(A) == "A"
    assert peer_in("/ip4/10.0.0.1/tcp/4110") is None
    assert peer_in("/ip4/10.0.0.1/tcp/4110/p2p/") is None


def test_an_address_is_due_at_once_and_dialled_once() -> None:
    dials = book()
    dials.add(A, 0.0)
    assert dials.take_due(0.0) == [A]
    assert dials.take_due(0.0) == []


def test_its_own_address_is_not_dialled() -> None:
    dials = book()
    assert not dials.add("/ip4/10.0.0.9/tcp/1/p2p/ME", 0.0)
    assert dials.take_due(0.0) == []


def test_two_addresses_of_one_peer_are_not_dialled_at_once() -> None:
    dials = book()
    other = "/ip4/192.168.0.1/tcp/4110/p2p/A"
    dials.add(A, 0.0)
    dials.add(other, 0.0)
    first = dials.take_due(0.0)
    assert len(first) == 1
    dials.failed(first[0], 0.0)
    assert dials.take_due(0.0) == [other if first == [A] else A]


def test_a_connected_peer_is_left_alone_until_it_goes() -> None:
    dials = book()
    dials.add(A, 0.0)
    dials.peer_up("A")
    assert dials.take_due(10.0) == []
    assert dials.next_at() == float("inf")
    dials.peer_down("A", 20.0)
    assert dials.take_due(20.0) == []
    assert dials.take_due(22.0) == [A]


def test_failures_wait_longer_and_longer_and_never_stop() -> None:
    dials = book()
    dials.add(A, 0.0)
    now, waits = 0.0, []
    for _ in range(40):
        assert dials.take_due(now) == [A]
        waits.append(dials.failed(A, now))
        assert dials.take_due(now) == []
        now = dials.next_at()
    assert 0.75 <= waits[0] <= 1.25
    longest = limits.DIAL_WAIT_MS_MAX / 1000
    assert all(0.75 * longest <= wait <= 1.25 * longest for wait in waits[10:])


def test_a_success_forgives_the_failures() -> None:
    dials = book()
    dials.add(A, 0.0)
    for _ in range(5):
        dials.take_due(1e6)
        dials.failed(A, 1e6)
        dials.found(A, 1e6)
    assert dials.failures(A) == 0
    assert dials.take_due(1e6 + 1.0) == [A]
    dials.dialled(A, "A", 1e6 + 1.0)
    assert dials.failures(A) == 0


def test_who_answers_at_a_bare_address_is_known_by_it_from_then_on() -> None:
    dials = book()
    bare = "/ip4/10.0.0.1/tcp/4110"
    dials.add(bare, 0.0, is_static=True)
    assert dials.take_due(0.0) == [bare]
    dials.dialled(bare, "A", 0.0)
    assert dials.take_due(0.0) == []  # the news that A is connected is still on its way
    dials.peer_up("A")
    assert dials.take_due(100.0) == []
    dials.peer_down("A", 100.0)
    assert dials.take_due(102.0) == [bare]
    dials.dialled(bare, "B", 102.0)  # another machine has that address now
    dials.peer_up("B")
    assert dials.take_due(200.0) == []


def test_a_connection_that_came_and_went_unseen_is_made_again() -> None:
    dials = book()
    dials.add(A, 0.0)
    dials.take_due(0.0)
    dials.dialled(A, "A", 0.0)
    assert dials.take_due(dials.next_at()) == [A]


def test_of_two_that_hear_each_other_the_smaller_id_dials() -> None:
    greater, smaller = DialBook("M", dice()), DialBook("A", dice())
    smaller.found("/ip4/10.0.0.9/tcp/1/p2p/M", 5.0)
    greater.found(A, 5.0)
    assert smaller.take_due(5.0) == ["/ip4/10.0.0.9/tcp/1/p2p/M"]
    assert greater.take_due(5.0) == []
    second_s = limits.DIAL_SECOND_SIDE_WAIT_MS / 1000
    assert greater.take_due(5.0 + second_s) == [A]  # nothing came: perhaps it cannot


@pytest.mark.parametrize("seed", range(20))
def test_of_two_that_lost_each_other_the_smaller_id_dials_first(seed: int) -> None:
    books = {
        our: DialBook(our, random.Random(f"{seed} {our}"))  # noqa: S311  (repeatable)
        for our in ("A", "M")
    }
    for our, address in (("A", "/ip4/10.0.0.9/tcp/1/p2p/M"), ("M", A)):
        books[our].add(address, 0.0)
        (peer,) = {"A", "M"} - {our}
        books[our].peer_up(peer)
        books[our].peer_down(peer, 10.0)
    assert books["A"].next_at() < books["M"].next_at() < 13


def test_who_was_just_heard_of_does_not_wait_for_hundreds_of_yesterday() -> None:
    dials = book()
    for number in range(limits.DIAL_ADDRESSES_MAX // 2):
        dials.add(f"/ip4/10.9.0.{number}/tcp/1/p2p/Z{number}", 0.0)
    assert len(dials.take_due(0.0)) == limits.DIALS_AT_ONCE_MAX
    here = "/ip4/10.0.0.3/tcp/4110/p2p/NEAR"
    dials.found(here, 1.0)
    for number in range(limits.DIALS_AT_ONCE_MAX):
        dials.failed(f"/ip4/10.9.0.{number}/tcp/1/p2p/Z{number}", 10.0)
    assert dials.take_due(10.0)[0] == here


def test_who_fails_though_heard_of_waits_like_the_others() -> None:
    dials = book()
    dials.found(B, 0.0)
    at = limits.DIAL_SECOND_SIDE_WAIT_MS / 1000
    assert dials.take_due(at) == [B]
    wait = dials.failed(B, at)
    dials.add(A, at)
    assert dials.take_due(at + wait)[0] == A


def test_only_so_many_dials_run_at_once() -> None:
    dials = book()
    for number in range(100):
        dials.add(f"/ip4/10.0.0.{number}/tcp/1/p2p/P{number}", 0.0)
    assert len(dials.take_due(0.0)) == limits.DIALS_AT_ONCE_MAX
    assert dials.take_due(0.0) == []


def test_one_who_announces_many_peers_leaves_places_for_others() -> None:
    dials = book()
    for number in range(limits.CONNECTIONS_MAX):
        dials.found(f"/ip4/10.0.0.66/tcp/{number + 1}/p2p/Z{number}", 0.0)
    now, count = 0.0, 0
    while due := dials.take_due(now := now + 1.0):
        for address in due:
            peer = peer_in(address)
            assert peer is not None
            dials.peer_up(peer)
            dials.dialled(address, peer, now)
            count += 1
    assert count == dials.connected_count == limits.CONNECTIONS_DIALLED_MAX
    assert count + limits.CONNECTIONS_INBOUND_MAX < limits.CONNECTIONS_MAX
    dials.add(B, now, is_static=True)  # the owner's word
    assert dials.take_due(now) == [B]
    dials.dialled(B, "B", now)
    dials.peer_up("B")
    dials.peer_up("COMER")
    assert dials.take_due(now + 10) == []
    dials.peer_down("Z0", now + 10)  # a place is free again
    assert len(dials.take_due(now + 20)) == 1
    assert dials.take_due(now + 20) == []


def test_who_comes_by_itself_takes_no_place_of_those_that_are_dialled() -> None:
    dials = book()
    for number in range(limits.CONNECTIONS_DIALLED_MAX):
        dials.add(f"/ip4/10.0.0.{number}/tcp/1/p2p/Z{number}", 0.0)
        dials.peer_up(f"Z{number}")
    dials.add(A, 0.0)
    assert dials.take_due(0.0) == [A]


def stand(dials: DialBook, count: int) -> None:
    """So many connections that were not dialled."""
    for number in range(count):
        dials.peer_up(f"COMER{number}")


def waits_s(dials: DialBook, address: str, stay_s: float, times: int) -> list[float]:
    """How long the address is left alone each time that its connection ends after so long."""
    peer = peer_in(address)
    assert peer is not None
    waits, now = [], 0.0
    for _ in range(times):
        assert dials.take_due(now) == [address]
        dials.dialled(address, peer, now)
        dials.peer_up(peer)
        dials.peer_down(peer, now + stay_s)
        waits.append(dials.next_at() - now - stay_s)
        now = dials.next_at()
    return waits


def test_with_neighbours_enough_a_full_house_is_left_alone_for_longer_each_time() -> None:
    dials = book()
    stand(dials, limits.DIAL_NEIGHBOURS_ENOUGH)
    dials.add(A, 0.0)
    waits = waits_s(dials, A, 7.0, 12)
    for number, wait in enumerate(waits, 1):
        assert wait <= 1.5 * limits.DIAL_WAIT_MS_MAX / 1000 + 1
        assert wait >= 0.5 * min(2**number, limits.DIAL_WAIT_MS_MAX / 1000)
    assert max(waits_s(book_of(A, limits.DIAL_NEIGHBOURS_ENOUGH), A, 61.0, 5)) < 3


def test_with_few_neighbours_or_the_owner_s_word_it_is_dialled_again_at_once() -> None:
    assert max(waits_s(book_of(A, limits.DIAL_NEIGHBOURS_ENOUGH - 1), A, 7.0, 5)) < 3
    named = book_of(A, limits.DIAL_NEIGHBOURS_ENOUGH)
    named.add(A, 0.0, is_static=True)
    assert max(waits_s(named, A, 7.0, 5)) < 3


def book_of(address: str, standing: int) -> DialBook:
    dials = book()
    stand(dials, standing)
    dials.add(address, 0.0)
    return dials


def dial_all(dials: DialBook) -> int:
    now, count = 0.0, 0
    while due := dials.take_due(now := now + 1.0):
        for address in due:
            peer = peer_in(address)
            assert peer is not None
            dials.dialled(address, peer, now)
            dials.peer_up(peer)
            count += 1
    return count


def test_places_for_who_comes_are_not_dialled_away_but_by_the_owner() -> None:
    outbound = limits.CONNECTIONS_MAX - limits.CONNECTIONS_INBOUND_MAX
    dials = book()
    stand(dials, limits.CONNECTIONS_MAX)  # who came takes none of the places for dialling
    for number in range(outbound - 2):
        dials.add(f"/ip4/10.0.0.{number}/tcp/1/p2p/N{number}", 0.0, is_static=True)
    for number in range(limits.CONNECTIONS_DIALLED_MAX):
        dials.add(f"/ip4/10.0.1.{number}/tcp/1/p2p/S{number}", 0.0)
    assert dial_all(dials) == outbound == dials.outbound_count(1e3)
    for number in range(20):
        dials.add(f"/ip4/10.0.2.{number}/tcp/1/p2p/M{number}", 0.0, is_static=True)
    assert dial_all(dials) == 20


@pytest.mark.trio
async def test_the_owner_is_told_of_more_connections_than_places(
    network: MemoryNetwork,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialer_module, "_OUTBOUND_MAX", 1)
    async with network.open("me") as transport, trio.open_nursery() as nursery:
        dialer = Dialer(transport, dice())
        async with network.open("one"), network.open("two"), network.open("three"):
            nursery.start_soon(dialer.run)
            for name, lines in (("one", 0), ("two", 1), ("three", 1)):
                dialer.add([f"/memory/{name}/p2p/{name}"], is_static=True)
                await trio.sleep(0.1)
                dialer.peer_up(name)
                told = [each for each in caplog.records if "name fewer" in each.message]
                assert len(told) == lines
        nursery.cancel_scope.cancel()


def test_a_full_book_gives_up_what_failed_most_and_never_the_owner_s() -> None:
    dials = book()
    dials.add(A, 0.0, is_static=True)
    for _ in range(9):
        dials.take_due(1e9)
        dials.failed(A, 1e9)
    for number in range(limits.DIAL_ADDRESSES_MAX - 1):
        dials.add(f"/dns4/host{number}/tcp/1/p2p/P{number}", 0.0)
    assert len(dials) == limits.DIAL_ADDRESSES_MAX
    (bad, *_) = dials.take_due(1.0)
    dials.failed(bad, 1.0)
    assert dials.add(B, 1.0)
    assert len(dials) == limits.DIAL_ADDRESSES_MAX
    assert A in dials.addresses
    assert bad not in dials.addresses


@pytest.fixture
async def network() -> AsyncIterator[MemoryNetwork]:
    yield MemoryNetwork(1)


@pytest.mark.trio
async def test_it_dials_until_the_peer_is_there(
    network: MemoryNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with network.open("me") as transport, trio.open_nursery() as nursery:
        dialer = Dialer(transport, dice())
        dialer.add(["/memory/other/p2p/other"], is_static=True)
        nursery.start_soon(dialer.run)
        await trio.sleep(100)
        assert transport.peers() == []
        async with network.open("other"):
            event = await transport.events.receive()
            assert isinstance(event, PeerUp)
            assert event.peer == "other"
            dialer.peer_up("other")
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_it_leaves_the_banned_alone(
    network: MemoryNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with (
        network.open("me") as transport,
        network.open("other"),
        trio.open_nursery() as nursery,
    ):
        dialer = Dialer(transport, dice())
        dialer.may_dial = lambda peer: peer != "other"
        dialer.add(["/memory/other/p2p/other"])
        nursery.start_soon(dialer.run)
        await trio.sleep(1000)
        assert transport.peers() == []
        nursery.cancel_scope.cancel()
