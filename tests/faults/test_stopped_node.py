"""A node whose machine sleeps, whose address changes, or whose network is not there yet: the others
go on without it, and it is one of them again by itself.

JANGTEO_STOP_S says how long it sleeps (4 without it). Addresses need root on Linux, for namespaces.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli_runner import Person
from tests.interop import lan as lan_module
from tests.interop.lan import Lan, ip, nodes
from tests.interop.lan import Node as LanNode
from tests.interop.test_two_processes import running

pytestmark = pytest.mark.slow
STOP_S = float(os.environ.get("JANGTEO_STOP_S", "4"))
needs_lan = pytest.mark.skipif(lan_module.why_not() is not None, reason=str(lan_module.why_not()))


def test_a_node_that_was_stopped_catches_up(tmp_path: Path) -> None:
    with running(tmp_path / "ann") as ann, running(tmp_path / "bob", ann.address) as bob:
        bob.wait_for(lambda event: event["event"] == "peer")
        ann.run("sell", "before", "--price", "free")
        bob.wait_title("before")
        bob.process.send_signal(signal.SIGSTOP)
        stopped_at = time.monotonic()
        try:
            ann.run("sell", "meanwhile", "--price", "free")
            (found,) = ann.run("search", "meanwhile")
            # Reading does not ask the node that sleeps.
            assert [row["title"] for row in bob.run("search", "before")] == ["before"]
            time.sleep(max(0.0, STOP_S - (time.monotonic() - stopped_at)))
        finally:
            bob.process.send_signal(signal.SIGCONT)
        bob.wait_title("meanwhile")
        ann.run("withdraw", found["id"])
        bob.wait_for(lambda event: event.get("change") == "withdrawn")
        assert bob.stop() == 0
        assert ann.stop() == 0
    assert Person(tmp_path / "bob").json("verify").row["ok"]


def has_title(node: LanNode, title: str) -> bool:
    return any(row["title"] == title for row in node.json("search", title))


@needs_lan
def test_a_node_whose_address_changes_is_found_again(tmp_path: Path) -> None:
    with Lan() as lan, nodes() as started:
        ann = LanNode(tmp_path / "ann", lan.add_host())
        bob = LanNode(tmp_path / "bob", lan.add_host())
        started += [ann, bob]
        ann.ready()
        bob.ready()
        bob.wait_event(lambda event: event["event"] == "peer")
        assert bob.namespace
        ip("-n", bob.namespace, "addr", "del", "10.77.0.2/24", "dev", "eth0")
        ip("-n", bob.namespace, "addr", "add", "10.77.0.77/24", "dev", "eth0")
        ann.run("sell", "after", "--price", "free")
        took = bob.wait_until(lambda: has_title(bob, "after"), "a listing at the new address", 90)
        print(f"found again after {took:.1f} s")
        bob.run("sell", "back", "--price", "free")
        ann.wait_until(lambda: has_title(ann, "back"), "a listing from the new address", 90)
        (status,) = bob.json("status")
        assert any("/10.77.0.77/" in address for address in status["addresses"]), status


@needs_lan
def test_a_node_that_starts_without_a_network_joins_when_it_comes(tmp_path: Path) -> None:
    with Lan() as lan, nodes() as started:
        first, second = lan.add_host(), lan.add_host()
        ip("-n", second, "link", "set", "eth0", "down")
        ann, bob = LanNode(tmp_path / "ann", first), LanNode(tmp_path / "bob", second)
        started += [ann, bob]
        ann.ready()
        bob.ready()
        bob.run("sell", "alone", "--price", "free")
        ip("-n", second, "link", "set", "eth0", "up")
        ann.wait_until(lambda: has_title(ann, "alone"), "what was sold before", 90)
