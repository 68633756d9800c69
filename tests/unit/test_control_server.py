"""The control API over real HTTP on loopback: who may ask, what comes back, how it stops."""

import http.client
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from jangteo.node.blob_folder import BlobFolder
from jangteo.node.client import Client, NodeGone
from jangteo.node.control_server import ControlFace, serve_control
from jangteo.node.desk_error import DeskError
from jangteo.node.home import NodeFace
from jangteo.protocol import limits
from tests.control_node import PlainDesk, QuietNode
from tests.desk_maker import Stall, stall

pytestmark = pytest.mark.trio


class Served:
    """A desk that is served, and what a caller on another thread can do to it."""

    def __init__(self, stall_: Stall, desk: PlainDesk, live: QuietNode, face: ControlFace) -> None:
        self.stall, self.desk, self.live, self.face = stall_, desk, live, face
        self.client = Client(NodeFace(face.url, face.token, 1))

    async def apart(self, function: Callable[..., Any], *args: Any) -> Any:
        return await trio.to_thread.run_sync(partial(function, *args))

    async def call(self, verb: str, **args: Any) -> dict[str, Any]:
        result: dict[str, Any] = await self.apart(self.client.call, verb, args)
        return result

    async def ask(
        self, method: str, path: str, headers: dict[str, str | None], body: bytes | None = b"{}"
    ) -> tuple[int, dict[str, Any]]:
        """(status, answer) of a request with these headers over the usual ones; None: without."""
        return await self.apart(self._ask, method, path, headers, body)  # type: ignore[no-any-return]

    def _ask(
        self, method: str, path: str, headers: dict[str, str | None], body: bytes | None
    ) -> tuple[int, dict[str, Any]]:
        usual: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.face.port}",
            "Authorization": f"Bearer {self.face.token}",
            "Content-Type": "application/json",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.face.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (usual | headers).items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        try:
            if body:
                connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have answered and closed before it was all sent
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, json.loads(answer) if answer else {}


@asynccontextmanager
async def served(folder: Path, **options: Any) -> AsyncIterator[Served]:
    with stall(folder) as made:
        desk, live = PlainDesk(made.desk), QuietNode()
        async with trio.open_nursery() as nursery:
            options.setdefault("folder", BlobFolder(folder / "blobs"))
            face = await nursery.start(partial(serve_control, desk, live, **options))
            with trio.fail_after(60):
                yield Served(made, desk, live, face)
            nursery.cancel_scope.cancel()


async def test_verbs_are_the_desk_s(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        sold = await node.call("sell", title="Lamp", price="₩5,000")
        found = await node.call("search", text="lamp")
        assert [row["id"] for row in found["rows"]] == [sold["listing"]["id"]]
        with pytest.raises(DeskError, match="no price") as caught:
            await node.call("sell", title="x", price="abc")
        assert (caught.value.code, caught.value.exit_code) == ("bad-value", 2)
        with pytest.raises(DeskError) as caught:
            await node.call("show", id="0" * 64)
        assert (caught.value.code, caught.value.exit_code) == ("unknown-id", 3)
        assert caught.value.hint


async def test_node_verbs_are_the_running_node_s(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        status = await node.call("status")
        assert (status["peer"], status["running"]) == ("12D3", True)
        assert status["counts"]["records"] == 0
        assert {notice["code"] for notice in status["notices"]} == {"backup", "lonely"}
        assert (await node.call("peers"))["peers"] == [{"peer": "12D3other"}]
        assert (await node.call("connect", address="/ip4/1.2.3.4"))["peer"] == "12D3other"
        for hash_hex, is_here in (("00" * 32, True), ("11" * 32, False)):
            assert await node.call("photo", hash=hash_hex) == {"here": is_here}
        assert (await node.call("sync"))["sessions"] == [{"peer": None, "ok": True}]
        for verb, args in (
            ("connect", {}), ("connect", {"address": "x"}), ("connect", {"address": 5}),
            ("sync", {"peer": 5}), ("photo", {"hash": "00"}), ("photo", {}), ("peers", {"x": 1}),
        ):  # fmt: skip
            with pytest.raises(DeskError) as caught:
                await node.call(verb, **args)
            assert caught.value.exit_code == 2


async def test_a_stream_comes_in_lines_and_says_its_end(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        path = tmp_path / "a.csv"
        path.write_text("title\n" + "".join(f"row {number}\n" for number in range(120)))
        args = {"path": str(path)}
        items = await node.apart(lambda: list(node.client.stream("import", args)))
        assert items[-1]["created"] == 120
        assert len(items) == 122
        with pytest.raises(DeskError, match="cannot read"):
            await node.apart(lambda: list(node.client.stream("import", {"path": "/none"})))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic {token}"}, 401),
        ({"Authorization": "Bearer {token}x"}, 401),
        ({"Host": "market.example:{port}"}, 403),  # a name that was made to point at loopback
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": "127.0.0.1:{port}.example"}, 403),
        ({"Host": None}, 400),
        ({"Origin": "http://market.example"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/v1/sell", "/v1/stream/verify"])
async def test_only_the_owner_of_the_token_asks_and_only_here(
    tmp_path: Path, path: str, headers: dict[str, str | None], status: int
) -> None:
    async with served(tmp_path) as node:
        filled = {
            name: value and value.format(token=node.face.token, port=node.face.port)
            for name, value in headers.items()
        }
        body = b'{"title": "Lamp"}' if path == "/v1/sell" else b"{}"
        if path == "/v1/sell" or status != 200:
            answer = await node.ask("POST", path, filled, body)
            assert answer[0] == status
        is_sold = bool(node.stall.titles())
        assert is_sold == (status == 200 and path == "/v1/sell")
        assert status == 200 or not node.desk.steps


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/sell", 405), ("GET", "/v1/stream/import", 405), ("PUT", "/v1/sell", 405),
        ("GET", "/v1/join?market=x", 405), ("HEAD", "/v1/sell", 405), ("DELETE", "/v1/x", 405),
        ("HEAD", "/v1/events", 405), ("POST", "/v1/events", 404), ("POST", "/v1/buy", 404),
        ("POST", "/v1/stream/sell", 404),
        ("POST", "/v1/renew-due", 404), ("POST", "/v1/sell/x", 404),
    ],
)  # fmt: skip
async def test_get_changes_nothing_and_other_paths_are_none(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    async with served(tmp_path) as node:
        body = b'{"title": "Lamp", "market": "x"}'
        answer = await node.ask(method, path, {}, body if method == "POST" else None)
        assert answer[0] == status
        assert node.desk.calls == node.desk.steps == 0
        assert list(node.stall.store.iter_records()) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 400), (b"{", 400), (b'"x"', 400), (b"\xff", 400), (b"[" * 100_000, 400),
        (b'{"title": "' + b"x" * limits.CONTROL_BODY_BYTES_MAX + b'"}', 413),
    ],
)  # fmt: skip
async def test_a_body_is_a_bounded_json_object(tmp_path: Path, body: bytes, status: int) -> None:
    async with served(tmp_path) as node:
        code, answer = await node.ask("POST", "/v1/sell", {}, body)
        assert code == status
        assert answer["error"]["message"]
        assert node.desk.calls == 0
        assert (await node.call("search"))["rows"] == []


async def test_a_body_without_a_length_is_bounded_too(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        stream = await trio.open_tcp_stream("127.0.0.1", node.face.port)
        async with stream:
            head = (
                f"POST /v1/sell HTTP/1.1\r\nHost: 127.0.0.1:{node.face.port}\r\n"
                f"Authorization: Bearer {node.face.token}\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"
            )
            await stream.send_all(head.encode())
            chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            for _ in range(limits.CONTROL_BODY_BYTES_MAX // 0x10000 + 1):
                await stream.send_all(chunk)
            answer = await stream.receive_some(100)
            assert b" 413 " in answer
        assert node.desk.calls == 0


async def test_a_stream_waits_for_its_reader_and_ends_with_him(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        path = tmp_path / "a.csv"
        rows = "".join(f"row {number} {'x' * 100}\n" for number in range(40_000))
        path.write_text("title\n" + rows)
        body = json.dumps({"path": str(path), "dry_run": True}).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", node.face.port)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = (
            f"POST /v1/stream/import HTTP/1.1\r\nHost: 127.0.0.1:{node.face.port}\r\n"
            f"Authorization: Bearer {node.face.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        await stream.send_all(head.encode() + body)
        assert await stream.receive_some(10)
        await trio.testing.wait_all_tasks_blocked(0.2)  # the server is full and waits
        asked = node.desk.steps
        assert 0 < asked < 40_000 // 50
        assert (await node.call("search"))["rows"] == []  # others are served meanwhile
        await trio.testing.wait_all_tasks_blocked(0.2)
        assert node.desk.steps == asked
        await trio.aclose_forcefully(stream)
        await node.desk.closed.wait()


async def test_a_reader_who_stopped_reading_does_not_keep_the_node_from_stopping(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as node:
        path = tmp_path / "a.csv"
        path.write_text("title\n" + "".join(f"row {'x' * 100}\n" for _ in range(40_000)))
        body = json.dumps({"path": str(path), "dry_run": True}).encode()
        stream = await trio.open_tcp_stream("127.0.0.1", node.face.port)
        head = (
            f"POST /v1/stream/import HTTP/1.1\r\nHost: 127.0.0.1:{node.face.port}\r\n"
            f"Authorization: Bearer {node.face.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        await stream.send_all(head.encode() + body)
        assert await stream.receive_some(10)
        await trio.testing.wait_all_tasks_blocked(0.2)
        stopping = trio.current_time()
    assert trio.current_time() - stopping < limits.SHUTDOWN_MS_MAX / 1000
    await trio.aclose_forcefully(stream)


async def test_events_come_as_they_happen(tmp_path: Path) -> None:
    async with served(tmp_path) as node:
        events = node.client.events()
        await node.live.event_sender.send({"event": "peer", "peer": "12D3"})
        assert await node.apart(next, events) == {"event": "peer", "peer": "12D3"}
        await node.live.event_sender.send({"event": "listing", "title": "중고"})
        assert (await node.apart(next, events))["title"] == "중고"
        await node.live.event_sender.aclose()
        assert await node.apart(lambda: list(events)) == []


async def test_only_so_many_streams_are_open_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONTROL_STREAMS_MAX", 1)
    async with served(tmp_path) as node:
        events = node.client.events()
        await node.live.event_sender.send({"event": "peer"})
        await node.apart(next, events)
        with pytest.raises(DeskError, match="open already"):
            await node.apart(lambda: list(node.client.stream("verify", {})))
        await node.apart(events.close)


async def test_a_token_lasts_one_start_and_a_port_is_kept(tmp_path: Path) -> None:
    async with served(tmp_path / "a") as node:
        first = node.face
        assert first.token not in repr(first)
    async with served(tmp_path / "b", port_remembered=first.port) as node:
        assert node.face.port == first.port
        assert node.face.token != first.token
        async with served(tmp_path / "c", port_remembered=first.port) as other:
            assert other.face.port != first.port
        with pytest.raises(BaseExceptionGroup) as caught:
            async with served(tmp_path / "d", port=first.port):
                raise AssertionError("served twice at one port")
        assert caught.group_contains(DeskError, match=f"cannot have port {first.port}")
    gone = Client(NodeFace(first.url, first.token, 1))
    with pytest.raises(NodeGone):
        await trio.to_thread.run_sync(gone.call, "search", {})
