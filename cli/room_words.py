"""What is typed in a room: words to send, or /something to do. Knows no terminal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from ..node.desk_error import usage
from ..protocol.told import tell
from .tongue import N_

HELP: Final = N_("""\
/offer PRICE [WORDS]      offer a price, or counter the one that stands (/counter is the same)
/accept  /decline [WHY]   answer an offer      /retract   take yours back
/meet WHEN [@ WHERE]      propose a meeting    /agree     agree to theirs
/done                     handed over, received
/cancel WHY  /noshow      end a deal that comes to nothing
/review good|mixed|bad [WORDS]
//...                     a message that begins with /
/quit                     leaves, as Ctrl-D does""")


@dataclass(frozen=True, slots=True)
class RoomVerb:
    """A verb of the desk and its arguments; `place` is the one that names the room."""

    verb: str
    args: Mapping[str, Any] = field(default_factory=dict)
    place: str = "to"


class RoomAsk(Enum):
    """What is asked of the talk itself."""

    HELP = auto()
    LEAVE = auto()


def read_line(line: str) -> RoomVerb | RoomAsk:
    """What a line asks for. DeskError (2) for a command that there is not."""
    text = line.strip()
    if text.startswith("//"):
        return RoomVerb("send", {"text": text[1:]})
    if not text.startswith("/"):
        return RoomVerb("send", {"text": text})
    word, _, rest = text[1:].partition(" ")
    word = word.lower()
    if word in ("help", "?", ""):
        return RoomAsk.HELP
    if word in ("quit", "exit", "q"):
        return RoomAsk.LEAVE
    known = _COMMANDS.get(word)
    if known is None:
        names = ", ".join(f"/{name}" for name in _COMMANDS)
        raise usage(
            tell(
                "there is no /{word} here: there are {names}, /quit and /help",
                word=word,
                names=names,
            )
        )
    return known(rest.strip())


def _offer(rest: str) -> RoomVerb:
    price, _, note = rest.partition(" ")
    if not price:
        raise usage(tell("an offer needs a price: /offer 900000"))
    # "900000 KRW come tonight": a currency is a part of the price.
    word, _, more = note.partition(" ")
    if len(word) == 3 and word.isascii() and word.isupper():
        price, note = f"{price} {word}", more
    return RoomVerb("offer", {"price": price, "note": note.strip() or None})


def _meet(rest: str) -> RoomVerb:
    when, _, where = rest.partition("@")
    if not when.strip():
        raise usage(tell("a meeting needs a time, in any words: /meet Saturday at 3 @ exit 2"))
    return RoomVerb("meet", {"time": when.strip(), "place": where.strip() or None})


def _review(rest: str) -> RoomVerb:
    mark, _, text = rest.partition(" ")
    return RoomVerb("review", {"mark": mark, "text": text.strip() or None})


def _plain(verb: str, argument: str | None = None) -> Callable[[str], RoomVerb]:
    def read(rest: str) -> RoomVerb:
        if rest and argument is None:
            raise usage(tell("/{verb} takes no words", verb=verb))
        return RoomVerb(verb, {argument: rest or None} if argument else {})

    return read


_COMMANDS: Final[Mapping[str, Callable[[str], RoomVerb]]] = {
    "offer": _offer,
    "counter": _offer,
    "accept": _plain("accept"),
    "decline": _plain("decline", "reason"),
    "retract": _plain("retract"),
    "meet": _meet,
    "agree": _plain("agree"),
    "done": _plain("done"),
    "cancel": _plain("cancel", "reason"),
    "noshow": _plain("noshow"),
    "review": _review,
}
