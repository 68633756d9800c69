"""What a search asks and what it gives: values that check themselves. Knows no table."""

from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.listing import CONDITIONS, SIDES
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.market import is_market
from ..protocol.money import is_currency
from ..protocol.told import tell
from .row import ListingRow

Sort = Literal["", "newest", "price", "relevance"]
QueryStatus = Literal["active", "reserved", "sold", "expired"]
SORTS: Final[tuple[str, ...]] = get_args(Sort)
STATUSES: Final[tuple[str, ...]] = get_args(QueryStatus)
DEFAULT_STATUSES: Final = frozenset(("active", "reserved"))
ALL_STATUSES: Final = frozenset(STATUSES)
_CURSOR_HELP: Final = tell("`after` takes a cursor that a search with the same --sort has given")


@dataclass(frozen=True, slots=True)
class Query:
    """A search. Empty text and None mean "any"; LocalProtocolError where a value cannot be.

    `text`, `category` and `place` are words (SPEC.md R10.20 on). `min_price` and `max_price` are
    minor units of `currency`, both included. `seller` is part of a name or the beginning of an
    author's hexadecimal key. `sort` "" is by relevance with text, else newest. `after` is a row's
    cursor.
    """

    text: str = ""
    category: str = ""
    min_price: int | None = None
    max_price: int | None = None
    currency: str = ""
    place: str = ""
    condition: str = ""
    market: str = ""
    seller: str = ""
    side: str = ""
    status: frozenset[str] = DEFAULT_STATUSES
    sort: str = ""
    limit: int = 20
    after: str = ""

    def __post_init__(self) -> None:
        for name in ("text", "category", "place", "seller"):
            if len(getattr(self, name)) > limits.SEARCH_TEXT_CHARS_MAX:
                raise LocalProtocolError(
                    tell(
                        "{name} of a search: at most {search_text_chars_max} characters",
                        name=name,
                        search_text_chars_max=limits.SEARCH_TEXT_CHARS_MAX,
                    ),
                    name,
                )
        _check_choice("condition", self.condition, ("", *CONDITIONS))
        _check_choice("side", self.side, ("", *SIDES))
        _check_choice("sort", self.sort, SORTS)
        for status in sorted(self.status):
            _check_choice("status", status, STATUSES)
        if self.market and not is_market(self.market):
            raise LocalProtocolError(
                tell("{market!r}: {market_help}", market=self.market, market_help=MARKET_HELP),
                "market",
            )
        if self.currency and not is_currency(self.currency):
            raise LocalProtocolError(
                tell("unknown currency {currency!r}", currency=self.currency), "currency"
            )
        if not self.currency and (self.min_price, self.max_price) != (None, None):
            raise LocalProtocolError(
                tell("a price range needs a currency, such as KRW"), "currency"
            )
        for name in ("min_price", "max_price"):
            amount = getattr(self, name)
            if amount is not None and not 0 <= amount <= limits.INTEGER_MAX:
                raise LocalProtocolError(
                    tell("{name} is from 0 to 2^53 - 1 minor units", name=name), name
                )
        if not 1 <= self.limit <= limits.SEARCH_ROWS_MAX:
            raise LocalProtocolError(
                tell(
                    "limit is from 1 to {search_rows_max}", search_rows_max=limits.SEARCH_ROWS_MAX
                ),
                "limit",
            )

    @property
    def order(self) -> Literal["newest", "price", "relevance"]:
        """The sort that is meant. By relevance needs words."""
        if self.sort == "price":
            return "price"
        has_text = bool(self.text.strip())
        return "relevance" if has_text and self.sort in ("", "relevance") else "newest"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order; `has_more` tells whether the last one's cursor leads on."""

    rows: list[ListingRow]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of a search's hits have each category, condition, place and currency, as their
    sellers wrote them, the commonest first; at most SEARCH_FACET_VALUES_MAX of each.

    Where not `is_exact`, there are more hits, and these are of the newest: each count is at least.
    A gift's currency is "free" and that of a price to be asked for "ask".
    """

    hits: int = 0
    is_exact: bool = True
    category: tuple[tuple[str, int], ...] = ()
    condition: tuple[tuple[str, int], ...] = ()
    place: tuple[tuple[str, int], ...] = ()
    currency: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended. `bound` is the greatest arrival when the first page was made: what came
    later is not shown, so that nothing is skipped or repeated while records arrive.

    `tier` is 0 where all words are in the title, else 1; it and (group, amount) stay empty where
    the order does not need them.
    """

    order: Literal["newest", "price", "relevance"]
    bound: int
    arrival: int
    tier: int = 0
    group: str = ""
    amount: int = 0

    def to_text(self) -> str:
        fields = [self.order[0], f"{self.bound:x}", f"{self.arrival:x}"]
        if self.order == "relevance":
            fields.append(str(self.tier))
        elif self.order == "price":
            fields += (self.group, f"{self.amount:x}")
        return ".".join(fields)

    @classmethod
    def from_text(cls, text: str, order: Literal["newest", "price", "relevance"]) -> Self:
        """LocalProtocolError if no search in this order has given it."""
        name, *fields = text[: limits.SEARCH_CURSOR_CHARS_MAX + 1].split(".")
        expected = {"newest": 2, "relevance": 3, "price": 4}[order]
        too_long = len(text) > limits.SEARCH_CURSOR_CHARS_MAX
        if too_long or name != order[0] or len(fields) != expected:
            raise LocalProtocolError(_CURSOR_HELP, "after")
        bound, arrival = _number(fields[0]), _number(fields[1])
        if order == "newest":
            return cls(order, bound, arrival)
        if order == "relevance":
            return cls(order, bound, arrival, tier=min(_number(fields[2]), 1))
        group = fields[2]
        if group not in ("", "~") and not is_currency(group):
            raise LocalProtocolError(_CURSOR_HELP, "after")
        return cls(order, bound, arrival, group=group, amount=_number(fields[3]))


def _number(digits: str) -> int:
    try:
        number = int(digits, 16)
    except ValueError:
        raise LocalProtocolError(_CURSOR_HELP, "after") from None
    if not 0 <= number <= limits.INTEGER_MAX:
        raise LocalProtocolError(_CURSOR_HELP, "after")
    return number


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        allowed = ", ".join(filter(None, choices))
        raise LocalProtocolError(
            tell("{name} {value!r} is none of {allowed}", name=name, value=value, allowed=allowed),
            name,
        )
