"""The main job on a real LAN: namespaces on one bridge, `up` in each, no flags but the home.

Neighbours find each other, real listing files arrive everywhere, edits follow, the seller's end is
no loss, and a network that was cut in two heals. Measured figures are printed (pytest -s).
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import lan as lan_module
from tests.interop.lan import Lan, Node, nodes

pytestmark = [
    pytest.mark.skipif(lan_module.why_not() is not None, reason=str(lan_module.why_not())),
    pytest.mark.slow,
]

REAL_FILES = sorted((Path(__file__).parents[3] / "shared" / "data").glob("*.csv"))
OWN_FILES = [
    path
    for path in sorted((Path(__file__).parents[1] / "data").glob("*.csv"))
    if path.name.startswith(("shopify", "woocommerce"))
]
EDITS = 10


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan() as made:
        yield made


def start(lan: Lan, started: list[Node], home: Path) -> Node:
    node = Node(home, lan.add_host())
    started.append(node)
    return node


def sees(node: Node, others: list[Node]) -> float:
    """When (monotonic s) the last of `others` had come up at `node`."""
    peers = {other.ready()[1]["peer"] for other in others}
    return max(
        node.wait_event(
            lambda event, peer=peer: (  # type: ignore[misc]
                event["event"] == "peer" and event["state"] == "up" and event["peer"] == peer
            )
        )[0]
        for peer in peers
    )


def counted(node: Node) -> int:
    return int(node.json("status")[0]["counts"]["listings_active"])


def fingerprints(node: Node) -> dict[str, tuple[int, str]]:
    markets = node.json("status")[0]["markets"]
    return {market["market"]: (market["records"], market["fingerprint"]) for market in markets}


def agree(members: list[Node]) -> bool:
    first = fingerprints(members[0])
    return all(fingerprints(node) == first for node in members[1:])


def told(node: Node) -> int:
    """Listings that its events spoke of: what comes while a burst is told goes into its summary."""
    events = [event for _, event in list(node.events)]
    summed = sum(event["new"] for event in events if event["event"] == "listings")
    return summed + sum(event["event"] == "listing" for event in events)


def test_neighbours_trade_on_a_lan(lan: Lan, tmp_path: Path) -> None:
    with nodes() as started:
        one, two, three = (start(lan, started, tmp_path / f"home{n}") for n in (1, 2, 3))
        last_ready = max(node.ready()[0] for node in started)
        all_seen = max(
            sees(node, [other for other in started if other is not node]) for node in started
        )
        print(f"\nall see each other {all_seen - last_ready:.2f} s after the last ready")
        assert all_seen - last_ready < 5

        imported = 0
        for path in REAL_FILES or OWN_FILES:
            summary = one.json("import", str(path), "--currency", "USD")[-1]
            assert summary["failed"] == 0, summary
            imported += summary["created"]
        assert imported > 0
        for node in (two, three):
            took = node.wait_until(lambda node=node: counted(node) == imported, "all listings")  # type: ignore[misc]
            print(f"{imported} listings at {node.home.name} {took:.2f} s after the import's end")
        mine = one.json("search", "--limit", "200")
        word = mine[0]["title"].split()[0]
        for node in (two, three):
            found = {row["id"] for row in node.json("search", word, "--limit", "200")}
            assert mine[0]["id"] in found

        for node in (two, three):
            node.wait_until(lambda node=node: told(node) >= imported, "all told")  # type: ignore[misc]
        delays = edits_follow(one, [two, three], [row["id"] for row in mine])
        middle, p99 = statistics.median(delays), sorted(delays)[int(len(delays) * 0.99)]
        print(f"{len(delays)} edits seen by others: p50 {middle:.3f} s, p99 {p99:.3f} s")
        assert p99 <= 2

        standing = counted(two)
        one.kill()
        four = start(lan, started, tmp_path / "home4")
        four.ready()
        took = four.wait_until(lambda: counted(four) == standing, "everything from the others")
        print(f"seller killed; a fourth node has all {standing} listings {took:.2f} s after ready")
        assert four.json("verify")[-1]["ok"]
        one = Node(tmp_path / "home1", one.namespace)
        started.append(one)
        one.ready()

        members = [one, two, three, four]
        try:
            one.wait_until(lambda: agree(members), "equal sets before the cut")
        except AssertionError:
            print([fingerprints(node) for node in members])
            raise
        heal_after_a_cut(lan, members)


def edits_follow(seller: Node, others: list[Node], ids: list[str]) -> list[float]:
    """Seconds from a command's end to its event at each other node."""
    delays: list[float] = []
    orders = [
        ("edit", ["--price", "12.50 USD"], "changed"),
        ("reserve", [], "changed"),
        ("sold", [], "changed"),
        ("withdraw", [], "withdrawn"),
    ]
    for listing in ids[:EDITS]:
        for verb, more, _ in orders:
            marks = [len(node.events) for node in others]
            seller.run(verb, listing, *more)
            done = time.monotonic()
            for node, mark in zip(others, marks, strict=True):
                came, _ = node.wait_event(
                    lambda event, listing=listing: (  # type: ignore[misc]
                        event["event"] == "listing" and event["id"] == listing
                    ),
                    since=mark,
                )
                delays.append(max(0.0, came - done))
    return delays


def heal_after_a_cut(lan: Lan, members: list[Node]) -> None:
    one, two, three, four = members
    assert three.namespace and four.namespace
    lan.cut(three.namespace, four.namespace)
    for node, title in ((one, "cut: west"), (two, "cut: 서쪽"), (three, "cut: east"), (four, "東")):
        node.run("sell", title, "--price", "free")
    listing = one.json("search", "--limit", "1", "--status", "active")[0]
    one.run("edit", one.json("search", "west")[0]["id"], "--price", "5 USD")
    three.run("withdraw", three.json("search", "east")[0]["id"])
    assert not agree(members), listing
    two.wait_until(lambda: agree([one, two]), "the west agrees")
    four.wait_until(lambda: agree([three, four]), "the east agrees")
    lan.heal()
    took = one.wait_until(lambda: agree(members), "all four agree", timeout_s=90)
    print(f"equal fingerprints on all four {took:.2f} s after the network healed")
