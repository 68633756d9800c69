"""Each bound of mail sessions is hit: what is declined, budgets, how many at once (SPEC.md R12)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.crypto.digest import sha256
from jangteo.node.mail_declined import MailDeclined
from jangteo.node.mail_stream import MailStream
from jangteo.node.simulation import START_MS, Neighbourhood, SimulatedNode
from jangteo.node.transport import StreamBroken, StreamEnded
from jangteo.protocol import limits, mail_frame
from jangteo.protocol.letter import Letter
from jangteo.protocol.mail_frame import Bye, Get, Hello, Letters, Put, Recon, Stored
from jangteo.store.mail_book import MailAdmission, letter_key
from jangteo.store.store import Store
from tests.letter_maker import SMALL, letters
from tests.mail_stranger import (
    DIGEST,
    carried,
    first_report,
    hello_to,
    id_list,
    met,
    of_a_later_version,
    points,
    put,
    put_to,
    sealed,
    shown_to,
    some,
)

pytestmark = pytest.mark.trio


@pytest.fixture
async def ann(tmp_path: Path) -> AsyncIterator[tuple[SimulatedNode, Neighbourhood]]:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as node:
        yield node, place


# --- what is declined is not fetched again --------------------------------------------------------


async def test_letters_out_of_their_days_are_declined_and_shown_as_held(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    bad = [sealed(1, -1), sealed(2, limits.LETTER_DAYS + 2), sealed(3, 2**31)]
    good = sealed(4)
    async with met(node, place) as stranger:
        stored = await put_to(stranger, node, [*(one.raw for one in bad), good.raw])
        assert stored.ids == (good.id,)
        assert await shown_to(stranger, node) == (4, 3)
        assert carried(node) == {good.raw}
        stream, _ = await hello_to(stranger, node)
        await stream.send(Get((bad[0].id, good.id)))  # it has forgotten: no longer shown to it
        assert (await stream.receive_a(Letters)).raws == (good.raw,)
        await stream.send(Bye(""))
        assert await shown_to(stranger, node) == (3, 2)
        assert points(node) == 0
    async with met(node, place, name="other") as other:
        assert await shown_to(other, node) == (1, 0)


async def test_a_letter_of_a_later_version_is_declined_at_no_cost(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        raws = [of_a_later_version(1), bytes((1, 9)) + sealed(2).raw[2:], sealed(3).raw]
        assert (await put_to(stranger, node, raws)).ids == (sealed(3).id,)
        assert await shown_to(stranger, node) == (3, 2)
        assert points(node) == 0


async def test_what_finds_no_room_is_fetched_once_and_again_after_an_hour(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    offered: list[int] = []
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        bob.store.mail.letters_max = 10
        bob.store.mail.drop()
        kept = bob.store.mail.put

        def count(written: Sequence[Letter], *args: object, **how: bool) -> list[MailAdmission]:
            offered.append(len(written))
            return kept(written, *args, **how)  # type: ignore[arg-type]

        bob.store.mail.put = count  # type: ignore[method-assign]
        await put(ann, some(range(50)), is_own=True)
        ann.core.mail.written()
        await trio.sleep(60)
        assert sum(offered) >= 50
        assert bob.store.mail.counts().letters == 10
        # What was let go for what came later is offered once more; then both rest.
        settled = sum(offered)
        await trio.sleep(40 * 60)
        assert sum(offered) - settled <= 50
        settled = sum(offered)
        await trio.sleep(10 * 60)
        assert sum(offered) == settled
        report = await ann.core.mail.meet("bob")
        assert report.is_even
        # Not all of them are held: it is not claimed that they are.
        held = ann.store.mail.held_counts([one.id for one in some(range(50))])
        assert sum(held.values()) < 50
        await trio.sleep(limits.MAIL_DECLINED_MS / 1000 + 60)
        assert sum(offered) > settled


async def test_more_declined_than_is_remembered_is_a_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    declined = MailDeclined()
    keys = [letter_key(sealed(n)) for n in range(limits.MAIL_DECLINED_PER_PEER_MAX + 1)]
    assert declined.note("bob", keys[:-1], START_MS)
    assert not declined.is_paused("bob", START_MS)
    assert not declined.note("bob", keys[-1:], START_MS)
    assert declined.is_paused("bob", START_MS)
    assert not declined.is_paused("cho", START_MS)
    assert len(declined.keys("bob", START_MS)) == limits.MAIL_DECLINED_PER_PEER_MAX
    over_ms = START_MS + limits.MAIL_DECLINED_MS
    assert declined.keys("bob", over_ms) == ()
    assert not declined.is_paused("bob", over_ms)


async def test_a_clock_that_is_set_back_ends_all_rests(
    autojump_clock: trio.testing.MockClock,
) -> None:
    declined = MailDeclined()
    keys = [letter_key(sealed(n)) for n in range(limits.MAIL_DECLINED_PER_PEER_MAX + 1)]
    declined.note("bob", keys, START_MS + 365 * limits.DAY_MS)
    assert not declined.is_paused("bob", START_MS)
    assert declined.keys("bob", START_MS) == ()


async def test_only_so_many_peers_overlays_are_kept(autojump_clock: trio.testing.MockClock) -> None:
    declined = MailDeclined()
    key = letter_key(sealed(1))
    for number in range(limits.MAIL_DECLINED_PEERS_MAX + 1):
        declined.note(f"peer {number}", [key], START_MS)
    assert not declined.has("peer 0", sealed(1).id)
    assert declined.has(f"peer {limits.MAIL_DECLINED_PEERS_MAX}", sealed(1).id)


async def test_nothing_is_fetched_of_a_peer_that_rests_and_letters_are_put_to_it(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        full = [letter_key(sealed(n)) for n in range(limits.MAIL_DECLINED_PER_PEER_MAX + 1)]
        ann.core.mail.shared.declined.note("bob", full, ann.now_ms())
        await put(ann, some(range(5000, 5010)), is_own=True)
        await put(bob, some(range(6000, 6100)), is_own=True)
        report = await ann.core.mail.meet("bob")
        assert (report.received, report.sent) == (0, 10)


async def test_a_flood_does_not_displace_what_others_brought(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    node.store.mail.letters_max = 200
    node.store.mail.drop()
    mine = [sealed(9000 + number, days=0) for number in range(20)]
    await put(node, mine, is_own=True)
    honest = [sealed(number, days=1) for number in range(40)]
    async with met(node, place, name="bob") as bob:
        await put_to(bob, node, [one.raw for one in honest])
    async with met(node, place, name="flooder") as flooder:
        for first in range(1000, 3000, 250):
            flood = letters(range(first, first + 250), now_ms=START_MS, days=limits.LETTER_DAYS + 1)
            assert (await put_to(flooder, node, [one.raw for one in flood])).ids
    assert {one.raw for one in [*mine, *honest]} <= carried(node)
    assert node.store.mail.counts().letters == 200


# --- budgets --------------------------------------------------------------------------------------


async def test_of_one_payer_only_so_many_letters_are_taken(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAIL_LETTERS_BURST", 70)
    monkeypatch.setattr(limits, "MAIL_LETTERS_PER_SECOND", 0.1)
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as node:
        node.core.mail.payer_of = lambda peer: "here"
        for name, first, expected in (("one", 0, 50), ("two", 100, 20), ("two again", 200, 0)):
            async with met(node, place, name=name) as stranger:
                raws = [one.raw for one in some(range(first, first + 50))]
                assert len((await put_to(stranger, node, raws)).ids) == expected
        node.core.mail.payer_of = lambda peer: peer
        async with met(node, place, name="other") as other:
            raws = [one.raw for one in some(range(300, 350))]
            assert len((await put_to(other, node, raws)).ids) == 50


async def test_a_newcomer_with_a_spent_budget_fetches_the_rest_as_it_may(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAIL_LETTERS_BURST", 300)
    monkeypatch.setattr(limits, "MAIL_LETTERS_PER_SECOND", 20)
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann:
        await put(ann, some(range(900)), is_own=True)
        async with place.node("bob", peers=["ann"]) as bob:
            await trio.sleep(15)
            assert 300 <= len(carried(bob)) <= 620
            await trio.sleep(30)
            assert len(carried(bob)) == 900


async def test_what_no_asker_may_put_the_other_side_fetches(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        mine = some(range(limits.MAIL_PUT_LETTERS_MAX + 1))
        await put(ann, mine, is_own=True)
        report = await ann.core.mail.meet("bob")
        assert (report.sent, report.left) == (0, len(mine))
        await trio.sleep(3)
        assert carried(bob) == {one.raw for one in mine}
        await ann.core.mail.meet("bob")
        assert set(ann.store.mail.held_counts([one.id for one in mine]).values()) == {1}
        await put(ann, some(range(1000, 1000 + limits.MAIL_PUT_LETTERS_MAX)), is_own=True)
        report = await ann.core.mail.meet("bob")
        assert (report.sent, report.left) == (limits.MAIL_PUT_LETTERS_MAX, 0)


async def test_a_peer_that_never_stores_is_asked_a_few_times_in_a_session_and_then_rests(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    await put(node, [sealed(1)], is_own=True)
    heard = {"sessions": 0, "hellos": 0, "puts": 0}

    async def refuse(stream: MailStream) -> None:
        heard["sessions"] += 1
        while True:
            match await stream.receive():
                case Hello():
                    heard["hellos"] += 1
                    await stream.send(Hello(mail_frame.VERSION, 0, DIGEST))
                case Recon():
                    await stream.send(Recon(id_list([])))
                case Put():
                    heard["puts"] += 1
                    await stream.send(Stored(()))
                case _:
                    return

    async with met(node, place, refuse):
        await trio.sleep(120)
    assert heard["puts"] == heard["sessions"] == heard["hellos"]
    assert heard["sessions"] <= 8
    assert node.store.mail.held_counts([sealed(1).id]) == {sealed(1).id: 0}


async def test_a_session_has_only_so_many_passes(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    """Something moves in each, and it is never even."""
    node, place = ann
    hellos: list[int] = []
    fresh = iter(range(1000))

    async def script(stream: MailStream) -> None:
        count = 0
        offered = sealed(0)
        with pytest.raises((StreamBroken, StreamEnded)):
            while True:
                match await stream.receive():
                    case Hello():
                        count += 1
                        hellos[:] = [count]
                        offered = sealed(next(fresh))
                        await stream.send(Hello(mail_frame.VERSION, 1000, DIGEST))
                    case Recon():
                        await stream.send(Recon(id_list([offered.id])))
                    case Get():
                        await stream.send(Letters((offered.raw,)))
                    case Put(raws):
                        await stream.send(Stored(tuple(sha256(raw) for raw in raws)))
                    case _:
                        return

    report = await first_report(node, place, script)
    assert not report.error
    assert hellos == [limits.MAIL_PASSES_MAX]


# --- how many at once, and how long ---------------------------------------------------------------


async def test_a_payer_has_only_so_many_sessions_at_once(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        for _ in range(limits.SYNC_SESSIONS_PER_PEER_MAX):
            await hello_to(stranger, node)
        with pytest.raises((StreamBroken, StreamEnded)):
            await hello_to(stranger, node)
        async with met(node, place, name="other") as other:
            await hello_to(other, node)


async def test_a_full_house_answers_each_peer_once_and_a_newcomer_too(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    peers_before_full = limits.SYNC_SESSIONS_IN_MAX // limits.SYNC_SESSIONS_PER_PEER_MAX
    async with AsyncExitStack() as stack:
        for number in range(peers_before_full + 3):
            stranger = await stack.enter_async_context(met(node, place, name=f"z{number}"))
            await hello_to(stranger, node)
            if number < peers_before_full:
                await hello_to(stranger, node)
            else:
                with pytest.raises((StreamBroken, StreamEnded)):
                    await hello_to(stranger, node)


async def test_sessions_of_a_payer_have_a_rate(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    answered = 0
    async with met(node, place) as stranger:
        with pytest.raises((StreamBroken, StreamEnded)):
            while True:
                stream, _ = await hello_to(stranger, node)
                await stream.send(Bye(""))
                await stream.close()
                answered += 1
    assert limits.SYNC_SESSIONS_BURST <= answered <= limits.SYNC_SESSIONS_BURST + 10


async def test_who_says_nothing_is_left(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann

    async def silent(stream: MailStream) -> None:
        await trio.sleep_forever()

    report = await first_report(node, place, silent)
    assert "says nothing" in report.error
    assert trio.current_time() < limits.SYNC_FRAME_WAIT_MS_MAX / 1000 + 5
    assert points(node) == 0


async def test_only_so_many_sessions_are_opened_at_once(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    opened: set[int] = set()

    async def silent(stream: MailStream) -> None:
        opened.add(id(stream))
        await trio.sleep_forever()

    async with AsyncExitStack() as stack:
        for number in range(limits.SYNC_SESSIONS_OUT_MAX + 4):
            await stack.enter_async_context(met(node, place, silent, f"z{number}"))
        await trio.sleep(limits.SYNC_FRAME_WAIT_MS_MAX / 1000 - 5)
        assert len(opened) == limits.SYNC_SESSIONS_OUT_MAX


async def test_a_banned_peer_is_not_answered(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        node.core.mail.may_talk = lambda peer: False
        with pytest.raises((StreamBroken, StreamEnded)):
            await hello_to(stranger, node)


async def test_who_writes_on_and_on_meets_everybody_four_times_a_second(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        begun_at: list[float] = []
        ann.core.mail.on_report = lambda report: begun_at.append(trio.current_time())
        for number in range(100):
            await put(ann, [sealed(number)], is_own=True)
            ann.core.mail.written()
            await trio.sleep(0.05)
        await trio.sleep(1.5)
        assert len(carried(bob)) == 100
        # Bob's own, for what came by none of his gets, are among them.
        assert len(begun_at) <= 50


async def test_a_damaged_letter_is_never_served_and_comes_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        mine = sealed(1)
        await put(ann, [mine], is_own=True)
        await put(bob, [mine])

        def spoil(store: Store) -> None:
            with store.write(durable=False):
                store._db.run("UPDATE letter SET raw = ?", (bytes(SMALL),))

        await ann.core.writer.call(spoil)
        async with place.node("cho", peers=["ann"]) as cho:
            await trio.sleep(30)
            assert carried(cho) == carried(ann) == {mine.raw}
            for node in (bob, cho):
                assert node.core.penalties.points("ann", node.now_ms()) == 0
