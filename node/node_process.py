"""A node as a child process: starts `up --json`, hands over its events, stops it.

Knows processes and JSON lines; nothing of what the events say.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from .home import ENVIRONMENT_HOME

STOP_SECONDS_MAX: Final = 8
_LAST_WORDS_CHARS_MAX: Final = 300
_LOG_BYTES_MAX: Final = 1_000_000

Event = dict[str, Any]


class NodeProcess:
    """Started when made. Each event of the node goes to `events` with "node" as `number`; when the
    process ends, {"event": "ended", "node", "code"} does."""

    def __init__(
        self,
        command: Sequence[str],
        home: Path,
        options: Sequence[str],
        events: "queue.SimpleQueue[Event]",
        number: int = 1,
    ) -> None:
        self._number = number
        self._events = events
        self._log = tempfile.TemporaryFile()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop(ENVIRONMENT_HOME, None)
        # The command is this program's own.
        self._process = subprocess.Popen(  # noqa: S603
            [*command, "--home", str(home), "--json", "up", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        told = self._process.stdout
        threading.Thread(target=self._read, args=(told,), daemon=True).start()

    @property
    def last_words(self) -> str:
        """The last line that it said on stderr."""
        self._log.seek(0)
        lines = self._log.read(_LOG_BYTES_MAX).decode(errors="replace").split("\n")
        told = [line.strip() for line in lines if line.strip()]
        return told[-1][:_LAST_WORDS_CHARS_MAX] if told else "it said nothing"

    def ask_to_stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Until it has ended; by force after `seconds`."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _read(self, told: IO[str]) -> None:
        """On a thread of its own."""
        with told:
            for line in told:
                with contextlib.suppress(json.JSONDecodeError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        self._events.put({**event, "node": self._number})
        code = self._process.wait()
        self._events.put({"event": "ended", "node": self._number, "code": code})


def stop_all(nodes: Iterable[NodeProcess]) -> None:
    """Asks all to stop, waits, and uses force where that takes too long. A second Ctrl-C does
    not keep it from finishing: it must leave nothing behind."""
    with undisturbed():
        nodes = list(nodes)
        for node in nodes:
            node.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for node in nodes:
            node.wait(deadline - time.monotonic())


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is through (on the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
