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
from tests.network.member import Member
from tests.network.network import Failed, Network, network, processor_s

SAMPLE_S = 30.0
GUEST_EVERY_S = 60.0
GUEST_STAYS_S = 35.0
CUT_EVERY_S = 300.0
CUT_S = 40.0  # longer than TCP holds on
WARM_UP = 1 / 6  # of the time: caches fill
FILL_S_MAX = 900.0
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
) -> dict[str, Any]:
    """One whole soak; what it measured. Raises Failed."""
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
            even_s = net.until_even()
            net.check_words()
            verified = net.verify(residents[:1])
            warm_s = WARM_UP * 60 * minutes
            print(net.table(residents, warm_s))
            return {
                "nodes": nodes,
                "minutes": minutes,
                "seed": seed,
                "listings": listings * nodes,
                "edits": use.edits,
                "searches": use.searches,
                "visits": use.visits,
                "cuts": use.cuts,
                "unanswered": use.unanswered,
                "even_s": round(even_s, 1),
                "verified_records": verified,
                "cpu_per_node": round(used_s / nodes / (60 * minutes), 4),
                "switch": net.lan.counts(),
                "growth": {
                    member.name: {
                        what: each.to_json() | {"in_a_day_max": round(each.in_a_day_max, 1)}
                        for what, each in net.trends(member.number, warm_s).items()
                    }
                    for member in residents
                },
            }
        finally:
            guest.close()


def faults(measured: dict[str, Any]) -> list[str]:
    """What grew more than is put up with."""
    found = []
    for name, growth in measured["growth"].items():
        for what, bound in DAY_MAX.items():
            if growth and growth[what]["in_a_day_max"] > bound:
                found.append(f"{name}: {what}, in a day up to {growth[what]['in_a_day_max']:+,.0f}")
        for what, bound in GROWN_MAX.items():
            if growth and growth[what]["last"] - growth[what]["first"] > bound:
                found.append(f"{name}: {what} {growth[what]['first']} → {growth[what]['last']}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--listings", type=int, default=15, help="of each node")
    parser.add_argument("--rate", type=float, default=1.0, help="edits a second, and searches")
    parser.add_argument("--samples", type=Path, help="a file for each sample, as JSON lines")
    add_weather(parser)
    told = parser.parse_args()
    if (reason := bad_lan.why_not()) is not None:
        print(reason)
        return 2
    signal.signal(signal.SIGTERM, on_end)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jangteo-soak-"))
        samples = stack.enter_context(told.samples.open("a")) if told.samples else None
        try:
            measured = soak(
                Path(folder),
                nodes=told.nodes,
                minutes=told.minutes,
                seed=told.seed,
                weather=weather_of(told),
                listings=told.listings,
                rate=told.rate,
                samples_file=samples,
            )
        except Failed as error:
            print(f"FAILED: {error}")
            return 1
    print(json.dumps(measured))
    found = faults(measured)
    print("\n".join(found) or "nothing grows")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
