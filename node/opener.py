"""Where many records are opened, which is parsed and verified: on a worker's thread, or beside it.

In a thread each signature's check waits for the interpreter's lock before and after, among those
who write and receive: a second core is then of little use.
"""

import logging
import math
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import cycle
from typing import Final, Protocol

import trio

from ..protocol import limits
from ..protocol.envelope import UnknownVersion, Verified, open_record, vouched
from .opener_process import ANSWER_HEAD, answer_from, request
from .own_nursery import own_nursery
from .worker import Worker

log = logging.getLogger(__name__)

_COMMAND: Final = (sys.executable, "-P", "-m", "jangteo.node.opener_process")
_S: Final = limits.SECOND_MS


class Opener(Protocol):
    def __call__(self, raws: Sequence[bytes], /) -> Awaitable[list[Verified]]:
        """`raws` verified, in their order; RemoteProtocolError for the first that is wrong. Those
        of a version to come are left out."""
        ...


class WorkerOpener:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def __call__(self, raws: Sequence[bytes], /) -> list[Verified]:
        return await self._worker(partial(_opened, raws))


class ProcessOpener:
    """Many at once go to the process, which the first of them has started and idleness ends; few,
    and those that come while it is not there, to `worker`. What the process refuses is opened here
    as well, to say why."""

    def __init__(self, worker: Worker, nursery: trio.Nursery) -> None:
        self._worker = worker
        self._here = WorkerOpener(worker)
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

    async def __call__(self, raws: Sequence[bytes], /) -> list[Verified]:
        if len(raws) < limits.OPENER_BULK_MIN:
            return await self._here(raws)
        self._used_at = trio.current_time()
        self._want()
        if self._process is not None:
            async with self._turn:
                answer = await self._ask(raws)
            if answer is not None:
                return await self._worker(partial(_as_told, raws, answer))
        return await self._here(raws)

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
                    await trio.sleep(limits.OPENER_IDLE_MS / _S)
                    idle_s = trio.current_time() - self._used_at
                    if idle_s >= limits.OPENER_IDLE_MS / _S and not self._turn.locked():
                        break
                nursery.cancel_scope.cancel()
        except OSError as error:
            self._failed(repr(error))
        finally:
            self._process = None
            self._is_wanted = False

    async def _ask(self, raws: Sequence[bytes]) -> bytes | None:
        """None if the process fails: another one is not started at once."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        is_answered = False
        try:
            with trio.fail_after(limits.OPENER_WAIT_MS_MAX / _S):
                await process.stdin.send_all(request(raws))
                (size,) = ANSWER_HEAD.unpack(await _exactly(process.stdout, ANSWER_HEAD.size))
                answer = await _exactly(process.stdout, size)
            is_answered = True
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            self._failed(repr(error))
            return None
        finally:
            if not is_answered:  # failed or cancelled: what it says next is about these
                self._process = None
                process.kill()
        return answer

    def _failed(self, why: str) -> None:
        self._not_before = trio.current_time() + limits.OPENER_IDLE_MS / _S
        log.warning("the process that opens records: %s; they are opened here", why)


class OpenersInTurn:
    """Several, each of which has its turn: one frame is opened beside the next."""

    def __init__(self, openers: Sequence[ProcessOpener]) -> None:
        self.openers = openers
        self._turns = cycle(openers)

    async def __call__(self, raws: Sequence[bytes], /) -> list[Verified]:
        return await next(self._turns)(raws)


@asynccontextmanager
async def process_opener(worker: Worker) -> AsyncIterator[ProcessOpener]:
    """Ends its process, if any, at the end."""
    async with own_nursery() as nursery:
        yield ProcessOpener(worker, nursery)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def process_openers(worker: Worker) -> AsyncIterator[OpenersInTurn]:
    """OPENER_PROCESSES_MAX processes at most."""
    async with AsyncExitStack() as stack:
        yield OpenersInTurn(
            [
                await stack.enter_async_context(process_opener(worker))
                for _ in range(limits.OPENER_PROCESSES_MAX)
            ]
        )


async def _exactly(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = await stream.receive_some(size - len(data))
        if not piece:
            raise trio.BrokenResourceError("it has ended")
        data += piece
    return bytes(data)


def _opened(raws: Sequence[bytes]) -> list[Verified]:
    opened: list[Verified] = []
    for raw in raws:
        try:
            opened.append(open_record(raw))
        except UnknownVersion:
            continue
    return opened


def _as_told(raws: Sequence[bytes], answer: bytes) -> list[Verified]:
    """`_opened`, where the process has answered."""
    opened: list[Verified] = []
    for raw, told in zip(raws, answer_from(answer), strict=True):
        if told is False:
            opened += _opened((raw,))
        elif told is True:
            opened.append(vouched(raw, None))
        else:
            opened.append(vouched(raw, tuple(told)))
    return opened
