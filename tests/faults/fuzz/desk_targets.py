"""Fuzz targets above the decoders: records of strangers on the shelf of a real store, what is
searched for there, what a terminal is shown, and requests to the control API, through its app and a
real desk."""

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import trio

from jangteo.node.control_app import ControlApp
from jangteo.node.desk import INTERNAL_VERBS, STREAMS, VERBS
from jangteo.node.safe_text import safe_block, safe_json, safe_line
from jangteo.protocol.envelope import listing_id, open_record
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.store.query import SORTS, Cursor, Query
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

    def take(self, stock: Callable[[Stall], object] = lambda stall: None) -> Stall:
        if self._stall is None or self._used % INPUTS_PER_STALL == 0:
            if self._stall is not None:
                self._stall.close()
            place = folder() / f"{self._name}{self._used}"
            place.mkdir()
            self._stall = Stall(place)
            with self._stall.store.write(durable=False):
                self._stall.store.join("campus/hanyang")
            stock(self._stall)
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
    for form in ("jsonl", "csv"):
        for _ in stall.desk.stream("export", {"format": form}):
            pass
    assert stall.store.check_views() == []


# --- searching, and what is shown -----------------------------------------------------------------


def run_query(data: bytes) -> None:
    """The first byte: in what order; then, a line each: text, place, category, seller, cursor."""
    if not data:
        return
    lines = [*data[1:].decode(errors="replace").split("\n"), *[""] * 5]
    stall = stalls("query").take(with_goods)
    try:
        query = Query(
            text=lines[0],
            place=lines[1],
            category=lines[2],
            seller=lines[3],
            after=lines[4],
            sort=SORTS[data[0] % len(SORTS)],
            limit=3,
        )
        page = stall.store.search(query, NOW_MS)
    except LocalProtocolError as error:
        assert str(error)
        return
    assert len(page.rows) <= 3
    for row in page.rows:
        assert Cursor.from_text(row.cursor, query.order).to_text() == row.cursor
    if page.has_more:
        assert page.rows
    if not data[0] & 32:
        found = stall.call("search", text=lines[0][:500], limit=100)
        ids = [row["id"] for row in found["rows"]]
        assert len(set(ids)) == len(ids)


def with_goods(stall: Stall) -> None:
    for title in ("접이식 자전거 20인치", "desk lamp", "椅子 2脚", "スタンド", "🚲 bell", "lamp 2"):
        stall.sell(title, place="행당동", category="생활/조명")


def seeds_query() -> Iterator[bytes]:
    for text in ("lamp", "자전거\n행당동", "椅\n\n생활", "\n\n\nana", "🚲", "desk la", 'a" OR "b*'):
        for at in range(len(SORTS)):
            yield bytes([at]) + text.encode()
    for cursor in ("n.6.7", "r.6.7.0", "p.6.7.KRW.3e8", "p.1.2.~.0"):
        yield b"\1" + b"\n" * 4 + cursor.encode()
        yield b"\2lamp" + b"\n" * 4 + cursor.encode()


def run_terminal(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    line, block = safe_line(text), safe_block(text)
    for told in (line, *block.split("\n")):
        assert all(char >= " " and not "\x7f" <= char <= "\x9f" for char in told), told
        assert not set(told) & BIDIRECTIONAL, told
        told.encode()
    assert "\n" not in line
    assert safe_line(line) == line
    told = json.dumps(text, ensure_ascii=False)
    assert json.loads(safe_json(told)) == text


BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def seeds_terminal() -> Iterator[bytes]:
    yield "\x1b[31mred\x1b[0m\r\nbell\x07 \x9b2J".encode()
    yield ("가\u202e나 a" + 6 * "\u0301").encode()
    yield "👨\u200d👩\u200d👧 x\u200dy ✌\ufe0f".encode()
    yield b"\xff\xfe \xed\xa0\x80 \xf0\x9f\x9a\xb2\t\t \xe2\x80\xa8"


# --- the control API ------------------------------------------------------------------------------

PATHS = [f"/v1/{verb}" for verb in (*VERBS, *INTERNAL_VERBS, "status", "peers", "connect", "sync")]
PATHS += [f"/v1/stream/{verb}" for verb in STREAMS]


def run_control(data: bytes) -> None:
    """The first byte: which verb; the rest is the body."""
    if data:
        trio.run(_ask, PATHS[data[0] % len(PATHS)], data[1:])


async def _ask(path: str, body: bytes) -> None:
    headers = [
        (b"host", b"127.0.0.1:%d" % PORT),
        (b"authorization", b"Bearer " + TOKEN.encode()),
        (b"content-type", b"application/json"),
    ]
    status, answer = await _answer("POST", path, headers, body)
    assert status in (200, 400, 404, 409, 413), (status, answer)
    for line in answer.splitlines() if "stream" in path else [answer]:
        told = json.loads(line)
        assert isinstance(told, dict)
        if "error" in told:
            assert told["error"]["message"], told


async def _answer(
    method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, bytes]:
    """(status, body) of what the app answers over a real desk."""
    stall = stalls("control").take()
    app = ControlApp(PlainDesk(stall.desk), QuietNode(), token=TOKEN, port=PORT)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": headers,
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
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def run_request(data: bytes) -> None:
    """A head as h11 hands it over: method and path, then a header a line. Nobody gets in without
    the token, this host's name, and no other page's."""
    first, *lines = data.replace(b"\r", b"").split(b"\n")
    method, _, path = first.decode("latin-1").partition(" ")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    if path != "/v1/events":
        trio.run(_knock, method, path, headers)


async def _knock(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> None:
    status, _ = await _answer(method, path, headers, b"{}")
    assert status < 500, (status, method, path)
    if status == 200:
        told = dict(headers)
        assert method == "POST"
        assert told[b"host"].lower() in HOSTS
        assert told[b"authorization"].split()[-1] == TOKEN.encode()
        assert told.get(b"origin", b"http://" + told[b"host"]).lower()[7:] in HOSTS


HOSTS = (b"127.0.0.1:%d" % PORT, b"localhost:%d" % PORT)


def seeds_request() -> Iterator[bytes]:
    right = b"Host: 127.0.0.1:4111\nAuthorization: Bearer token\nContent-Type: application/json"
    yield b"POST /v1/status\n" + right
    yield b"POST /v1/search\n" + right.replace(b"127.0.0.1", b"LOCALHOST")
    yield b"POST /v1/stream/search\nOrigin: http://localhost:4111\n" + right
    yield b"POST /v1/search\nOrigin: http://evil.example\n" + right
    yield b"GET /v1/search\n" + right
    yield b"POST /v1/search\nHost: evil.example\n" + right


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
    Target("query", run_query, seeds_query, bytes_max=1024),
    Target("terminal", run_terminal, seeds_terminal, bytes_max=2048),
    Target("control", run_control, seeds_control, mutate_control, 4096),
    Target("request", run_request, seeds_request, bytes_max=1024),
]
