"""Coverage-guided fuzzing of every decoder, with atheris:

    python tests/faults/fuzz/fuzz.py [TARGET…] --seconds N     each target for N seconds
    python tests/faults/fuzz/fuzz.py --keep                    what was learned goes into corpora/

A find is told, and its input goes into crashes/TARGET/, where the test suite replays it for ever.
Only an error that the decoder documents may leave it; an input takes at most INPUT_SECONDS_MAX, and
the process PROCESS_MIB_MAX.

atheris (the dependency group `fuzz`, 35 MB, Linux) is in no lock, so it goes into .venv by hand:

    .venv/bin/python -m pip install 'atheris>=3'
"""

import argparse
import ctypes
import hashlib
import importlib.util
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.fuzz.target import Target

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

INPUT_SECONDS_MAX = 10
SLOW_SECONDS = 2
NICENESS = 15
PROCESS_MIB_MAX = 1024
CORPUS_BYTES_MAX = 65_536
CORPUS_INPUT_BYTES_MAX = 16_384
GRACE_SECONDS = 600
INSTRUMENTED = ("jangteo", "libp2p")
MERGE_SECONDS_MAX = 600


@dataclass(frozen=True, slots=True)
class Result:
    """What one target's run came to. `coverage` counts edges of the code that is INSTRUMENTED."""

    name: str
    inputs: int
    coverage: int
    features: int
    kept: int
    finds: tuple[str, ...]


def instrumented_targets() -> "dict[str, Target]":
    """All targets, with code that tells libFuzzer where it went."""
    import atheris

    atheris.enabled_hooks.add("str")
    # It names each module on stderr, three hundred of them.
    with redirect_stderr(StringIO()), atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.faults.fuzz.targets import TARGETS
    return TARGETS


def be_the_fuzzer(target: "Target", options: Sequence[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
        if dice.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return target.mutate(dice, data)[:size_max]

    atheris.Setup([target.name, *options], target.run, custom_mutator=mutate)
    atheris.Fuzz()


def child(
    target: "Target", folder: Path, options: Sequence[str], seconds: float
) -> tuple[int, str]:
    """(exit code, what it said) of the fuzzer in a process of its own: a fork of this one, since
    instrumenting takes longer than many a run."""
    log = folder / "log"
    process = os.fork()
    if not process:
        try:
            os.chdir(folder)
            tempfile.tempdir = str(folder)
            said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(said, 1)
            os.dup2(said, 2)
            be_the_fuzzer(target, options)
        except SystemExit:
            sys.stdout.flush()
            ctypes.CDLL(None).exit(1)  # at which libFuzzer writes down the input
        except BaseException:
            traceback.print_exc()  # a fault of the harness: this process has nobody to raise it to
        finally:
            sys.stderr.flush()
            os._exit(1)
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            break
        time.sleep(0.1)
    code = os.waitstatus_to_exitcode(status)
    return code, log.read_text(encoding="utf-8", errors="replace")


def fuzz(target: "Target", seconds: int, keeps: bool) -> Result:
    from tests.faults.fuzz.targets import corpus, crashes, crashes_folder

    name = target.name
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
            target,
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
            if kind == "slow" and processor_s(target, data) < SLOW_SECONDS:
                continue  # the machine was busy with something else
            kept = crashes_folder(name) / digest(data)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
            finds.append(f"{kind} {kept.relative_to(ROOT)}")
        if code and not finds:
            finds.append(f"ended with {code}")
        if finds:
            print(told[-3000:], file=sys.stderr)
        if keeps:
            keep(target, grown, folder)
        return Result(
            name,
            last_number(r"stat::number_of_executed_units:\s*(\d+)", told)
            or last_number(r"^#(\d+)", told),
            last_number(r"cov: (\d+)", told),
            last_number(r"ft: (\d+)", told),
            len(corpus(name)),
            tuple(finds),
        )


def processor_s(target: "Target", data: bytes) -> float:
    """How long the input really takes, whatever else the machine does."""
    began = time.process_time()
    target.run(data)
    return time.process_time() - began


def keep(target: "Target", grown: Path, folder: Path) -> None:
    """Rewrites the committed corpus: of the smallest inputs those that reach what none before them
    reached, within bounds."""
    from tests.faults.fuzz.targets import corpus_folder

    paths = sorted(grown.iterdir(), key=lambda path: (path.stat().st_size, path.name))
    # What libFuzzer's own merge hands to the process that it starts: the files, by number, behind
    # which that process writes the features of each ("FT NUMBER FEATURE…").
    control = folder / "control"
    lines = [str(len(paths)), "0", *map(str, paths)]
    control.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    options = ["-merge_inner=1", f"-merge_control_file={control}", f"-max_len={target.bytes_max}"]
    child(target, folder, options, MERGE_SECONDS_MAX)
    kept = corpus_folder(target.name)
    kept.mkdir(parents=True, exist_ok=True)
    for path in kept.iterdir():
        path.unlink()
    reached: set[str] = set()
    room = CORPUS_BYTES_MAX
    for line in control.read_text(encoding="ascii").splitlines()[len(lines) :]:
        word, *numbers = line.split()
        if word != "FT" or reached.issuperset(numbers[1:]):
            continue
        data = paths[int(numbers[0])].read_bytes()
        room -= len(data)
        if room < 0 or len(data) > CORPUS_INPUT_BYTES_MAX:
            break
        reached.update(numbers[1:])
        (kept / digest(data)).write_bytes(data)


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
    told = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit(f"fuzz.py needs atheris: {sys.executable} -m pip install 'atheris>=3'")
    os.nice(max(0, NICENESS - os.nice(0)))
    targets = instrumented_targets()
    unknown = set(told.targets) - targets.keys()
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are: {', '.join(targets)}")
    print(f"{'target':12}{'inputs':>12}{'edges':>8}{'features':>10}{'corpus':>8}  finds")
    is_clean = True
    for name in told.targets or targets:
        result = fuzz(targets[name], told.seconds, told.keep)
        is_clean = is_clean and not result.finds
        print(
            f"{name:12}{result.inputs:>12,}{result.coverage:>8,}{result.features:>10,}"
            f"{result.kept:>8}  {', '.join(result.finds) or 'none'}",
            flush=True,
        )
    raise SystemExit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
