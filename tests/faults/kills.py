"""kill -9 at random moments under load, again and again: is what was acknowledged there?

Three loads: an import without a node; listings sold, edited and withdrawn through a running node;
a node that receives a market from a neighbour while its owner sells. After each kill the home must
open, every acknowledged record be there, and `verify` find every signature and view sound.

Run: python tests/faults/kills.py [--rounds N] [--seed N] [--load import|sell|sync]. A table on
stdout, and exit code 1 at the first loss, with the seed and round that show it.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.node import (  # what a child needs is loaded before it is forked
    control_server,
    libp2p_transport,
    runtime,
)
from jangteo.node.config import Config, read_config
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home
from jangteo.node.office import open_office
from jangteo.store.store import Store
from tests.faults.killed_child import Child, Tell

LOADED = (control_server, libp2p_transport)
ROWS = 300
ROUNDS_PER_HOME = 20
NODE_FLAGS = {"mdns": False, "listen": ["/ip4/127.0.0.1/tcp/0"], "currency": "KRW"}
SHARES = {"import": 5, "sell": 3, "sync": 2}


@dataclass(slots=True)
class Tally:
    rounds: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    held: int = 0
    """Records that a neighbour was told are held."""


class Lost(AssertionError):
    """What was acknowledged is not there, or what is there is not sound."""


def must(is_so: object, told: str) -> None:
    if not is_so:
        raise Lost(told)


class Load:
    """One home that is used and killed, round after round, and what it has acknowledged so far."""

    def __init__(self, folder: Path, dice: random.Random, tally: Tally) -> None:
        self.home = Home(folder / "home")
        self.folder = folder
        self.dice = dice
        self.tally = tally
        self.acknowledged: dict[str, Any] = {}
        """By id, what is to be true of it."""

    def play(self, round_: int) -> None:
        """Load until a kill; then everything is checked."""
        self.use_and_kill(round_)
        self.check()
        self.verify()

    def use_and_kill(self, round_: int) -> None:
        raise NotImplementedError

    def check(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Ends what it keeps running."""

    def config(self, **flags: Any) -> Config:
        return read_config(self.home, flags={**NODE_FLAGS, **flags}, environ={}, language="C")

    def verify(self) -> None:
        if not self.home.store_path.exists():
            must(not self.acknowledged, "the store is gone")
            return
        with open_office(self.home, self.config(), environ={}) as office:
            found = office.call("verify")
        must(found["ok"], f"verify: {found}")
        # Half of the time the next round meets the log as the kill left it.
        if self.dice.random() < 0.5:
            Store.open(self.home.store_path, own_author=self.home.author()).close()

    def own(self) -> dict[str, dict[str, Any]]:
        """One's own listings by id; withdrawn ones are not there."""
        if not self.home.store_path.exists():
            return {}
        with open_office(self.home, self.config(), environ={}) as office:
            return {row["id"]: row for row in office.stream("export", {"mine": True})}


class ImportLoad(Load):
    """The same file again, a third of its rows changed each time."""

    def __init__(self, folder: Path, dice: random.Random, tally: Tally) -> None:
        super().__init__(folder, dice, tally)
        self._ids: dict[str, str] = {}

    def use_and_kill(self, round_: int) -> None:
        path = self.folder / "shop.csv"
        rows = [
            f"row {number},{1000 + (round_ if number % 3 == 0 else 0)},KRW,sku-{number}\n"
            for number in range(ROWS)
        ]
        path.write_text("title,price,currency,sku\n" + "".join(rows))
        child = Child(partial(_import, self.home, self.config(), path))
        if self.dice.random() < 0.2:  # while it opens or makes the store
            child.watch(self.dice.random() * 0.1)
        else:
            last = self.dice.randrange(ROWS)
            child.wait_for(lambda row: "trouble" in row or row["number"] >= last)
        for row in child.kill():
            must("trouble" not in row, str(row))
            self.tally.acknowledged["import"] += 1
            known = self._ids.setdefault(row["title"], row["id"])
            must(known == row["id"], f"{row['title']} has two ids")
            price = 1000 + (round_ if row["number"] % 3 == 0 else 0)
            self.acknowledged[row["id"]] = str(price)

    def check(self) -> None:
        kept = self.own()
        for listing_id, price in self.acknowledged.items():
            must(listing_id in kept, f"{listing_id} is gone")
            # The kill may have come after a commit and before its word was out.
            there = int(kept[listing_id]["price"]["amount"])
            must(there >= int(price), f"{listing_id} costs {there}, not {price}")
        titles = [row["title"] for row in kept.values()]
        must(len(set(titles)) == len(titles), "a row is there twice")


class SellLoad(Load):
    """A running node, and two people's worth of commands through it."""

    def use_and_kill(self, round_: int) -> None:
        node = Child(partial(_run_node, self.home, self.config()))
        node.wait_for(lambda event: "trouble" in event or event["event"] == "ready")
        sellers = [
            Child(partial(_sell, self.home, self.config(), sorted(self.acknowledged)[at::2], seed))
            for at, seed in enumerate((self.dice.random(), self.dice.random()))
        ]
        node.watch(self.dice.random() * 0.5)
        for event in node.kill():
            must("trouble" not in event, str(event))
        for seller in sellers:
            for row in seller.join():
                must("trouble" not in row, str(row))
                self.acknowledged[row["id"]] = row
                self.tally.acknowledged["sell"] += 1

    def check(self) -> None:
        kept = self.own()
        for listing_id, row in self.acknowledged.items():
            if row["status"] == "withdrawn":
                must(listing_id not in kept, f"{listing_id} is back")
                continue
            if row.get("next") == "withdraw" and listing_id not in kept:
                continue  # asked for, done, and not told any more
            must(listing_id in kept, f"{listing_id} is gone")
            there = kept[listing_id]["price"]["amount"]
            must(int(there) >= int(row["price"]), f"{listing_id} costs {there}")


class SyncLoad(Load):
    """A node that receives; its neighbour goes on, and what that takes for held must be there."""

    def __init__(self, folder: Path, dice: random.Random, tally: Tally) -> None:
        super().__init__(folder, dice, tally)
        self._source = Home(folder / "source")
        config = read_config(self._source, flags=NODE_FLAGS, environ={}, language="C")
        self._source_config = config
        path = folder / "market.csv"
        path.write_text(
            "title,price,currency,sku\n" + "".join(f"a{n},{n},KRW,s{n}\n" for n in range(2_000))
        )
        feeding = Child(partial(_import, self._source, config, path))
        must(all("trouble" not in row for row in feeding.join()), "the neighbour cannot import")
        self._neighbour = Child(partial(_run_node, self._source, config))
        ready = self._neighbour.wait_for(lambda event: event["event"] == "ready")
        self._address = ready["addresses"][0]

    def use_and_kill(self, round_: int) -> None:
        config = self.config(peers=[self._address])
        node = Child(partial(_run_node, self.home, config))
        seller = Child(partial(_sell, self._source, self._source_config, [], self.dice.random()))
        node.watch(self.dice.random() * 1.5)
        for event in node.kill():
            must("trouble" not in event, str(event))
            if event["event"] == "listing":
                self.acknowledged[event["id"]] = event
                self.tally.acknowledged["sync"] += 1
        seller.kill()
        self._neighbour.watch(0.05)

    def check(self) -> None:
        if not self.home.store_path.exists():
            must(not self.acknowledged, "the store is gone")
            return
        with (
            closing(Store.open(self.home.store_path, read_only=True)) as here,
            closing(Store.open(self._source.store_path, read_only=True)) as there,
        ):
            for listing_id in self.acknowledged:
                known = bytes.fromhex(listing_id)
                is_there = here.listing(known) or here.withdrawal(known)
                must(is_there, f"{listing_id} is gone")
            marks = there._db.rows("SELECT market, arrival FROM synced")
            for market, arrival in marks:
                held = there._db.rows(
                    "SELECT r.id FROM item AS i JOIN record AS r ON r.rid = i.rid "
                    "WHERE i.market = ? AND i.rid <= ?",
                    (market, arrival),
                )
                missing = [row[0].hex() for row in held if not here.has(row[0])]
                must(not missing, f"{len(missing)} of {len(held)} are not held: {missing[:3]}")
                self.tally.held += len(held)

    def close(self) -> None:
        self._neighbour.kill()


LOADS: dict[str, type[Load]] = {"import": ImportLoad, "sell": SellLoad, "sync": SyncLoad}


def _import(home: Home, config: Config, path: Path, tell: Tell) -> None:
    with home.lock("command"):
        runtime.identity.ensure(home)
    with open_office(home, config, environ={}) as office:
        for item in office.stream("import", {"path": str(path)}):
            if item["event"] == "row":
                number = int("".join(filter(str.isdecimal, item["title"])))
                tell({"number": number, "id": item["id"], "title": item["title"]})


def _run_node(home: Home, config: Config, tell: Tell) -> None:
    runtime.up(home, config, tell)


def _sell(home: Home, config: Config, known: list[str], seed: float, tell: Tell) -> None:
    """Until the node is gone; each word is told after its answer came, and what is asked next."""
    dice = random.Random(seed)  # noqa: S311
    prices = dict.fromkeys(known, "")
    with open_office(home, config, environ={}) as office:
        while True:
            if office.node is None:
                return
            listing_id = dice.choice(sorted(prices)) if prices and dice.random() < 0.5 else None
            price = str(time.time_ns() // 1_000_000)
            try:
                if listing_id is None:
                    sold = office.call("sell", {"title": f"thing {price}", "price": f"{price} KRW"})
                    listing_id = sold["listing"]["id"]
                    prices[listing_id] = price
                    tell({"id": listing_id, "status": "active", "price": price})
                elif dice.random() < 0.7:
                    office.call("edit", {"id": listing_id, "price": f"{price} KRW"})
                    tell({"id": listing_id, "status": "active", "price": price})
                else:
                    del prices[listing_id]
                    told = {"id": listing_id, "price": "0"}
                    tell({**told, "status": "active", "next": "withdraw"})
                    office.call("withdraw", {"id": listing_id})
                    tell({**told, "status": "withdrawn"})
            except DeskError:
                return


def run(
    rounds: int, seed: int, *, only: str | None = None, on_round: Callable[[int], None] = print
) -> Tally:
    """`rounds` kills; Lost where something is."""
    dice = random.Random(seed)  # noqa: S311  (repeatable but for the moments themselves)
    tally = Tally()
    done = 0
    while done < rounds:
        name = only or dice.choices(list(SHARES), list(SHARES.values()))[0]
        with tempfile.TemporaryDirectory(prefix="jangteo-kills-") as folder:
            load = LOADS[name](Path(folder), dice, tally)
            with closing(load):
                for round_ in range(min(ROUNDS_PER_HOME, rounds - done)):
                    try:
                        load.play(round_)
                    except Lost as error:
                        raise Lost(f"{name}, seed {seed}, kill {done}: {error}") from error
                    tally.rounds[name] += 1
                    done += 1
                    on_round(done)
    return tally


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", choices=sorted(LOADS))
    return parser.parse_args()


def main() -> int:
    told = _parsed()
    began = time.monotonic()

    def on_round(done: int) -> None:
        print(f"\r{done} kills", end="", file=sys.stderr, flush=True)

    try:
        tally = run(told.rounds, told.seed, only=told.load, on_round=on_round)
    except Lost as error:
        print(f"\nLOST: {error}")
        return 1
    print(file=sys.stderr)
    for name, what in (
        ("import", "rows acknowledged"),
        ("sell", "commands acknowledged by the node"),
        ("sync", "listings announced by the node that received them"),
    ):
        told_count = tally.acknowledged[name]
        print(f"{name:<8}{tally.rounds[name]:>6,} kills{told_count:>10,} {what}: none lost")
    print(f"records that a neighbour took for held, each of them there: {tally.held:,}")
    print("verify after each kill: every signature and every view sound")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
