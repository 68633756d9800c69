"""Runs the command line as people do, as a process of its own in a home of its own, and keeps what
it said."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "jangteo.cli.main")
SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What one command printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        (row,) = self.rows
        return row

    @property
    def error(self) -> dict[str, Any]:
        found = json.loads(self.err.splitlines()[-1])["error"]
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever types: a home, and what the environment says besides."""

    home: Path
    environment: tuple[tuple[str, str], ...] = ()

    def types(self, *words: str, stdin: str = "", **environment: str) -> Said:
        done = subprocess.run(
            [*COMMAND, *words],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS_MAX,
            env=self.environ() | environment,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str, **environment: str) -> Said:
        return self.types(*words, "--json", **environment)

    def environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "LANG": "C.UTF-8",
            "JANGTEO_HOME": str(self.home),
            **dict(self.environment),
        }

    def sells(self, title: str, price: str = "5000 KRW", *words: str) -> dict[str, Any]:
        return self.json("sell", title, "--price", price, *words).row
