"""Two people write to each other over a network that loses a frame in twenty, while their nodes and
the one between them are stopped and killed: each message is to be read once, and none lost.

    python tests/network/letters.py --messages 1000 --seed 1

Needs root on Linux and /dev/net/tun. Says what it measured, and 1 where a promise was broken.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.node.desk_error import DeskError
from tests.network import bad_lan
from tests.network.bad_switch import Weather
from tests.network.member import Member
from tests.network.network import Failed, Network, network

BAD = Weather(delay_s=0.02, jitter_s=0.005, loss=0.05, rate=1024 * 1024.0)
EVENT_EVERY_S = (3.0, 9.0)
DOWN_S = (0.5, 6.0)
PATIENCE_S = 180.0
PAGE = 500
SECONDS_MAX = 3600.0


@dataclass(slots=True)
class Writer:
    """One of the two. `said` was acknowledged, `unsure` are messages whose answer never came."""

    member: Member
    name: str
    to: str = ""
    said: list[str] = field(default_factory=list)
    unsure: int = 0
    again: int = 0
    took_s: list[float] = field(default_factory=list)
    error: BaseException | None = None

    def write(self, count: int, stop: threading.Event) -> None:
        """`count` messages, as a person does: where no answer came they look, and say it again only
        if it is not there."""
        try:
            number = 0
            while number < count and not stop.is_set():
                text = f"{self.name} {number}"
                began = time.monotonic()
                if not self._say(text):
                    self.unsure += 1
                    time.sleep(0.2)
                    if not self._is_there(text, stop):
                        self.again += 1
                        continue
                self.took_s.append(time.monotonic() - began)
                self.said.append(text)
                number += 1
        except Exception as error:  # a thread's own: raised again by whoever waits for it
            self.error = error

    def _say(self, text: str) -> bool:
        try:
            self.member.ask("send", to=self.to, text=text)
        except DeskError as error:
            if error.code not in ("node-gone", "stopping"):
                raise
            return False
        return True

    def _is_there(self, text: str, stop: threading.Event) -> bool:
        while not stop.is_set():
            try:
                room = self.member.ask("room", to=self.to, limit=20)
            except DeskError as error:
                if error.code not in ("node-gone", "stopping", "unknown-id"):
                    raise
                time.sleep(0.2)
                continue
            return any(each.get("text") == text for each in room["messages"])
        return False

    def everything(self) -> list[dict[str, Any]]:
        """All that stands in the room, oldest first."""
        found: list[dict[str, Any]] = []
        before: int | None = None
        while True:
            more = {} if before is None else {"before": before}
            room = self.member.ask("room", to=self.to, limit=PAGE, **more)
            found = room["messages"] + found
            if not room["has_more"]:
                return found
            before = min(each["cursor"] for each in room["messages"])

    def is_done(self) -> bool:
        """Whether everything is known to have come."""
        try:
            return not self.member.ask("outbox")["entries"]
        except DeskError:
            return False


class Trouble:
    """Stops and kills one of the three at a time, until it is told to end."""

    def __init__(self, net: Network, dice: random.Random) -> None:
        self._net = net
        self._dice = dice
        self.stops = 0
        self.kills = 0

    def make(self, is_over: Any) -> None:
        while not is_over():
            time.sleep(self._dice.uniform(*EVENT_EVERY_S))
            member = self._dice.choice(self._net.members)
            if self._dice.random() < 0.5:
                member.kill()
                self.kills += 1
            else:
                member.stop()
                self.stops += 1
            time.sleep(self._dice.uniform(*DOWN_S))
            member.start()
            self._net.wait_ready(member)


def introduce(net: Network, writers: Sequence[Writer]) -> None:
    """Each has a name, and knows the other's."""
    for writer in writers:
        writer.member.ask("profile", name=writer.name)
    ana, bea = writers
    for writer, other in ((ana, bea), (bea, ana)):
        writer.to = other.member.ask("whoami")["author"]
        net.until(lambda w=writer: _knows(w), f"{writer.name} knows the other", PATIENCE_S)  # type: ignore[misc]


def _knows(writer: Writer) -> bool:
    try:
        writer.member.ask("room", to=writer.to)
    except DeskError:
        return False
    return True


def run(net: Network, count: int, seed: int) -> tuple[list[Writer], Trouble]:
    """Writes, troubles, waits for calm, and checks. Failed says what is not as promised."""
    writers = [Writer(net.members[0], "Ana"), Writer(net.members[1], "Bea")]
    introduce(net, writers)
    stop = threading.Event()
    threads = [threading.Thread(target=each.write, args=(count, stop)) for each in writers]
    trouble = Trouble(net, random.Random(f"{seed}/letters"))  # noqa: S311
    for thread in threads:
        thread.start()
    try:
        trouble.make(lambda: not any(thread.is_alive() for thread in threads))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for writer in writers:
        if writer.error is not None:
            raise writer.error
    net.until(lambda: all(each.is_done() for each in writers), "all has come", PATIENCE_S)
    check(writers)
    return writers, trouble


def check(writers: Sequence[Writer]) -> None:
    """Each message once at its reader, and its state true at its writer."""
    ana, bea = writers
    for writer, reader in ((ana, bea), (bea, ana)):
        read = Counter(each["text"] for each in reader.everything() if not each["mine"])
        missing = [text for text in writer.said if text not in read]
        twice = [text for text, times in read.items() if times > 1]
        strange = set(read) - set(writer.said)
        if missing or twice or strange:
            raise Failed(f"of {writer.name}: missing {missing[:5]}, twice {twice[:5]}, {strange}")
        untrue = [
            each["text"]
            for each in writer.everything()
            if each["mine"] and each["state"] not in ("delivered", "read")
        ]
        if untrue:
            raise Failed(f"of {writer.name}: delivered, and shown otherwise: {untrue[:5]}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--messages", type=int, default=1000, help="each way (1,000)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    if (why := bad_lan.why_not()) is not None:
        print(why, file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        with network(
            Path(folder), 3, seed=chosen.seed, weather=BAD, seconds_max=SECONDS_MAX
        ) as net:
            net.start_all()
            try:
                writers, trouble = run(net, chosen.messages, chosen.seed)
            except Failed as failure:
                print(f"FAILED: {failure}")
                return 1
            counts = net.lan.counts()
    took_s = sorted(each for writer in writers for each in writer.took_s)
    print(
        f"{chosen.messages} messages each way, each read once, in {time.monotonic() - began:.0f} s"
    )
    print(f"{trouble.stops} stops, {trouble.kills} kill -9, {counts['lost']} frames lost")
    print(f"answers that never came: {sum(each.unsure for each in writers)}", end=", ")
    print(f"said again: {sum(each.again for each in writers)}")
    print(f"said within {statistics.median(took_s):.2f} s (median), {took_s[-1]:.1f} s at worst")
    return 0


if __name__ == "__main__":
    sys.exit(main())
