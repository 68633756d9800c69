"""kill -9 amid an import, again and again on one home: what was acknowledged is there, the store
opens, every signature and view is sound, and the import goes on where it was.

JANGTEO_KILLS says how often (5 without it); the seed of the moments is printed on failure.
"""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jangteo.node import identity
from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.office import open_office
from tests.desk_maker import Dice

ROWS = 3_000
SEED = 20_251_009

IMPORT = """
import json, sys
from pathlib import Path
from jangteo.node.config import read_config
from jangteo.node.home import Home
from jangteo.node.office import open_office
home = Home(Path(sys.argv[1]))
with open_office(home, read_config(home, environ={})) as office:
    for item in office.stream("import", {"path": sys.argv[2]}):
        if item["event"] == "row":
            print(json.dumps([item["id"], item["title"], item["result"]]), flush=True)
"""


def write_file(path: Path, round_: int) -> None:
    """A third of the rows changes with each round."""
    lines = [
        f"row {number},{1000 + (round_ if number % 3 == 0 else 0)},KRW,sku-{number}\n"
        for number in range(ROWS)
    ]
    path.write_text("title,price,currency,sku\n" + "".join(lines))


def import_until_killed(home: Home, path: Path, rows_max: int) -> list[tuple[str, str, str]]:
    """The rows that were acknowledged before the process was killed, about `rows_max`."""
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(home.path), str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told: list[str] = []
    for line in process.stdout:
        told.append(line)
        if len(told) == rows_max:
            process.send_signal(signal.SIGKILL)
            break
    told += process.stdout.readlines()  # what was said before the signal came
    process.stdout.close()
    process.wait()
    whole = [line for line in told if line.endswith("\n")]
    return [(one[0], one[1], one[2]) for one in map(json.loads, whole)]


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    dice = random.Random(SEED)  # noqa: S311
    home, path = Home(tmp_path / "home"), tmp_path / "shop.csv"
    with home.lock("command"):
        identity.create(home, entropy=Dice())
    config = read_config(home, environ={})
    ids: dict[str, str] = {}
    for round_ in range(int(os.environ.get("JANGTEO_KILLS", "5"))):
        write_file(path, round_)
        told = import_until_killed(home, path, dice.randint(1, ROWS - 1))
        where = f"seed {SEED}, round {round_}"
        assert told, where
        with open_office(home, config, environ={}) as office:
            kept = {row["id"]: row for row in office.stream("export", {"mine": True})}
            for public_id, title, _ in told:
                assert kept[public_id]["title"] == title, where
                assert ids.setdefault(title, public_id) == public_id, where
                number = int(title.split()[1])
                price = 1000 + (round_ if number % 3 == 0 else 0)
                assert kept[public_id]["price"]["amount"] == str(price), where
            titles = [row["title"] for row in kept.values()]
            assert len(set(titles)) == len(titles), f"a row is there twice, {where}"
            assert office.call("verify")["ok"], where
    with open_office(home, config, environ={}) as office:
        *_, summary = office.stream("import", {"path": str(path)})
        assert summary["failed"] == 0
        assert office.call("verify")["records"] >= ROWS
        assert len(list(office.stream("export", {"mine": True}))) == ROWS
