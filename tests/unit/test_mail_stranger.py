"""What a stranger says that no honest peer does ends its session and costs it (SPEC.md R12)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.crypto.digest import sha256
from jangteo.node.mail_shared import MailReport
from jangteo.node.mail_stream import MailStream
from jangteo.node.simulation import Neighbourhood, SimulatedNode
from jangteo.node.transport import StreamBroken, StreamEnded
from jangteo.protocol import limits, mail_frame
from jangteo.protocol.mail_frame import Bye, Get, Hello, Letters, Put, Recon, Stored
from tests.mail_stranger import (
    DIGEST,
    carried,
    first_report,
    hello_to,
    id_list,
    is_hung_up_on,
    met,
    points,
    promising,
    put,
    sealed,
    some,
)

pytestmark = pytest.mark.trio


@pytest.fixture
async def ann(tmp_path: Path) -> AsyncIterator[tuple[SimulatedNode, Neighbourhood]]:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as node:
        yield node, place


# --- what breaks a rule is paid for ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        pytest.param(Letters((sealed(2).raw,)), "R12.8", id="not asked for"),
        pytest.param(Letters((sealed(1).raw,) * 2), "R12.8", id="twice"),
        pytest.param(Letters((), more=True), "R12.8", id="empty with more to come"),
        pytest.param(Letters((bytes(5),)), "R12.8", id="no letter"),
        pytest.param(Put((sealed(1).raw,)), "R12.7", id="another frame"),
    ],
)
async def test_an_answer_that_is_none_ends_the_session_and_costs(
    ann: tuple[SimulatedNode, Neighbourhood],
    autojump_clock: trio.testing.MockClock,
    answer: Letters | Put,
    rule: str,
) -> None:
    node, place = ann
    script = promising([sealed(1).id], lambda asked: answer)
    report = await first_report(node, place, script)
    assert report.error.startswith(rule)
    assert points(node) == pytest.approx(10, abs=0.1)
    assert carried(node) == set()


async def test_bytes_of_another_size_are_no_letter(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    raw = bytes((1, 1)) + bytes(100)
    report = await first_report(node, place, promising([sha256(raw)], lambda _: Letters((raw,))))
    assert report.error.startswith("R12.1")
    assert points(node) == pytest.approx(10, abs=0.1)


async def test_a_receipt_for_what_was_not_put_is_refused(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    mine = sealed(1)
    await put(node, [mine], is_own=True)

    async def script(stream: MailStream) -> None:
        await stream.receive_a(Hello)
        await stream.send(Hello(mail_frame.VERSION, 0, DIGEST))
        await stream.receive_a(Recon)
        await stream.send(Recon(id_list([])))
        await stream.receive_a(Put)
        await stream.send(Stored((mine.id, sealed(2).id)))
        await is_hung_up_on(stream)

    report = await first_report(node, place, script)
    assert report.error.startswith("R12.9")
    assert node.store.mail.held_counts([mine.id]) == {mine.id: 0}


@pytest.mark.parametrize(
    "frame", [Letters(()), Stored(()), Get((bytes(32),)), Put((sealed(1).raw,)), Recon(b"a")]
)
async def test_who_asks_begins_with_a_hello(
    ann: tuple[SimulatedNode, Neighbourhood],
    autojump_clock: trio.testing.MockClock,
    frame: mail_frame.Frame,
) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        stream = MailStream(await stranger.open_stream("ann", mail_frame.PROTOCOL))
        await stream.send(frame)
        await is_hung_up_on(stream)
        assert points(node) == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("frame", [Letters(()), Stored(())])
async def test_an_answer_from_the_side_that_asks_is_refused(
    ann: tuple[SimulatedNode, Neighbourhood],
    autojump_clock: trio.testing.MockClock,
    frame: mail_frame.Frame,
) -> None:
    node, place = ann
    async with met(node, place) as stranger:
        stream, _ = await hello_to(stranger, node)
        await stream.send(frame)
        await is_hung_up_on(stream)
        assert points(node) == pytest.approx(10, abs=0.1)


async def test_a_session_that_begins_with_a_bye_is_over(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    reports: list[MailReport] = []
    async with met(node, place) as stranger:
        node.core.mail.on_report = reports.append
        stream = MailStream(await stranger.open_stream("ann", mail_frame.PROTOCOL))
        await stream.send(Bye("no"))
        await is_hung_up_on(stream)
        await trio.sleep(1)
        assert "" in [report.error for report in reports]


async def test_who_asks_for_everything_again_and_again_is_left(
    ann: tuple[SimulatedNode, Neighbourhood], autojump_clock: trio.testing.MockClock
) -> None:
    node, place = ann
    await put(node, some(range(200)))
    ids = tuple(one.id for one in some(range(200)))
    async with met(node, place) as stranger:
        stream, _ = await hello_to(stranger, node)
        served = 0
        with pytest.raises((StreamBroken, StreamEnded)):
            while True:
                await stream.send(Get(ids))
                while True:
                    frame = await stream.receive_a(Letters)
                    served += len(frame.raws)
                    if not frame.more:
                        break
        assert served <= 2 * 200 + limits.MAIL_SERVED_LETTERS_SLACK
        assert points(node) == pytest.approx(5, abs=0.1)
