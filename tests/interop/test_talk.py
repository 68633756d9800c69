"""A whole trade between two people on two machines, typed at two terminals: from the question to
the reviews. First with both on; then with each off half of the time, and a neighbour in between.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jangteo.node.home import Home
from jangteo.protocol.mail_frame import Letters, Put, encode_prefixed
from jangteo.store.store import Store
from tests.interop import lan as lan_module
from tests.interop.lan import Lan, Node, nodes
from tests.interop.terminal import Terminal

pytestmark = [
    pytest.mark.skipif(lan_module.why_not() is not None, reason=str(lan_module.why_not())),
    pytest.mark.slow,
]

PLACE = "exit 2 of Wangsimni station, 010-1234-5678"


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan() as made:
        yield made


@contextlib.contextmanager
def terminal(node: Node, *words: str) -> Iterator[Terminal]:
    made = Terminal(node.home, node.namespace, *words)
    try:
        yield made
    finally:
        made.close()


def named(node: Node, name: str) -> Node:
    node.ready()
    node.run("profile", "--name", name)
    return node


def deal(node: Node, listing: str) -> dict[str, Any]:
    return dict(node.json("deals", listing)[0])


def test_a_trade_is_typed_at_two_terminals(lan: Lan, tmp_path: Path) -> None:
    with nodes() as started:
        for name in ("ana", "bea"):
            started.append(Node(tmp_path / name, lan.add_host()))
        ana, bea = (named(node, name) for node, name in zip(started, ("Ana", "Bea"), strict=True))
        bike = ana.json("sell", "Road bike", "--price", "950000 KRW")[0]["id"]
        bea.wait_until(lambda: bool(bea.json("search", "bike")), "the bike has come")
        bea.wait_until(lambda: len(bea.json("peers")) == 1, "they are connected")

        with terminal(bea, "talk", bike[:8]) as buyer:
            buyer.wait_for("about Road bike")
            buyer.type("Is it still there?")
            buyer.wait_for(r"Is it still there\?  \((stored by 1 peer|came|read)\)")
            ana.wait_until(lambda: bool(ana.json("inbox", "--unread")), "the question has come")
            with terminal(ana, "talk") as seller:
                seller.wait_for(r"Bea .*: Is it still there\?")
                buyer.wait_for(r"  \(read\)\n")
                seller.type("Yes. 95만원이에요")
                buyer.wait_for("Ana .*: Yes. 95만원이에요")
                buyer.type("/offer 900000 I can come tonight")
                seller.wait_for(r"Bea .*: offers ₩900,000: I can come tonight")
                seller.type("/offer 920000")
                buyer.wait_for(r"Ana .*: counters with ₩920,000")
                buyer.type("/accept")
                buyer.wait_for("deal: a deal")
                seller.wait_for("deal: a deal")
                assert bea.json("show", bike)[0]["status"] == "reserved"
                seller.type(f"/meet Saturday at 3 @ {PLACE}")
                buyer.wait_for(f"Ana .*: proposes to meet: Saturday at 3, {PLACE}")
                buyer.type("/agree")
                seller.wait_for("Bea .*: agrees to the meeting")
                buyer.type("/offer 1")
                buyer.wait_for("jangteo: all of it is reserved")
                seller.type("/done")
                buyer.wait_for("Ana .*: has handed it over")
                buyer.type("/done")
                seller.wait_for("deal: done")
                seller.type("/review good came on time")
                buyer.wait_for("Ana .*: has written a review")
                buyer.type("/review good as described")
                seller.wait_for("Bea .*: has written a review")
                assert seller.leave() == 0
            assert buyer.leave() == 0

        for node in (ana, bea):
            assert deal(node, bike)["state"] == "done"
            assert deal(node, bike)["signed_by_both"]
            assert node.json("show", bike)[0]["status"] == "sold"
            assert node.json("verify")[-1]["ok"]
            node.wait_until(lambda node=node: not node.json("outbox"), "all has come")  # type: ignore[misc]
            printed = [event for _, event in list(node.events)]
            assert [event for event in printed if event["event"] == "message"]
            assert not any(word in str(printed) for word in (PLACE, "still there", "900000"))


def letters_of(home: Path) -> list[bytes]:
    with Store.open(Home(home).store_path, read_only=True) as store:
        return [raw for _, raw in store.mail.after(0, 10_000)]


def boxes_of(home: Path) -> list[bytes]:
    with Store.open(Home(home).store_path, read_only=True) as store:
        return [box.public for box in store.boxes.boxes()]


class Person:
    """Somebody who is on only when they have something to say."""

    def __init__(self, lan: Lan, home: Path, name: str) -> None:
        self.namespace = lan.add_host()
        self.home = home
        self.name = name
        self._node: Node | None = None

    @contextlib.contextmanager
    def on(self) -> Iterator[Node]:
        node = Node(self.home, self.namespace)
        try:
            node.ready()
            node.wait_until(lambda: bool(node.json("peers")), "a neighbour is here")
            yield node
            assert node.stop() < 10
        finally:
            node.close()

    def gives_away(self, node: Node) -> None:
        """Waits until a neighbour holds everything that was said."""
        node.wait_until(
            lambda: all(each["state"] != "written" for each in node.json("outbox")),
            "a neighbour has it",
        )


def test_a_trade_with_each_off_half_of_the_time(lan: Lan, tmp_path: Path) -> None:
    with nodes() as started:
        carrier = Node(tmp_path / "carrier", lan.add_host())
        started.append(carrier)
        named(carrier, "Cho")
        ana, bea = (Person(lan, tmp_path / name, name) for name in ("ana", "bea"))
        with ana.on() as node:
            node.run("profile", "--name", "Ana")
            bike = node.json("sell", "Road bike", "--price", "950000 KRW")[0]["id"]
            node.wait_until(lambda: node.json("show", bike)[0]["held_by"] > 0, "it is held")
        with bea.on() as node:
            node.run("profile", "--name", "Bea")
            node.wait_until(lambda: bool(node.json("search", "bike")), "the bike has come")
            node.run("send", bike, "Is it still there?")
            node.run("offer", bike, "900000")
            bea.gives_away(node)
            assert node.json("outbox")[0]["state"] == "stored"
        with ana.on() as node:
            node.wait_until(lambda: len(node.json("deals")) == 1, "the offer has come")
            assert deal(node, bike)["waits_for"] == "you"
            node.run("counter", bike, "920000")
            ana.gives_away(node)
        with bea.on() as node:
            node.wait_until(lambda: deal(node, bike)["state"] == "countered", "the counter")
            assert {each["state"] for each in node.json("outbox", "--all")} == {"delivered"}
            node.run("accept", bike)
            assert deal(node, bike)["shown"] == "accepted, waits to be confirmed"
            bea.gives_away(node)
        with ana.on() as node:
            node.wait_until(lambda: deal(node, bike)["state"] == "confirmed", "the acceptance")
            assert node.json("show", bike)[0]["status"] == "reserved"
            node.run("meet", bike, "Saturday at 3", "--place", PLACE)
            node.run("done", bike)
            ana.gives_away(node)
        with bea.on() as node:
            node.wait_until(lambda: deal(node, bike)["state"] == "handed", "it is handed over")
            assert node.json("inbox", "--find", "station") == []  # a place is no text message
            node.run("agree", bike)
            node.run("done", bike)
            node.run("review", bike, "good", "as described")
            bea.gives_away(node)
        with ana.on() as node:
            node.wait_until(lambda: deal(node, bike)["state"] == "done", "both say so")
            shown = node.json("review", bike, "good", "came on time")[0]
            assert shown["published"]
            ana.gives_away(node)
        with bea.on() as node:
            node.wait_until(
                lambda: node.json("outbox", "--all")[0]["state"] == "delivered", "its receipt"
            )
        # Who carried it all cannot read a word of it, nor tell who it was.
        authors = [Home(person.home).author() for person in (ana, bea)]
        carrier.stop()
        held = Home(carrier.home).store_path.read_bytes()
        letters = letters_of(carrier.home)
        assert len(letters) >= 10
        # As they went over the wire, within what Noise hides.
        frames = [encode_prefixed(Put((letter,))) for letter in letters]
        frames.append(encode_prefixed(Letters(tuple(letters), False)))
        for word in (PLACE.encode(), b"Is it still there", b"handed", b"900000"):
            assert word not in held
            assert not any(word in frame for frame in frames)
        assert None not in authors
        for key in [*authors, *boxes_of(ana.home), *boxes_of(bea.home)]:
            assert not any((key or b"") in frame for frame in frames)
