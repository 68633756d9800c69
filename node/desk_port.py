"""The desk at a running node: each verb is a job of the writer's thread, and what it published
goes out to the neighbours. What only reads has a thread and a store of its own, where there is one:
it does not wait for what is being written, nor that for it.

Implements `live_node.DeskPort`. Knows no HTTP.
"""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from ..protocol import limits
from ..protocol.envelope import Verified
from ..protocol.told import tell, told_by
from ..store.errors import StoreError
from ..store.store import Store
from .core import NodeCore
from .desk import Desk
from .desk_error import DeskError
from .live_node import DeskPort, JsonObject
from .worker import Worker
from .writer import WriterClosed

_STREAM_STEP_ITEMS = 100
_POLICY_VERBS = frozenset({"block", "unblock", "keep", "unkeep", "join", "leave"})
_READING_VERBS = frozenset(
    {
        "search", "show", "listings", "home", "waiting", "status-local", "contacts",
        "inbox", "room", "outbox", "deals",
        "favourites", "follows", "saved", "notifications", "person",
    }
)  # fmt: skip
"""What is seen of the store; what was committed before they were asked is in their answers."""
_SHOWING_VERBS = frozenset({"sell", "edit", "reserve", "sold", "relist", "renew"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A desk that signs nothing, over a read-only store, and the thread that it belongs to."""

    desk: Desk
    worker: Worker


class NodeDesk(DeskPort):
    """`desk` is over the writer's store; so is what is read, without a `reading`. `renew_due` is
    the runtime's own verb."""

    def __init__(self, core: NodeCore, desk: Desk, reading: Reading | None = None) -> None:
        self._core = core
        self._desk = desk
        self._reading = reading

    async def call(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        if self._reading is not None and verb in _READING_VERBS:
            return await self._reading.worker(partial(self._reading.desk.call, verb, args))
        job = partial(_call, self._desk, verb, args)
        result: JsonObject | DeskError
        result, published, has_written = await self._run(job)
        self._core.published(published)
        if has_written:
            self._core.mail.written()
        if isinstance(result, DeskError):
            raise result
        if verb in _POLICY_VERBS:
            await self._refresh()
        if verb in _SHOWING_VERBS and published:
            await self._wait_held(result)
        if has_written and "message" in result:
            await self._wait_stored(result["message"])
        return result

    async def stream(
        self, verb: str, args: Mapping[str, Any]
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        items: Generator[JsonObject, None, None] = await self._run(
            lambda store: self._desk.stream(verb, args)
        )
        try:
            while True:
                step = await self._run(partial(_step, self._desk, items))
                self._core.published(step.published)
                if step.items:
                    yield step.items
                if step.error is not None:
                    raise step.error
                if not step.items:
                    return
        finally:
            with trio.CancelScope(shield=True):
                await self._close(items)

    async def renew_due(self) -> int:
        """How many of one's own listings were renewed because they are in their last days."""
        result = await self.call("renew-due", {})
        return int(result["renewed"])

    async def open_letters(self) -> bool:
        """Opens some of the letters that came, and tells of what was in them; whether more wait."""
        result = await self.call("mail-open", {})
        self._tell(result)
        return bool(result["more"])

    async def tend_mail(self, even_ms: int | None) -> None:
        """Keys, what is owed and what is over, as time goes on. `even_ms` is when a peer last had
        the same mail, None if none has."""
        self._tell(await self.call("mail-tend", {"even_ms": even_ms}))

    def _tell(self, result: JsonObject) -> None:
        for happening in result["happenings"]:
            self._core.board.post(happening)

    async def look_out(self) -> bool:
        """Notes what is new of what the owner keeps an eye on; whether some is still to come."""
        result = await self.call("look-out", {})
        self._tell(result)
        return bool(result["behind"])

    async def _refresh(self) -> None:
        """What the verb changed for peers: markets, blocked authors."""
        try:
            await self._core.refresh()
        except (WriterClosed, StoreError) as error:
            raise DeskError(
                "failed", tell("done, but not yet in effect: {error}", error=error)
            ) from error

    async def _close(self, items: Generator[JsonObject, None, None]) -> None:
        try:
            await self._core.writer.call(lambda store: items.close())
        except WriterClosed:
            items.close()  # the writer's thread has ended: nobody else uses the store

    async def _run(self, job: Any) -> Any:
        try:
            return await self._core.writer.call(job)
        except WriterClosed:
            raise DeskError(
                "stopping", tell("the node is stopping"), tell("try again in a moment")
            ) from None
        except StoreError as error:
            raise DeskError("store", told_by(error)) from error

    async def _wait_held(self, result: JsonObject) -> None:
        """Puts the true `held_by` into the result as soon as a peer is known to hold it, if any
        is connected: at most HELD_WAIT_MS_MAX."""
        listing = result.get("listing")
        if not listing or not self._core.transport.peers():
            return
        public_id = bytes.fromhex(listing["id"])
        with trio.move_on_after(limits.HELD_WAIT_MS_MAX / limits.SECOND_MS):
            while True:
                reported = self._core.reported
                held = await self._run(lambda store: store.held_by([public_id]))
                listing["held_by"] = held.get(public_id, 0)
                if listing["held_by"]:
                    return
                await reported.wait()

    async def _wait_stored(self, message: JsonObject) -> None:
        """As `_wait_held`, of a message: how many peers have stored its letter."""
        if not self._core.transport.peers():
            return
        message_id = bytes.fromhex(message["id"])
        with trio.move_on_after(limits.HELD_WAIT_MS_MAX / limits.SECOND_MS):
            while True:
                held = self._core.mail_held
                stored_by = await self._run(partial(_stored_by, message_id))
                if stored_by:
                    message["stored_by"], message["state"] = stored_by, "stored"
                    return
                await held.wait()


def _stored_by(message_id: bytes, store: Store) -> int:
    owed = store.outbox.of([message_id]).get(message_id)
    if owed is None or not owed.letter:
        return 0
    return store.mail.held_counts([owed.letter]).get(owed.letter, 0)


def _call(
    desk: Desk, verb: str, args: Mapping[str, Any], store: Store
) -> tuple[JsonObject | DeskError, list[Verified], bool]:
    """What a verb gave; what it published, and whether it wrote letters, even if it failed in the
    end."""
    result: JsonObject | DeskError
    try:
        result = desk.call(verb, args)
    except DeskError as error:
        result = error
    return result, desk.take_published(), desk.take_written()


@dataclass(frozen=True, slots=True)
class _Step:
    """The next items of a stream, none at its end; `error` is what came after them."""

    items: list[JsonObject]
    published: list[Verified]
    error: DeskError | None = None


def _step(desk: Desk, items: Generator[JsonObject, None, None], store: Store) -> _Step:
    step: list[JsonObject] = []
    try:
        for item in items:
            step.append(item)
            if len(step) == _STREAM_STEP_ITEMS:
                break
    except DeskError as error:
        # What came before it is committed: to be told, and to be gossiped, all the same.
        return _Step(step, desk.take_published(), error)
    return _Step(step, desk.take_published())
