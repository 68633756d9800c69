"""`mine`: one's own listings."""

import click

from .call import Call
from .listing_view import print_table
from .tongue import _
from .verb import verb


@verb(
    examples=("jangteo mine", "jangteo mine --status sold", "jangteo mine --limit 200 --json"),
    prints="Your listings, newest first, in every state but withdrawn, and how many neighbours "
    "hold each; with --json a listing a line.",
)
@click.option("--status", metavar="WORD", help="active, reserved, sold or expired only.")
@click.option("--limit", metavar="N", help="How many; 20 unless told.")
@click.option("--after", metavar="CURSOR", help="Go on behind the listing with this cursor.")
@click.pass_obj
def mine(call: Call, status: str | None, limit: str | None, after: str | None) -> None:
    """List what you have put up.

    "HELD BY" counts the neighbours whose nodes would keep serving it without yours.
    """
    result = call.ask("listings", status=status, limit=limit, after=after)
    rows = result["rows"]
    for row in rows:
        call.screen.row(row)
    call.notices(result)
    if not rows:
        prefix = call.command_prefix()
        call.screen.talk(
            _('nothing yet: `{prefix} sell "Road bike" --price "950000 KRW"`').format(prefix=prefix)
        )
        return
    print_table(call.screen, rows, is_own=True)
    if result["has_more"]:
        prefix = call.command_prefix()
        call.screen.talk(
            _("more: `{prefix} mine --after {cursor}`").format(
                prefix=prefix, cursor=rows[-1]["cursor"]
            )
        )
