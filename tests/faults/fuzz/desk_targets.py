"""Fuzz targets above the decoders: records of strangers on the shelf of a real store, and bodies
for the control API, through its app and a real desk."""

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import trio

from jangteo.node.control_app import ControlApp
from jangteo.node.desk import INTERNAL_VERBS, STREAMS, VERBS
from jangteo.protocol.envelope import listing_id, open_record
from jangteo.protocol.errors import RemoteProtocolError
from tests.control_node import PlainDesk, QuietNode
from tests.desk_maker import Stall
from tests.faults.fuzz.file_targets import by_json
from tests.faults.fuzz.target import Target, folder
from tests.faults.fuzz.wire_targets import mutate_body, seeds_canonical, sign
from tests.market_maker import NOW_MS

INPUTS_PER_STALL = 500
TOKEN = "token"  # noqa: S105
PORT = 4111


class Stalls:
    """A stall that is replaced now and then, so that it does not fill up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._used = 0
        self._stall: Stall | None = None

    def take(self) -> Stall:
        if self._stall is None or self._used % INPUTS_PER_STALL == 0:
            if self._stall is not None:
                self._stall.close()
            place = folder() / f"{self._name}{self._used}"
            place.mkdir()
            self._stall = Stall(place)
            with self._stall.store.write(durable=False):
                self._stall.store.join("campus/hanyang")
        self._used += 1
        return self._stall


@cache
def stalls(name: str) -> Stalls:
    return Stalls(name)


def run_shelf(payload: bytes) -> None:
    """A record that its author did sign is admitted, found, shown and exported."""
    try:
        record = open_record(sign(payload))
    except RemoteProtocolError:
        return
    stall = stalls("shelf").take()
    with stall.store.write(durable=False):
        stall.store.admit([record], NOW_MS)
    found = stall.call("search", limit=10)
    for row in found["rows"]:
        stall.call("show", id=row["id"])
        json.dumps(row, ensure_ascii=False).encode()
        if row["title"].strip():
            stall.call("search", text=row["title"][:500], limit=5)
    public_id = listing_id(record.header.thread_key)
    stall.store.listing(public_id)
    stall.store.revisions(public_id)
    stall.store.profile(record.header.author)
    for _ in stall.desk.stream("export", {"format": "jsonl"}):
        pass
    assert stall.store.check_views() == []


# --- the control API ------------------------------------------------------------------------------

PATHS = [f"/v1/{verb}" for verb in (*VERBS, *INTERNAL_VERBS, "status", "peers", "connect", "sync")]
PATHS += [f"/v1/stream/{verb}" for verb in STREAMS]


def run_control(data: bytes) -> None:
    """The first byte: which verb; the rest is the body."""
    if data:
        trio.run(_ask, PATHS[data[0] % len(PATHS)], data[1:])


async def _ask(path: str, body: bytes) -> None:
    stall = stalls("control").take()
    app = ControlApp(PlainDesk(stall.desk), QuietNode(), token=TOKEN, port=PORT)
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:%d" % PORT),
            (b"authorization", b"Bearer " + TOKEN.encode()),
            (b"content-type", b"application/json"),
        ],
    }
    pieces = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if pieces:
            return pieces.pop()
        await trio.sleep_forever()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    with trio.fail_after(20):
        await app.asgi(scope, receive, send)
    status = sent[0]["status"]
    answer = b"".join(message.get("body", b"") for message in sent)
    assert status in (200, 400, 404, 409, 413), (status, answer)
    for line in answer.splitlines() if "stream" in path else [answer]:
        told = json.loads(line)
        assert isinstance(told, dict)
        if "error" in told:
            assert told["error"]["message"], told


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "/v1/sell",
        {"title": "자전거", "price": "95만원", "tags": ["a"], "place": "행당동", "quantity": 2}
        | {"condition": "good", "until": "30d", "category": "x"},
    )
    yield "/v1/edit", {"id": "ab", "price": {"amount": "5.00", "currency": "USD"}, "until": "none"}
    for verb in ("reserve", "sold", "relist", "withdraw", "renew", "show"):
        yield f"/v1/{verb}", {"id": "0" * 64}
    yield "/v1/profile", {"name": "하나", "about": "hello"}
    yield "/v1/block", {"author": "ab" * 32}
    yield "/v1/unblock", {"author": "ab" * 32}
    yield "/v1/join", {"market": "campus/hanyang"}
    yield "/v1/leave", {"market": "campus/hanyang"}
    yield "/v1/search", {"text": "자전거 lamp", "min_price": "1 KRW", "max_price": "9 KRW",
                         "sort": "newest", "limit": 5, "after": "x", "seller": "ana",
                         "category": "x", "place": "y", "status": ["active"]}  # fmt: skip
    yield "/v1/connect", {"address": "/ip4/1.2.3.4/tcp/1"}
    yield "/v1/sync", {"peer": "12D3"}
    yield "/v1/stream/import", {"path": "nowhere.csv", "format": "csv", "dry_run": True}
    yield "/v1/stream/export", {"format": "csv", "mine": True}
    yield "/v1/stream/search", {"text": "lamp"}


def seeds_control() -> Iterator[bytes]:
    for path, body in bodies():
        yield bytes([PATHS.index(path)]) + json.dumps(body, ensure_ascii=False).encode()
    for at in range(len(PATHS)):
        yield bytes([at]) + b"{}"


def mutate_control(dice: random.Random, data: bytes) -> bytes:
    if not data or dice.random() < 0.1:
        return bytes([dice.randrange(len(PATHS))]) + data[1:]
    return data[:1] + by_json(dice, data[1:])


TARGETS = [
    Target("shelf", run_shelf, seeds_canonical, mutate_body),
    Target("control", run_control, seeds_control, mutate_control, 4096),
]
