"""The desk: every verb that a person can ask of this home, once. The command line calls it
without a node, the control API with one.

JSON in, JSON out. Knows which verb is which; what each does is in `desk_<noun>.py`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell, told_by
from ..store.errors import StoreError
from .blob_folder import BlobFolder
from .clerk import Clerk
from .config import Config
from .desk_error import DeskError, bad_value, usage
from .owner import OwnerState

if TYPE_CHECKING:
    from ..crypto.keys import AuthorKey
    from ..protocol.envelope import Verified
    from ..store.store import Store

JsonObject = dict[str, Any]
Kind = Literal["read", "write", "sign"]
"""Reads need nothing; writes need the lock; what signs needs the author key too."""

CLOCK_META: Final = "clock_offset_ms"
"""Written by a running node: how far ahead of the neighbours' this clock is, as decimal text."""


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is done: `function` of node/`module`.py, loaded when it is first asked for, so
    that a search does not load the importers."""

    kind: Kind
    module: str
    function: str
    is_reminding: bool = False

    def run(self, clerk: Clerk, args: Mapping[str, Any]) -> Any:
        """A JSON object; of a stream, an iterator of them."""
        return getattr(import_module(f".{self.module}", __package__), self.function)(clerk, args)


VERBS: Final[Mapping[str, Verb]] = {
    "sell": Verb("sign", "desk_listing", "sell", is_reminding=True),
    "edit": Verb("sign", "desk_listing", "edit"),
    "reserve": Verb("sign", "desk_listing", "reserve"),
    "sold": Verb("sign", "desk_listing", "sold"),
    "relist": Verb("sign", "desk_listing", "relist"),
    "withdraw": Verb("sign", "desk_listing", "withdraw"),
    "renew": Verb("sign", "desk_listing", "renew"),
    "renew-due": Verb("sign", "desk_listing", "renew_due"),
    "ask": Verb("sign", "desk_remark", "ask"),
    "answer": Verb("sign", "desk_remark", "answer"),
    "unask": Verb("sign", "desk_remark", "unask"),
    "profile": Verb("sign", "desk_person", "profile"),
    "block": Verb("write", "desk_person", "block"),
    "unblock": Verb("write", "desk_person", "unblock"),
    "keep": Verb("write", "desk_contact", "keep"),
    "unkeep": Verb("write", "desk_contact", "unkeep"),
    "join": Verb("write", "desk_person", "join"),
    "leave": Verb("write", "desk_person", "leave"),
    "send": Verb("sign", "desk_talk", "send"),
    "meet": Verb("sign", "desk_talk", "meet"),
    "agree": Verb("sign", "desk_talk", "agree"),
    "offer": Verb("sign", "desk_deal", "offer"),
    "accept": Verb("sign", "desk_deal", "accept"),
    "decline": Verb("sign", "desk_deal", "decline"),
    "retract": Verb("sign", "desk_deal", "retract"),
    "done": Verb("sign", "desk_deal", "done"),
    "cancel": Verb("sign", "desk_deal", "cancel"),
    "noshow": Verb("sign", "desk_deal", "noshow"),
    "review": Verb("sign", "desk_review", "review"),
    "seen": Verb("sign", "desk_talk", "seen"),
    "resend": Verb("sign", "desk_talk", "resend"),
    "mute": Verb("write", "desk_talk", "mute"),
    "forget": Verb("write", "desk_talk", "forget"),
    "favour": Verb("write", "desk_wish", "favour"),
    "unfavour": Verb("write", "desk_wish", "unfavour"),
    "follow": Verb("write", "desk_wish", "follow"),
    "save": Verb("write", "desk_wish", "save"),
    "unsave": Verb("write", "desk_wish", "unsave"),
    "see": Verb("write", "desk_wish", "see"),
    "look-out": Verb("write", "desk_wish", "watch_for"),
    "mail-open": Verb("sign", "desk_mail", "open_letters"),
    "mail-tend": Verb("sign", "desk_mail", "tend"),
    "deals": Verb("read", "desk_deal", "deals"),
    "favourites": Verb("read", "desk_wish", "favourites"),
    "follows": Verb("read", "desk_wish", "follows"),
    "saved": Verb("read", "desk_wish", "saved"),
    "notifications": Verb("read", "desk_wish", "notifications"),
    "inbox": Verb("read", "desk_talk", "inbox"),
    "room": Verb("read", "desk_talk", "room"),
    "outbox": Verb("read", "desk_talk", "outbox"),
    "search": Verb("read", "desk_search", "search"),
    "show": Verb("read", "desk_search", "show"),
    "listings": Verb("read", "desk_search", "listings"),
    "home": Verb("read", "desk_search", "home", is_reminding=True),
    "waiting": Verb("read", "desk_search", "waiting"),
    "status-local": Verb("read", "desk_search", "status_local", is_reminding=True),
    "person": Verb("read", "desk_acquaintance", "person"),
    "whoami": Verb("read", "desk_person", "whoami"),
    "blocked": Verb("read", "desk_person", "blocked"),
    "contacts": Verb("read", "desk_contact", "contacts"),
    "verify": Verb("read", "desk_export", "verify_all"),
    "reindex": Verb("write", "desk_export", "reindex"),
}
STREAMS: Final[Mapping[str, Verb]] = {
    "search": Verb("read", "desk_search", "search_stream"),
    "export": Verb("read", "desk_export", "export"),
    "import": Verb("sign", "desk_import", "import_file", is_reminding=True),
    "verify": Verb("read", "desk_export", "verify"),
}
INTERNAL_VERBS: Final = frozenset(("renew-due", "mail-open", "mail-tend", "look-out"))
"""What the running node does by itself; no caller of the API may."""


def kind_of(verb: str, args: Mapping[str, Any], *, is_stream: bool = False) -> Kind:
    """What `verb` needs; DeskError for one that there is not."""
    known = (STREAMS if is_stream else VERBS).get(verb)
    if known is None:
        raise usage(
            tell("there is no stream of verb {verb!r}", verb=verb)
            if is_stream
            else tell("there is no verb {verb!r}", verb=verb)
        )
    if verb == "profile" and all(value is None for value in args.values()):
        return "read"
    if verb == "import" and args.get("dry_run") is True:
        return "read"
    return known.kind


class Desk:
    """Over one store, on that store's thread. Opens its own transactions: call it outside of any.

    `own` is the author of this home where `key` is not given (reading needs no key). What verbs
    raise is DeskError; an error of the store leaves as DeskError "store".
    """

    def __init__(
        self,
        store: "Store",
        key: "AuthorKey | None",
        config: Config,
        now_ms: Callable[[], int],
        entropy: Callable[[int], bytes],
        *,
        own: bytes | None = None,
        owner: OwnerState | None = None,
        blobs: BlobFolder | None = None,
    ) -> None:
        publisher = postman = deals = reviews = None
        if key is not None:
            from .deal_keeper import DealKeeper
            from .postman import Postman
            from .publisher import Publisher
            from .review_keeper import ReviewKeeper

            publisher = Publisher(store, key, now_ms, entropy)
            own = key.public
            postman = Postman(
                store, key, publisher, now_ms, entropy, tells_read=config.read_receipts
            )
            deals = DealKeeper(store, key, publisher, postman, now_ms)
            reviews = ReviewKeeper(store, publisher, postman, now_ms)
        self._clerk = Clerk(
            store,
            own,
            config.currency,
            now_ms,
            publisher,
            owner,
            postman,
            deals,
            reviews,
            entropy,
            blobs,
        )

    def call(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        """The result of one verb, committed and durable where it writes."""
        kind_of(verb, args)
        known = VERBS[verb]
        with _told_errors():
            result: JsonObject = known.run(self._clerk, args)
            return result | self._notices(known, *result.get("notices", ()))

    def stream(self, verb: str, args: Mapping[str, Any]) -> Generator[JsonObject, None, None]:
        """The results of one verb as they come. No transaction is open between two of them: what
        was yielded is committed."""
        kind_of(verb, args, is_stream=True)
        known = STREAMS[verb]
        with _told_errors():
            for item in known.run(self._clerk, args):
                if item.get("event") == "summary":
                    item = item | self._notices(known, *item.get("notices", ()))
                yield item

    def take_published(self) -> "list[Verified]":
        """Records that were committed since the last call, for the network, in order."""
        publisher = self._clerk.publisher
        return [] if publisher is None else publisher.take_published()

    def take_written(self) -> bool:
        """Whether letters were written and committed since the last call."""
        postman = self._clerk.postman
        return postman is not None and postman.take_written()

    def _notices(self, verb: Verb, *others: JsonObject) -> JsonObject:
        """{"notices": […]}: what to tell the person besides the result; {} if nothing."""
        notices = list(others)
        clerk = self._clerk
        if clerk.own is None and verb.kind == "read":
            notices.append(
                _notice("no-identity", tell("this home has no identity yet: `jangteo init`"))
            )
        if verb.is_reminding or verb.kind == "sign":
            notices += _clock_notices(clerk)
        if verb.is_reminding:
            notices += _backup_notices(clerk)
        return {"notices": notices} if notices else {}


def _clock_notices(clerk: Clerk) -> list[JsonObject]:
    from .clock import clock_warning

    told = clerk.store.meta(CLOCK_META)
    try:
        offset_ms = int(told or "0")
    except ValueError:
        return []
    if abs(offset_ms) <= limits.CLOCK_WARN_MS:
        return []
    return [_notice("clock", clock_warning(offset_ms))]


def _backup_notices(clerk: Clerk) -> list[JsonObject]:
    """Once a day until there is a backup: a lost key is a lost name."""
    owner, now_ms = clerk.owner, clerk.now_ms()
    if owner is None or clerk.own is None or owner.backed_up_ms() is not None:
        return []
    reminded_ms = owner.reminded_ms()
    if reminded_ms is not None and 0 <= now_ms - reminded_ms < limits.DAY_MS:
        return []
    # What was asked for is done: a disk that is full now must not make an error of it.
    with suppress(DeskError):
        owner.note_reminded(now_ms)
    return [
        _notice(
            "backup",
            tell(
                "your identity is only on this disk: keep it with `jangteo backup FILE`, "
                "or write down its 24 words (`jangteo words`)"
            ),
        )
    ]


def _notice(code: str, message: str) -> JsonObject:
    return {"code": code, "message": message}


@contextmanager
def _told_errors() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise DeskError("store", told_by(error)) from error
    except LocalProtocolError as error:
        raise bad_value(told_by(error)) from None
