"""`join` and `leave`: which markets this home takes part in."""

import click

from .call import Call
from .verb import verb


def _change(call: Call, verb_name: str, market: str) -> None:
    result = call.ask(verb_name, market=market)
    call.answer({name: result[name] for name in ("market", "changed", "joined")}, result)
    if not result["changed"]:
        call.screen.talk("it was so already: nothing changed")
    call.screen.say_safe(f"your markets: {', '.join(result['joined'])}")
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
    prints='All your markets; with --json {"market", "changed", "joined"}.',
)
@click.argument("market")
@click.pass_obj
def leave(call: Call, market: str) -> None:
    """Stop taking part in a market.

    What others put up there goes from this machine at once. Your own listings there stay, also with
    those who have them; `jangteo withdraw ID` takes them back.
    """
    _change(call, "leave", market)
