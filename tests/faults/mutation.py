"""Mutation testing: the modules that decide what a record is, how long it lives and what becomes of
it are changed, one small change at a time (`mutant.py`), and the tests must notice.

    python tests/faults/mutation.py [MODULE …] [--jobs N] [--results FILE]

A driver of our own: mutmut and cosmic-ray import what they mutate under its path in the repository
(`protocol.envelope`), and the tests know it as `jangteo.protocol.envelope`, through links. Here the
changed module is handed to the import system of a forked process, and nothing on disk is touched.
A change that no test can notice is listed in `mutation_equivalents.toml`, with the reason.
"""

import argparse
import ast
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # started by its file, it has its own folder there
    sys.path.insert(0, str(ROOT))
from tests.faults.mutant import Mutant, mutants, sample  # noqa: E402

EQUIVALENTS = Path(__file__).with_name("mutation_equivalents.toml")
RECORD_TESTS = (
    "tests/unit/test_record.py",
    "tests/vectors",
    "tests/property/test_record_property.py",
)
STORE_TESTS = (
    "tests/unit/test_store_rules.py",
    "tests/unit/test_store_admission.py",
    "tests/unit/test_store_views.py",
    "tests/unit/test_store_log.py",
    "tests/property/test_store_model.py",
)
SHARE_TESTS = ("tests/unit/test_shares.py", "tests/property/test_share_property.py")
DEAL_TESTS = ("tests/vectors/test_deal_vectors.py", "tests/unit/test_deal.py")
# Each module with the tests that answer for it, the quickest first.
MODULES = {
    "protocol/kind.py": RECORD_TESTS,
    "protocol/canonical.py": RECORD_TESTS,
    "protocol/envelope.py": RECORD_TESTS,
    "protocol/verdict.py": RECORD_TESTS[:1],
    "protocol/errors.py": RECORD_TESTS,
    "protocol/market.py": RECORD_TESTS,
    "protocol/schema.py": RECORD_TESTS,
    "protocol/deal.py": DEAL_TESTS[::-1],
    "protocol/deal_step.py": DEAL_TESTS,
    "protocol/proof.py": DEAL_TESTS,
    "protocol/review.py": DEAL_TESTS,
    "store/admission.py": (*STORE_TESTS[:-1], *SHARE_TESTS, STORE_TESTS[-1]),
    "store/batch.py": (*STORE_TESTS[:-1], *SHARE_TESTS, STORE_TESTS[-1]),
    "store/room.py": (*SHARE_TESTS, *STORE_TESTS),
    "store/share.py": (*SHARE_TESTS, *STORE_TESTS),
    "node/gossip.py": ("tests/unit/test_gossip_verdict.py", "tests/unit/test_gossip.py"),
}
# Of these, what decides about records alone.
WITHIN = {
    "node/gossip.py": ("GossipIn.handle", "GossipIn._fresh", "message_records"),
}
NOTICED_PERCENT_MIN = 90
PATIENCE_S_MIN = 30
PATIENCE = 10
"""A change that makes the tests take so many times longer is noticed, too."""
BASELINE_S_MAX = 600
MEMORY_BYTES_MAX = 4 * 1024**3


class Outcome(Enum):
    SURVIVED = "survived"
    NOTICED = "noticed"
    AT_LOAD = "at load"
    """Noticed, but by nothing that a test asserts: with the changed module no test can be read."""
    LATE = "late"
    """Noticed: the tests did not end."""


# What pytest's exit code says of a change. Any other is a fault of the driver or of the tests.
EXITS = {0: Outcome.SURVIVED, 1: Outcome.NOTICED, 2: Outcome.AT_LOAD}


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module of ours from a changed source, once and for all imports of it."""

    def __init__(self, path: str, source: str) -> None:
        self._file = str(ROOT / path)
        self._source = source
        self._name = "jangteo." + path.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._file
        exec(compile(self._source, self._file, "exec"), module.__dict__)  # noqa: S102


class Reading:
    """A plugin of pytest's that sees whether all files of tests could be imported."""

    def __init__(self) -> None:
        self.has_failed = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.has_failed = self.has_failed or report.failed


class Runner:
    """Runs tests over changed modules, `jobs` forked processes at a time."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder = folder
        self._jobs = jobs
        self._baselines_s: dict[str, float] = {}

    def baseline_s(self, path: str, test: str) -> float:
        """How long a file of tests takes with nothing changed; SystemExit where it fails then."""
        if test in self._baselines_s:
            return self._baselines_s[test]
        unchanged = Mutant(path, "", "", "nothing changed", 0, 0, 0)
        source = (ROOT / path).read_text(encoding="utf-8")
        began = time.monotonic()
        (_, outcome) = next(self.outcomes([(unchanged, source)], test, BASELINE_S_MAX))
        if outcome is not Outcome.SURVIVED:
            log = max(self._folder.glob("*.log"), key=lambda log: log.stat().st_mtime_ns)
            told = log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise SystemExit(f"{test}: the tests fail without a change\n{told}")
        self._baselines_s[test] = time.monotonic() - began
        return self._baselines_s[test]

    def outcomes(
        self, changed: Iterable[tuple[Mutant, str]], test: str, patience_s: float
    ) -> Iterator[tuple[Mutant, Outcome]]:
        """Of each (mutant, source), as they end."""
        waiting = iter(changed)
        running: dict[int, tuple[Mutant, float]] = {}
        while True:
            while len(running) < self._jobs and (following := next(waiting, None)):
                mutant, source = following
                pid = self._start(mutant.path, source, test)
                running[pid] = (mutant, time.monotonic() + patience_s)
            if not running:
                return
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                mutant, _ = running.pop(pid)
                yield mutant, self._outcome(pid, status)
                continue
            for pid, (mutant, deadline) in list(running.items()):
                if time.monotonic() > deadline:
                    os.killpg(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    del running[pid]
                    yield mutant, Outcome.LATE
            time.sleep(0.01)

    def _outcome(self, pid: int, status: int) -> Outcome:
        code = os.waitstatus_to_exitcode(status)
        if code not in EXITS:
            told = (self._folder / f"{pid}.log").read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"pytest ended with {code}, which says nothing\n{told[-4000:]}")
        if EXITS[code] is not Outcome.SURVIVED:
            return EXITS[code]
        (self._folder / f"{pid}.log").unlink()
        return Outcome.SURVIVED

    def _start(self, path: str, source: str, test: str) -> int:
        """The process id of a fork that runs the tests."""
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            os.setpgid(0, 0)
            quiet = os.open(
                self._folder / f"{os.getpid()}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            )
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
            sys.meta_path.insert(0, Changed(path, source))
            reading = Reading()
            code = int(
                pytest.main(
                    [
                        "-x",
                        "-q",
                        "--no-header",
                        f"--config-file={ROOT / 'pyproject.toml'}",
                        "-Wignore::pytest.PytestAssertRewriteWarning",
                        "-p",
                        "no:cacheprovider",
                        "-p",
                        "no:xdist",
                        "-p",
                        "no:anyio",
                        "--hypothesis-profile=mutation",
                        f"--basetemp={self._folder / str(os.getpid())}",
                        test,
                    ],
                    plugins=[reading],
                )
            )
            code = 2 if reading.has_failed else code
        finally:
            sys.stdout.flush()
            os._exit(code)


def prepare(folder: Path) -> None:
    """What each fork would load again; nothing of ours, which is loaded changed."""
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    import apsw  # noqa: F401
    import hypothesis
    import mnemonic  # noqa: F401
    import msgpack  # noqa: F401
    import nacl.bindings  # noqa: F401
    import pytest_timeout  # type: ignore[import-untyped]  # noqa: F401
    import pytest_trio  # noqa: F401
    import trio.testing  # noqa: F401

    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=50,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    ours = sorted(module for module in sys.modules if module.startswith("jangteo"))
    if ours:
        raise SystemExit(f"loaded before it could be changed: {', '.join(ours)}")


# --- what is known already ------------------------------------------------------------------------


def equivalents() -> dict[tuple[str, str, str, str], str]:
    """The names of the changes that nothing can notice, each with the reason."""
    listed = tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8")).get("equivalent", [])
    return {(one["file"], one["within"], one["line"], one["change"]): one["why"] for one in listed}


class Results:
    """The outcomes of earlier runs, one JSON line each, in a file that a run appends to. An outcome
    counts as long as the changed source, the tests and the parts that they test are the same."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, Outcome] = {}
        self._survived: set[tuple[str, ...]] = set()
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                told = json.loads(line)
                outcome = Outcome(told["outcome"])
                self._known[told["digest"]] = outcome
                name = tuple(told["name"])
                (self._survived.add if outcome is Outcome.SURVIVED else self._survived.discard)(
                    name
                )

    def of(self, digest: str) -> Outcome | None:
        return self._known.get(digest)

    def has_survived(self, mutant: Mutant) -> bool:
        """Whether it did when last run, whatever has changed since."""
        return mutant.name in self._survived

    def note(self, mutant: Mutant, digest: str, outcome: Outcome) -> None:
        if self._file is not None:
            told = {"name": mutant.name, "outcome": outcome.value, "digest": digest}
            with self._file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(told, ensure_ascii=False) + "\n")


def surroundings(path: str, tests: Sequence[str]) -> bytes:
    """A digest of what, besides the change, decides the outcome: the tests and what they test."""
    digest = hashlib.sha256()
    parts = {"crypto", "protocol", path.split("/")[0]}
    for name in (*sorted(parts), *tests, "tests/market_maker.py", "tests/deal_maker.py"):
        place = ROOT / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.suffix in (".py", ".json", ".sql") and file != ROOT / path:
                digest.update(file.read_bytes())
    return digest.digest()


# --- a run ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """Of one module. `listed`: survivors that the list of equivalents explains."""

    counts: Counter[Outcome]
    listed: int = 0
    unexplained: int = 0
    wrongly_listed: int = 0

    @property
    def changes(self) -> int:
        return sum(self.counts.values())

    @property
    def noticed(self) -> int:
        return self.changes - self.counts[Outcome.SURVIVED]


def changes_of(path: str) -> list[Mutant]:
    """The changes of a module, or of the functions of it that are asked for."""
    return [one for one in mutants(path) if path not in WITHIN or one.within in WITHIN[path]]


def distinct(found: Iterable[Mutant], unchanged: str) -> Iterator[tuple[Mutant, str]]:
    """Those that can be compiled and whose sources differ, each with its source."""
    met = {unchanged}
    for mutant in found:
        source = mutant.source()
        try:
            compile(source, mutant.path, "exec")
        except SyntaxError:
            continue
        if source not in met:
            met.add(source)
            yield mutant, source


def try_module(
    runner: Runner, path: str, found: Sequence[Mutant], tests: Sequence[str], results: Results
) -> Tally:
    """Runs the tests over each change, and says at once which survive unexplained."""
    reasons = equivalents()
    around = surroundings(path, tests)
    unchanged = ast.unparse(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    patience_s = {
        test: max(PATIENCE_S_MIN, PATIENCE * runner.baseline_s(path, test)) for test in tests
    }
    tally = Tally(Counter())
    digests: dict[tuple[str, ...], str] = {}
    waiting: list[tuple[Mutant, str]] = []

    def count(mutant: Mutant, outcome: Outcome) -> None:
        tally.counts[outcome] += 1
        is_listed = mutant.name in reasons
        has_survived = outcome is Outcome.SURVIVED
        tally.listed += is_listed and has_survived
        tally.unexplained += has_survived and not is_listed
        tally.wrongly_listed += is_listed and not has_survived
        if has_survived != is_listed:
            told = "survived" if has_survived else "listed, but noticed"
            within = mutant.within or "the module"
            print(f"{told}: {path}:{mutant.number} in {within}: {mutant.line}", flush=True)
            print(f"    {mutant.what}", flush=True)

    for mutant, source in distinct(found, unchanged):
        digests[mutant.name] = hashlib.sha256(around + source.encode()).hexdigest()
        known = results.of(digests[mutant.name])
        if known is None:
            waiting.append((mutant, source))
        else:
            count(mutant, known)
    # One file of tests after the other: most changes are noticed by the first, which is quick.
    for test in tests:
        alive: set[tuple[str, ...]] = set()
        for mutant, outcome in runner.outcomes(waiting, test, patience_s[test]):
            if outcome is Outcome.SURVIVED and test != tests[-1]:
                alive.add(mutant.name)
                continue
            results.note(mutant, digests[mutant.name], outcome)
            count(mutant, outcome)
            if tally.changes % 50 == 0:
                print(f"{path}: {tally.changes} of {len(digests)}", file=sys.stderr, flush=True)
        waiting = [one for one in waiting if one[0].name in alive]
    return tally


def table(tallies: dict[str, Tally]) -> str:
    """`at load` and `late` are of the noticed; the second share is without the equivalent ones."""
    rows = [
        f"{'module':24}{'changes':>8}{'noticed':>8}{'':>8}{'at load':>8}{'late':>6}"
        f"{'equivalent':>11}{'left':>6}{'':>8}"
    ]
    total = Tally(Counter())
    for tally in tallies.values():
        total.counts.update(tally.counts)
        total.listed += tally.listed
        total.unexplained += tally.unexplained
    for name, tally in (*tallies.items(), ("all", total)):
        share = tally.noticed / max(1, tally.changes)
        share_of_able = tally.noticed / max(1, tally.changes - tally.listed)
        rows.append(
            f"{name:24}{tally.changes:>8}{tally.noticed:>8}{share:>8.1%}"
            f"{tally.counts[Outcome.AT_LOAD]:>8}{tally.counts[Outcome.LATE]:>6}"
            f"{tally.listed:>11}{tally.unexplained:>6}{share_of_able:>8.1%}"
        )
    return "\n".join(rows)


def is_well(tally: Tally, is_sample: bool) -> bool:
    if tally.wrongly_listed or (is_sample and tally.unexplained):
        return False
    return is_sample or 100 * tally.noticed >= NOTICED_PERCENT_MIN * tally.changes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument(
        "--results", type=Path, help="a file to keep outcomes in, and to go on from"
    )
    parser.add_argument("--again", action="store_true", help="only what survived by --results")
    parser.add_argument("--line", type=int, help="only the changes of this line")
    parser.add_argument("--sample", type=int, help="only so many, not those listed as equivalent")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    parser.add_argument("--tests", action="append", help="these instead of the module's own")
    told = parser.parse_args()
    os.chdir(ROOT)
    os.nice(15)
    begun = time.monotonic()
    results = Results(told.results)
    found = [mutant for path in told.modules or MODULES for mutant in changes_of(path)]
    if told.line is not None:
        found = [mutant for mutant in found if mutant.number == told.line]
    if told.again:
        found = [mutant for mutant in found if results.has_survived(mutant)]
    if told.sample is not None:
        reasons = equivalents()
        able = [mutant for mutant in found if mutant.name not in reasons]
        found = sample(able, told.sample, told.seed)
    tallies: dict[str, Tally] = {}
    # In memory where the system has such a place: the tests make hundreds of stores.
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name_of_folder:
        folder = Path(name_of_folder)
        prepare(folder)
        runner = Runner(folder, told.jobs)
        for path in dict.fromkeys(mutant.path for mutant in found):
            ours = [mutant for mutant in found if mutant.path == path]
            tests = told.tests or MODULES[path]
            tallies[path] = try_module(runner, path, ours, tests, results)
    print(table(tallies))
    print(f"{time.monotonic() - begun:,.0f} s", file=sys.stderr)
    if not all(is_well(tally, told.sample is not None) for tally in tallies.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
