"""Options that `sell` and `edit` share, and the argument that names a listing.

Values go on as typed: the desk says what is allowed, in one place for all its callers.
"""

from collections.abc import Callable
from typing import Any

import click

from .listing_id import LISTING_ID, SUGGESTED_CATEGORY

_OPTIONS = (
    click.option(
        "--description",
        metavar="TEXT",
        help="What a buyer should know, up to 4,000 characters; never an address or a phone "
        "number, since everybody can read it.",
    ),
    click.option(
        "--category", metavar="TEXT", type=SUGGESTED_CATEGORY, help="Free text, such as bikes."
    ),
    click.option(
        "--condition",
        metavar="WORD",
        help="new, like-new, good, fair or parts.",
        shell_complete=lambda _ctx, _param, start: [
            word for word in ("new", "like-new", "good", "fair", "parts") if word.startswith(start)
        ],
    ),
    click.option("--place", metavar="TEXT", help="Roughly where, such as a station."),
    click.option("--quantity", metavar="N", help="How many there are; 1 unless told."),
    click.option("--tag", "tags", metavar="WORD", multiple=True, help="May be given 10 times."),
    click.option("--url", metavar="URL", help="A page about it."),
    click.option(
        "--photo",
        "photos",
        metavar="FILE",
        multiple=True,
        help="A photo; up to 8. What stands beside it in the file, such as where it was taken, is "
        "left out.",
    ),
    click.option(
        "--until", metavar="WHEN", help="When it ends: 30d, 2w or 2026-08-31; 90 days at most."
    ),
)


def listing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def id_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument ID: any beginning of a listing's id that is unique."""
    return click.argument("listing_id", metavar="ID", type=LISTING_ID)(function)
