"""A person at a terminal: a command in a pseudo-terminal, what is typed and what is seen there."""

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.interop.lan import JANGTEO, STEP_S

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_ROWS_AND_COLUMNS: Final = {"LINES": "50", "COLUMNS": "120", "TERM": "xterm"}
_END_OF_INPUT: Final = b"\x04"


class Terminal:
    """`jangteo WORDS` on a home, in a namespace or none. Close it."""

    def __init__(self, home: Path, namespace: str | None, *words: str) -> None:
        self._master, slave = pty.openpty()
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JANGTEO_")}
        self.process = subprocess.Popen(
            [*inside, JANGTEO, "--home", str(home), *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=kept | _ROWS_AND_COLUMNS | {"LC_ALL": "C.UTF-8"},
        )
        os.close(slave)
        self.seen = ""
        self._at = 0

    def type(self, line: str) -> None:
        """A line, and Enter."""
        os.write(self._master, line.encode() + b"\n")

    def wait_for(self, pattern: str, timeout_s: float = STEP_S) -> str:
        """What was printed up to the next match of `pattern`, which is passed over."""
        deadline = time.monotonic() + timeout_s
        while not (match := re.search(pattern, self.seen[self._at :])):
            left = deadline - time.monotonic()
            assert left > 0, f"never seen: {pattern!r} in {self.seen[self._at :][-2000:]!r}"
            self._read(left)
        text = self.seen[self._at : self._at + match.end()]
        self._at += match.end()
        return text

    def leave(self) -> int:
        """Ctrl-D, again and again: one that comes while nobody reads is lost. The exit code."""
        deadline = time.monotonic() + STEP_S
        while self.process.poll() is None and time.monotonic() < deadline:
            os.write(self._master, _END_OF_INPUT)
            self._read(0.5)
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def _read(self, timeout_s: float) -> None:
        ready, _, _ = select.select([self._master], [], [], min(timeout_s, 0.5))
        if not ready:
            return
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # the other end is closed
            return
        self.seen += _ESCAPES.sub("", data.decode(errors="replace"))
