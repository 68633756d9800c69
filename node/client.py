"""The control API from the outside: how the command line speaks to the node of its home.

Knows HTTP on loopback and the two forms of an answer, one object or a stream of lines; no verb.
"""

import http.client
import json
from collections.abc import Generator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from ..protocol.told import retold, tell
from .desk_error import DeskError
from .home import NodeFace

_CONNECT_SECONDS_MAX: Final = 5.0
_ANSWER_SECONDS_MAX: Final = 600.0
_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
# The last two are what http.client lets out for chunks of impossible lengths.
_BROKEN: Final = (OSError, http.client.HTTPException, ValueError, OverflowError)


class NodeGone(DeskError):
    """Nothing answers where the node said it would. `was_asked`: what was asked of it may be done
    all the same, so that asking another would do it twice."""

    def __init__(self, face: NodeFace, why: object, *, was_asked: bool) -> None:
        if was_asked:
            message = tell(
                "the node (PID {pid}) stopped before it had answered: {why}", pid=face.pid, why=why
            )
        else:
            message = tell(
                "the node (PID {pid}) does not answer at {url}: {why}",
                pid=face.pid,
                url=face.url,
                why=why,
            )
        hint = tell("look whether it was done before you ask again") if was_asked else None
        super().__init__("node-gone", message, hint)
        self.was_asked = was_asked


class Client:
    """One node. Every method raises DeskError as the node's desk does, or NodeGone."""

    def __init__(self, face: NodeFace) -> None:
        self._face = face

    def call(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        connection, response = self._request("POST", f"/v1/{quote(verb)}", args)
        try:
            answer = _json(self._read(response))
        finally:
            connection.close()
        result = answer.get("result")
        if not isinstance(result, dict):
            raise DeskError.from_json(answer.get("error"))
        return result

    def stream(self, verb: str, args: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """Closing the generator ends the verb in the node, after what it has committed."""
        yield from self._lines("POST", f"/v1/stream/{quote(verb)}", args)

    def events(self) -> Generator[dict[str, Any], None, None]:
        """What happens in the node from now on, until it stops."""
        yield from self._lines("GET", "/v1/events", None)

    def _lines(
        self, method: str, path: str, args: Mapping[str, Any] | None
    ) -> Generator[dict[str, Any], None, None]:
        connection, response = self._request(method, path, args)
        try:
            if response.status != http.client.OK:
                raise DeskError.from_json(_json(self._read(response)).get("error"))
            if method == "GET" and connection.sock is not None:
                connection.sock.settimeout(None)  # a quiet market is no fault
            is_complete = False
            while line := self._read_line(response):
                item = _json(line)
                if "error" in item and "event" not in item:
                    raise DeskError.from_json(item["error"])
                is_complete = item.get("event") == "end"
                if not is_complete:
                    yield item
            if not is_complete:
                raise NodeGone(self._face, tell("its answer broke off"), was_asked=True)
        finally:
            connection.close()

    def _request(
        self, method: str, path: str, args: Mapping[str, Any] | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        where = urlsplit(self._face.url)
        connection = http.client.HTTPConnection(
            where.hostname or "127.0.0.1", where.port, timeout=_CONNECT_SECONDS_MAX
        )
        headers = {"Authorization": f"Bearer {self._face.token}"}
        body = None
        if args is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(dict(args)).encode()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NodeGone(self._face, error, was_asked=False) from None
        try:
            connection.sock.settimeout(_ANSWER_SECONDS_MAX)
            connection.request(method, path, body=body, headers=headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NodeGone(self._face, error, was_asked=True) from None

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        try:
            data = response.read(_ANSWER_BYTES_MAX)
        except _BROKEN as error:
            raise NodeGone(self._face, error, was_asked=True) from None
        # http.client says nothing of what is missing, of the headers or where a size is asked for.
        if response.length or not data:
            raise NodeGone(self._face, tell("its answer broke off"), was_asked=True)
        return data

    def _read_line(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.readline(_ANSWER_BYTES_MAX)
        except _BROKEN as error:
            raise NodeGone(self._face, error, was_asked=True) from None


def _json(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise DeskError("failed", tell("the node answered with something that is no JSON object"))
    retold(answer, answer.pop("said", None))
    return answer
