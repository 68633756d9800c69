"""Namespaces on a bad LAN: hosts behind the forwarder, which is a process of this run.

All of it goes with the block; what a run that was killed has left is cleared away by the next.
Knows nothing of nodes.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.interop import lan
from tests.network.bad_switch import Weather
from tests.network.forwarder import TUN

FORWARDER = Path(__file__).with_name("forwarder.py")
NAMESPACES = Path("/run/netns")
PREFIX = "jtbad"
CLONE_NEWNET = 0x40000000
STOP_S = 5.0


def why_not() -> str | None:
    """None where a bad LAN can be made here, else the reason."""
    if not TUN.exists():
        return "no /dev/net/tun here"
    return lan.why_not()


class BadLan:
    """Hosts 1 … `count`, each with eth0 at 10.78.0.N. `seconds_max`: it all ends by then."""

    def __init__(self, count: int, *, seed: int, weather: Weather, seconds_max: float) -> None:
        self._name = f"{PREFIX}{os.getpid()}"
        self.namespaces = [f"{self._name}h{number}" for number in range(1, count + 1)]
        self._switch = f"{self._name}s"
        self._command = [
            *("ip", "netns", "exec", self._switch, sys.executable, str(FORWARDER)),
            *("--seed", str(seed), "--seconds-max", str(seconds_max)),
            *("--weather", json.dumps(asdict(weather)), *self.namespaces),
        ]
        self._forwarder: subprocess.Popen[str] | None = None

    def __enter__(self) -> "BadLan":
        clear_away()
        try:
            for namespace in (self._switch, *self.namespaces):
                lan.ip("netns", "add", namespace)
                lan.ip("-n", namespace, "link", "set", "lo", "up")
            self._forwarder = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if (forwarder := self._forwarder) is not None:
            assert forwarder.stdin and forwarder.stdout
            with suppress(OSError):
                forwarder.stdin.close()
            try:
                forwarder.wait(STOP_S)
            except subprocess.TimeoutExpired:
                forwarder.kill()
                forwarder.wait()
            forwarder.stdout.close()
        for namespace in (*self.namespaces, self._switch):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)

    def part(self, groups: Iterable[Iterable[int]]) -> dict[str, Any]:
        """Hosts (from 0) of different groups do not hear each other."""
        return self._order(part=[list(group) for group in groups])

    def heal(self) -> dict[str, Any]:
        return self.part([])

    def change(self, **weather: float | int | bool | None) -> dict[str, Any]:
        return self._order(weather=weather)

    def counts(self) -> dict[str, Any]:
        """What the switch has counted, and what the forwarder took: `cpu_s` of `seconds`."""
        return self._order()

    def readdress(self, host: int, address: str) -> None:
        """Gives a host (from 0) another address, as a router that starts anew does."""
        namespace = self.namespaces[host]
        lan.ip("-n", namespace, "addr", "flush", "dev", "eth0")
        lan.ip("-n", namespace, "addr", "add", f"{address}/16", "broadcast", "+", "dev", "eth0")

    def _order(self, **order: Any) -> dict[str, Any]:
        assert self._forwarder is not None and self._forwarder.stdin is not None
        self._forwarder.stdin.write(json.dumps(order) + "\n")
        self._forwarder.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._forwarder is not None and self._forwarder.stdout is not None
        line = self._forwarder.stdout.readline()
        if not line:
            raise RuntimeError(f"the forwarder has ended: exit {self._forwarder.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def clear_away() -> None:
    """Namespaces of runs whose process is no more, and what still runs in them."""
    if not NAMESPACES.is_dir():
        return
    for path in NAMESPACES.iterdir():
        ours = re.fullmatch(rf"{PREFIX}(\d+)(s|h\d+)", path.name)
        if ours is None or Path(f"/proc/{ours[1]}").exists():
            continue
        told = subprocess.run(["ip", "netns", "pids", path.name], capture_output=True, text=True)
        for process in told.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", path.name], capture_output=True)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread's new sockets are the namespace's; those of other threads are not."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as own, (NAMESPACES / namespace).open() as other:  # noqa: PTH123
        _enter(libc, other.fileno())
        try:
            yield
        finally:
            _enter(libc, own.fileno())


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
