"""Coverage-guided fuzzing of every decoder, with atheris:

    python tests/faults/fuzz/fuzz.py [TARGET…] --seconds N     each target for N seconds
    python tests/faults/fuzz/fuzz.py --keep                    what was learned goes into corpora/

A find is told, and its input goes into crashes/TARGET/, where the test suite replays it for ever.
Only an error that the decoder documents may leave it; an input takes at most INPUT_SECONDS_MAX, and
the process PROCESS_MIB_MAX.
"""

import argparse
import base64
import hashlib
import importlib.util
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

INPUT_SECONDS_MAX = 10
SLOW_SECONDS = 2
PROCESS_MIB_MAX = 1024
CORPUS_BYTES_MAX = 12_288
CORPUS_INPUT_BYTES_MAX = 4_096
GRACE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Result:
    """What one target's run came to. `coverage` counts edges of our own code."""

    name: str
    inputs: int
    coverage: int
    features: int
    kept: int
    finds: tuple[str, ...]


def be_the_fuzzer(name: str, started_as: str, options: Sequence[str]) -> None:
    """Never returns: libFuzzer ends the process. To merge, it starts itself again under the name
    by which it was started."""
    import atheris

    atheris.enabled_hooks.add("str")
    with atheris.instrument_imports(include=["jangteo"]):
        from tests.faults.fuzz.targets import TARGETS
    target = TARGETS[name]

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
        if dice.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return target.mutate(dice, data)[:size_max]

    atheris.Setup([started_as, *options], target.run, custom_mutator=mutate)
    atheris.Fuzz()


def child(name: str, folder: Path, options: Iterable[str], seconds: float) -> tuple[int, str]:
    """(exit code, what it said) of the fuzzer in a process of its own."""
    starter = folder / "fuzzer"
    words = shlex.join([sys.executable, __file__, "--be", name])
    starter.write_text(f'#!/bin/sh\nexec {words} --as "$0" "$@"\n', encoding="utf-8")
    starter.chmod(0o700)
    try:
        done = subprocess.run(
            [starter, *options],
            cwd=folder,
            env=os.environ | {"TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return 1, (error.stdout or b"").decode(errors="replace") + "\nnever ended\n"
    return done.returncode, done.stdout.decode(errors="replace")


def fuzz(name: str, seconds: int, keeps: bool) -> Result:
    from tests.faults.fuzz.targets import TARGETS, corpus, crashes, crashes_folder

    target = TARGETS[name]
    # In memory where the system has such a place: stores are made by the thousand.
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        folder = Path(made)
        grown, found = folder / "corpus", folder / "found"
        grown.mkdir()
        found.mkdir()
        known = [*target.seeds(), *corpus(name), *(data for _, data in crashes(name))]
        for data in known:
            (grown / digest(data)).write_bytes(data)
        code, told = child(
            name,
            folder,
            [
                f"-max_total_time={seconds}",
                f"-timeout={INPUT_SECONDS_MAX}",
                f"-report_slow_units={SLOW_SECONDS}",
                f"-rss_limit_mb={PROCESS_MIB_MAX}",
                f"-max_len={target.bytes_max}",
                f"-artifact_prefix={found}/",
                "-print_final_stats=1",
                "-reload=0",
                str(grown),
            ],
            seconds + GRACE_SECONDS,
        )
        finds = []
        for path in sorted(found.iterdir()):
            kind, data = path.name.partition("-")[0], path.read_bytes()
            kept = crashes_folder(name) / digest(data)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
            finds.append(f"{kind} {kept.relative_to(ROOT)}")
        if code and not finds:
            finds.append(f"ended with {code}")
        if finds:
            print(told[-3000:], file=sys.stderr)
        if keeps:
            keep(name, grown, folder)
        return Result(
            name,
            last_number(r"stat::number_of_executed_units:\s*(\d+)", told)
            or last_number(r"^#(\d+)", told),
            last_number(r"cov: (\d+)", told),
            last_number(r"ft: (\d+)", told),
            len(corpus(name)),
            tuple(finds),
        )


def keep(name: str, grown: Path, folder: Path) -> None:
    """The fewest and smallest inputs that reach what all of them reach, within bounds."""
    from tests.faults.fuzz.targets import corpus_path

    least = folder / "least"
    least.mkdir()
    child(name, folder, ["-merge=1", "-reload=0", str(least), str(grown)], 600)
    inputs = sorted(
        (path.read_bytes() for path in least.iterdir()), key=lambda data: (len(data), data)
    )
    room = CORPUS_BYTES_MAX
    lines = []
    for data in inputs:
        room -= len(data)
        if room < 0 or len(data) > CORPUS_INPUT_BYTES_MAX:
            break
        lines.append(base64.b64encode(data).decode())
    path = corpus_path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="ascii")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def last_number(pattern: str, text: str) -> int:
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="rewrite corpora/ from what was found")
    parser.add_argument("--be", metavar="TARGET", help=argparse.SUPPRESS)
    parser.add_argument("--as", dest="started_as", help=argparse.SUPPRESS)
    told, options = parser.parse_known_args()
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit("fuzz.py needs atheris: .venv/bin/pip install 'atheris>=3'")
    if told.be:
        be_the_fuzzer(told.be, told.started_as, [*told.targets, *options])
        return
    if options:
        parser.error(f"unknown: {' '.join(options)}")
    from tests.faults.fuzz.targets import TARGETS

    unknown = set(told.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are: {', '.join(TARGETS)}")
    os.nice(15)
    print(f"{'target':12}{'inputs':>12}{'edges':>8}{'features':>10}{'corpus':>8}  finds")
    is_clean = True
    for name in told.targets or TARGETS:
        result = fuzz(name, told.seconds, told.keep)
        is_clean = is_clean and not result.finds
        print(
            f"{name:12}{result.inputs:>12,}{result.coverage:>8,}{result.features:>10,}"
            f"{result.kept:>8}  {', '.join(result.finds) or 'none'}",
            flush=True,
        )
    raise SystemExit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
