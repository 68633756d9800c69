"""`jangteo up`: one node as a process, from its home's lock to a clean end.

The shell around core.py: files, keys, ports, signals, the real transport, mDNS and the control
API. Knows no verbs and prints nothing: what happens is handed to `on_event` as JSON objects.
"""

import logging
import os
import random
import secrets
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from ..protocol import limits
from ..protocol.told import tell, told_by
from ..store.store import Store
from . import identity
from .blob_exchange import BlobMeans
from .blob_folder import BlobFolder
from .clock import now_ms
from .config import Config
from .control_server import ControlFace, serve_control
from .core import LONELY, NodeCore, Surroundings
from .desk import Desk
from .desk_error import DeskError
from .desk_port import NodeDesk, Reading
from .home import Home, NodeFace
from .home_store import open_store
from .house import House
from .interfaces import ANY_IPV4, NoFreePort, free_port, ipv4_addresses
from .live_core import LiveCore
from .live_node import JsonObject
from .lonely import lonely_advice
from .mail_keeper import MailKeeper
from .opener import process_openers
from .own_nursery import own_nursery
from .page_link import page_link
from .phone_window import PhoneWindow
from .renewal import Renewal
from .watchman import Watchman
from .worker import ThreadWorker

log = logging.getLogger(__name__)

PORT_META = "listen_port"
API_PORT_META = "api_port"
_LONELY_POLL_S = 3.0
_GOODBYE_S = 0.7
_SWITCH_S = 0.0005
"""How long one thread computes before another has its turn: the loop is not to wait for those that
verify and write, nor they for each other."""
_S = limits.SECOND_MS

OnEvent = Callable[[JsonObject], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A home that this process holds: its lock, its keys, its store for writing and, for the desk
    `reading`, another that is read beside it."""

    home: Home
    config: Config
    desk: Desk
    reading: Desk
    store: Store
    author: bytes
    peer_seed: bytes


def up(
    home: Home,
    config: Config,
    on_event: OnEvent,
    *,
    ask_passphrase: Callable[[], str] | None = None,
) -> bool:
    """Runs a node on `home` until SIGINT or SIGTERM. `on_event` is called for one event after the
    other, on changing threads; its first event is "ready", its last "stopping"; before them
    "upgrade" while the store of an older program is brought up to date. OSError from it
    (nobody reads any more) stops the node. False if an `on_event` has not come back at the end.

    DeskError: the home is in use, a key is sealed, a port is taken. StoreError: the store cannot
    be opened.
    """

    def upgrading(done: int, total: int) -> None:
        with suppress(OSError):  # nobody reads: the node hears of that when it is ready
            on_event({"event": "upgrade", "done": done, "total": total})

    sys.setswitchinterval(_SWITCH_S)
    with home.lock("node"):
        author, _ = identity.ensure(home)
        key = identity.load_author_key(home, ask_passphrase)
        peer_seed = identity.load_peer_seed(home)
        with (
            closing(open_store(home, config, own=author, on_upgrade=upgrading)) as store,
            closing(open_store(home, config, own=author, read_only=True)) as seen,
        ):
            around = partial(Desk, own=author, owner=home.owner, blobs=BlobFolder(home.blobs_path))
            desk = around(store, key, config, now_ms, os.urandom)
            reading = around(seen, None, config, now_ms, os.urandom)
            opened = Opened(home, config, desk, reading, store, author, peer_seed)
            return trio.run(partial(_until_signal, opened, on_event))


async def _until_signal(opened: Opened, on_event: OnEvent) -> bool:
    stop = trio.Event()
    voice = Voice(on_event, stop)
    async with own_nursery() as nursery:
        await nursery.start(_watch_signals, stop)
        await run_node(opened, voice, stop)
        nursery.cancel_scope.cancel()
    return not voice.is_telling


async def _watch_signals(stop: trio.Event, *, task_status: Any) -> None:
    """A handler of Python's own would end in the middle of anything, as KeyboardInterrupt."""
    # What trio restores at the end: a second signal then must not turn a clean end into a kill.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        task_status.started()
        async for _ in received:
            stop.set()


async def run_node(opened: Opened, voice: "Voice", stop: trio.Event) -> None:
    """One node until `stop`, which takes at most SHUTDOWN_MS_MAX; what was taken is committed."""
    from .libp2p_transport import open_libp2p  # late: a second of loading

    verifier = ThreadWorker()
    async with (
        process_openers(verifier) as opener,
        open_libp2p(opened.peer_seed, _listen(opened)) as transport,
    ):
        around = Surroundings(
            now_ms=now_ms,
            dice=random.Random(secrets.randbits(64)),  # noqa: S311  (jitter, and a salt that nobody is told)
            writer_worker=ThreadWorker(),
            verifier=verifier,
            own=opened.author,
            opener=opener,
            blobs=_blob_means(opened),
        )
        core = NodeCore(transport, opened.store, around, peers=opened.config.peers)
        with core.board.watching() as events:
            async with own_nursery() as nursery:
                await nursery.start(core.run)
                try:
                    async with _faces(opened, core) as ready, own_nursery() as telling:
                        telling.start_soon(voice.tell_all, ready, events)
                        await stop.wait()
                        with trio.move_on_after(_GOODBYE_S):
                            await _say_goodbye(core, voice)
                        telling.cancel_scope.cancel()
                finally:
                    core.stop()


def _blob_means(opened: Opened) -> BlobMeans:
    config = opened.config
    return BlobMeans(
        BlobFolder(opened.home.blobs_path),
        reader=ThreadWorker(),
        writer=ThreadWorker(),
        policy=config.photos,
        quota_bytes=config.blob_store_bytes,
    )


class Voice:
    """Hands events to whoever prints them, one after the other, on a thread: a reader who does not
    read must not hold up the node. When nobody is there to read any more, the node stops."""

    def __init__(self, on_event: OnEvent, stop: trio.Event) -> None:
        self._on_event = on_event
        self._stop = stop
        self._turn = trio.Lock()
        self.has_said_goodbye = False
        self.is_telling = False

    async def tell(self, event: JsonObject) -> None:
        async with self._turn:
            try:
                await trio.to_thread.run_sync(
                    self._tell,
                    event,
                    abandon_on_cancel=True,  # type: ignore[call-arg]  # newer than the stubs
                )
            except OSError as error:
                log.debug("nobody reads the events any more: %s", error)
                self._stop.set()

    def _tell(self, event: JsonObject) -> None:
        self.is_telling = True
        try:
            self._on_event(event)
        finally:
            self.is_telling = False

    async def tell_all(self, first: JsonObject, watched: AsyncGenerator[JsonObject, None]) -> None:
        await self.tell(first)
        async with aclosing(watched) as events:
            async for event in events:
                if self.has_said_goodbye:
                    return
                await self.tell(event)


@asynccontextmanager
async def _faces(opened: Opened, core: NodeCore) -> AsyncIterator[JsonObject]:
    """The node's tasks toward its owner and its LAN; gives the event "ready"."""
    config, home = opened.config, opened.home
    live = LiveCore(core, interfaces=ipv4_addresses)
    desk = NodeDesk(core, opened.desk, Reading(opened.reading, ThreadWorker()))
    async with AsyncExitStack() as stack:
        nursery = await stack.enter_async_context(own_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        live.window = PhoneWindow(desk, live, BlobFolder(home.blobs_path), nursery)
        page = await _serve_api(opened, core, nursery, desk, live)
        stack.callback(home.forget_node)
        nursery.start_soon(MailKeeper(desk, core).run)
        nursery.start_soon(Watchman(desk, core).run)
        if config.mdns:
            nursery.start_soon(_search_neighbours, core)
        nursery.start_soon(_watch_loneliness, core, config.mdns)
        if config.auto_renew:
            renewal = Renewal(desk.renew_due, now_ms=now_ms, owner_seen_ms=home.owner.seen_ms)
            nursery.start_soon(renewal.run)
        yield {
            "event": "ready",
            "author": opened.author.hex(),
            "peer": core.transport.peer,
            "addresses": core.transport.addresses(),
            "api": live.api,
            "page": page,
        }


async def _serve_api(
    opened: Opened, core: NodeCore, nursery: trio.Nursery, desk: NodeDesk, live: LiveCore
) -> str:
    """The control API, at the port of last time if that is free; the link to its page."""
    told = await core.writer.call(lambda store: store.meta(API_PORT_META)) or ""
    serve = partial(
        serve_control,
        desk,
        live,
        folder=BlobFolder(opened.home.blobs_path),
        house=House(opened.home),
        port=opened.config.api_port,
        port_remembered=int(told) if told.isdecimal() else None,
    )
    face: ControlFace = await nursery.start(serve)
    if str(face.port) != told:
        await core.writer.call(partial(_put_meta, API_PORT_META, str(face.port)))
    live.api = face.url
    opened.home.write_node(NodeFace(face.url, face.token, os.getpid()))
    return page_link(face.url, face.token)


async def _search_neighbours(core: NodeCore) -> None:
    from .mdns import announce_and_browse  # late: what needs no network loads no zeroconf

    transport = core.transport
    async with announce_and_browse(transport.peer, transport.addresses) as found:
        async for address in found:
            core.dialer.found([address])


async def _watch_loneliness(core: NodeCore, is_searching: bool) -> None:
    """Says what to do after LONELY_AFTER_MS without any neighbour, once for each such time."""
    alone_since = trio.current_time()
    while True:
        await trio.sleep(_LONELY_POLL_S)
        if core.transport.peers():
            alone_since = trio.current_time()
            core.unwarn(LONELY)
        elif (
            trio.current_time() - alone_since >= limits.LONELY_AFTER_MS / _S
            and LONELY not in core.warnings
        ):
            interfaces = ipv4_addresses()
            advice = lonely_advice(
                interfaces=interfaces,
                addresses=core.transport.addresses(),
                is_searching=is_searching,
            )
            log.warning("%s", advice)
            core.warn(LONELY, advice, interfaces=interfaces)


async def _say_goodbye(core: NodeCore, voice: Voice) -> None:
    """The last events, to whoever watches: what is lost to the market while this node is away."""
    unheld = await core.writer.call(lambda store: store.own_unheld(now_ms()))
    voice.has_said_goodbye = True
    last: list[JsonObject] = []
    if unheld:
        some = "1 listing" if unheld == 1 else f"{unheld:,} listings"
        last.append(
            {
                "event": "warning",
                "code": "unheld",
                "message": f"{some} of yours held by no other node: not in the market until "
                "this one runs again",
                "count": unheld,
            }
        )
    last.append({"event": "stopping", "unheld": unheld})
    for event in last:
        core.board.post(event)
    core.board.close()  # the control API's watchers get to the end while the last are told here
    for event in last:
        await voice.tell(event)


def _put_meta(key: str, value: str, store: Store) -> None:
    with store.write(durable=False):
        store.put_meta(key, value)


def _listen(opened: Opened) -> list[str]:
    """Where to listen: the addresses of the settings, else every interface at the port of last
    time, or the next free one, which is remembered."""
    config = opened.config
    if config.listen:
        return config.listen
    port = config.port
    if not port:
        port = remembered_port(opened.store, PORT_META, limits.PORT_DEFAULT, ANY_IPV4)
    return [f"/ip4/{ANY_IPV4}/tcp/{port}"]


def remembered_port(store: Store, meta: str, default: int, host: str) -> int:
    """The port that `meta` remembers, if it is free, else the next free one; remembered."""
    told = store.meta(meta) or ""
    try:
        port = free_port(int(told) if told.isdecimal() else default, host)
    except NoFreePort as error:
        raise DeskError("port", told_by(error), tell("choose one with --listen")) from None
    if str(port) != told:
        _put_meta(meta, str(port), store)
    return port
