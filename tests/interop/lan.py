"""A LAN of network namespaces: hosts on bridges that nothing outside can reach. Needs root, `ip`.

The bridges stand in a namespace of their own, so nothing of the machine's network is touched, and
all of it goes when the namespaces go.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

JANGTEO = str(Path(sys.executable).parent / "jangteo")
STEP_S = 30.0


def why_not() -> str | None:
    """None where a LAN can be made here, else the reason."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if shutil.which("ip") is None:
        return "`ip` (iproute2) is not installed"
    probe = f"jt{os.getpid()}p"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        return "this kernel or container allows no network namespaces"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return None


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Lan:
    """Hosts 10.77.0.1, .2, … each in a namespace; `cut` moves some to a second bridge."""

    def __init__(self) -> None:
        self._name = f"jt{os.getpid()}"
        self._switch = f"{self._name}s"
        self._hosts: list[str] = []

    def __enter__(self) -> "Lan":
        ip("netns", "add", self._switch)
        for bridge in ("br0", "br1"):
            ip("-n", self._switch, "link", "add", bridge, "type", "bridge")
            ip("-n", self._switch, "link", "set", bridge, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in (*self._hosts, self._switch):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)

    def add_host(self, *, with_route: bool = False) -> str:
        """A new host's namespace, plugged into the first bridge.

        `with_route`: it has a route for multicast, as a LAN with a router gives; some programs
        send none without, a node must.
        """
        number = len(self._hosts) + 1
        namespace, port = f"{self._name}h{number}", f"p{number}"
        ip("netns", "add", namespace)
        self._hosts.append(namespace)
        ip("-n", self._switch, "link", "add", port, "type", "veth",
           "peer", "name", "eth0", "netns", namespace)  # fmt: skip
        ip("-n", self._switch, "link", "set", port, "master", "br0", "up")
        ip("-n", namespace, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            ip("-n", namespace, "link", "set", link, "up")
        if with_route:
            ip("-n", namespace, "route", "add", "224.0.0.0/4", "dev", "eth0")
        return namespace

    def cut(self, *namespaces: str) -> None:
        self._plug(namespaces, "br1")

    def heal(self) -> None:
        self._plug(self._hosts, "br0")

    def _plug(self, namespaces: Any, bridge: str) -> None:
        for namespace in namespaces:
            port = f"p{self._hosts.index(namespace) + 1}"
            ip("-n", self._switch, "link", "set", port, "master", bridge)


class Node:
    """`jangteo up` in a namespace (or none), its events kept with the time they came."""

    def __init__(self, home: Path, namespace: str | None = None, *flags: str) -> None:
        self.home = home
        self.namespace = namespace
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._changed = threading.Condition()
        self._stderr = (home.parent / f"{home.name}.log").open("ab")
        self.process = subprocess.Popen(
            [*self._inside(), JANGTEO, "--home", str(home), "--json", "up", *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            env=self._environment(),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _inside(self) -> list[str]:
        return ["ip", "netns", "exec", self.namespace] if self.namespace else []

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JANGTEO_")}
        return kept | {"LC_ALL": "C.UTF-8"}

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._changed:
                self.events.append((time.monotonic(), json.loads(line)))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_event(
        self, is_it: Callable[[dict[str, Any]], bool], since: int = 0, timeout_s: float = STEP_S
    ) -> tuple[float, dict[str, Any]]:
        """The first event from index `since` on that `is_it`, and when it came (monotonic s)."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            at = since
            while True:
                while at < len(self.events):
                    if is_it(self.events[at][1]):
                        return self.events[at]
                    at += 1
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise AssertionError(
                        f"{self.home.name}: no such event; last: "
                        f"{[event for _, event in self.events[-5:]]}; log: {self.log()}"
                    )
                self._changed.wait(min(left, 0.5))

    def ready(self, timeout_s: float = STEP_S) -> tuple[float, dict[str, Any]]:
        return self.wait_event(lambda event: event["event"] == "ready", timeout_s=timeout_s)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command on this node's home, in its namespace."""
        done = subprocess.run(
            [*self._inside(), JANGTEO, "--home", str(self.home), *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            env=self._environment(),
        )
        if check and done.returncode:
            raise AssertionError(f"{words}: exit {done.returncode}: {done.stderr} {self.log()}")
        return done

    def json(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("--json", *words).stdout.splitlines()]

    def wait_until(self, is_so: Callable[[], bool], what: str, timeout_s: float = STEP_S) -> float:
        """Polls a command's outcome; returns the seconds it took."""
        started = time.monotonic()
        while not is_so():
            assert time.monotonic() - started < timeout_s, f"{self.home.name}: not yet: {what}"
            # Waits on the node itself: an event, or a tenth of a second.
            with self._changed:
                self._changed.wait(0.1)
        return time.monotonic() - started

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> float:
        """SIGTERM; returns the seconds until it was gone."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.home.name} did not stop: {self.log()}") from None
        return time.monotonic() - started

    def log(self) -> str:
        path = self.home.parent / f"{self.home.name}.log"
        return path.read_text(errors="replace")[-3000:]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()
        self._stderr.close()


@contextlib.contextmanager
def nodes() -> Iterator[list[Node]]:
    """A list that closes every node put into it."""
    started: list[Node] = []
    try:
        yield started
    finally:
        for node in started:
            node.close()
