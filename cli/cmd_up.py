"""`up`: runs the node in the foreground. The only command that loads the network."""

import gc
import logging
import sys
import time
from typing import Any

import click

from ..node.safe_text import safe_line
from . import cells
from .call import Call
from .event_view import event_text, to_hand_over
from .listing_view import ID_CHARS_MIN
from .passphrase import ask_passphrase
from .tongue import _
from .verb import verb

_ADDRESSES_SHOWN = 4
_TOLD = ("event", "room", "author", "person", "name", "listing", "title", "kind", "deal", "muted")
_NODE_THRESHOLDS = (10_000, 10, 10)
"""Thousands of records are on their way at once, and none of them is garbage: Python's own 700
would look at all of them again and again."""


@verb(
    examples=(
        "jangteo up",
        "jangteo up --peer /ip4/192.168.0.12/tcp/4110/p2p/12D3KooW…",
        "jangteo up --market campus/hanyang --no-mdns",
        "jangteo --home ~/second up --listen /ip4/0.0.0.0/tcp/4200",
    ),
    prints="Your addresses, then a line when a neighbour comes or a listing arrives; with --json "
    'first {"event": "ready", "author", "peer", "addresses", "api", "page"}, then peer, listing, '
    "message (without its words), delivery, deal, sync, warning, warning-over, stopping; before "
    'all, {"event": "upgrade", "done", "total"} while the store of an older version is brought up '
    "to date.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    multiple=True,
    help="Where to listen; every interface unless "
    "told, at port 4110 or the next free one, which is remembered.",
)
@click.option(
    "--peer",
    metavar="ADDRESS",
    multiple=True,
    help="Stay connected with this node; for neighbours that are not found by themselves.",
)
@click.option("--market", metavar="NAME", multiple=True, help="Take part in; open unless told.")
@click.option("--no-mdns", is_flag=True, help="Do not look for neighbours on this network.")
@click.option("--api-port", metavar="N", help="Port of the control API on loopback.")
@click.option("--photos", metavar="WORD", help="Which to fetch: all, seen (unless told) or none.")
@click.option("--verbose", "-v", count=True, help="Say more on stderr; twice for everything.")
@click.pass_obj
def up(
    call: Call,
    listen: tuple[str, ...],
    peer: tuple[str, ...],
    market: tuple[str, ...],
    no_mdns: bool,
    api_port: str | None,
    photos: str | None,
    verbose: int,
) -> None:
    """Run the node: meet the neighbours, share listings.

    Finds other nodes on this network by itself, exchanges signed listings with them, and keeps
    serving theirs when they are away. The first run makes your identity. Ctrl-C stops it;
    `jangteo service install` keeps it running in the background.
    """
    home = call.home
    config = call.config(
        {
            "listen": list(listen) or None,
            "peers": list(peer) or None,
            "markets": list(market) or None,
            "mdns": False if no_mdns else None,
            "api_port": api_port,
            "photos": photos,
        }
    )
    _log_to_stderr(verbose)
    call.screen.go_live()
    voice = _Voice(call, is_first=not home.has_identity)
    from ..node.foreground import run_in_foreground

    # What is loaded stays; from here on the node lives long, and collects.
    gc.freeze()
    gc.set_threshold(*_NODE_THRESHOLDS)
    run_in_foreground(home, config, voice.tell, ask_passphrase=ask_passphrase)


class _Voice:
    """Says what happens, quietly: a line for what matters, a bar that goes for progress."""

    def __init__(self, call: Call, is_first: bool) -> None:
        self._call = call
        self._is_first = is_first
        self._has_bar = False

    def tell(self, event: dict[str, Any]) -> None:
        event = _without_words(event)
        if self._call.screen.is_json:
            self._call.screen.row(event)
        elif event["event"] == "ready":
            self._ready(event)
        elif event["event"] == "progress":
            self._progress(_("receiving: {records}").format(records=event_text(event)))
        elif event["event"] == "upgrade":
            self._progress(event_text(event) or "")
        elif (told := event_text(event)) is not None:
            is_warning = event["event"] == "warning"
            self._line(self._call.named(told) if is_warning else told, "warn" if is_warning else "")

    def _ready(self, event: dict[str, Any]) -> None:
        screen, prefix = self._call.screen, self._call.command_prefix()
        who = event["author"][:ID_CHARS_MIN]
        if self._is_first:
            self._line(
                _("made your identity, {who}. Its 24 words: `{prefix} words`").format(
                    who=who, prefix=prefix
                )
            )
        self._line(_("ready; you are {who}, and neighbours reach you at").format(who=who), "good")
        for address in to_hand_over(event["addresses"])[:_ADDRESSES_SHOWN]:
            self._print(f"  {safe_line(address)}")
        if screen.is_terminal:
            self._print(_("its page, for you alone: {link}").format(link=event["page"]))
        else:
            # What is written elsewhere is kept, and read by others: a system's log, say.
            self._print(_("its page: `{prefix} open`").format(prefix=prefix))
        self._print(
            screen.paint(
                _(
                    "In another terminal: `{prefix}`, `{prefix} search`, `{prefix} "
                    "sell`. Ctrl-C stops."
                ).format(prefix=prefix),
                "dim",
            )
        )

    def _progress(self, text: str) -> None:
        if not sys.stdout.isatty():
            return
        told = cells.clip(text, self._call.screen.cells - 1)
        sys.stdout.write(f"\r\x1b[K{told}")
        sys.stdout.flush()
        self._has_bar = True

    def _line(self, told: str, style: str = "") -> None:
        screen = self._call.screen
        clock = screen.paint(time.strftime("%H:%M:%S"), "dim")
        self._print(f"{clock} {screen.paint(safe_line(told), style)}")

    def _print(self, line: str) -> None:
        if self._has_bar:
            sys.stdout.write("\r\x1b[K")
            self._has_bar = False
        print(line)


def _without_words(event: dict[str, Any]) -> dict[str, Any]:
    """What a node prints ends in a system's log: that somebody wrote may stand there, what they
    wrote not. `talk`, `inbox` and `watch` show it."""
    if event["event"] not in ("message", "deal"):
        return event
    return {name: event[name] for name in _TOLD if name in event}


def _log_to_stderr(verbose: int) -> None:
    """Warnings come as events; the log is for what else went wrong, and for the curious."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.ERROR,
        format="%(asctime)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    if verbose:
        level = logging.INFO if verbose == 1 else logging.DEBUG
        logging.getLogger(__package__.split(".")[0] if __package__ else "jangteo").setLevel(level)
