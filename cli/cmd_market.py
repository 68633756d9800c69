"""`join` and `leave`: which markets this home takes part in."""

from collections.abc import Collection, Mapping
from typing import Any

import click

from .call import Call
from .listing_view import counted
from .tongue import _
from .verb import verb


def joined_markets(call: Call) -> list[str]:
    """Those this home is in, but for commons, in which everybody is."""
    from ..protocol.market import COMMONS

    markets = [one["market"] for one in call.ask("status-local")["markets"]]
    return [market for market in markets if market != COMMONS]


def leave_all_but(call: Call, wanted: Collection[str]) -> None:
    """Says of each what is dropped."""
    for market in joined_markets(call):
        if market not in wanted:
            _say_left(call, call.ask("leave", market=market))


def join_all(call: Call, wanted: Collection[str]) -> None:
    for market in wanted:
        call.ask("join", market=market)


def _say_left(call: Call, result: Mapping[str, Any]) -> None:
    if not result["changed"]:
        return
    market, count = result["market"], result["forgotten"]
    if not count:
        call.screen.talk(_("left {market}; nothing of others was here").format(market=market))
        return
    undo = f"{call.command_prefix()} join {market}"
    call.screen.talk(
        _(
            "left {market}: {records} of others there dropped; `{undo}` brings "
            "back from your neighbours what they still have"
        ).format(market=market, records=counted(count, "record"), undo=undo)
    )


def _change(call: Call, verb_name: str, market: str) -> None:
    result = call.ask(verb_name, market=market)
    shown = ("market", "changed", "joined", *(("forgotten",) if verb_name == "leave" else ()))
    call.answer({name: result[name] for name in shown}, result)
    if not result["changed"]:
        call.screen.talk(_("it was so already: nothing changed"))
    call.screen.say_safe(_("your markets: {joined}").format(joined=", ".join(result["joined"])))
    if verb_name == "leave":
        _say_left(call, result)
    call.notices(result)


@verb(
    examples=("jangteo join campus/hanyang", "jangteo join geo/wydm9/bikes"),
    prints='All your markets; with --json {"market", "changed", "joined"}.',
)
@click.argument("market")
@click.pass_obj
def join(call: Call, market: str) -> None:
    """Take part in another market.

    A node holds and passes on what is in its markets; `open` is everybody's. A name is small
    letters, digits, / _ and -; at most 32 markets.
    """
    _change(call, "join", market)


@verb(
    examples=("jangteo leave campus/hanyang",),
    prints="All your markets, and how many records of others went; with --json "
    '{"market", "changed", "joined", "forgotten"}.',
)
@click.argument("market")
@click.pass_obj
def leave(call: Call, market: str) -> None:
    """Stop taking part in a market.

    What others put up there goes from this machine at once; joining again brings it back from the
    neighbours. Your own listings there stay, also with
    those who have them; `jangteo withdraw ID` takes them back.
    """
    _change(call, "leave", market)
