"""What a command costs as a whole process: wall time and CPU, on a store of 20,000 listings.

Run: python tests/bench/bench_command.py [--runs N] [--listings N]. One line of JSON a command on
stdout. It makes a home in a temporary folder and removes it.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

COMMAND: Final = (sys.executable, "-m", "jangteo.cli.main")
# One author's quota in a market is less than the store's size.
LISTINGS_PER_AUTHOR: Final = 9_900
WORDS: Final = (
    "자전거 책상 의자 노트북 냉장고 기타 화분 중고 나눔 bike desk lamp table chair small large "
    "炊飯器 本 机 椅子 カメラ 中古"
).split()
CASES: Final = (("--help",), ("--version",), ("search", "자전거"), ("search",), ("mine",), ())


def furnish(folder: Path, count: int) -> Path:
    """A home that holds `count` listings of as many authors as that takes."""
    home = folder / "home"
    run(home, "init", "--name", "은하")
    dice = random.Random(1)  # noqa: S311
    number = 0
    while number < count:
        goods = folder / "goods.jsonl"
        with goods.open("w", encoding="utf-8") as file:
            for number in range(number, min(count, number + LISTINGS_PER_AUTHOR)):  # noqa: B020
                listing = {
                    "title": f"{' '.join(dice.sample(WORDS, 4))} {number}",
                    "price": f"{dice.randint(1, 900)}000 KRW",
                    "description": " ".join(dice.choices(WORDS, k=30)),
                    "category": dice.choice(WORDS),
                    "place": "망원",
                }
                file.write(json.dumps(listing, ensure_ascii=False) + "\n")
            number += 1
        author = folder / f"author-{number}"
        run(author, "init")
        run(author, "import", str(goods))
        run(author, "export", "--format", "records", "--output", str(folder / "records"))
        run(home, "import", str(folder / "records"), "--format", "records")
    return home


def run(home: Path, *words: str) -> None:
    environment = {**os.environ, "JANGTEO_HOME": str(home)}
    subprocess.run([*COMMAND, *words], env=environment, capture_output=True, check=True)


def measure(home: Path, words: tuple[str, ...], runs: int) -> dict[str, object]:
    walls: list[float] = []
    cpus: list[float] = []
    for _ in range(runs):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run(home, *words)
        walls.append((time.perf_counter() - started) * 1000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cpus.append(used * 1000)
    return {
        "command": " ".join(("jangteo", *words)),
        "wall_ms_median": round(statistics.median(walls), 1),
        "wall_ms_min": round(min(walls), 1),
        "cpu_ms_median": round(statistics.median(cpus), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--listings", type=int, default=20_000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = furnish(Path(folder), told.listings)
        for words in CASES:
            print(json.dumps(measure(home, words, told.runs)), flush=True)


if __name__ == "__main__":
    main()
