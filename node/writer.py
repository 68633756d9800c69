"""The one writer of a node's store: everything that touches that store passes through here.

Two bounded queues feed it: verified records, admitted many to a transaction, and jobs, which open
what transactions they need. Knows nothing of peers' manners, of gossip or of sessions.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Generic, TypeVar

import trio

from ..protocol import limits
from ..protocol.envelope import Verified
from ..protocol.verdict import Admission
from ..store.store import Store
from .worker import Worker

T = TypeVar("T")
_S = limits.SECOND_MS
Admitted = tuple[Verified, Admission]


class WriterClosed(Exception):
    """The node is stopping: nothing more is taken."""


@dataclass(slots=True)
class Outcome(Generic[T]):
    """What becomes of a job or a batch: `done` is set once it has run."""

    done: trio.Event = field(default_factory=trio.Event)
    value: T | None = None
    error: BaseException | None = None

    async def wait(self) -> T:
        await self.done.wait()
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # T may be None itself


@dataclass(slots=True)
class _Batch:
    records: Sequence[Verified]
    source: str
    bringer: str | None
    is_durable: bool
    outcome: Outcome[list[Admission]] | None


@dataclass(slots=True)
class _Job:
    run: Callable[[Store], Any]
    outcome: Outcome[Any]


class Writer:
    """`run` serves until `close`, and then finishes what is queued: nothing taken is lost.

    `on_admitted(admitted, source)` is called in the loop after each commit, with the peer that
    the records came from ("" for our own), in the order of the commits. `bringer_of(peer)` names
    the payer for whose share of the store they count (SPEC.md R10.31), None where it is unknown.
    """

    def __init__(self, store: Store, *, now_ms: Callable[[], int], worker: Worker) -> None:
        self._store = store
        self._now_ms = now_ms
        self._worker = worker
        self._batches: deque[_Batch] = deque()
        self._jobs: deque[_Job] = deque()
        self._records_queued = 0
        self._is_closed = False
        self._behind_since: float | None = None  # that some words are not in yet (trio's seconds)
        self._texts_at = inf  # when they are to be added
        self._wake = trio.Event()
        self._room = trio.Condition()
        self.on_admitted: Callable[[list[Admitted], str], None] = _nobody
        self.on_failed: Callable[[BaseException, str], None] = _no_one
        self.bringer_of: Callable[[str], str | None] = lambda peer: peer or None

    @property
    def records_queued(self) -> int:
        return self._records_queued

    async def call(self, job: Callable[[Store], T]) -> T:
        """What `job` returns or raises, run on the store's thread in its turn."""
        async with self._room:
            while len(self._jobs) >= limits.WRITER_JOBS_MAX and not self._is_closed:
                await self._room.wait()
            self._check_open()
            outcome: Outcome[T] = Outcome()
            self._jobs.append(_Job(job, outcome))
            self._wake.set()
        return await outcome.wait()

    async def admit(
        self, records: Sequence[Verified], source: str, *, is_durable: bool = False
    ) -> list[Admission]:
        """What became of each of `records` (≤ WRITER_RECORDS_MAX), after the commit.

        `is_durable` where the outcome is acknowledged to anyone.
        """
        outcome = await self.enqueue(records, source, is_durable=is_durable)
        return await outcome.wait()

    async def enqueue(
        self, records: Sequence[Verified], source: str, *, is_durable: bool = False
    ) -> Outcome[list[Admission]]:
        """As `admit`, but as soon as they are in the queue: its outcome is there to wait for."""
        outcome: Outcome[list[Admission]] = Outcome()
        if not records:
            outcome.value = []
            outcome.done.set()
            return outcome
        bringer = self.bringer_of(source)  # now: by then it may be gone
        async with self._room:
            while not self._fits(len(records)) and not self._is_closed:
                await self._room.wait()
            self._check_open()
            self._queue(_Batch(records, source, bringer, is_durable, outcome))
        return outcome

    def admit_nowait(self, records: Sequence[Verified], source: str) -> bool:
        """Queues `records`; False, and nothing is, when there is no room."""
        if self._is_closed or not self._fits(len(records)):
            return False
        self._queue(_Batch(records, source, self.bringer_of(source), False, None))
        return True

    def close(self) -> None:
        """Takes nothing more; `run` returns when the queues are empty."""
        self._is_closed = True
        self._wake.set()

    async def run(self) -> None:
        """Serves the queues. What was queued before `close` is done even under cancellation."""
        with trio.CancelScope(shield=True):
            while True:
                with trio.move_on_at(self._texts_at):
                    await self._wake.wait()
                    self._wake = trio.Event()
                while self._batches or self._jobs:
                    await self._serve_batches()
                    await self._serve_jobs()
                    await self._tell_of_room()
                    await self._serve_texts()
                await self._tell_of_room()
                await self._serve_texts()
                if self._is_closed and not self._batches and not self._jobs:
                    await self._serve_last_texts()
                    return

    async def _serve_batches(self) -> None:
        group: list[_Batch] = []
        count = 0
        while self._batches and (
            not group or count + len(self._batches[0].records) <= limits.WRITER_GROUP_RECORDS_MAX
        ):
            batch = self._batches.popleft()
            count += len(batch.records)
            group.append(batch)
        if not group:
            return
        try:
            outcomes = await self._worker(partial(self._admit_group, group))
        except Exception as error:
            # The store's errors (disk full, damage) belong to those who asked, else to the node;
            # the transaction is rolled back, and the writer goes on with what follows.
            for batch in group:
                if batch.outcome is not None:
                    batch.outcome.error = error
                    batch.outcome.done.set()
                else:
                    self.on_failed(error, batch.source)
            return
        finally:
            self._records_queued -= count
        if _is_bulk(group):
            self._put_texts_off()
        for batch, admissions in zip(group, outcomes, strict=True):
            self.on_admitted(list(zip(batch.records, admissions, strict=True)), batch.source)
            if batch.outcome is not None:
                batch.outcome.value = admissions
                batch.outcome.done.set()

    def _admit_group(self, group: list[_Batch]) -> list[list[Admission]]:
        now_ms = self._now_ms()
        is_text_later = _is_bulk(group)
        with self._store.write(durable=any(batch.is_durable for batch in group)):
            return [
                self._store.admit(batch.records, now_ms, batch.bringer, is_text_later=is_text_later)
                for batch in group
            ]

    def _put_texts_off(self) -> None:
        """Words of many records at once are added when the writer has nothing else to do, or
        TEXT_WAIT_MS_MAX later though it has."""
        now = trio.current_time()
        if self._behind_since is None:
            self._behind_since = now
        self._texts_at = min(
            now + limits.TEXT_IDLE_MS / _S, self._behind_since + limits.TEXT_WAIT_MS_MAX / _S
        )

    async def _serve_texts(self) -> None:
        if trio.current_time() < self._texts_at:
            return
        try:
            left = await self._worker(self._index_texts)
        except Exception as error:  # the store's: as in `_serve_batches`
            self.on_failed(error, "")
            self._texts_at = trio.current_time() + limits.TEXT_WAIT_MS_MAX / _S
            return
        if not left:
            self._behind_since, self._texts_at = None, inf

    async def _serve_last_texts(self) -> None:
        if self._behind_since is None:
            return
        now = self._texts_at = trio.current_time()
        while self._texts_at <= trio.current_time() <= now + limits.TEXT_LAST_MS_MAX / _S:
            await self._serve_texts()

    def _index_texts(self) -> int:
        if not self._store.fts_lag():
            return 0  # they were one's own
        with self._store.write(durable=False):
            return self._store.index_texts(limits.TEXT_RECORDS_AT_ONCE)

    async def _serve_jobs(self) -> None:
        jobs = list(self._jobs)
        self._jobs.clear()
        if jobs:
            await self._worker(partial(self._run_jobs, jobs))
        for job in jobs:
            job.outcome.done.set()

    def _run_jobs(self, jobs: list[_Job]) -> None:
        for job in jobs:
            try:
                job.outcome.value = job.run(self._store)
            except Exception as error:  # handed to the one who asked, in `Outcome.wait`
                job.outcome.error = error

    async def _tell_of_room(self) -> None:
        async with self._room:
            self._room.notify_all()

    def _fits(self, count: int) -> bool:
        # A batch of any allowed size fits an empty queue.
        return not self._records_queued or (
            self._records_queued + count <= limits.WRITER_RECORDS_MAX
        )

    def _queue(self, batch: _Batch) -> None:
        self._batches.append(batch)
        self._records_queued += len(batch.records)
        self._wake.set()

    def _check_open(self) -> None:
        if self._is_closed:
            raise WriterClosed("the node is stopping")


def _is_bulk(group: list[_Batch]) -> bool:
    return sum(len(batch.records) for batch in group) > limits.TEXT_NOW_RECORDS_MAX


def _nobody(admitted: list[Admitted], source: str) -> None:
    """Until somebody listens."""


def _no_one(error: BaseException, source: str) -> None:
    """Until somebody listens."""
