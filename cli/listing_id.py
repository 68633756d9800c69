"""What a listing is called by on the command line, with completion from one's own store.

Any trouble while completing means no suggestions: the shell is no place for messages.
"""

from typing import TYPE_CHECKING, Any

import click

from ..node.desk_error import DeskError
from ..node.safe_text import safe_line
from .call import Call
from .listing_view import price_text

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_SUGGESTIONS_MAX = 50


class ListingIdType(click.ParamType[str]):
    name = "id"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(
                row["id"][:8], help=safe_line(f"{row['title']} · {price_text(row['price'])}")
            )
            for row in _rows(ctx)
            if row["id"].startswith(incomplete.lower())
        ]


class CategoryType(click.ParamType[str]):
    name = "category"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        used = {safe_line(row["category"]) for row in _rows(ctx) if row["category"]}
        start = incomplete.casefold()
        return [CompletionItem(text) for text in sorted(used) if text.casefold().startswith(start)]


def _rows(ctx: click.Context) -> list[dict[str, Any]]:
    """The newest listings here, one's own first."""
    call = ctx.find_object(Call) or Call()
    try:
        with call.office() as office:
            own = office.call("listings", {"limit": _SUGGESTIONS_MAX})["rows"]
            others = office.call("search", {"limit": _SUGGESTIONS_MAX})["rows"]
    except (DeskError, OSError):
        return []
    return list({row["id"]: row for row in [*own, *others]}.values())


LISTING_ID = ListingIdType()
SUGGESTED_CATEGORY = CategoryType()
