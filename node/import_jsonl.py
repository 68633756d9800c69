"""JSON Lines as `export` writes them → listings (R9.7): one listing in JSON a line.

Lines made by hand may have fewer fields: a title is enough. Knows nothing of files.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.listing import CONDITIONS, SIDES, STATUSES, Listing
from ..protocol.money import NO_CURRENCY, Price, from_decimal
from ..protocol.told import tell, told_by
from .desk_error import DeskError
from .import_cell import read_currency, read_photo_names, read_price
from .import_csv import OWN_FORMAT
from .import_row import ImportRow, RefBook, failed, not_mine, ready, ref_of, skipped
from .import_table import clean_text, too_many_rows
from .import_words import condition_of, side_of, status_of
from .photo_form import photos_from
from .text_file import Line

FORMAT: Final = "jsonl"
_HEX_ID: Final = re.compile(r"[0-9a-f]{64}")
_TEXTS: Final = ("description", "url", "category", "place")
_SKIPPED_STATUSES: Final = ("withdrawn", "expired")


def rows(
    lines: Iterable[Line], *, currency: str | None = None, mine: bytes | None = None
) -> Iterator[ImportRow]:
    """A listing a line, at most IMPORT_ROWS_MAX. `mine` is the author (32 bytes) whose exported
    listings are taken."""
    refs = RefBook(FORMAT)
    count = 0
    for number, text in lines:
        if text is not None and not (text := text.strip(" \t\r\n\u2028\ufeff")):
            continue
        count += 1
        if count > limits.IMPORT_ROWS_MAX:
            yield failed(number, too_many_rows())
            return
        if text is None:
            yield failed(number, tell("the line is too long for a listing"))
            continue
        try:
            value = json.loads(text, parse_float=str, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            yield failed(
                number,
                tell("not JSON: {msg} at character {value}", msg=error.msg, value=error.pos + 1),
            )
            continue
        except (ValueError, RecursionError):
            yield failed(number, tell("not JSON that a listing can have"))
            continue
        if type(value) is not dict:
            yield failed(number, tell("not a JSON object"))
            continue
        yield _row(number, value, refs, currency, mine)


def _row(
    number: int,
    value: Mapping[str, Any],
    refs: RefBook,
    currency: str | None,
    mine: bytes | None,
) -> ImportRow:
    title = value.get("title")
    title = " ".join(clean_text(title).split()) if type(title) is str else ""
    author = value.get("author")
    if author is not None and (mine is None or author != mine.hex()):
        return not_mine(number, title)
    listing_id = _hex_id(value.get("id"))
    if value.get("status") in _SKIPPED_STATUSES:
        return skipped(number, f"{value['status']}", title=title)
    if not title:
        return failed(number, tell("no title"))
    url = value.get("url")
    ref = (
        (_hex_id(value.get("ref")) or ref_of(OWN_FORMAT, listing_id.hex()))
        if listing_id is not None
        else refs.ref(clean_text(url) if type(url) is str else None, title)
    )
    try:
        listing = Listing(
            title=title,
            side=_choice(value, "side", SIDES, side_of, "sell"),
            description=_text(value, "description"),
            price=_price(value, currency),
            quantity=_quantity(value),
            tags=_tags(value),
            url=_text(value, "url"),
            category=_text(value, "category"),
            condition=_choice(value, "condition", ("", *CONDITIONS), condition_of, ""),
            place=_text(value, "place"),
            status=_choice(value, "status", STATUSES, status_of, "active"),
            photos=photos_from(value.get("photos") or []),
        )
        names = _photo_names(value)
    except LocalProtocolError as error:
        return failed(number, told_by(error), title=title, ref=ref)
    except DeskError as error:
        return failed(number, error.message, title=title, ref=ref)
    says = {"title"} | {
        name
        for name in (*_TEXTS, "side", "price", "quantity", "tags", "condition", "status", "photos")
        if name in value
    }
    market = value.get("market")
    return ready(
        number,
        listing,
        ref,
        says=says,
        listing_id=listing_id,
        market=market if type(market) is str else None,
        photo_names=names,
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if text is None:
        return ""
    if type(text) is not str:
        raise LocalProtocolError(tell("{name} is not text", name=name), name)
    return clean_text(text)


def _choice(
    value: Mapping[str, Any],
    name: str,
    choices: tuple[str, ...],
    read_word: Any,
    default: str,
) -> Any:
    told = _text(value, name)
    if not told:
        return default
    if told in choices:
        return told
    found = read_word(told)
    if found not in choices:
        allowed = ", ".join(filter(None, choices))
        raise LocalProtocolError(
            tell(
                "{name} {told!r} is not one of {allowed}",
                name=name,
                told=told[:40],
                allowed=allowed,
            ),
            name,
        )
    return found


def _price(value: Mapping[str, Any], currency: str | None) -> Price | None:
    """{"amount": "80.50", "currency": "USD"} as exported; by hand also "₩5,000" or a number."""
    price = value.get("price")
    if price is None:
        return None
    named = value.get("currency")
    if type(price) is dict:
        amount, named = price.get("amount"), price.get("currency", named)
        if type(amount) is str and type(named) is str:
            return from_decimal(amount, named)
        price = amount
    if type(price) not in (str, int):
        raise LocalProtocolError(
            tell('price is {"amount": "80.50", "currency": "USD"}, text such as "₩5,000", or null'),
            "price",
        )
    if type(named) is str and named != NO_CURRENCY:
        currency = read_currency(named)
    return read_price(str(price), currency)


def _quantity(value: Mapping[str, Any]) -> int:
    quantity = value.get("quantity", 1)
    if type(quantity) is not int:
        raise LocalProtocolError(tell("quantity is not a whole number"), "quantity")
    return quantity


def _tags(value: Mapping[str, Any]) -> tuple[str, ...]:
    tags = value.get("tags", [])
    if type(tags) is not list or not all(type(tag) is str for tag in tags):
        raise LocalProtocolError(tell("tags are not an array of texts"), "tags")
    return tuple(clean_text(tag) for tag in tags)


def _photo_names(value: Mapping[str, Any]) -> tuple[str, ...]:
    """`photo` as a text, or as an array of texts."""
    told = value.get("photo", "")
    names = told if type(told) is list else [told]
    if not all(type(name) is str for name in names):
        raise LocalProtocolError(tell("photo is not text"), "photo")
    return read_photo_names(";".join(names))


def _hex_id(value: object) -> bytes | None:
    if type(value) is str and _HEX_ID.fullmatch(value):
        return bytes.fromhex(value)
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
