"""Sealed letters between real nodes as real processes over real libp2p: what was written before its
writer went off comes to a node that the writer never met.
"""

import subprocess
import time
from pathlib import Path

import pytest

from jangteo.node.home import Home
from jangteo.protocol.letter import Letter
from jangteo.store.mail_book import MailAdmission
from jangteo.store.store import Store
from tests.interop.test_two_processes import JANGTEO, PATIENCE_S, Node, quiet_environment, running
from tests.letter_maker import GREAT, letter


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def write(home: Path, written: list[Letter]) -> None:
    """As a command does where no node runs: into the store, as one's own."""
    subprocess.run(
        [JANGTEO, "--home", str(home), "init", "--json"],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
        env=quiet_environment(),
    )
    with Store.open(Home(home).store_path) as store, store.write(durable=True):
        admissions = store.mail.put(written, now_ms(), None, is_own=True)
    assert set(admissions) == {MailAdmission.NEW}


def carried(node: Node) -> int:
    (status,) = node.run("status")
    count: int = status["mail"]["letters"]
    return count


def until_carried(node: Node, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while carried(node) != count:
        assert time.monotonic() < deadline, node.log.read_text()


def until_held(node: Node, written: list[Letter]) -> None:
    """The writer knows that a neighbour has them."""
    deadline = time.monotonic() + PATIENCE_S
    with Store.open(Home(node.home).store_path, read_only=True) as store:
        while set(store.mail.held_counts([one.id for one in written]).values()) != {1}:
            assert time.monotonic() < deadline, node.log.read_text()
        assert store.mail.counts().own == len(written)


@pytest.mark.slow
def test_a_letter_goes_through_a_third_while_its_reader_is_off(tmp_path: Path) -> None:
    written = [
        letter(1, now_ms=now_ms()),
        *(letter(n, now_ms=now_ms(), size=GREAT) for n in (2, 3)),
    ]
    write(tmp_path / "ann", written)
    with running(tmp_path / "bob") as bob:
        with running(tmp_path / "ann", bob.address) as ann:
            until_carried(bob, len(written))
            until_held(ann, written)
            assert ann.stop() == 0
        with running(tmp_path / "cho", bob.address) as cho:
            until_carried(cho, len(written))
            assert cho.stop() == 0
        assert bob.stop() == 0
    for name in ("bob", "cho"):
        with Store.open(Home(tmp_path / name).store_path, read_only=True) as store:
            assert {raw for _, raw in store.mail.after(0, 10)} == {one.raw for one in written}
            assert store.mail.counts().own == 0
