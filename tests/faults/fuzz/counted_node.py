"""`jangteo` as it is, and its tasks counted: how many live stands, in decimal, in the file that is
the first argument; the other arguments are jangteo's own."""

import os
import sys
from functools import partial
from typing import Any

import trio
import trio.abc

from jangteo.cli.main import main

DIGITS = 12


class TaskCount(trio.abc.Instrument):
    """Writes to `descriptor` at every change."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._count = 0

    def task_spawned(self, task: Any) -> None:
        self._note(1)

    def task_exited(self, task: Any) -> None:
        self._note(-1)

    def _note(self, change: int) -> None:
        self._count += change
        os.pwrite(self._descriptor, b"%*d" % (DIGITS, self._count), 0)


if __name__ == "__main__":
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)
    trio.run = partial(trio.run, instruments=[TaskCount(descriptor)])
    raise SystemExit(main(sys.argv[2:]))
