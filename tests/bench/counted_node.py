"""A real `jangteo up` in a process of its own whose connections and sessions are counted.

As a program (`python counted_node.py FD WORDS …`) it is the command line with counters laid under
it: each line on stdin is answered with what was used so far, as JSON on the descriptor FD. As a
module it starts such processes. Knows the ports of the node's parts, not how they work.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final

PATIENCE_S: Final = 600.0
PROBE: Final = "JANGTEO_BENCH_PROBE"
PROBE_S: Final = 0.005
ROOT: Final = Path(__file__).resolve().parents[2]
Json = dict[str, Any]


class CountedNode:
    """One node process. Times are of the system's monotonic clock, which processes share."""

    def __init__(self, home: Path, *words: str, with_probe: bool = False) -> None:
        self.home = home
        began_s = time.monotonic()
        ours, theirs = os.pipe()
        with home.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, __file__, str(theirs), "--home", str(home), "up", "--json",
                    "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", *words,
                ],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                pass_fds=(theirs,), cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | ({PROBE: "1"} if with_probe else {}),
            )  # fmt: skip
        os.close(theirs)
        self._told = os.fdopen(ours, encoding="utf-8")
        self._events: Queue[Json] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        ready = self.wait_for(lambda event: event["event"] == "ready")
        self.address: str = ready["addresses"][0]
        self.peer: str = ready["peer"]
        self.ready_s = time.monotonic() - began_s

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put({"event": "gone"})

    def wait_for(self, is_it: Callable[[Json], bool]) -> Json:
        """The next event that is it; RuntimeError when the node has ended."""
        while True:
            try:
                event = self._events.get(timeout=PATIENCE_S)
            except Empty:
                raise RuntimeError(f"no such event; see {self.home}.log") from None
            if event["event"] == "gone":
                raise RuntimeError(self.home.with_suffix(".log").read_text()[-2000:])
            if is_it(event):
                return event

    def usage(self) -> Json:
        """cpu_s, peak_mib, rest_mib, in_bytes, out_bytes, dialled_s, dialled_cpu_s, sessions; and,
        for a node with a probe, lags_ms since the last time."""
        assert self.process.stdin is not None
        self.process.stdin.write("usage\n")
        self.process.stdin.flush()
        found: Json = json.loads(self._told.readline())
        return found

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._reader.join(5)
        self._told.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def node(home: Path, *words: str, with_probe: bool = False) -> Iterator[CountedNode]:
    running = CountedNode(home, *words, with_probe=with_probe)
    try:
        yield running
    finally:
        running.stop()


# ---- within the process ----------------------------------------------------------------------


class Counters:
    """What is counted, and the wrappers that do it."""

    def __init__(self) -> None:
        self.in_bytes = self.out_bytes = 0
        self.dialled_s: float | None = None
        self.dialled_cpu_s = 0.0
        self.sessions: list[Json] = []
        self.lags_ms: list[float] = []

    def lay(self) -> None:
        """Puts the wrappers around the parts' public methods."""
        self._lay_on_sockets()  # before trio is imported, which keeps the methods it finds
        from jangteo.node import libp2p_transport, sync_session, sync_stream

        counters = self
        dial = libp2p_transport.Libp2pTransport.dial

        async def noted_dial(transport: Any, address: str) -> str:
            if counters.dialled_s is None:
                counters.dialled_s, counters.dialled_cpu_s = time.monotonic(), time.process_time()
            return await dial(transport, address)

        libp2p_transport.Libp2pTransport.dial = noted_dial  # type: ignore[method-assign]
        if PROBE in os.environ:
            self._lay_probe(libp2p_transport.Libp2pTransport)
        self._lay_on_sessions(sync_session.SyncSession, sync_stream.SyncStream)

    def _lay_on_sockets(self) -> None:
        """Every byte that goes through a TCP socket of this process, as the kernel takes and gives
        it: sealed, handshakes too, whichever layer of the node asked."""
        plain = socket.socket
        assert "trio" not in sys.modules
        family_of = socket.SocketType.family.__get__  # type: ignore[attr-defined]
        send, recv, recv_into = plain.send, plain.recv, plain.recv_into
        local = getattr(socket, "AF_UNIX", None)  # by which trio wakes itself
        counters = self

        def counted_send(sock: socket.socket, *words: Any) -> int:
            sent = send(sock, *words)
            if family_of(sock) != local:
                counters.out_bytes += sent
            return sent

        def counted_recv(sock: socket.socket, *words: Any) -> bytes:
            data = recv(sock, *words)
            if family_of(sock) != local:
                counters.in_bytes += len(data)
            return data

        def counted_recv_into(sock: socket.socket, *words: Any) -> int:
            count = recv_into(sock, *words)
            if family_of(sock) != local:
                counters.in_bytes += count
            return count

        methods = {"send": counted_send, "recv": counted_recv, "recv_into": counted_recv_into}
        for name, method in methods.items():
            method.__name__ = name
            setattr(plain, name, method)

    def _lay_probe(self, transport_type: Any) -> None:
        """How late the loop comes back to a task that sleeps for PROBE_S."""
        import trio

        async def probe() -> None:
            while True:
                due = trio.current_time() + PROBE_S
                await trio.sleep_until(due)
                self.lags_ms.append(1000 * (trio.current_time() - due))

        run = transport_type.run

        async def probed_run(transport: Any, *words: Any, **told: Any) -> None:
            trio.lowlevel.spawn_system_task(probe)
            await run(transport, *words, **told)

        transport_type.run = probed_run

    def _lay_on_sessions(self, session_type: Any, stream_type: Any) -> None:
        """Round trips: how often a session waits for an answer to what it has just sent."""
        run, send, receive = session_type.run, stream_type.send, stream_type.receive
        counters = self

        async def counted_send(stream: Any, frame: Any) -> None:
            stream_of[id(stream)] = stream_of.get(id(stream), (0, False))[0], True
            await send(stream, frame)

        async def counted_receive(stream: Any) -> Any:
            trips, has_asked = stream_of.get(id(stream), (0, False))
            stream_of[id(stream)] = trips + has_asked, False
            return await receive(stream)

        async def counted_run(session: Any) -> Any:
            stream = session.stream
            stream_of.pop(id(stream), None)
            began, cpu_s = time.monotonic(), time.process_time()
            before = counters.in_bytes, counters.out_bytes
            try:
                return await run(session)
            finally:
                counters.sessions.append({
                    "began_s": began, "took_s": time.monotonic() - began,
                    "cpu_s": time.process_time() - cpu_s,
                    "trips": stream_of.get(id(stream), (0, False))[0],
                    "sync_in": stream.received_bytes, "sync_out": stream.sent_bytes,
                    "tcp_in": counters.in_bytes - before[0],
                    "tcp_out": counters.out_bytes - before[1],
                    "received": session.report.received, "sent": session.report.sent,
                    "even": session.report.is_even,
                    "error": session.report.error,
                })  # fmt: skip

        stream_of: dict[int, tuple[int, bool]] = {}
        session_type.run = counted_run
        stream_type.send = counted_send
        stream_type.receive = counted_receive

    def usage(self) -> Json:
        lags_ms, self.lags_ms = self.lags_ms, []
        return {
            "lags_ms": lags_ms,
            "cpu_s": time.process_time(),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "rest_mib": resident_mib(),
            "in_bytes": self.in_bytes,
            "out_bytes": self.out_bytes,
            "dialled_s": self.dialled_s,
            "dialled_cpu_s": self.dialled_cpu_s,
            "sessions": list(self.sessions),
        }


def resident_mib(pid: int | str = "self") -> float | None:
    """Memory in use now; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    return int(status.read_text().split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    counters = Counters()
    counters.lay()
    answers = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")

    def answer() -> None:
        for _ in sys.stdin:
            print(json.dumps(counters.usage()), file=answers, flush=True)

    threading.Thread(target=answer, daemon=True).start()
    from jangteo.cli.main import main as jangteo

    sys.argv = ["jangteo", *sys.argv[2:]]
    jangteo()


if __name__ == "__main__":
    main()
