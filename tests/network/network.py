"""Real nodes on a bad LAN and the people who use them: started, watched, sampled, brought to calm.

What every kind of run has; not what happens in it.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from jangteo.node.desk_error import DeskError
from tests.network.bad_lan import BadLan
from tests.network.bad_switch import Weather
from tests.network.growth import MEASURED
from tests.network.member import Figures, Member
from tests.network.owner import Owner

READY_S = 120.0
CALM_S = 300.0
POLL_S = 0.5
REST_S = 20.0  # streams that are over have gone by then
REST_EVERY_S = 3.0
REST_SAMPLES = 5
FEW = 4  # of so many nodes one is told an address instead of finding it


class Failed(Exception):
    """What a run shows is not what is promised."""


@dataclass(slots=True)
class Network:
    """`samples` of each member by its name; their times are the run's."""

    lan: BadLan
    members: list[Member]
    owners: list[Owner]
    samples_file: TextIO | None = None
    samples: dict[str, list[Figures]] = field(default_factory=dict)
    began_at: float = field(default_factory=time.monotonic)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.began_at

    def start_all(self) -> float:
        """Until all are ready; the seconds it took."""
        began = time.monotonic()
        for member in self.members:
            if not member.lives:
                member.start()
        for member in self.members:
            self.wait_ready(member)
        return time.monotonic() - began

    def wait_ready(self, member: Member) -> None:
        try:
            member.wait_ready(READY_S)
        except AssertionError as error:
            raise Failed(str(error)) from None

    def sample(self, members: Sequence[Member]) -> None:
        for member in members:
            try:
                figures = member.figures()
            except (DeskError, FileNotFoundError):
                if member.node.process.poll() is not None:
                    raise Failed(f"{member.name} died: {member.node.log()}") from None
                continue
            figures = replace(figures, at_s=round(self.now_s, 1))
            self.samples.setdefault(member.name, []).append(figures)
            if self.samples_file is not None:
                told = {"node": member.name, **figures.to_json()}
                print(json.dumps(told), file=self.samples_file, flush=True)

    def is_even(self) -> bool:
        """Whether all hold the same, and something."""
        try:
            told = {member.fingerprints() for member in self.members}
        except DeskError:
            return False
        return len(told) == 1 and any(records for _, records, _ in told.pop())

    def until_even(self, patience_s: float = CALM_S) -> float:
        """The seconds until all hold the same."""
        began = time.monotonic()
        while not self.is_even():
            if time.monotonic() - began > patience_s:
                raise Failed(f"not even after {patience_s:.0f} s: {self.uneven()}")
            time.sleep(POLL_S)
        return time.monotonic() - began

    def is_meshed(self) -> bool:
        """Whether all who find each other by mDNS are connected with each other."""
        there = [member for member in self.members if member.is_found]
        peers = {member.peer for member in there}
        try:
            return all(
                peers <= {each["peer"] for each in member.ask("peers")["peers"]} | {member.peer}
                for member in there
            )
        except DeskError:
            return False

    def at_rest(self, members: Sequence[Member]) -> dict[str, dict[str, float]]:
        """What each takes while nobody does anything: medians of REST_SAMPLES."""
        time.sleep(REST_S)
        told: dict[str, list[Figures]] = {member.name: [] for member in members}
        for _ in range(REST_SAMPLES):
            for member in members:
                told[member.name].append(member.figures())
            time.sleep(REST_EVERY_S)
        return {
            name: {what: statistics.median(getattr(one, what) for one in all_) for what in MEASURED}
            for name, all_ in told.items()
        }

    def until(self, is_so: Callable[[], bool], what: str, patience_s: float) -> float:
        began = time.monotonic()
        while not is_so():
            if time.monotonic() - began > patience_s:
                raise Failed(f"not after {patience_s:.0f} s: {what}")
            time.sleep(POLL_S)
        return time.monotonic() - began

    def uneven(self) -> str:
        told = []
        for member in self.members:
            try:
                peers = len(member.ask("peers")["peers"])
                told.append(f"{member.name}, {peers} peers: {member.fingerprints()}")
            except DeskError as error:
                told.append(f"{member.name}: {error}")
        return "\n".join(told)

    def check_words(self) -> int:
        """Everything acknowledged is at every node; how many listings and withdrawals."""
        for member in self.members:
            with member.store() as store:
                missed = [each for owner in self.owners for each in owner.missed_by(store)]
            if missed:
                raise Failed(f"at {member.name}: {len(missed)} missed: {missed[:3]}")
        return sum(len(owner.acknowledged) + len(owner.withdrawn) for owner in self.owners)

    def verify(self, members: Sequence[Member]) -> int:
        """Every signature and every view of some; the records looked at."""
        records = 0
        for member in members:
            told = member.node.json("verify")[-1]
            if not told["ok"]:
                raise Failed(f"{member.name}: {told}")
            records += told["records"]
        return records


@contextmanager
def network(
    folder: Path, count: int, *, seed: int, weather: Weather, seconds_max: float
) -> Iterator[Network]:
    """`count` nodes, not yet started but the first. Every FEW-th neither tells nor hears of itself
    by mDNS, and is told the first one's address."""
    with BadLan(count, seed=seed, weather=weather, seconds_max=seconds_max) as lan:
        members = [Member(0, folder, lan.namespaces[0])]
        try:
            members[0].start()
            members[0].wait_ready(READY_S)
            address = next(
                each for each in members[0].node.events[0][1]["addresses"] if "/10.78." in each
            )
            for number in range(1, count):
                flags = ("--no-mdns", "--peer", address) if number % FEW == FEW - 1 else ()
                members.append(Member(number, folder, lan.namespaces[number], *flags))
            owners = [
                Owner(each, random.Random(f"{seed}/{each.number}"))  # noqa: S311
                for each in members
            ]
            yield Network(lan, members, owners)
        finally:
            for member in members:
                member.close()


def processor_s(members: Sequence[Member]) -> float:
    """What those that run have taken of the processors."""
    ticks = 0
    for member in members:
        if member.is_up:
            stat = Path(f"/proc/{member.node.process.pid}/stat").read_text().rsplit(")", 1)[1]
            ticks += sum(int(each) for each in stat.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")
