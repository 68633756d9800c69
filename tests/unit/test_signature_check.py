"""What a process beside the node says of signatures is what is said here, whatever comes of it."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from jangteo.crypto.keys import AuthorKey, Signed, are_signatures
from jangteo.node.signature_check import _COMMAND, ProcessCheck, signature_process
from jangteo.node.signature_process import request
from jangteo.node.worker import ThreadWorker
from jangteo.protocol import limits
from tests.loopback import settled

PATIENCE_S = 20.0
KEYS = [AuthorKey.from_seed(bytes([number]) * 32) for number in range(3)]


def signatures(count: int) -> tuple[list[Signed], list[bool]]:
    """Some of them another's, some of something else, some no key's at all."""
    signed: list[Signed] = []
    for number in range(count):
        key, message = KEYS[number % 3], number.to_bytes(8, "big")
        public, signature = key.public, key.sign(message)
        match number % 7:
            case 1:
                public = KEYS[(number + 1) % 3].public
            case 3:
                message = bytes(8)
            case 5:
                public = bytes(32)
        signed.append((public, signature, message))
    return signed, are_signatures(signed)


BULK, ANSWERS = signatures(limits.SIGNATURES_BULK_MIN + 10)


@asynccontextmanager
async def running() -> AsyncIterator[ProcessCheck]:
    with trio.fail_after(PATIENCE_S):
        async with signature_process(ThreadWorker()) as check:
            assert check.pid is None
            assert await check(BULK) == ANSWERS  # here: it is only being started
            await settled(lambda: check.pid is not None)
            yield check


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_is_asked_is_told_one_by_one() -> None:
    assert True in ANSWERS
    assert False in ANSWERS
    told = subprocess.run(
        _COMMAND, input=request(BULK) + request([]) + request(BULK[:3]), capture_output=True
    )
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout == bytes(ANSWERS + ANSWERS[:3])


@pytest.mark.parametrize("cut", [1, 7, 8, 60, 200])
def test_a_request_that_is_cut_off_has_no_answer(cut: int) -> None:
    told = subprocess.run(_COMMAND, input=request(BULK)[:-cut], capture_output=True)
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")


@pytest.mark.parametrize("odd", [(bytes(31), bytes(64), b"a"), (bytes(32), bytes(64), b"ab")])
def test_entries_are_of_one_length(odd: Signed) -> None:
    with pytest.raises(ValueError, match="lengths"):
        request([(bytes(32), bytes(64), b"a"), odd])


@pytest.mark.trio
async def test_many_are_checked_there_by_all_who_ask() -> None:
    async with running() as check:
        async with trio.open_nursery() as nursery:
            for begin in range(5):
                nursery.start_soon(_expect, check, BULK[begin:], ANSWERS[begin:])
        assert await check(BULK[:5]) == ANSWERS[:5]
        assert check.pid is not None


@pytest.mark.trio
async def test_it_ends_with_the_node() -> None:
    async with running() as check:
        pid = check.pid
        assert pid is not None
        assert await check(BULK) == ANSWERS
    assert not is_there(pid)


@pytest.mark.trio
async def test_it_ends_when_it_is_idle_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGNATURES_IDLE_MS", 50)
    async with running() as check:
        pid = check.pid
        assert pid is not None
        await settled(lambda: check.pid is None)
        await settled(lambda: not is_there(pid))
        assert await check(BULK) == ANSWERS
        await settled(lambda: check.pid is not None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.trio
async def test_what_it_fails_to_say_is_said_here(number: int) -> None:
    async with running() as check:
        assert check.pid is not None
        os.kill(check.pid, signal.SIGSTOP)  # it has the question, and dies of it
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, check, BULK, ANSWERS)
            await trio.testing.wait_all_tasks_blocked()
            os.kill(check.pid, number)
            os.kill(check.pid, signal.SIGCONT)
        assert check.pid is None
        assert await check(BULK) == ANSWERS


@pytest.mark.trio
async def test_one_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIGNATURES_WAIT_MS_MAX", 50)
    async with running() as check:
        pid = check.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert await check(BULK) == ANSWERS
        assert check.pid is None
    assert not is_there(pid)


@pytest.mark.trio
async def test_nobody_has_the_answer_of_one_who_has_gone() -> None:
    async with running() as check:
        pid = check.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(check, BULK[::-1]))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert check.pid is None
        assert await check(BULK) == ANSWERS


async def _expect(check: ProcessCheck, signed: Sequence[Signed], answers: list[bool]) -> None:
    assert await check(signed) == answers
