"""The control API: who may ask, what is asked, and how it is answered. HTTP and JSON.

POST /v1/VERB with a JSON object → {"result": …}; POST /v1/stream/VERB and GET /v1/events → a JSON
object a line. "said" beside it tells how its English texts were made, for other languages.
Everything that asks must have the token, name this host exactly, and, where a browser says which
page asks, be a page of this host: a page elsewhere can do nothing here, by whatever name it calls
loopback. Knows nothing of sockets.
"""

import hmac
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..protocol import limits
from ..protocol.told import said_in, tell
from .desk import INTERNAL_VERBS, STREAMS, VERBS
from .desk_error import EXIT_FAILED, EXIT_UNKNOWN_ID, EXIT_USAGE, DeskError, usage
from .live_node import DeskPort, JsonObject, LiveNode

_STATUS_OF_EXIT: Final = {EXIT_USAGE: 400, EXIT_UNKNOWN_ID: 404, EXIT_FAILED: 409}
_BODY_SECONDS_MAX: Final = 30.0
Batches = AsyncGenerator[Sequence[JsonObject], None]


class ControlApp:
    """`port` is the one it is served at: part of what a caller must name. What is not the API's
    is `page`'s, which guards itself."""

    def __init__(
        self,
        desk: DeskPort,
        live: LiveNode,
        *,
        token: str,
        port: int,
        page: ASGIApp | None = None,
    ) -> None:
        self._desk = desk
        self._live = live
        self._token = token.encode()
        self._hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._streams_open = 0
        self._asked = 0
        self._idle = trio.Event()
        self._idle.set()
        self.asgi = Starlette(
            routes=[
                Mount(
                    "/v1",
                    routes=[
                        Route("/events", self._events, methods=["GET"]),
                        Route("/stream/{verb}", self._stream, methods=["POST"]),
                        Route("/{verb}", self._call, methods=["POST"]),
                    ],
                ),
                *([] if page is None else [Mount("/", page)]),
            ],
            exception_handlers={
                DeskError: _desk_error,
                HTTPException: _http_error,
                Exception: _our_error,
            },
        )

    async def wait_idle(self) -> None:
        """Until no call is being answered, and events, which end with the node's, are told to the
        end; other streams do not count."""
        await self._idle.wait()

    async def _call(self, request: Request) -> Response:
        self._admit(request)
        verb = str(request.path_params["verb"])
        args = await _body(request)
        self._note_asked(1)
        try:
            return JSONResponse(_with_said({"result": await self._result(verb, args)}))
        finally:
            self._note_asked(-1)

    async def _result(self, verb: str, args: JsonObject) -> JsonObject:
        match verb:
            case "status":
                _only(verb, args)
                local = await self._desk.call("status-local", {})
                return _merged(local, await self._live.status())
            case "peers":
                _only(verb, args)
                return {"peers": await self._live.peers()}
            case "connect":
                _only(verb, args, "address")
                return await self._live.connect(_text(verb, args, "address"))
            case "sync":
                _only(verb, args, "peer")
                peer = _text(verb, args, "peer") if args.get("peer") is not None else None
                return {"sessions": await self._live.sync(peer)}
            case "phone":
                _only(verb, args, "on", "address", "port", "market")
                return await self._live.phone(args)
            case "photo":
                _only(verb, args, "hash")
                return {"here": await self._live.blob(_hash(verb, args))}
        if verb not in VERBS or verb in INTERNAL_VERBS:
            raise HTTPException(404, f"there is no verb {verb!r}")
        return await self._desk.call(verb, args)

    async def _stream(self, request: Request) -> Response:
        self._admit(request)
        verb = str(request.path_params["verb"])
        if verb not in STREAMS:
            raise HTTPException(404, f"there is no stream of {verb!r}")
        return self._lines(self._desk.stream(verb, await _body(request)), self._note_streams)

    async def _events(self, request: Request) -> Response:
        if request.method != "GET":  # Starlette takes HEAD for GET
            raise HTTPException(405, "events are read with GET")
        self._admit(request)
        return self._lines(_singly(self._live.events()), self._note_events)

    def _lines(self, batches: Batches, note: Callable[[int], None]) -> Response:
        if self._streams_open >= limits.CONTROL_STREAMS_MAX:
            raise HTTPException(503, f"{self._streams_open} streams are open already: close some")
        return _LinesResponse(batches, note)

    def _note_streams(self, change: int) -> None:
        self._streams_open += change

    def _note_events(self, change: int) -> None:
        self._note_streams(change)
        self._note_asked(change)

    def _note_asked(self, change: int) -> None:
        if not self._asked:
            self._idle = trio.Event()
        self._asked += change
        if not self._asked:
            self._idle.set()

    def _admit(self, request: Request) -> None:
        """Raises HTTPException for whoever may not ask. Before the body is read."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            # A foreign name that was made to point at loopback (DNS rebinding).
            raise HTTPException(403, "this API answers at its own address only")
        origins = request.headers.getlist("origin")
        if origins and (len(origins) != 1 or origins[0].lower() not in self._origins):
            raise HTTPException(403, "a page of another origin may not ask")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        is_ours = hmac.compare_digest(token.strip().encode(), self._token)
        if scheme.lower() != "bearer" or not is_ours:
            raise HTTPException(401, "the token of this start is needed: see node.json in the home")
        if request.method == "POST":
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise HTTPException(415, "a JSON object is needed: Content-Type application/json")


class _LinesResponse(Response):
    """A stream of NDJSON that asks for a batch only when the one before it was taken, and ends
    with {"event": "end"}, or with {"error": …}. A caller who leaves closes the stream."""

    def __init__(self, batches: Batches, note: Callable[[int], None]) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self._batches = batches
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._note(1)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch_leaving, receive, nursery.cancel_scope)
                await self._send(send)
                nursery.cancel_scope.cancel()
        finally:
            self._note(-1)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        last: JsonObject = {"event": "end"}
        try:
            async with aclosing(self._batches) as batches:
                async for batch in batches:
                    await _send_lines(send, batch)
        except DeskError as error:
            last = _error_json(error)
        await _send_lines(send, [last])
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_lines(send: Send, items: Sequence[JsonObject]) -> None:
    lines = "".join(json.dumps(_with_said(item), ensure_ascii=False) + "\n" for item in items)
    if lines:
        await send({"type": "http.response.body", "body": lines.encode(), "more_body": True})


async def _watch_leaving(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _singly(events: AsyncGenerator[JsonObject, None]) -> Batches:
    async with aclosing(events):
        async for event in events:
            yield [event]


async def _body(request: Request) -> JsonObject:
    """The JSON object that was sent; HTTPException for anything else, or more than the bound."""
    data = bytearray()
    with trio.move_on_after(_BODY_SECONDS_MAX) as patience:
        try:
            async with aclosing(request.stream()) as pieces:
                async for piece in pieces:
                    data += piece
                    if len(data) > limits.CONTROL_BODY_BYTES_MAX:
                        bound = f"at most {limits.CONTROL_BODY_BYTES_MAX:,} bytes"
                        raise HTTPException(413, bound, {"Connection": "close"})
        except ClientDisconnect:
            raise HTTPException(400, "the body ended early") from None
    if patience.cancelled_caught:
        raise HTTPException(408, "the body did not come", {"Connection": "close"})
    if not data:
        return {}
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise HTTPException(400, "the body is no JSON object")
    return told


def _only(verb: str, args: Mapping[str, Any], *names: str) -> None:
    for name in args:
        if name not in names:
            raise usage(tell("`{verb}` knows no {name!r}", verb=verb, name=name))


def _text(verb: str, args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str):
        raise usage(tell("`{verb}` needs {name}", verb=verb, name=name))
    if any("\ud800" <= character <= "\udfff" for character in value):
        # Half of a character: JSON can say it, and no answer could repeat it.
        raise usage(tell("{name} is not valid text (it is no UTF-8)", name=name))
    return value


def _hash(verb: str, args: Mapping[str, Any]) -> bytes:
    told = _text(verb, args, "hash")
    if not re.fullmatch(r"[0-9a-f]{64}", told):
        raise usage(tell("`{verb}` needs a hash of 64 hexadecimal digits", verb=verb))
    return bytes.fromhex(told)


def _merged(local: JsonObject, live: JsonObject) -> JsonObject:
    """The live part over the desk's; the notices of both."""
    merged = {**local, **live, "running": True}
    notices = [*local.get("notices", ()), *live.get("notices", ())]
    return merged | {"notices": notices} if notices else merged


def _error_json(error: DeskError) -> JsonObject:
    return {"error": {**error.to_json(), "exit": error.exit_code}}


def _with_said(answer: JsonObject) -> JsonObject:
    """With "said" beside what is answered, where something in it can be said in other languages."""
    said = said_in(answer)
    return {**answer, "said": said} if said else answer


async def _desk_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, DeskError):
        raise error
    return JSONResponse(_with_said(_error_json(error)), _STATUS_OF_EXIT.get(error.exit_code, 409))


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    exit_code = EXIT_USAGE if error.status_code in (400, 404, 405, 413) else EXIT_FAILED
    told = DeskError("http", error.detail, None, exit_code)
    return JSONResponse(_with_said(_error_json(told)), error.status_code, dict(error.headers or {}))


async def _our_error(request: Request, error: Exception) -> Response:
    """A bug: said as one, and raised again by Starlette for the log."""
    told = DeskError(
        "bug", tell("the node failed at this ({name}): see its log", name=type(error).__name__)
    )
    return JSONResponse(_with_said(_error_json(told)), 500)
