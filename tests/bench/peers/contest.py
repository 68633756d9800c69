"""Other programs at the same work in the same run: Hypercore, nostr-sdk, Secure Scuttlebutt.

Installs them by exact version into `.bench-peers` of this folder's project, starts their drivers
and prints what they reach beside ours. What is not installed is said to be absent.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jangteo.store.query import Query
from tests.bench.goods import Goods, Mix
from tests.bench.report import Report, percentile

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[2]
PLACE: Final = ROOT / ".bench-peers"
NOSTR: Final = "nostr-sdk==0.44.8"
MATPLOTLIB: Final = "matplotlib==3.11.2"
"""Draws what the benches found (plot.py); measured beside nothing."""
PYTHON: Final = PLACE / "venv" / "bin" / "python"
ANSWER_S_MAX: Final = 900.0
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """A program and its driver; `package` stands in package.json, or "" for nostr-sdk."""

    name: str
    driver: str
    package: str
    verifies: str

    @property
    def command(self) -> list[str]:
        """The driver as it is run: those of npm stand beside their packages."""
        if not self.package:
            return [str(PYTHON), str(HERE / self.driver)]
        return [shutil.which("node") or "node", str(PLACE / self.driver)]

    def is_installed(self) -> bool:
        if not self.package:
            return any(PLACE.glob("venv/lib/*/site-packages/nostr_sdk"))
        return (PLACE / "node_modules" / self.package).is_dir() and bool(shutil.which("node"))

    def label(self) -> str:
        if not self.package:
            return NOSTR.replace("==", " ")
        told = json.loads((PLACE / "node_modules" / self.package / "package.json").read_text())
        return f"{self.name} {told['version']}"


@dataclass(frozen=True, slots=True)
class Command:
    """A driver that runs by this project's own Python: a file of tests/bench and its words."""

    words: str

    @property
    def command(self) -> list[str]:
        file, *rest = self.words.split()
        return [sys.executable, str(HERE.parent / file), *rest]

    @property
    def name(self) -> str:
        return "py-libp2p"

    def is_installed(self) -> bool:
        return True

    def label(self) -> str:
        return f"py-libp2p {version('libp2p')}, as it comes"


HYPERCORE: Final = Contender("hypercore", "hypercore.mjs", "hypercore", "a signature a batch")
NOSTR_SDK: Final = Contender("nostr-sdk", "nostr_peer.py", "", "every signature")
SSB: Final = Contender("ssb-db2", "ssb.mjs", "ssb-db2", "every signature")
JS_LIBP2P: Final = Contender("js-libp2p", "gossip_swarm.mjs", "libp2p", "every signature")
ALL: Final = (HYPERCORE, NOSTR_SDK, SSB)


class Driver:
    """One process of a contender, which answers one order after the other."""

    def __init__(self, contender: Contender | Command, *words: Path) -> None:
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [*contender.command, *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def do(self, name: str, **told: Any) -> Json:
        """The answer to an order; RuntimeError when the driver fails or says nothing."""
        self.tell(name, **told)
        return self.answer()

    def tell(self, name: str, **told: Any) -> None:
        """An order whose `answer` is fetched later."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": name, **told}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(f"{name}: {self._last_words()}") from None

    def answer(self) -> Json:
        assert self._process.stdout is not None
        patience = threading.Timer(ANSWER_S_MAX, self._process.kill)
        patience.start()
        try:
            line = self._process.stdout.readline()
        finally:
            patience.cancel()
        answer: Json = json.loads(line) if line else {"error": self._last_words()}
        if "error" in answer:
            raise RuntimeError(answer["error"][-1500:])
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read() or "ended without a word"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()


@contextmanager
def drivers(contender: Contender, texts: Path, *folders: Path) -> Iterator[Callable[[], Driver]]:
    """Gives a function that starts one driver after the other, in `folders` in turn."""
    scripts()
    rest = iter(folders)
    with ExitStack() as stack:

        def start() -> Driver:
            folder = next(rest)
            folder.mkdir(parents=True)
            driver = Driver(contender, folder, texts)
            stack.callback(driver.stop)
            return driver

        yield start


def scripts() -> None:
    """Puts the drivers of npm's programs beside their packages, where Node looks for them."""
    if PLACE.is_dir():
        for script in HERE.glob("*.mjs"):
            shutil.copyfile(script, PLACE / script.name)


def write_texts(path: Path, goods: Goods, count: int, mix: Mix = "mixed") -> Path:
    """What `count` records of ours say, one JSON string a line: the same work for everybody."""
    with path.open("w", encoding="utf-8") as file:
        for number, record in enumerate(goods.records(count, mix)):
            body = record.body or {}
            said = {name: value for name, value in body.items() if not isinstance(value, bytes)}
            text = json.dumps({"number": number} | said, ensure_ascii=False)
            file.write(json.dumps(text, ensure_ascii=False) + "\n")
    return path


def cold(report: Report, goods: Goods, count: int) -> None:
    """A whole store to an empty one."""
    for contender, folder, texts in _present(report, goods, count):
        with (
            _forgiving(report, contender),
            drivers(contender, texts, folder / "giver", folder / "taker") as start,
        ):
            giver = start()
            filled = giver.do("fill", count=count)
            address = giver.do("serve")["address"]
            taker = start()
            before = giver.do("usage"), taker.do("usage")
            done = taker.do("sync", address=address, total=count)
            after = giver.do("usage"), taker.do("usage")
            report.add(
                "cold sync",
                contender.label(),
                rivals=f"{count:,} mixed",
                records=count,
                per_s=count / done["took_s"],
                took_s=done["took_s"],
                taker_cpu_s=after[1]["cpu_s"] - before[1]["cpu_s"],
                giver_cpu_s=after[0]["cpu_s"] - before[0]["cpu_s"],
                taker_peak_mib=after[1]["peak_mib"],
                giver_peak_mib=after[0]["peak_mib"],
                verifies=contender.verifies,
                filled_per_s=count / filled["took_s"],
                passes=done.get("passes", 1),
            )


def incremental(report: Report, goods: Goods, count: int, new: Sequence[int]) -> None:
    """What is new since the last time, in a fresh connection."""
    for contender, folder, texts in _present(report, goods, count + sum(new)):
        with (
            _forgiving(report, contender),
            drivers(contender, texts, folder / "giver", folder / "taker") as start,
        ):
            giver = start()
            giver.do("fill", count=count)
            address = giver.do("serve")["address"]
            taker = start()
            taker.do("sync", address=address, total=count)
            total = count
            for case in new:
                if case:
                    giver.do("append", count=case)
                total += case
                before = taker.do("usage")
                done = taker.do("sync", address=address, total=total)
                report.add(
                    "incremental sync",
                    f"{contender.label()}, {case:,} new of {count:,}",
                    rivals=f"{case:,} new of {count:,}",
                    even_s=done["took_s"],
                    tcp_bytes=done.get("bytes"),
                    taker_cpu_s=taker.do("usage")["cpu_s"] - before["cpu_s"],
                )


def appending(report: Report, goods: Goods, count: int) -> None:
    """Records of one's own, many at once and one by one."""
    for contender, folder, texts in _present(report, goods, 2 * count):
        with _forgiving(report, contender), drivers(contender, texts, folder / "giver") as start:
            giver = start()
            filled = giver.do("fill", count=count)["took_s"]
            appended = giver.do("append", count=count)["took_s"]
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            report.add(
                "own records",
                contender.label(),
                rivals="own",
                many_at_once_per_s=count / filled,
                one_by_one_per_s=count / appended,
                disk_bytes_per_record=(size - texts.stat().st_size) / (2 * count),
            )


def searching(
    report: Report, goods: Goods, count: int, queries: dict[str, list[Query]], rounds: int
) -> None:
    """The words of the queries that are words alone, in nostr-sdk's database."""
    if not NOSTR_SDK.is_installed():
        report.note(f"{NOSTR_SDK.name}: absent (./run bench --peers installs it)")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts = write_texts(folder / "texts", goods, count, "listings")
        with (
            _forgiving(report, NOSTR_SDK),
            drivers(NOSTR_SDK, texts, folder / "giver") as start,
        ):
            database = start()
            database.do("fill", count=count)
            for name, said in worded(queries).items():
                told = database.do("search", texts=said, rounds=-(-rounds // len(said)), limit=20)
                taken = [took for each in told["taken_ms"].values() for took in each]
                report.add(
                    "words",
                    f"{NOSTR_SDK.label()}, {name}",
                    rivals=name,
                    p50_ms=percentile(taken, 0.5),
                    p99_ms=percentile(taken, 0.99),
                    worst_ms=max(taken),
                )


def worded(queries: dict[str, list[Query]]) -> dict[str, list[str]]:
    """The texts of those kinds of query that are words alone."""
    texts = {
        name: [query.text for query in some if query == Query(query.text) and query.text]
        for name, some in queries.items()
    }
    return {name: said for name, said in texts.items() if said}


@contextmanager
def _forgiving(report: Report, contender: Contender) -> Iterator[None]:
    """What another program cannot do is said, and the run goes on."""
    try:
        yield
    except RuntimeError as error:
        print(error, file=sys.stderr, flush=True)
        lines = [line for line in str(error).splitlines() if line.strip()]
        said = next((line for line in lines if "Error" in line), lines[-1] if lines else "")
        report.note(f"{contender.name} failed: {said.strip().replace(str(ROOT), '.')}")


def _present(report: Report, goods: Goods, count: int) -> Iterator[tuple[Contender, Path, Path]]:
    """Each contender that is here, a folder and the texts; those that fail are said to."""
    for contender in ALL:
        if not contender.is_installed():
            report.note(f"{contender.name}: absent (./run bench --peers installs it)")
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            yield contender, folder, write_texts(folder / "texts", goods, count)


def install() -> int:
    """Fetches them; the exit code."""
    PLACE.mkdir(exist_ok=True)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / "venv")], check=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", NOSTR, MATPLOTLIB]
    code = subprocess.run(pip).returncode
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: without hypercore, ssb and js-libp2p", file=sys.stderr)
        return 1
    shutil.copyfile(HERE / "package.json", PLACE / "package.json")
    words = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    return subprocess.run(words, cwd=PLACE).returncode or code
