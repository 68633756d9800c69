"""Six nodes on a bad LAN under steady use, for an hour or more: does anything grow?

    python tests/network/soak.py --minutes 60 --samples soak.jsonl

The same listings are there from beginning to end, and each has all the history that is kept of it
before anything is measured: what grows then is no record. People edit and search; a guest comes
and goes each minute, and at times a node is cut off. It ends by itself, and each sample is in the
file at once.
"""

import argparse
import json
import math
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.node.desk_error import DeskError
from jangteo.protocol.limits import HISTORY_REVISIONS_MAX
from tests.network import bad_lan
from tests.network.bad_network import add_weather, on_end, weather_of
from tests.network.bad_switch import Weather
from tests.network.growth import SHOWN, Samples, read, table, trends
from tests.network.member import Figures, Member
from tests.network.network import Failed, Network, network, processor_s

SAMPLE_S = 30.0
GUEST_EVERY_S = 60.0
GUEST_STAYS_S = 35.0
CUT_EVERY_S = 300.0
CUT_S = 40.0  # longer than TCP holds on
WARM_UP = 1 / 6  # of the time: caches fill
FILL_S_MAX = 1800.0
SPARE_S = 1800.0
# In 24 h, at the most that the measurements allow.
DAY_MAX = {"heap_kib": 256 * 1024, "store_bytes": 64 * 1024**2}
# From the first quarter to the last.
GROWN_MAX = {"fds": 4, "tasks": 30, "threads": 2}


class Use:
    """What people do: `rate` edits and as many searches a second, over all."""

    def __init__(self, net: Network, residents: Sequence[Member], guest: Member, seed: int) -> None:
        self._net = net
        self._residents = residents
        self._guest = guest
        self._dice = random.Random(f"{seed}/use")  # noqa: S311
        self._owners = net.owners[: len(residents)]
        self.edits = 0
        self.searches = 0
        self.unanswered = 0
        self.visits = 0
        self.cuts = 0

    def fill(self, listings: int) -> None:
        """`listings` for each, with as many revisions as are kept."""
        end_at = time.monotonic() + FILL_S_MAX
        for _ in range(listings):
            for owner in self._owners:
                owner.sell()
        for number in range(HISTORY_REVISIONS_MAX + 1):
            for owner in self._owners:
                for listing_id in list(owner.acknowledged):
                    owner.edit(listing_id)
                if time.monotonic() > end_at:
                    raise Failed(f"too slow a machine: {number} revisions")
        self._net.until_even()

    def go_on(self, minutes: float, rate: float) -> None:
        now = time.monotonic()
        end_at = now + 60 * minutes
        due = {"use": now, "sample": now, "guest": now + 10, "cut": now + CUT_EVERY_S / 2}
        guest_leaves_at = heals_at = math.inf
        while (now := time.monotonic()) < end_at:
            if now >= due["use"]:
                due["use"] = max(due["use"] + 1 / rate, now - 1)
                self._act()
            if now >= due["sample"]:
                due["sample"] += SAMPLE_S
                self._net.sample(self._residents)
            if now >= due["guest"]:
                due["guest"] += GUEST_EVERY_S
                self._guest.start()
                self.visits += 1
                guest_leaves_at = now + GUEST_STAYS_S
            if now >= guest_leaves_at:
                guest_leaves_at = math.inf
                # One guest in two goes without a word.
                if self.visits % 2:
                    self._guest.stop()
                else:
                    self._guest.kill()
            if now >= due["cut"]:
                due["cut"] += CUT_EVERY_S
                self.cuts += 1
                alone = self._dice.choice(self._residents).number
                self._net.lan.part([[alone]])
                heals_at = now + CUT_S
            if now >= heals_at:
                heals_at = math.inf
                self._net.lan.heal()
            time.sleep(0.02)
        self._net.lan.heal()
        if self._guest.is_up:
            self._guest.stop()

    def _act(self) -> None:
        owner = self._dice.choice(self._owners)
        try:
            owner.edit(self._dice.choice(sorted(owner.acknowledged)))
            self.edits += 1
            word = self._dice.choice(["자전거", "의자", "lamp", "tent", "本棚", "kettle"])
            self._dice.choice(self._residents).ask("search", text=word, limit=20)
            self.searches += 1
        except DeskError:
            self.unanswered += 1


def soak(
    folder: Path,
    *,
    nodes: int,
    minutes: float,
    seed: int,
    weather: Weather,
    listings: int,
    rate: float,
    samples_file: TextIO | None,
) -> tuple[dict[str, Any], dict[str, list[Figures]]]:
    """One whole soak: what it measured, "failed" if something else than growth is wrong; and the
    samples. Raises Failed where it cannot go on."""
    seconds_max = 60 * minutes + FILL_S_MAX + SPARE_S
    with network(folder, nodes + 1, seed=seed, weather=weather, seconds_max=seconds_max) as net:
        residents, guest = net.members[:nodes], net.members[nodes]
        net.members = residents  # the guest needs not be even
        net.samples_file = samples_file
        try:
            net.start_all()
            use = Use(net, residents, guest, seed)
            use.fill(listings)
            print(f"filled after {net.now_s:.0f} s", file=sys.stderr, flush=True)
            net.began_at = time.monotonic()
            used_s = processor_s(residents)
            use.go_on(minutes, rate)
            used_s = processor_s(residents) - used_s
            measured: dict[str, Any] = {
                "nodes": nodes,
                "minutes": minutes,
                "seed": seed,
                "listings": listings * nodes,
                "edits": use.edits,
                "searches": use.searches,
                "visits": use.visits,
                "cuts": use.cuts,
                "unanswered": use.unanswered,
                "cpu_per_node": round(used_s / nodes / (60 * minutes), 4),
                "switch": net.lan.counts(),
            }
            try:
                measured["even_s"] = round(net.until_even(), 1)
                net.check_words()
                measured["verified_records"] = net.verify(residents[:1])
            except Failed as error:
                measured["failed"] = str(error)
            return measured, net.samples
        finally:
            guest.close()


def growth_of(samples: Samples) -> dict[str, dict[str, dict[str, float]]]:
    """Of each node and measure, after the warm-up."""
    return {
        name: {
            what: each.to_json() | {"in_a_day_max": round(each.in_a_day_max, 1)}
            for what, each in trends(rows, warm_s(samples)).items()
        }
        for name, rows in samples.items()
    }


def warm_s(samples: Samples) -> float:
    return WARM_UP * max(rows[-1].at_s for rows in samples.values())


def faults(growth: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """What grew more than is put up with."""
    found = []
    for name, measures in growth.items():
        for what, bound in DAY_MAX.items():
            if measures and measures[what]["in_a_day_max"] > bound:
                found.append(f"{name}: {what}, up to {measures[what]['in_a_day_max']:+,.0f} a day")
        for what, bound in GROWN_MAX.items():
            if measures and measures[what]["last"] - measures[what]["first"] > bound:
                first, last = measures[what]["first"], measures[what]["last"]
                found.append(f"{name}: {what} {first:.0f} → {last:.0f}")
    return found


def day(growth: dict[str, dict[str, dict[str, float]]]) -> str:
    """What 24 h would add to a node: the mean of all, and the most that any may have."""
    lines = []
    for what, unit, per in SHOWN:
        slopes = [24 * one[what]["per_hour"] / per for one in growth.values() if one]
        most = [one[what]["in_a_day_max"] / per for one in growth.values() if one]
        if slopes:
            lines.append(
                f"in 24 h: {what.split('_')[0]} {statistics.fmean(slopes):+.1f} {unit} "
                f"(mean of {len(slopes)}), at most {max(most):+.1f}"
            )
    return "\n".join(lines)


def tell(samples: Samples, measured: dict[str, Any]) -> bool:
    """Prints all; whether nothing is wrong."""
    growth = growth_of(samples)
    print(table(samples, warm_s(samples)))
    print(day(growth))
    print(json.dumps(measured | {"growth": growth}))
    found = faults(growth) + [measured[what] for what in ("failed",) if what in measured]
    print("\n".join(found) or "nothing grows")
    return not found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--listings", type=int, default=10, help="of each node")
    parser.add_argument("--rate", type=float, default=1.0, help="edits a second, and searches")
    parser.add_argument("--samples", type=Path, help="a file for each sample, as JSON lines")
    parser.add_argument("--read", type=Path, metavar="FILE", help="judge the samples of a run")
    add_weather(parser)
    told = parser.parse_args()
    if told.read is not None:
        return not tell(read(told.read), {"read": told.read.name})
    if (reason := bad_lan.why_not()) is not None:
        print(reason)
        return 2
    signal.signal(signal.SIGTERM, on_end)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jangteo-soak-"))
        samples = stack.enter_context(told.samples.open("a")) if told.samples else None
        try:
            measured, sampled = soak(
                Path(folder),
                nodes=told.nodes,
                minutes=told.minutes,
                seed=told.seed,
                weather=weather_of(told),
                listings=told.listings,
                rate=told.rate,
                samples_file=samples,
            )
        except (Failed, AssertionError, DeskError) as error:
            print(f"FAILED: {error}")
            return 1
    return not tell(sampled, measured)


if __name__ == "__main__":
    sys.exit(main())
