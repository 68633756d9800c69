"""`talk`: a room in the terminal, with its history, live, and everything that buying needs."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from contextvars import copy_context
from typing import Any

import click

from ..node.desk_error import DeskError, bad_value, usage
from ..node.safe_text import safe_line
from ..protocol.told import tell
from .ago import ago_text
from .call import Call
from .delivery_news import DeliveryNews
from .fault import report_of
from .listing_view import person_text
from .message_view import message_text, room_title, state_text, who_text
from .room_words import HELP, RoomAsk, RoomVerb, read_line
from .tongue import _, in_tongue
from .verb import verb

_HISTORY = 20


@verb(
    examples=("jangteo talk 3fa91c07", "jangteo talk Mina", "jangteo talk"),
    prints="The room's last messages, then what is said, as it is said, until Ctrl-D; with --json "
    "one message or event a line.",
)
@click.argument("to", required=False)
@click.option("--limit", metavar="N", help="How much of what was said before; 20 unless told.")
@click.pass_obj
def talk(call: Call, to: str | None, limit: str | None) -> int:
    """Talk with somebody: ask, haggle, agree, meet.

    TO is a listing (its seller), a room of your inbox, or a person; without it, the room with the
    latest message. What you type is sent; lines that begin with / do the rest: /offer 900000,
    /accept, /decline, /meet Saturday at 3, /done, /help. Ctrl-D leaves. Lines from a file or a pipe
    are all done; the exit code is that of the last one that was refused.
    """
    call.screen.go_live()
    with call.office() as office:
        room = _open(office, to, limit)
        _head(call, room)
        for message in room["messages"]:
            _print(call, message, "")
        table = _Table(call, office, room)
        table.see(room["messages"])
        with table.listening(call):
            for line in _typed(call, table):
                if not table.do(line):
                    break
    return 0 if sys.stdin.isatty() else table.exit_code


def _open(office: Any, to: str | None, limit: str | None) -> dict[str, Any]:
    if to is None:
        rooms = office.call("inbox", {"limit": 1})["rooms"]
        if not rooms:
            raise DeskError(
                "unknown-id",
                tell("nobody has written to you yet"),
                tell("`jangteo talk ID` writes to the seller of a listing"),
                3,
            )
        to = rooms[0]["room"]
    room: dict[str, Any] = office.call("room", {"to": to, "limit": limit or _HISTORY})
    if room["person"] == office.call("whoami", {})["author"]:
        raise bad_value(tell("that is you: nobody writes to themselves"))
    return room


def _head(call: Call, room: dict[str, Any]) -> None:
    call.screen.row({name: value for name, value in room.items() if name != "messages"})
    title = room_title(room)
    pattern = _("with {who} about {title}") if title else _("with {who}")
    who = person_text(room["person"], room["name"])
    call.screen.say_safe(pattern.format(who=who, title=title), "bold")
    if room["blocked"]:
        call.screen.warn(
            _("{who} is blocked: unblock them to talk").format(who=room["name"] or _("this person"))
        )
    if room["has_more"]:
        call.screen.talk(_("there is more before this: --limit N shows it"), "dim")
    call.screen.talk(_("type to write, /help for offers and meetings, Ctrl-D leaves"), "dim")


class _Table:
    """One sitting in a room: what is typed is done, what comes is shown."""

    def __init__(self, call: Call, office: Any, room: dict[str, Any]) -> None:
        self._call = call
        self._office = office
        self._room = room["room"]
        self._prompt = "> " if sys.stdin.isatty() and not call.screen.is_json else ""
        self._turn = threading.Lock()
        self._news = DeliveryNews()
        self._news.said(room["messages"])
        self.exit_code = 0
        # A room that nothing was said in has no place in the inbox yet: it goes by what was meant.
        self._to = room["room"] if room["last"] else room["listing"] or room["person"]

    @property
    def prompt(self) -> str:
        return self._prompt

    def do(self, line: str) -> bool:
        """What was typed; a mistake is told, and the talk goes on. False: it ends here."""
        try:
            asked = read_line(line)
            if asked is RoomAsk.LEAVE:
                return False
            if isinstance(asked, RoomAsk):
                self._say(_(HELP))
                return True
            self._show(asked, self._ask(asked))
        except DeskError as error:
            self.refused(error)
        return True

    def refused(self, error: DeskError) -> None:
        """One line was not done."""
        self.exit_code = error.exit_code
        with self._turn:
            report_of(error, None).print(self._call.screen.is_json, self._call.named)

    def _ask(self, asked: RoomVerb) -> dict[str, Any]:
        place = {asked.place: self._to} if asked.place else {}
        result: dict[str, Any] = self._office.call(asked.verb, {**place, **asked.args})
        if "room" in result:
            self._to = result["room"]
        return result

    def _show(self, asked: RoomVerb, result: dict[str, Any]) -> None:
        message = result.get("message")
        if message is None:
            self._call.screen.row(result)
            return
        with self._turn:
            _print(self._call, message, "")
            self._tell(self._news.said([message]))

    def see(self, messages: list[dict[str, Any]]) -> None:
        """They were read: their writer may be told."""
        others = [message["cursor"] for message in messages if not message["mine"]]
        if others:
            # Reading goes on where it cannot be noted: another program may hold the home.
            with contextlib.suppress(DeskError):
                self._office.call("seen", {"to": self._room, "up_to": max(others)})

    @contextlib.contextmanager
    def listening(self, call: Call) -> Iterator[None]:
        """What comes is shown until the block ends."""
        if self._office.node is None:
            call.screen.talk(
                _("no node is running: what you write goes out with `{prefix} up`").format(
                    prefix=call.command_prefix()
                ),
                "dim",
            )
            yield
            return
        thread = threading.Thread(target=copy_context().run, args=(self._listen,), daemon=True)
        thread.start()
        yield
        if not self._prompt:
            # Read from a file or a pipe: what was said at its end is told how far it came.
            thread.join(0.2)

    def _listen(self) -> None:
        with (
            contextlib.suppress(DeskError, ValueError, OSError),
            self._call.office() as office,
            closing(office.stream("watch", {})) as events,
        ):
            for event in events:
                self._hear(event)

    def _hear(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "message" if event["room"] == self._room:
                with self._turn:
                    self._over()
                    _print(self._call, event, "")
                    self._again()
                self.see([event])
            case "delivery":
                with self._turn:
                    self._over()
                    self._call.screen.row(event)
                    if event["state"] == "expired":
                        told = self._call.named(_("a message did not come: see `jangteo outbox`"))
                        self._call.screen.warn(told)
                    self._tell(self._news.heard(event))
                    self._again()
            case "deal" if event.get("room") == self._room:
                with self._turn:
                    self._over()
                    self._call.screen.row(event)
                    self._call.screen.say_safe(
                        _("  deal: {shown}").format(shown=in_tongue(event["shown"])), "good"
                    )
                    self._again()

    def _tell(self, news: str | None) -> None:
        if news is not None:
            self._call.screen.say(f"  ({news})", "dim")

    def _say(self, text: str) -> None:
        with self._turn:
            self._call.screen.talk(text, "dim")

    def _over(self) -> None:
        """Takes the line that is being typed away."""
        if self._prompt:
            sys.stdout.write("\r\x1b[K")

    def _again(self) -> None:
        """Puts it back."""
        if self._prompt:
            sys.stdout.write(self._prompt + _buffer())
            sys.stdout.flush()


def _typed(call: Call, table: _Table) -> Iterator[str]:
    """Lines until the end of the input."""
    prompt = table.prompt
    if prompt:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 — editing of lines, where the system has it
    while True:
        try:
            line = input(prompt)
        except EOFError:
            if prompt:
                print()
            return
        except UnicodeDecodeError:
            table.refused(usage(tell("that line is no UTF-8 text: not sent")))
            continue
        if line.strip():
            yield line


def _buffer() -> str:
    with contextlib.suppress(ImportError):
        import readline

        return readline.get_line_buffer()
    return ""


def _print(call: Call, message: dict[str, Any], mark: str) -> None:
    call.screen.row(message)
    if call.screen.is_json:
        return
    state = state_text(message)
    who = call.screen.paint(safe_line(who_text(message)), "id" if message["mine"] else "good")
    when = call.screen.paint(ago_text(message["at"]), "dim")
    told = message_text(message)
    if message.get("kind") == "review":
        told = call.named(told)
    lines = [safe_line(line) for line in told.splitlines()] or [""]
    end = call.screen.paint(f"  ({state})", "dim") if state else ""
    call.screen.say(f"{when}  {who}: {lines[0]}{end if len(lines) == 1 else ''}{mark}")
    for index, line in enumerate(lines[1:], 2):
        call.screen.say(f"    {line}{end if index == len(lines) else ''}")
