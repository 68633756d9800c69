"""Gossip: 20 nodes in 2 processes over libp2p on loopback, all connected, 1 KB messages.
Where there are more, each is connected with 20 of them: a node takes no more than 32.

`cpu_ms` is the processor's time of both processes for each message delivered to each node: what a
real machine feels. `jangteo transport` is the adapter alone, beside which js-libp2p's gossipsub
and py-libp2p's own do the same in the same run; `jangteo node` are whole nodes, which verify, keep
and reconcile what they get. A late message counts as lost after `--drain` seconds.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import combinations
from typing import Any, Final

from tests.bench.peers.contest import JS_LIBP2P, Command, Contender, Driver, scripts
from tests.bench.report import Report, parser, percentile

PROCESSES: Final = 2
NEIGHBOURS: Final = 10
"""To each side, in a ring of all."""
SETTLE_S: Final = 4.0
"""Heartbeats until everyone has a mesh."""
IDLE_S: Final = 2.0
KINDS: Final = ("transport", "node", "js", "stock")
RATES: Final = {"transport": (5, 20, 50, 94, 120), "node": (5, 20, 50), "js": (5, 20, 50, 94, 120),
                "stock": (5, 10)}  # fmt: skip


def contender(kind: str) -> Contender | Command:
    return JS_LIBP2P if kind == "js" else Command(f"gossip_swarm.py {kind}")


class Swarms:
    """The processes of one kind, their nodes connected."""

    def __init__(self, stack: ExitStack, kind: str, nodes: int) -> None:
        whose = contender(kind)
        self._drivers = [Driver(whose) for _ in range(PROCESSES)]
        for driver in self._drivers:
            stack.callback(driver.stop)
        addresses = []
        for at, driver in enumerate(self._drivers):
            share = nodes // PROCESSES + (at < nodes % PROCESSES)
            started = driver.do("start", nodes=share)["addresses"]
            addresses += [(at, number, address) for number, address in enumerate(started)]
        self._nodes = [(at, number) for at, number, _ in addresses]
        ring = sorted(addresses, key=lambda each: (each[1], each[0]))  # neighbours are elsewhere
        linked = [
            (one, other)
            for (here, one), (there, other) in combinations(enumerate(ring), 2)
            if min(there - here, nodes - (there - here)) <= NEIGHBOURS
        ]
        for at, driver in enumerate(self._drivers):
            pairs = [(one[1], other[2]) for one, other in linked if one[0] == at]
            driver.do("dial", pairs=pairs)
        self._run = 0
        time.sleep(SETTLE_S)  # each contender's mesh settles in its own time, and none tells when

    def idle(self) -> float:
        """Percent of a core that a node takes when nothing is said."""
        before = self._cpu_s()
        time.sleep(IDLE_S)  # the time that is measured
        return 100 * (self._cpu_s() - before) / IDLE_S / len(self._nodes)

    def _cpu_s(self) -> float:
        return self._usage()[0]

    def _usage(self) -> tuple[float, int]:
        """Seconds of the processor, and messages received, duplicates too, if they are counted."""
        used = [driver.do("usage") for driver in self._drivers]
        return sum(each["cpu_s"] for each in used), sum(each.get("receptions", 0) for each in used)

    def gossip(
        self, rate: float, seconds: float, size_bytes: int, drain_s: float
    ) -> dict[str, Any]:
        """`rate` messages a second in all, from all nodes in turn."""
        self._run += 1
        count = max(1, int(rate * seconds))
        plans: list[list[tuple[float, int]]] = [[] for _ in self._drivers]
        for message in range(count):
            at, number = self._nodes[message % len(self._nodes)]
            plans[at].append((message / rate, number))
        before_s, received = self._usage()
        start_s = time.monotonic() + 0.3
        for driver, plan in zip(self._drivers, plans, strict=True):
            driver.tell("publish", run=self._run, start_s=start_s, plan=plan, size_bytes=size_bytes)
        for driver in self._drivers:
            driver.answer()
        published_s = time.monotonic() - start_s
        time.sleep(drain_s)  # what comes later counts as not delivered
        found = [driver.do("collect", run=self._run) for driver in self._drivers]
        taken = [took for each in found for took in each["taken_ms"]]
        cpu_s = sum(each["cpu_s"] for each in found) - before_s
        received = sum(each.get("receptions", 0) for each in found) - received
        due = count * (len(self._nodes) - 1)
        return {
            "delivered_percent": 100 * len(taken) / due,
            "p50_ms": percentile(taken, 0.5) if taken else None,
            "p99_ms": percentile(taken, 0.99) if taken else None,
            "cpu_ms": 1000 * cpu_s / len(taken) if taken else None,
            "receptions": received / len(taken) if taken and received else None,
            "said_per_s": count / max(published_s, seconds),
            "peak_mib": max(each["peak_mib"] for each in found),
        }


def main(words: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS)
    options.add_argument("--rate", type=float, nargs="+", help="messages a second in all")
    options.add_argument("--nodes", type=int, nargs="+", default=[20])
    options.add_argument("--seconds", type=float, default=10.0, help="of each rate")
    options.add_argument("--drain", type=float, default=2.0)
    options.add_argument("--size", type=int, default=1024, help="bytes of a message")
    told = options.parse_args(words)
    report = Report("gossip")
    scripts()
    for kind in told.kind:
        whose = contender(kind)
        if not whose.is_installed():
            report.note(f"{whose.name}: absent (./run bench --peers installs it)")
            continue
        label = f"jangteo {kind}" if kind in ("transport", "node") else whose.label()
        for nodes in told.nodes:
            with ExitStack() as stack:
                swarms = Swarms(stack, kind, nodes)
                idle = swarms.idle()
                report.add("at rest", label, nodes=nodes, idle_percent_of_core=idle)
                for rate in told.rate or RATES[kind]:
                    row = swarms.gossip(rate, told.seconds, told.size, told.drain)
                    # Whole nodes do more than the others: no rivals of theirs.
                    rivals = "" if kind == "node" else f"{rate:g}/s"
                    report.add(
                        f"{nodes} nodes", label, rivals=rivals, nodes=nodes, rate=rate, **row
                    )
    for nodes in told.nodes:
        report.ratios(f"{nodes} nodes", "cpu_ms", "p50_ms", "p99_ms", "delivered_percent")
    report.close()


if __name__ == "__main__":
    main()
