"""Where work that would hold up the loop is done: on a thread in a node, at once in a simulation.

Knows nothing of what the work is.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import trio

T = TypeVar("T")


class Worker(Protocol):
    """Runs a job to its end, even if the caller is cancelled meanwhile; raises what it raises."""

    def __call__(self, job: Callable[[], T], /) -> Awaitable[T]: ...


class ThreadWorker:
    """One thread's worth: jobs run one after the other, each off the loop."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(1)

    async def __call__(self, job: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(job, limiter=self._limiter)


class InlineWorker:
    """In the loop itself, so that a simulated clock never runs ahead of the work."""

    async def __call__(self, job: Callable[[], T], /) -> T:
        await trio.lowlevel.checkpoint()
        return job()
