"""`search`: the listings in one's own store, with no network."""

import sys
from collections.abc import Mapping
from shlex import quote
from typing import Any

import click

from ..node.desk_error import usage
from ..protocol.told import tell
from .call import Call
from .listing_id import SUGGESTED_CATEGORY
from .listing_view import counted, print_table
from .screen import Screen
from .tongue import _
from .verb import verb

_FACET_VALUES_SHOWN = 8
_STATUSES = ("active", "reserved", "sold", "expired", "all")


@verb(
    examples=(
        "jangteo search bike",
        "jangteo search 자전거 --max-price 300000 --currency KRW --sort price",
        "jangteo search --category furniture --condition good --place 망원",
        "jangteo search desk --json | jq -r .title",
    ),
    prints="A table, 20 listings unless told otherwise; with --json a listing a line, each with "
    "a `cursor` for --after. No hits is no error. --facets counts all hits below the table, or the "
    'newest where they are too many; with --json in a last line {"facets": ...}.',
    is_text=True,
)
@click.argument("text", nargs=-1)
@click.option("--category", metavar="TEXT", type=SUGGESTED_CATEGORY, help="Of this category.")
@click.option("--min-price", metavar="PRICE", help="At least; such as 10000, '$20' or 5만원.")
@click.option("--max-price", metavar="PRICE", help="At most.")
@click.option("--currency", metavar="CODE", help="Prices in this currency only.")
@click.option("--place", metavar="TEXT", help="Whose place has these words.")
@click.option("--condition", metavar="WORD", help="new, like-new, good, fair or parts.")
@click.option("--market", metavar="NAME", help="In this market only.")
@click.option("--seller", metavar="WHO", help="By this name, or this beginning of a key.")
@click.option("--wanted/--offered", default=None, help="Only what is looked for, or offered.")
@click.option("--status", metavar="WORD", multiple=True, help=", ".join(_STATUSES) + ".")
@click.option("--sort", metavar="WORD", help="newest, price or relevance (the default with words).")
@click.option("--limit", metavar="N", help="How many; 20 unless told.")
@click.option("--after", metavar="CURSOR", help="Go on behind the listing with this cursor.")
@click.option("--facets", is_flag=True, default=None, help="Count categories, places and so on.")
@click.pass_obj
def search(call: Call, /, text: tuple[str, ...], status: tuple[str, ...], **told: object) -> None:
    """Find listings, also with no network.

    Looks through the store of this machine: your listings and those of everybody you met. All
    words must be there, the last one as far as it is typed. Korean and Japanese work from one
    character on. Nothing you can type is an error: quotes and signs are just text.
    """
    if text == ("-h",):
        ctx = click.get_current_context()
        click.echo(ctx.get_help())
        return
    if unknown := [word for word in text if word.startswith("--") and word not in _after_dashes()]:
        raise usage(
            tell("no such option {unknown!r}", unknown=unknown[0]),
            tell("`jangteo search --help` shows them"),
        )
    arguments = {name: value for name, value in told.items() if value is not None}
    if status:
        arguments["status"] = list(status)
    result = call.ask("search", text=" ".join(text), **arguments)
    rows = result["rows"]
    for row in rows:
        call.screen.row(row)
    if "facets" in result:
        call.screen.row({"facets": result["facets"]})
    call.notices(result)
    if not rows:
        call.screen.talk(_nothing_found(text, told))
        return
    print_table(call.screen, rows)
    if "facets" in result:
        _print_facets(call.screen, result["facets"])
    if result["has_more"]:
        call.screen.talk(_("more: {command}").format(command=_next_page(call, rows[-1]["cursor"])))


def _after_dashes() -> list[str]:
    """What stands behind a bare --, where everything is text."""
    given = sys.argv[1:]
    return given[given.index("--") + 1 :] if "--" in given else []


def _print_facets(screen: Screen, facets: Mapping[str, Any]) -> None:
    listings = counted(facets["hits"], "listing")
    screen.say()
    screen.say(
        listings if facets["is_exact"] else _("at least {listings}").format(listings=listings)
    )
    for name in ("category", "condition", "place", "currency"):
        values = facets[name][:_FACET_VALUES_SHOWN]
        if values:
            told = " · ".join(f"{one['value']} {one['count']:,}" for one in values)
            more = " · …" if len(facets[name]) > len(values) else ""
            screen.say_safe(f"{name:10} {told}{more}")


def _nothing_found(text: tuple[str, ...], told: dict[str, object]) -> str:
    if any(value is not None for value in told.values()):
        return _("nothing found; fewer filters may find more")
    return _("nothing found; fewer words may find more") if len(text) > 1 else _("nothing found")


def _next_page(call: Call, cursor: str) -> str:
    """This command again, going on where it ended."""
    given = sys.argv[1:]
    if "--after" in given:
        at = given.index("--after")
        del given[at : at + 2]
    given = [word for word in given if not word.startswith("--after=")]
    at = given.index("search") + 1 if "search" in given else len(given)
    given[at:at] = ["--after", cursor]
    return " ".join((call.program, *map(quote, given)))
