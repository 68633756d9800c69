"""Twenty real nodes on a LAN that loses, delays and parts, with churn: do they come together again?

    python tests/network/bad_network.py --nodes 20 --minutes 10 --seed 1

Needs root on Linux and /dev/net/tun. Says what it measured, and 1 where a promise was broken. The
seed draws the churn, the people and the fate of each frame; not when the processes run.
"""

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.node.desk_error import DeskError
from tests.network import bad_lan
from tests.network.bad_switch import Weather
from tests.network.churn import Happening, draw
from tests.network.growth import table, trends
from tests.network.member import Member
from tests.network.network import CALM_S, Failed, Network, network

STAYERS = 3  # of so many nodes one lives throughout, and is measured
SAMPLE_S = 10.0
TRADE_S = 0.3
WARM_UP = 0.2  # of the time, not looked at for growth
# At rest, after the churn and before it. Most of the memory is what a first use loads.
GROWN_MAX = {"rss_kib": 24 * 1024, "fds": 4, "tasks": 30, "threads": 3}
SPARE_S = 1200.0

Rest = dict[str, dict[str, float]]


@dataclass(slots=True)
class Tally:
    stops: int = 0
    kills: int = 0
    cuts: int = 0
    stop_s_max: float = 0.0
    cut_times: list[tuple[float, float]] = field(default_factory=list)
    heals: list[tuple[float, tuple[tuple[int, ...], ...]]] = field(default_factory=list)


class Run:
    """Plays what was drawn; people trade meanwhile."""

    def __init__(self, net: Network, happenings: Sequence[Happening], seed: int) -> None:
        self._net = net
        self._waiting = list(happenings)
        self._dice = random.Random(f"{seed}/people")  # noqa: S311
        self._groups: tuple[tuple[int, ...], ...] = ()
        self._cut_at = 0.0
        self.tally = Tally()

    def play(self, minutes: float, stayers: Sequence[Member]) -> None:
        began = time.monotonic()
        trade_at = sample_at = began
        while (now := time.monotonic()) < began + 60 * minutes:
            while self._waiting and began + self._waiting[0].at_s <= now:
                self._do(self._waiting.pop(0))
            self._look_after_starts()
            if now >= trade_at:
                trade_at = now + TRADE_S
                there = [owner for owner in self._net.owners if owner.member.is_ready]
                self._dice.choice(there).act()
            if now >= sample_at:
                sample_at = now + SAMPLE_S
                self._net.sample(stayers)
                _tell(f"{now - began:.0f} s: {self.tally.stops} stopped, {self.tally.kills} killed")
            time.sleep(0.02)

    def calm(self) -> None:
        """Everybody up, nothing cut."""
        if self._groups:
            self._do(Happening(0.0, "heal"))
        for member in self._net.members:
            if not member.is_up:
                member.start()
            self._net.wait_ready(member)

    def _do(self, one: Happening) -> None:
        if one.what in ("cut", "heal"):
            if one.what == "cut":
                self.tally.cuts += 1
                self._cut_at = time.monotonic()
                self._net.lan.part(one.groups)
            else:
                self._net.lan.heal()
                self.tally.heals.append((time.monotonic(), self._groups))
                self.tally.cut_times.append((self._cut_at, time.monotonic()))
            self._groups = one.groups
            return
        member = self._net.members[one.who]
        if one.what == "start":
            member.start()
        elif one.what == "kill":
            member.kill()
            self.tally.kills += 1
        else:
            self.tally.stop_s_max = max(self.tally.stop_s_max, member.stop())
            self.tally.stops += 1

    def _look_after_starts(self) -> None:
        for member in self._net.members:
            if member.is_up and member.node.process.poll() is not None:
                raise Failed(f"{member.name} ended by itself: {member.node.log()}")


def reconnections(net: Network, tally: Tally) -> list[float]:
    """After each heal: seconds until each pair that was apart was connected (again), both of them
    up from before the cut's end to then. Those whose connection outlived the cut are left out."""
    took = []
    for healed_at, groups in tally.heals:
        for one, other in _pairs(net.members, groups):
            if not (one.is_found and other.is_found):
                continue
            lives = [
                next(
                    (each for each in who.lives if each.started_at < healed_at < each.ended_at),
                    None,
                )
                for who in (one, other)
            ]
            if None in lives or any(each is None or each.ready_at is None for each in lives):
                continue
            first, second = lives
            assert first and second
            both_end = min(first.ended_at, second.ended_at)
            visits = first.visits(other.peer)
            if any(begins <= healed_at < ends for begins, ends in visits):
                continue
            later = [begins for begins, _ in visits if healed_at < begins < both_end]
            if later:
                took.append(later[0] - healed_at)
            elif both_end == float("inf"):
                took.append(float("inf"))
    return took


def returns(net: Network, tally: Tally) -> list[float]:
    """Of each start after the first that met no cut: seconds from ready to the first neighbour."""
    took = []
    for member in net.members:
        for life in member.lives[1:]:
            if (ready_at := life.ready_at) is None:
                continue
            if any(ready_at < healed and cut < ready_at + 60 for cut, healed in tally.cut_times):
                continue
            ups = [
                at
                for at, event in life.node.events
                if event["event"] == "peer" and event["state"] == "up"
            ]
            if ups:
                took.append(max(0.0, ups[0] - ready_at))
            elif life.ended_at - ready_at > 60:
                took.append(float("inf"))
    return took


def _pairs(
    members: Sequence[Member], groups: tuple[tuple[int, ...], ...]
) -> Iterator[tuple[Member, Member]]:
    for number, group in enumerate(groups):
        for other in groups[number + 1 :]:
            for one in group:
                for two in other:
                    yield members[one], members[two]


def grown(before: Rest, after: Rest) -> list[str]:
    """What is more than GROWN_MAX above what it was, both at rest."""
    return [
        f"{name}: {what} {before[name][what]:.0f} → {figures[what]:.0f}"
        for name, figures in after.items()
        for what, bound in GROWN_MAX.items()
        if figures[what] - before[name][what] > bound
    ]


def _rest_table(before: Rest, after: Rest) -> str:
    lines = ["at rest, before the churn → after it:"]
    for name, figures in after.items():
        was = before[name]
        cells = [f"RSS {was['rss_kib'] / 1024:.1f} → {figures['rss_kib'] / 1024:.1f} MiB"]
        cells += [
            f"{what} {was[what]:.0f} → {figures[what]:.0f}"
            for what in ("fds", "tasks", "threads", "peers", "records")
        ]
        lines.append(f"{name}  " + ", ".join(cells))
    return "\n".join(lines)


def spread(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {"count": 0}
    return {
        "count": len(seconds),
        "median": round(statistics.median(seconds), 2),
        "p90": round(sorted(seconds)[int(0.9 * len(seconds))], 2),
        "max": round(max(seconds), 2),
    }


def run(folder: Path, *, nodes: int, minutes: float, seed: int, weather: Weather) -> dict[str, Any]:
    """One whole run; what it measured. Raises Failed."""
    leavers = [number for number in range(nodes) if number % STAYERS]
    happenings = draw(random.Random(f"{seed}/churn"), nodes, leavers, 60 * minutes)  # noqa: S311
    seconds_max = 60 * minutes + SPARE_S
    with network(folder, nodes, seed=seed, weather=weather, seconds_max=seconds_max) as net:
        stayers = [net.members[number] for number in range(nodes) if number not in leavers]
        started_s = net.start_all()
        _tell(f"all {nodes} ready after {started_s:.1f} s")
        meshed_s = net.until(net.is_meshed, "all connected", CALM_S)
        before = net.at_rest(stayers)
        net.began_at = time.monotonic()
        play = Run(net, happenings, seed)
        play.play(minutes, stayers)
        _tell("calm: no more churn and trade; still delayed and lossy")
        play.calm()
        even_s = net.until_even()
        _tell(f"even after {even_s:.1f} s")
        remeshed_s = net.until(net.is_meshed, "all connected", CALM_S)
        kept = net.check_words()
        verified = net.verify(stayers[:3])
        after = net.at_rest(stayers)
        counts = net.lan.counts()
        told: dict[str, Any] = {
            "nodes": nodes,
            "minutes": minutes,
            "seed": seed,
            "ready_s": round(started_s, 1),
            "meshed_s": round(meshed_s, 1),
            "even_s": round(even_s, 1),
            "meshed_again_s": round(remeshed_s, 1),
            "stops": play.tally.stops,
            "kills": play.tally.kills,
            "cuts": play.tally.cuts,
            "stop_s_max": round(play.tally.stop_s_max, 2),
            "reconnected_s": spread(reconnections(net, play.tally)),
            "first_neighbour_s": spread(returns(net, play.tally)),
            "peers_at_the_end": [len(each.ask("peers")["peers"]) for each in net.members],
            "words": sum(owner.words for owner in net.owners),
            "unanswered": sum(owner.unanswered for owner in net.owners),
            "kept_everywhere": kept,
            "verified_records": verified,
            "switch": counts,
            "frames_per_s": round(counts["given"] / counts["seconds"], 1),
            "switch_cpu": round(counts["cpu_s"] / counts["seconds"], 3),
            "at_rest_before": before,
            "at_rest_after": after,
        }
        warm_s = WARM_UP * 60 * minutes
        told["growth"] = {
            member.name: {
                what: each.to_json()
                for what, each in trends(net.samples[member.name], warm_s).items()
            }
            for member in stayers
        }
        print(table(net.samples, warm_s))
        print(_rest_table(before, after))
        if more := grown(before, after):
            raise Failed(f"grown: {more}; {json.dumps(told)}")
        return told


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def weather_of(told: argparse.Namespace) -> Weather:
    delay_s = told.delay_ms / 1000
    jitter_s = min(told.jitter_ms / 1000, delay_s)
    rate = told.rate_kib * 1024 if told.rate_kib else None
    return Weather(delay_s=delay_s, jitter_s=jitter_s, loss=told.loss, rate=rate)


def add_weather(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delay-ms", type=float, default=50.0, help="each way")
    parser.add_argument("--jitter-ms", type=float, default=10.0)
    parser.add_argument("--loss", type=float, default=0.05, help="of frames, each way")
    parser.add_argument("--rate-kib", type=float, default=512.0, help="a second, each way; 0: none")


def on_end(*_: object) -> None:
    """So that what was made goes when somebody ends the run."""
    raise SystemExit(143)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    add_weather(parser)
    told = parser.parse_args()
    if (reason := bad_lan.why_not()) is not None:
        print(reason)
        return 2
    signal.signal(signal.SIGTERM, on_end)
    with tempfile.TemporaryDirectory(prefix="jangteo-network-") as folder:
        try:
            measured = run(
                Path(folder),
                nodes=told.nodes,
                minutes=told.minutes,
                seed=told.seed,
                weather=weather_of(told),
            )
        except (Failed, AssertionError, DeskError) as error:
            print(f"FAILED: {error}")
            return 1
    print(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
