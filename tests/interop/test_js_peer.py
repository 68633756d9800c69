"""js-libp2p as a foreign peer: it dials the node, joins the topic, relays real records both ways,
and each finds the other by mDNS. Skips where Node or its packages are absent."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from jangteo.crypto.keys import AuthorKey
from jangteo.protocol.envelope import Header, author_record, open_record
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.market import topic
from tests.interop import lan as lan_module
from tests.interop.lan import Lan, Node, nodes

FOLDER = Path(__file__).parent / "js_peer"
NODE_JS = shutil.which("node")
TOPIC = topic("open")
STEP_S = 30.0

pytestmark = [
    pytest.mark.skipif(NODE_JS is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules").is_dir(), reason="npm install in tests/interop/js_peer"
    ),
    pytest.mark.slow,
]


class JsPeer:
    """`peer.mjs`, driven by lines."""

    def __init__(self, listen: str, *flags: str, namespace: str | None = None) -> None:
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        self._process = subprocess.Popen(
            [*inside, str(NODE_JS), "peer.mjs", TOPIC, listen, *flags],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self.wait(lambda line: line["event"] == "ready")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(json.loads(line))
                self._changed.notify_all()

    def order(self, **order: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def wait(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + STEP_S
        with self._changed:
            while True:
                for line in self._lines:
                    if is_it(line):
                        return line
                left = deadline - time.monotonic()
                assert left > 0, f"js peer: no such line in {self._lines[-5:]}"
                self._changed.wait(left)

    def records(self) -> dict[str, Any]:
        """The first message that holds a record, decoded by this implementation."""
        line = self.wait(lambda line: line["event"] == "message" and len(line["data"]) > 2)
        raws = msgpack.unpackb(bytes.fromhex(line["data"]))
        return {"from": line["from"], "records": [open_record(raw) for raw in raws]}

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def js_peers() -> Iterator[list[JsPeer]]:
    made: list[JsPeer] = []
    yield made
    for peer in made:
        peer.close()


def foreign_record(title: str, now_ms: int) -> bytes:
    key = AuthorKey.from_seed(b"js" * 16)
    header = Header(LISTING, key.public, now_ms, "open", title.encode()[:16].ljust(16), 1, False)
    return author_record(key, header, Listing(title=title, created_ms=now_ms).to_body()).raw


def test_records_pass_both_ways_and_are_relayed(tmp_path: Path, js_peers: list[JsPeer]) -> None:
    with nodes() as started:
        here = Node(tmp_path / "here", None, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
        started.append(here)
        address = here.ready()[1]["addresses"][0]
        writer = JsPeer("/ip4/127.0.0.1/tcp/0")
        js_peers.append(writer)
        reader = JsPeer("/ip4/127.0.0.1/tcp/0")
        js_peers.append(reader)
        peer = here.ready()[1]["peer"]
        for foreign in (writer, reader):
            foreign.order(do="dial", address=address)
            foreign.wait(lambda line: line["event"] == "subscribed" and line["peer"] == peer)
            name = foreign.ready["peer"]
            here.wait_event(
                lambda event, name=name: event["event"] == "peer" and event["peer"] == name  # type: ignore[misc]
            )

        sold = here.json("sell", "bicycle for a js peer", "--price", "80 USD")[0]
        for foreign in (writer, reader):
            got = foreign.records()
            assert got["from"] == peer
            assert [record.body["title"] for record in got["records"]] == ["bicycle for a js peer"]
            assert got["records"][0].header.author.hex() == sold["author"]

        raw = foreign_record("자전거 from js", int(time.time() * 1000))
        writer.order(do="publish", data=msgpack.packb([raw]).hex())
        here.wait_event(
            lambda event: event["event"] == "listing" and event["title"] == "자전거 from js"
        )
        assert [row["title"] for row in here.json("search", "자전거")] == ["자전거 from js"]
        # The two foreign peers are not connected: what the reader has came through the node.
        relayed = reader.wait(
            lambda line: line["event"] == "message" and line["from"] == writer.ready["peer"]
        )
        assert msgpack.unpackb(bytes.fromhex(relayed["data"])) == [raw]


@pytest.mark.skipif(lan_module.why_not() is not None, reason=str(lan_module.why_not()))
def test_each_finds_the_other_by_mdns(tmp_path: Path, js_peers: list[JsPeer]) -> None:
    with Lan() as lan, nodes() as started:
        here = Node(tmp_path / "here", lan.add_host())
        started.append(here)
        peer = here.ready()[1]["peer"]
        foreign = JsPeer("/ip4/0.0.0.0/tcp/4001", "--mdns", namespace=lan.add_host(with_route=True))
        js_peers.append(foreign)
        foreign.wait(lambda line: line["event"] == "found" and line["peer"] == peer)
        # The js peer only reports what it finds and does not dial: the node has found it itself.
        here.wait_event(
            lambda event: event["event"] == "peer" and event["peer"] == foreign.ready["peer"]
        )
