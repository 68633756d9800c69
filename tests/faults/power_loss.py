"""The power goes, thousands of times: is what was acknowledged there, and is all of it sound?

A store is used as a node uses it, on a disk that notes its writes (disk.py). From the notes come
images of what the disk may hold after a power cut at any moment (power_cut.py); each is opened by
the store itself and compared with what had been acknowledged by then.

Run: python tests/faults/power_loss.py [--images N] [--seed N] [--synchronous OFF|NORMAL]. A table
on stdout; exit code 1 if anything was lost or damaged. --synchronous commits own records with less
than FULL, to see that losses are found.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):  # run by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jangteo.store.database import Database
from jangteo.store.errors import StoreError, StoreMissing, StoreReadOnly
from jangteo.store.store import Store
from tests.faults.disk import disk_below
from tests.faults.power_cut import Manner, Platter
from tests.faults.store_in_use import COMMITS, FILE, OWN, Trace, digest, make_trace
from tests.market_maker import NOW_MS

IMAGES_PER_TRACE = 250


@dataclass(slots=True)
class Tally:
    """What came of the images so far."""

    images: int = 0
    traces: int = 0
    commits: int = 0
    own_checked: int = 0
    tails_lost: int = 0
    tail_max: int = 0
    cut_again: int = 0
    found: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, kind: str, told: str) -> None:
        self.found[kind] += 1
        if len(self.examples) < 10:
            self.examples.append(f"{kind}: {told}")


class Inspector:
    """Opens images of one trace and says what is wrong with them."""

    def __init__(self, trace: Trace, tally: Tally) -> None:
        self._trace = trace
        self._tally = tally

    def inspect(self, count: int) -> None:
        """`count` cuts, spread over the trace by its seed."""
        dice = random.Random(f"cuts of {self._trace.seed}")  # noqa: S311
        cuts = sorted(dice.randrange(len(self._trace.ops) + 1) for _ in range(count))
        platter, done = Platter(), 0
        for cut in cuts:
            platter.apply(self._trace.ops[done:cut])
            done = cut
            self._inspect_cut(platter, cut, dice)
        self._tally.traces += 1
        self._tally.commits += len(self._trace.commits)

    def _inspect_cut(self, platter: Platter, cut: int, dice: random.Random) -> None:
        manner = Manner.of(dice)
        where = f"seed {self._trace.seed}, cut {cut} of {len(self._trace.ops)}, {manner}"
        self._tally.images += 1
        with tempfile.TemporaryDirectory(prefix="jangteo-image-") as name:
            folder = Path(name)
            platter.write_image(folder, manner, dice)
            if dice.random() < 0.1:
                folder = self._cut_again(folder, dice)
            try:
                told = self._problem(folder / FILE, cut, dice)
            except StoreMissing as error:
                told = ("lost", str(error))
            except StoreError as error:
                told = ("damaged", f"{type(error).__name__}: {error}")
            if told is not None:
                self._tally.note(told[0], f"{told[1]} ({where})")

    def _cut_again(self, folder: Path, dice: random.Random) -> Path:
        """The power goes a second time, while the store recovers from the first."""
        self._tally.cut_again += 1
        with disk_below() as disk:
            for path in sorted(folder.glob(f"{FILE}*")):
                if not path.name.endswith("-shm"):
                    disk.opened(str(path), is_new=False)
            try:
                with Store.open(folder / FILE, own_author=OWN.author) as store:
                    store._db.run("PRAGMA wal_checkpoint")
            except StoreError:
                pass  # told when the image is looked at
        here = len([op for op in disk.ops if type(op).__name__ in ("Create", "Sync")])
        platter = Platter()
        first = min(len(disk.ops), here)
        platter.apply(disk.ops[: dice.randint(first, len(disk.ops))])
        again = folder / "again"
        again.mkdir()
        platter.write_image(again, Manner.of(dice), dice)
        return again

    def _problem(self, path: Path, cut: int, dice: random.Random) -> tuple[str, str] | None:
        commits = self._trace.commits
        certain = [n for n, one in enumerate(commits) if one.is_durable and one.ended <= cut]
        floor = certain[-1] if certain else None
        if floor is not None and not path.exists():
            return "lost", "there is no file"
        looked: str | None = None
        if path.exists() and dice.random() < 0.25:
            looked = _look(path, must_be_there=floor is not None)
        with Store.open(path, own_author=OWN.author) as store:
            there = digest(store)
            problems = store.check_views()
            if problems:
                return "damaged", "; ".join(problems[:3])
            if looked not in (None, there):
                return "damaged", "a reader saw something else than a writer"
            if dice.random() < 0.1:
                self._go_on(store)
        begun = [n for n, one in enumerate(commits) if one.began <= cut]
        return self._compare(there, floor, begun[-1] if begun else 0, cut)

    def _compare(
        self, there: str, floor: int | None, begun: int, cut: int
    ) -> tuple[str, str] | None:
        commits = self._trace.commits
        states = [n for n, one in enumerate(commits[: begun + 1]) if one.digest == there]
        if not states:
            return "unknown", "no transaction ever ended so"
        if floor is None:
            return None
        self._tally.own_checked += commits[floor].own_count
        if states[-1] < floor:
            return "lost", f"commit {states[-1]} is there, {floor} was acknowledged"
        ended = max(n for n, one in enumerate(commits) if one.ended <= cut)
        if states[-1] < ended:
            self._tally.tails_lost += 1
            self._tally.tail_max = max(self._tally.tail_max, ended - states[-1])
        return None

    def _go_on(self, store: Store) -> None:
        """A store that came through is used as before."""
        with store.write(durable=True):
            store.admit([OWN.lists(99, "after the cut", revision=10**9)], NOW_MS)
        problems = store.check_views()
        if problems:
            self._tally.note("damaged", f"by going on: {problems[0]}")


def _look(path: Path, *, must_be_there: bool) -> str | None:
    """What a command sees that reads before any writer has recovered the store."""
    try:
        with Store.open(path, own_author=OWN.author, read_only=True) as store:
            sum(1 for _ in store.own_listings(OWN.author))
            return digest(store)
    except (StoreMissing, StoreReadOnly):
        if must_be_there:
            raise
        return None


@contextmanager
def committed_with(synchronous: str | None) -> Iterator[None]:
    """Durable commits with less than FULL: what a mistake in the store would look like."""
    real = Database.begin_write

    def begin_write(self: Database, durable: bool) -> None:
        real(self, durable)
        self.roll_back()
        self.run(f"PRAGMA synchronous = {synchronous}")
        self.run("BEGIN IMMEDIATE")
        self._is_durable = None

    if synchronous is not None:
        Database.begin_write = begin_write  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.begin_write = real  # type: ignore[method-assign]


def run(
    images: int,
    seed: int,
    *,
    synchronous: str | None = None,
    per_trace: int = IMAGES_PER_TRACE,
    commits: int = COMMITS,
    on_trace: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """`images` images from as many traces as they need, each of its own seed from `seed` on."""
    tally = Tally()
    while tally.images < images:
        with tempfile.TemporaryDirectory(prefix="jangteo-trace-") as name:
            with committed_with(synchronous):
                trace = make_trace(Path(name), seed + tally.traces, commits)
            Inspector(trace, tally).inspect(min(per_trace, images - tally.images))
        on_trace(tally)
    return tally


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", choices=("OFF", "NORMAL"))
    return parser.parse_args()


def main() -> int:
    told = _parsed()
    began = time.monotonic()

    def on_trace(tally: Tally) -> None:
        print(f"\r{tally.images} images, {dict(tally.found)}", end="", file=sys.stderr, flush=True)

    tally = run(told.images, told.seed, synchronous=told.synchronous, on_trace=on_trace)
    print(file=sys.stderr)
    for name, value in (
        ("images of a disk after a power cut", tally.images),
        ("  of them cut again while recovering", tally.cut_again),
        ("traces of a store in use (seeds)", tally.traces),
        ("transactions in them", tally.commits),
        ("own records that had to be there", tally.own_checked),
        ("images that lost the last of what came from the network", tally.tails_lost),
        ("  at most so many transactions", tally.tail_max),
        ("acknowledged and lost", tally.found["lost"]),
        ("a state that never was", tally.found["unknown"]),
        ("damaged, or views unlike the log", tally.found["damaged"]),
        ("seconds", round(time.monotonic() - began)),
    ):
        print(f"{name:<58}{value:>10,}")
    for line in tally.examples:
        print(line)
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())
