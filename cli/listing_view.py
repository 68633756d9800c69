"""A listing as people read it: a row of a table, a block, a price in its currency's manner.

Takes listings as JSON, from whoever wrote them: all text is made safe here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..node.safe_text import safe_block, safe_line
from ..node.tongue import ENGLISH
from ..protocol.money import from_decimal
from . import cells
from .ago import ago_text
from .screen import Screen
from .table import Column
from .tongue import _, n_, ngettext, spoken

ID_CHARS_MIN: Final = 8
_GIFTS: Final = {"KRW": "나눔", "JPY": "無料"}
_GIFT: Final = "free"
_ASK: Final = "ask"
_COUNTED: Final = {
    "active listing": n_("{n:,} active listing", "{n:,} active listings"),
    "deal": n_("{n:,} deal", "{n:,} deals"),
    "listing": n_("{n:,} listing", "{n:,} listings"),
    "message": n_("{n:,} message", "{n:,} messages"),
    "more row": n_("{n:,} more row", "{n:,} more rows"),
    "neighbour": n_("{n:,} neighbour", "{n:,} neighbours"),
    "notification": n_("{n:,} notification", "{n:,} notifications"),
    "photo": n_("{n:,} photo", "{n:,} photos"),
    "photo file": n_("{n:,} photo file", "{n:,} photo files"),
    "peer": n_("{n:,} peer", "{n:,} peers"),
    "problem": n_("{n:,} problem", "{n:,} problems"),
    "record": n_("{n:,} record", "{n:,} records"),
    "review": n_("{n:,} review", "{n:,} reviews"),
    "sheet": n_("{n:,} sheet", "{n:,} sheets"),
    "sealed letter": n_("{n:,} sealed letter", "{n:,} sealed letters"),
}
_STATUS_STYLES: Final = {"active": "good", "reserved": "warn"}
_COLUMNS: Final = (
    Column("ID", ID_CHARS_MIN, 10, is_whole=True, style="id"),
    Column("PRICE", 3, 9, is_right=True, is_whole=True, style="price"),
    Column("TITLE", 14, 8),
    Column("STATE", 4, 7),
    Column("PLACE", 8, 4),
    Column("SELLER", 5, 3),
    Column("HELD BY", 4, 2),
    Column("WHEN", 8, 5, is_whole=True, style="dim"),
)


def price_text(price: Mapping[str, Any] | None) -> str:
    """ "₩950,000", "$80.00", "나눔" or "free" for a gift, "ask" for none."""
    if spoken().code != ENGLISH:
        return spoken().money(price)
    if price is None:
        return _ASK
    amount, currency = str(price["amount"]), str(price["currency"])
    if not amount.strip("0."):
        return _GIFTS.get(currency, _GIFT)
    return from_decimal(amount, currency).shown


def counted(count: int, thing: str) -> str:
    """ "1 listing", "1,200 listings"."""
    return ngettext(*_COUNTED[thing], count).format(n=count)


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each id's shortest beginning, of 8 hex digits or more, that no other one here has."""
    short: dict[str, str] = {}
    ordered = sorted(set(ids))
    for index, full in enumerate(ordered):
        neighbours = ordered[max(0, index - 1) : index] + ordered[index + 1 : index + 2]
        shared = max((_shared_count(full, other) for other in neighbours), default=0)
        short[full] = full[: max(ID_CHARS_MIN, shared + 1)]
    return short


def _shared_count(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def person_text(author: str, name: str | None) -> str:
    """A name is only a claim, so the beginning of the key stands beside it."""
    return f"{name} ({author[:ID_CHARS_MIN]})" if name else author[:ID_CHARS_MIN]


def print_table(screen: Screen, rows: Iterable[Mapping[str, Any]], *, is_own: bool = False) -> None:
    """Listings, one a line; of one's own, how many hold them instead of the seller."""
    listings = list(rows)
    short = short_ids([listing["id"] for listing in listings])
    shared = _shared_names(listings)
    table_rows = (
        (
            short[listing["id"]],
            price_text(listing["price"]),
            _titled(listing),
            _state(listing),
            listing["place"],
            "" if is_own else _seller(listing, shared),
            str(listing.get("held_by", "")) if is_own else "",
            ago_text(listing["created_at"]),
        )
        for listing in listings
    )
    screen.table(_COLUMNS, table_rows)


def _shared_names(listings: Iterable[Mapping[str, Any]]) -> set[str]:
    """Names that more than one author here goes by, as `_alike` has them."""
    owners: dict[str, set[str]] = {}
    for listing in listings:
        owners.setdefault(_alike(listing["seller"]), set()).add(listing["author"])
    return {name for name, authors in owners.items() if len(authors) > 1}


def _alike(name: str) -> str:
    """What two names have in common that a reader takes for one."""
    return " ".join(name.casefold().split())


def _seller(listing: Mapping[str, Any], shared: set[str]) -> str:
    """A name alone, unless two authors of this table go by it: then the key stands first, where a
    narrow terminal does not cut it off."""
    name, key = listing["seller"], listing["author"][:ID_CHARS_MIN]
    if not name:
        return str(key)
    return f"{key} {name}" if _alike(name) in shared else str(name)


def print_listing(screen: Screen, listing: Mapping[str, Any], short: str | None = None) -> None:
    """One listing in a few lines: what, how much, where, whose, and who holds it."""
    short = short or listing["id"][:ID_CHARS_MIN]
    if listing["status"] == "withdrawn" and not listing["title"]:
        screen.say(_("{short}  withdrawn by its seller").format(short=screen.paint(short, "id")))
        return
    _title(screen, short, _titled(listing))
    _facts(screen, listing)
    if listing["description"]:
        screen.say()
        for line in cells.wrap(safe_block(listing["description"]), min(screen.cells, 92) - 2):
            screen.say(f"  {line}".rstrip())
        screen.say()
    if listing["tags"]:
        _wrapped(screen, " ".join(f"#{safe_line(tag)}" for tag in listing["tags"]), "dim")
    if listing["url"]:
        screen.say(f"  {safe_line(listing['url'])}")
    for number, photo in enumerate(listing.get("photos", ()), 1):
        size = f"{photo['width']}x{photo['height']}, {photo['size'] / 1000:,.0f} kB"
        screen.say(_("  photo {number}: {size}").format(number=number, size=size), "dim")
    _wrapped(screen, _standing(listing), _STATUS_STYLES.get(listing["status"], "dim"))


def held_text(listing: Mapping[str, Any]) -> str:
    """ "held by 3 peers": how many neighbours would keep serving it without you."""
    count = listing.get("held_by") or 0
    return (
        _("held by {peers}").format(peers=counted(count, "peer"))
        if count
        else _("held by nobody else yet")
    )


def _title(screen: Screen, short: str, title: str) -> None:
    room = max(10, screen.cells - len(short) - 2)
    first, *rest = cells.wrap(safe_line(title), room)
    screen.say(f"{screen.paint(short, 'id')}  {screen.paint(first, 'bold')}")
    for line in rest:
        screen.say(f"{'':{len(short)}}  {screen.paint(line, 'bold')}")


def _facts(screen: Screen, listing: Mapping[str, Any]) -> None:
    facts = [price_text(listing["price"])]
    if listing["quantity"] != 1:
        facts.append(_("{quantity:,} pieces").format(quantity=listing["quantity"]))
    if listing["condition"]:
        facts.append(_(listing["condition"]))
    facts += [listing[name] for name in ("category", "place") if listing[name]]
    _wrapped(screen, " · ".join(safe_line(fact) for fact in facts), "price")


def _standing(listing: Mapping[str, Any]) -> str:
    parts = [_(listing["status"])]
    if listing["status"] in ("active", "reserved") and listing["expires_at"]:
        parts.append(_("ends {ago}").format(ago=ago_text(listing["expires_at"])))
    if listing["market"] != "open":
        parts.append(_("in {market}").format(market=safe_line(listing["market"])))
    # Of somebody else's one cannot say that nobody holds it: they do. What was taken back is
    # nothing to hold.
    if listing["status"] != "withdrawn" and (listing["mine"] or listing.get("held_by")):
        parts.append(held_text(listing))
    return " · ".join(parts)


def _wrapped(screen: Screen, text: str, style: str) -> None:
    for line in cells.wrap(text, screen.cells - 2):
        screen.say(f"  {screen.paint(line, style)}")


def _titled(listing: Mapping[str, Any]) -> str:
    return (
        _("wanted: {title}").format(title=listing["title"])
        if listing["side"] == "want"
        else str(listing["title"])
    )


def _state(listing: Mapping[str, Any]) -> str:
    return "" if listing["status"] == "active" else _(str(listing["status"]))
