"""What processes beside the node say of records is what is said here, whatever comes of it."""

import os
import signal
import struct
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from jangteo.node.opener import _COMMAND, ProcessOpener, process_opener, process_openers
from jangteo.node.opener_process import answer_from, request
from jangteo.node.worker import ThreadWorker
from jangteo.protocol import canonical, limits
from jangteo.protocol.envelope import Verified, open_record
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.store.listing_view import words_of
from tests.loopback import settled
from tests.market_maker import Seller

PATIENCE_S = 20.0
SELLERS = [Seller.named(f"seller {number}") for number in range(3)]


def record(number: int) -> Verified:
    seller = SELLERS[number % 3]
    match number % 5:
        case 0:
            return seller.withdraws(number)
        case 1:
            return seller.publishes(100, number, {"text": "자전거 잘 받았습니다", "stars": number})
        case 2:
            return seller.is_called(f"seller {number}")
        case _:
            return seller.lists(number, f"접이식 자전거 red bike {number}")


RECORDS = [record(number) for number in range(limits.OPENER_BULK_MIN + 10)]
BULK = [each.raw for each in RECORDS]
FORGED = BULK[3][:-1] + bytes([BULK[3][-1] ^ 1])
DAMAGED = b"\x91" + BULK[3][1:]
TO_COME = canonical.encode([2, "who knows"]) + bytes(limits.SIGNATURE_BYTES)


def told(raws: Sequence[bytes]) -> list[object]:
    """The answers of one process, asked once."""
    run = subprocess.run(_COMMAND, input=request(raws), capture_output=True)
    assert (run.returncode, run.stderr) == (0, b"")
    (size,) = struct.unpack_from(">I", run.stdout)
    assert len(run.stdout) == 4 + size
    return [tuple(each) if isinstance(each, list) else each for each in answer_from(run.stdout[4:])]


@asynccontextmanager
async def running() -> AsyncIterator[ProcessOpener]:
    with trio.fail_after(PATIENCE_S):
        async with process_opener(ThreadWorker()) as opener:
            assert opener.pid is None
            assert await opener(BULK) == RECORDS  # here: it is only being started
            await settled(lambda: opener.pid is not None)
            yield opener


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_of_each_record_it_is_told_whether_it_is_one_and_its_words() -> None:
    raws = [*BULK, FORGED, DAMAGED, TO_COME, b""]
    expected = [words_of(each.header, each.listing) if each.listing else True for each in RECORDS]
    assert told(raws) == [*expected, False, False, False, False]
    assert True in expected
    assert any(type(each) is tuple for each in expected)
    assert told([]) == []


@pytest.mark.parametrize("cut", [1, 7, 8, 60, 700])
def test_a_request_that_is_cut_off_has_no_answer(cut: int) -> None:
    run = subprocess.run(_COMMAND, input=request(BULK)[:-cut], capture_output=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


@pytest.mark.trio
async def test_what_it_has_opened_is_as_if_opened_here() -> None:
    async with running() as opener:
        for ours, its in zip(RECORDS, await opener(BULK), strict=True):
            here = open_record(ours.raw)
            assert (its.raw, its.id, its.header) == (here.raw, here.id, here.header)
            assert (its.body, its.listing) == (here.body, here.listing)
            words = here.listing and words_of(here.header, here.listing)
            assert (here.words, its.words) == (None, words)


@pytest.mark.parametrize(
    ("wrong", "rule"), [(FORGED, "R2.5"), (DAMAGED, "R1.2"), (BULK[0][:64], "R2.1")]
)
@pytest.mark.trio
async def test_why_it_refuses_is_said_as_here(wrong: bytes, rule: str) -> None:
    async with running() as opener:
        for raws in ([*BULK, wrong, b""], [wrong]):
            with pytest.raises(RemoteProtocolError) as caught:
                await opener(raws)
            assert caught.value.rule == rule
        assert opener.pid is not None
        assert await opener(BULK) == RECORDS


@pytest.mark.trio
async def test_records_of_a_version_to_come_are_left_out() -> None:
    async with running() as opener:
        assert await opener([TO_COME, *BULK, TO_COME]) == RECORDS
        assert await opener([TO_COME, BULK[0]]) == RECORDS[:1]


@pytest.mark.trio
async def test_many_are_opened_there_by_all_who_ask() -> None:
    async with running() as opener:
        async with trio.open_nursery() as nursery:
            for begin in range(5):
                nursery.start_soon(_expect, opener, BULK[begin:], RECORDS[begin:])
        assert await opener(BULK[:5]) == RECORDS[:5]
        assert opener.pid is not None


@pytest.mark.trio
async def test_those_in_turn_are_started_by_as_many_questions_and_are_no_more() -> None:
    with trio.fail_after(PATIENCE_S):
        async with process_openers(ThreadWorker()) as opener:
            first, *others = opener.openers
            assert 1 + len(others) == limits.OPENER_PROCESSES_MAX
            assert await opener(BULK) == RECORDS
            await settled(lambda: first.pid is not None)
            assert [each.pid for each in others] == [None] * len(others)
            for _ in range(4 * limits.OPENER_PROCESSES_MAX):
                assert await opener(BULK) == RECORDS
            await settled(lambda: all(each.pid is not None for each in opener.openers))
            pids = {each.pid for each in opener.openers}
            assert len(pids) == limits.OPENER_PROCESSES_MAX
        assert not any(is_there(pid) for pid in pids if pid is not None)


@pytest.mark.trio
async def test_it_ends_with_the_node() -> None:
    async with running() as opener:
        pid = opener.pid
        assert pid is not None
        assert await opener(BULK) == RECORDS
    assert not is_there(pid)


@pytest.mark.trio
async def test_it_ends_when_it_is_idle_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OPENER_IDLE_MS", 500)  # slow machines start one in 100
    async with running() as opener:
        pid = opener.pid
        assert pid is not None
        await settled(lambda: opener.pid is None)
        await settled(lambda: not is_there(pid))
        assert await opener(BULK) == RECORDS
        await settled(lambda: opener.pid is not None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.trio
async def test_what_it_fails_to_say_is_said_here(number: int) -> None:
    async with running() as opener:
        assert opener.pid is not None
        os.kill(opener.pid, signal.SIGSTOP)  # it has the question, and dies of it
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, opener, BULK, RECORDS)
            await trio.testing.wait_all_tasks_blocked()
            os.kill(opener.pid, number)
            os.kill(opener.pid, signal.SIGCONT)
        assert opener.pid is None
        assert await opener(BULK) == RECORDS


@pytest.mark.trio
async def test_one_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OPENER_WAIT_MS_MAX", 50)
    async with running() as opener:
        pid = opener.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert await opener(BULK) == RECORDS
        assert opener.pid is None
    assert not is_there(pid)


@pytest.mark.trio
async def test_nobody_has_the_answer_of_one_who_has_gone() -> None:
    async with running() as opener:
        pid = opener.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(opener, BULK[::-1]))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert opener.pid is None
        assert await opener(BULK) == RECORDS


async def _expect(opener: ProcessOpener, raws: Sequence[bytes], records: list[Verified]) -> None:
    assert await opener(raws) == records
