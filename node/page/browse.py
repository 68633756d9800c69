"""The market: what is there, searched as one types, filtered, sorted, page after page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from ...protocol.limits import POINTER_CHARS_MAX
from ...protocol.listing import CONDITIONS
from ..desk_error import DeskError
from .share import way_to
from .visit import Visit, address

SORTS: Final = ("newest", "price", "relevance")
_PAGE: Final = 24
CURRENCY_OF: Final = {"ko": "KRW", "ja": "JPY"}
_SHOWN_VALUES: Final = 12
_FILTERS: Final = (
    "q", "category", "condition", "place", "currency", "min", "max", "market", "seller", "side",
    "sort", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, as the address says it."""

    told: Mapping[str, str]

    @classmethod
    def of(cls, visit: Visit) -> "Wanted":
        return cls({name: visit.words(name) for name in _FILTERS if visit.words(name)})

    def __getattr__(self, name: str) -> str:
        if name not in _FILTERS:
            raise AttributeError(name)
        return self.told.get(name, "")

    def arguments(self, currency: str) -> dict[str, Any]:
        """As the verb `search` takes them; a bare number is of `currency`."""
        bounds = [self.told.get("min", ""), self.told.get("max", "")]
        is_bare = any(bound.replace(",", "").replace(".", "").isdigit() for bound in bounds)
        side = self.told.get("side", "")
        return {
            "text": self.told.get("q"),
            "category": self.told.get("category"),
            "condition": self.told.get("condition"),
            "place": self.told.get("place"),
            "currency": self.told.get("currency") or (currency if is_bare else None),
            "min_price": self.told.get("min"),
            "max_price": self.told.get("max"),
            "market": self.told.get("market"),
            "seller": self.told.get("seller"),
            "wanted": {"want": True, "sell": False}.get(side),
            "status": [self.told["status"]] if "status" in self.told else None,
            "sort": self.told.get("sort"),
        }

    def but(self, **other: str) -> str:
        """The address of this search with some of it said otherwise; "" takes it away."""
        return address("/", **(dict(self.told) | other))

    @property
    def is_filtered(self) -> bool:
        return any(name not in ("q", "sort") for name in self.told)


async def default_currency(visit: Visit) -> str:
    """Of a price that names none: the owner's setting, else what most here is sold in, else what
    goes with the language."""
    told = None if visit.ways.is_guest else (await visit.ask("waiting"))["currency"]
    if told:
        return str(told)
    found = await visit.ask("search", limit=1, facets=True)
    named = [one["value"] for one in found["facets"]["currency"] if one["value"].isupper()]
    return named[0] if named else CURRENCY_OF.get(visit.tongue.code, "USD")


async def browse(visit: Visit) -> Response:
    wanted = Wanted.of(visit)
    if (pointed := way_to(visit, visit.words("q", POINTER_CHARS_MAX + 1))) is not None:
        return pointed
    after = visit.words("after")
    context: dict[str, Any] = {
        "wanted": wanted, "sorts": SORTS, "conditions": CONDITIONS, "why": "", "after": after,
        "rows": [], "has_more": False, "facets": {}, "shown_values": _SHOWN_VALUES,
    }  # fmt: skip
    try:
        currency = (
            await default_currency(visit) if "min" in wanted.told or "max" in wanted.told else ""
        )
        found = await visit.ask(
            "search", **wanted.arguments(currency), limit=_PAGE, after=after, facets=not after
        )
    except DeskError as error:
        context["why"] = visit.why(error)
    else:
        context |= found
        if "facets" in found:
            # What costs nothing, and what one asks the price of, is no currency.
            named = [one for one in found["facets"]["currency"] if one["value"].isupper()]
            context["facets"] = found["facets"] | {"currency": named}
    if context["rows"] and context["has_more"]:
        context["next"] = wanted.but(after=context["rows"][-1]["cursor"])
    if visit.is_part:
        # The next cards, or as one types all that is beside the search field.
        return visit.part("cards.html" if after else "results.html", **context)
    return await visit.show("browse.html", **context)
