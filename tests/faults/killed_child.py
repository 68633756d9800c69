"""A process that is there to be killed: forked, so that it starts at once with all loaded, and says
what it has acknowledged line by line through a pipe.
"""

import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Tell = Callable[[Any], None]
PATIENCE_S = 60.0


class Child:
    """Runs `work(tell)` at once; what it tells is JSON, {"trouble": traceback} what ended it."""

    def __init__(self, work: Callable[[Tell], None]) -> None:
        self._read_end, write_end = os.pipe()
        self._kept = b""
        self.told: list[Any] = []
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._read_end)
            _work_and_exit(work, write_end)
        os.close(write_end)

    def wait_for(self, is_it: Callable[[Any], bool]) -> Any:
        """The next told thing that is it. AssertionError when it ended without."""
        deadline = time.monotonic() + PATIENCE_S
        at = len(self.told)
        while True:
            while at < len(self.told):
                if is_it(self.told[at]):
                    return self.told[at]
                at += 1
            if not self._read(deadline):
                raise AssertionError(f"it ended: {self.told[-2:]}")

    def watch(self, seconds: float) -> None:
        """Takes in what is told for so long, so that it never waits for its reader."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(time.monotonic() + left):
            pass

    def kill(self) -> list[Any]:
        """kill -9; all that was told whole until then."""
        os.kill(self.pid, signal.SIGKILL)
        return self.join()

    def ask_to_stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def join(self) -> list[Any]:
        """Waits for its end; all that it told."""
        while self._read(time.monotonic() + PATIENCE_S):
            pass
        os.close(self._read_end)
        os.waitpid(self.pid, 0)
        return self.told

    def _read(self, deadline: float) -> bool:
        """Takes in what is there or comes before `deadline`; False at the end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._read_end, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return time.monotonic() < deadline
        data = os.read(self._read_end, 1 << 20)
        *lines, self._kept = (self._kept + data).split(b"\n")
        self.told += [json.loads(line) for line in lines]
        return bool(data)


def _work_and_exit(work: Callable[[Tell], None], write_end: int) -> None:
    """In the child: never returns."""

    def tell(told: Any) -> None:
        line = json.dumps(told).encode() + b"\n"
        while line:
            line = line[os.write(write_end, line) :]

    code = 0
    try:
        work(tell)
    except BaseException:  # whatever it is, its parent must hear of it, and nothing else may run
        tell({"trouble": traceback.format_exc()})
        code = 1
    finally:
        os._exit(code)
