"""The desk as somebody else's phone may ask it: the market's goods, and nothing of its owner.

What is not named here does not leave: a guest is told what every neighbour could know from the
records, not whose node this is, whom its owner knows, or who holds what.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import trio

from ..protocol import limits
from ..protocol.told import tell
from .desk_error import EXIT_UNKNOWN_ID, DeskError
from .live_node import DeskPort, JsonObject

_LISTING: Final = (
    "id", "record_id", "revision", "author", "seller", "side", "title", "description", "price",
    "quantity", "tags", "url", "category", "condition", "place", "status", "market", "created_at",
    "updated_at", "expires_at", "photos", "cursor",
)  # fmt: skip
_SELLER: Final = ("author", "name", "about", "place", "languages", "reviews")
_REMARK: Final = ("id", "author", "name", "text", "at", "is_seller")
_ROWS_MAX: Final = 24
_GONE: Final = "withdrawn"


class GuestDesk(DeskPort):
    """Asks `desk` one question after the other, so that guests take the owner's turn but once.
    `market`: only what is in that one."""

    def __init__(self, desk: DeskPort, market: str | None = None) -> None:
        self._desk = desk
        self._market = market
        self._turn = trio.CapacityLimiter(1)

    async def call(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        match verb:
            case "search":
                return await self._search(args)
            case "show":
                return await self._show(args)
        raise DeskError(
            "not-for-guests", tell("that is for who runs this node"), None, EXIT_UNKNOWN_ID
        )

    async def stream(
        self, verb: str, args: Mapping[str, Any]
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        raise DeskError(
            "not-for-guests", tell("that is for who runs this node"), None, EXIT_UNKNOWN_ID
        )
        yield []

    async def _ask(self, verb: str, args: Mapping[str, Any]) -> JsonObject:
        async with self._turn:
            return await self._desk.call(verb, args)

    async def _search(self, args: Mapping[str, Any]) -> JsonObject:
        told = dict(args)
        if self._market is not None:
            told["market"] = self._market
        if isinstance(told.get("limit"), int):
            told["limit"] = min(told["limit"], _ROWS_MAX)
        found = await self._ask("search", told)
        # What its author took back is kept by the author alone.
        rows = [listing_for_guests(row) for row in found["rows"] if row["status"] != _GONE]
        shown: JsonObject = {"rows": rows, "has_more": found["has_more"]}
        if "facets" in found:
            shown["facets"] = found["facets"]
        return shown

    async def _show(self, args: Mapping[str, Any]) -> JsonObject:
        shown = await self._ask("show", args)
        item = shown["listing"]
        if item["status"] == _GONE or self._market not in (None, item["market"]):
            raise DeskError(
                "unknown-id", tell("there is no such listing here"), None, EXIT_UNKNOWN_ID
            )
        return {
            "listing": listing_for_guests(item),
            "revisions": [one for one in shown["revisions"] if not one["is_delete"]],
            "questions": [_remark(one) for one in shown["questions"][: limits.REMARKS_SHOWN_MAX]],
            "seller": _kept(shown["seller"], _SELLER) | {"contact": False},
        }


def listing_for_guests(item: Mapping[str, Any]) -> JsonObject:
    """As every listing looks that is nobody's here."""
    return {"photos": []} | _kept(item, _LISTING) | {"mine": False, "held_by": 0}


def _remark(told: Mapping[str, Any]) -> JsonObject:
    shown = _kept(told, _REMARK) | {"mine": False}
    if "answers" in told:
        shown["answers"] = [_remark(one) for one in told["answers"]]
    return shown


def _kept(told: Mapping[str, Any], names: tuple[str, ...]) -> JsonObject:
    return {name: told[name] for name in names if name in told}
