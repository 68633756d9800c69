"""Where signatures of many records are checked: on a worker's thread, or in a process.

In a thread each check waits for the interpreter's lock before and after, among those who parse and
write: a second core is then of little use.
"""

import logging
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Protocol

import trio

from ..crypto.keys import Signed, are_signatures
from ..protocol import limits
from .own_nursery import own_nursery
from .signature_process import request
from .worker import Worker

log = logging.getLogger(__name__)

_COMMAND: Final = (sys.executable, "-P", "-m", "jangteo.node.signature_process")
_S: Final = limits.SECOND_MS


class SignatureCheck(Protocol):
    """What `is_signature` says of each."""

    def __call__(self, signed: Sequence[Signed], /) -> Awaitable[list[bool]]: ...


class WorkerCheck:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def __call__(self, signed: Sequence[Signed], /) -> list[bool]:
        return await self._worker(partial(are_signatures, signed))


class ProcessCheck:
    """Many at once go to the process, which the first of them has started and idleness ends; few,
    and those that come while it is not there, to `worker`."""

    def __init__(self, worker: Worker, nursery: trio.Nursery) -> None:
        self._here = WorkerCheck(worker)
        self._nursery = nursery
        self._process: trio.Process | None = None
        self._is_wanted = False
        self._used_at = -math.inf
        self._not_before = -math.inf  # that another one is started (trio's seconds)
        self._turn = trio.Lock()

    @property
    def pid(self) -> int | None:
        """The process's, None where there is none."""
        return None if self._process is None else self._process.pid

    async def __call__(self, signed: Sequence[Signed], /) -> list[bool]:
        if len(signed) < limits.SIGNATURES_BULK_MIN:
            return await self._here(signed)
        self._used_at = trio.current_time()
        self._want()
        if self._process is not None:
            async with self._turn:
                answers = await self._ask(signed)
            if answers is not None:
                return answers
        return await self._here(signed)

    def _want(self) -> None:
        if not self._is_wanted and self._used_at >= self._not_before:
            self._is_wanted = True
            self._nursery.start_soon(self._keep)

    async def _keep(self) -> None:
        """The process from its start until it has been idle, or has failed."""
        try:
            async with own_nursery() as nursery:
                process = await nursery.start(
                    partial(
                        trio.run_process,
                        _COMMAND,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        check=False,
                        process_group=0,  # Ctrl-C is for the node, which ends it
                    )
                )
                self._process = process
                while process is self._process:
                    await trio.sleep(limits.SIGNATURES_IDLE_MS / _S)
                    idle_s = trio.current_time() - self._used_at
                    if idle_s >= limits.SIGNATURES_IDLE_MS / _S and not self._turn.locked():
                        break
                nursery.cancel_scope.cancel()
        except OSError as error:
            self._failed(repr(error))
        finally:
            self._process = None
            self._is_wanted = False

    async def _ask(self, signed: Sequence[Signed]) -> list[bool] | None:
        """None if the process fails: another one is not started at once."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        answers = bytearray()
        try:
            with trio.fail_after(limits.SIGNATURES_WAIT_MS_MAX / _S):
                await process.stdin.send_all(request(signed))
                while len(answers) < len(signed):
                    piece = await process.stdout.receive_some(len(signed) - len(answers))
                    if not piece:
                        raise trio.BrokenResourceError("it has ended")
                    answers += piece
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            self._failed(repr(error))
            return None
        finally:
            if len(answers) < len(signed):  # failed or cancelled: what it says next is about these
                self._process = None
                process.kill()
        return [bool(each) for each in answers]

    def _failed(self, why: str) -> None:
        self._not_before = trio.current_time() + limits.SIGNATURES_IDLE_MS / _S
        log.warning("the process that checks signatures: %s; they are checked here", why)


@asynccontextmanager
async def signature_process(worker: Worker) -> AsyncIterator[ProcessCheck]:
    """Ends its process, if any, at the end."""
    async with own_nursery() as nursery:
        yield ProcessCheck(worker, nursery)
        nursery.cancel_scope.cancel()
