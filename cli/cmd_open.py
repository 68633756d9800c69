"""`open`: the node's page in this machine's browser, and the window that phones look through."""

import html
import webbrowser
from pathlib import Path
from typing import Any, Final

import click

from ..node.desk_error import DeskError, needs_node, usage
from ..node.safe_text import safe_line
from ..protocol.told import tell
from .call import Call
from .tongue import _
from .verb import verb

_OF_TERMINALS: Final = ("www-browser", "links", "elinks", "lynx", "w3m")
_REDIRECT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}"><title>Jangteo</title></head>
<body><a href="{link}" rel="noreferrer">Jangteo</a></body></html>
"""
"""A browser is started with the name of this file and not with the link: every user of the machine
can read what a program was started with."""


@verb(
    name="open",
    examples=(
        "jangteo open",
        "jangteo open --print",
        "jangteo open --phone",
        "jangteo open --phone --market campus/hanyang",
        "jangteo open --phone --off",
    ),
    prints='The link of the page, or the address of the window; with --json {"page"}, or '
    '{"phone", "url", "address", "port", "market", "others"}.',
)
@click.option("--print", "is_printed", is_flag=True, help="Only print the link.")
@click.option(
    "--phone",
    is_flag=True,
    help="Let phones on this network look at the market: no writing, nothing private.",
)
@click.option("--off", is_flag=True, help="With --phone: close the window again.")
@click.option("--address", metavar="IP", help="With --phone: which of this machine's addresses.")
@click.option("--port", metavar="N", type=click.IntRange(1, 65535), help="With --phone: the port.")
@click.option("--market", metavar="NAME", help="With --phone: only what is in this market.")
@click.pass_obj
def open_(
    call: Call,
    is_printed: bool,
    phone: bool,
    off: bool,
    address: str | None,
    port: int | None,
    market: str | None,
) -> None:
    """Open the node's page in the browser.

    The link lets in whoever has it until the node stops, so keep it to yourself. `--phone` opens a
    window besides: everybody on the same network can look at the market through it, without a link
    and without doing anything; it closes when the node stops. Needs a running node (`jangteo up`).
    """
    if not phone and (off or address or port or market):
        raise usage(tell("--off, --address, --port and --market go with --phone"))
    if phone:
        if is_printed:
            raise usage(tell("--print is for the page: the window's address is printed anyway"))
        _phone(call, {"on": not off, "address": address, "port": port, "market": market})
        return
    _page(call, is_printed=is_printed)


def _page(call: Call, *, is_printed: bool) -> None:
    from ..node.client import Client
    from ..node.page_link import page_link

    face = call.home.node()
    if face is None:
        raise needs_node("open")
    Client(face).call("peers", {})  # whether it answers; NodeGone says that it does not
    link = page_link(face.url, face.token)
    is_opened = not is_printed and not call.screen.is_json and _show(call, link)
    call.screen.row({"page": link})
    if is_opened:
        call.screen.say(_("opened in your browser"))
        call.screen.talk(
            _("  if it shows nothing: `{prefix} open --print`").format(prefix=call.command_prefix())
        )
        return
    if not is_printed:
        call.screen.talk(_("there is no browser here to open it with; the link is for you alone:"))
    call.screen.say_safe(link)


def _show(call: Call, link: str) -> bool:
    """Whether a browser of this machine was started. Not one of the terminal's: those take it over,
    and run no scripts."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if Path(str(getattr(browser, "name", ""))).name in _OF_TERMINALS:
        return False
    home = call.home
    home.write_open(_REDIRECT.format(link=html.escape(link)))
    try:
        return browser.open(home.open_path.as_uri())
    except (OSError, webbrowser.Error):
        return False


def _phone(call: Call, wanted: dict[str, Any]) -> None:
    try:
        result = call.ask("phone", **wanted)
    except DeskError as error:
        if error.code == "needs-node" and not wanted["on"]:
            raise DeskError(
                error.code, tell("no node runs, so the window is closed"), None, error.exit_code
            ) from None
        raise
    call.is_done = True
    screen = call.screen
    screen.row(result)
    if not result["phone"]:
        screen.say(_("the window is closed"))
        return
    if not screen.is_json:
        from ..node.qr import qr_lines

        for line in qr_lines(result["url"]):
            screen.say(line, "qr")
        screen.say_safe(result["url"], "bold")
        if result["market"]:
            market = safe_line(result["market"])
            screen.say(
                _("everybody on this network can look at {market} there").format(market=market)
            )
        else:
            screen.say(_("everybody on this network can look at the market there"))
        for other in result["others"]:
            screen.talk(_("  not reached from there? --address {other}").format(other=other))
        screen.talk(
            _("  close it: `{prefix} open --phone --off`").format(prefix=call.command_prefix())
        )
    call.notices(result)
