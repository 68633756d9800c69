"""The body of a listing (SPEC.md R8): what is offered or wanted, in one complete revision."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, get_args

from . import limits
from .errors import LocalProtocolError, RemoteProtocolError
from .money import EXPONENTS, NO_CURRENCY, Price
from .photo import Photo, photos_of
from .told import tell

Side = Literal["sell", "want"]
Status = Literal["active", "reserved", "sold"]
Condition = Literal["", "new", "like-new", "good", "fair", "parts"]
SIDES: Final[tuple[str, ...]] = get_args(Side)
STATUSES: Final[tuple[str, ...]] = get_args(Status)
CONDITIONS: Final[tuple[str, ...]] = tuple(filter(None, get_args(Condition)))

_RULE: Final = "R8.1"
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
WHITE_SPACE: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""Spelled out: languages differ about it, and nodes must not disagree on what is valid."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One revision of a listing. Empty text means "not said".

    `price` is None for "ask" and an amount of 0 for a gift. `until_ms` (Unix ms) ends it for
    display and search only. `created_ms` is when its first revision was made; `ref` (32 bytes)
    ties it to a row of an imported file.
    """

    title: str
    side: Side = "sell"
    description: str = ""
    price: Price | None = None
    quantity: int = 1
    tags: tuple[str, ...] = ()
    url: str = ""
    category: str = ""
    condition: Condition = ""
    place: str = ""
    status: Status = "active"
    until_ms: int | None = None
    created_ms: int = 0
    ref: bytes | None = None
    photos: tuple[Photo, ...] = ()

    def to_body(self) -> dict[str, Any]:
        """The body map; what is not said is absent, so that one listing has one body."""
        body: dict[str, Any] = {
            "created": self.created_ms,
            "quantity": self.quantity,
            "side": self.side,
            "status": self.status,
            "title": self.title,
        }
        for name in ("description", "url", "category", "condition", "place"):
            if text := getattr(self, name):
                body[name] = text
        if self.price is not None:
            body["price"] = [self.price.amount, self.price.currency]
        if self.tags:
            body["tags"] = list(self.tags)
        if self.until_ms is not None:
            body["until"] = self.until_ms
        if self.ref is not None:
            body["ref"] = self.ref
        if self.photos:
            body["photos"] = [photo.to_value() for photo in self.photos]
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any], ts_ms: int) -> Self:
        """From the body of a record stamped `ts_ms`; RemoteProtocolError R8.1 if it is none.

        Unknown fields are left alone: they belong to a later version.
        """
        price = body.get("price")
        tags = body.get("tags", [])
        if type(tags) is not list or len(tags) > limits.TAGS_MAX:
            raise RemoteProtocolError(_RULE, f"tags are an array of at most {limits.TAGS_MAX}")
        until_ms = body.get("until")
        if until_ms is not None:
            _integer(body, "until", 0, ts_ms + limits.LIFETIME_SHORT_MS)
        ref = body.get("ref")
        if ref is not None and (type(ref) is not bytes or len(ref) != limits.REF_BYTES):
            raise RemoteProtocolError(_RULE, f"ref is not {limits.REF_BYTES} bytes")
        title = _text(body.get("title"), "title", limits.TITLE_CHARS_MAX)
        if not title.strip(WHITE_SPACE):
            raise RemoteProtocolError(_RULE, "a listing has a title")
        description = _text(
            body.get("description", ""), "description", limits.DESCRIPTION_CHARS_MAX
        )
        if len(description.encode()) > limits.DESCRIPTION_BYTES_MAX:
            raise RemoteProtocolError(_RULE, "description is too long in bytes")
        return cls(
            title=title,
            side=_one_of(body.get("side"), "side", SIDES),
            description=description,
            price=None if price is None else _price(price),
            quantity=_integer(body, "quantity", 0, limits.QUANTITY_MAX),
            tags=tuple(_text(tag, "tag", limits.TAG_CHARS_MAX) for tag in tags),
            url=_text(body.get("url", ""), "url", limits.URL_CHARS_MAX),
            category=_text(body.get("category", ""), "category", limits.CATEGORY_CHARS_MAX),
            condition=_one_of(body.get("condition", ""), "condition", ("", *CONDITIONS)),
            place=_text(body.get("place", ""), "place", limits.PLACE_CHARS_MAX),
            status=_one_of(body.get("status"), "status", STATUSES),
            until_ms=until_ms,
            created_ms=_integer(body, "created", 0, limits.INTEGER_MAX),
            ref=ref,
            photos=photos_of(body["photos"]) if "photos" in body else (),
        )

    def authored(self) -> "Listing":
        """This listing in NFC, its text trimmed, checked for publishing.

        LocalProtocolError names the field and says what is allowed. NFC is a manner of authoring
        and no rule of validity, since Unicode's tables differ between versions.
        """
        clean = replace(
            self,
            title=" ".join(_nfc(self.title).split()),
            description=_nfc(self.description).strip(),
            url=_nfc(self.url).strip(),
            category=" ".join(_nfc(self.category).split()),
            place=" ".join(_nfc(self.place).split()),
            tags=_unique(" ".join(_nfc(tag).split()) for tag in self.tags),
        )
        if not clean.title:
            raise LocalProtocolError(tell("a listing needs a title"), "title")
        for name, chars_max in _CHARS_MAX.items():
            _check_length(name, getattr(clean, name), chars_max)
        _check_bytes(clean.description)
        if clean.url and not is_web_address(clean.url):
            raise LocalProtocolError(
                tell("url {url!r} does not begin with http:// or https://", url=clean.url[:40]),
                "url",
            )
        if len(clean.tags) > limits.TAGS_MAX:
            raise LocalProtocolError(
                tell(
                    "{count} tags: at most {tags_max}",
                    count=len(clean.tags),
                    tags_max=limits.TAGS_MAX,
                ),
                "tags",
            )
        for tag in clean.tags:
            _check_length("tag", tag, limits.TAG_CHARS_MAX)
        if not 0 <= clean.quantity <= limits.QUANTITY_MAX:
            raise LocalProtocolError(
                tell(
                    "quantity is from 0 to {quantity_max}, not {quantity}",
                    quantity_max=limits.QUANTITY_MAX,
                    quantity=clean.quantity,
                ),
                "quantity",
            )
        if len(clean.photos) > limits.PHOTOS_MAX:
            raise LocalProtocolError(
                tell(
                    "{count} photos: at most {photos_max}",
                    count=len(clean.photos),
                    photos_max=limits.PHOTOS_MAX,
                ),
                "photos",
            )
        if not all(photo.is_sound for photo in clean.photos):
            raise LocalProtocolError(tell("a photo has not the form of one"), "photos")
        _check_choice("condition", clean.condition, ("", *CONDITIONS))
        _check_choice("side", clean.side, SIDES)
        _check_choice("status", clean.status, STATUSES)
        return clean


_CHARS_MAX: Final = {
    "title": limits.TITLE_CHARS_MAX,
    "description": limits.DESCRIPTION_CHARS_MAX,
    "url": limits.URL_CHARS_MAX,
    "category": limits.CATEGORY_CHARS_MAX,
    "place": limits.PLACE_CHARS_MAX,
}


def is_web_address(url: str) -> bool:
    """What an author may give as a listing's url. A record of another's may still hold any text."""
    return _WEB_ADDRESS.fullmatch(url) is not None


def fit(listing: Listing) -> tuple[Listing, tuple[str, ...]]:
    """`listing` with what is too long cut, visibly (…), and a warning for each cut.

    For imports only: what a person types is refused instead, so that they can choose the words.
    """
    warnings: list[str] = []
    cut: dict[str, Any] = {}
    for name, chars_max in _CHARS_MAX.items():
        text = _nfc(getattr(listing, name))
        if name not in ("description", "url"):
            text = " ".join(text.split())
        if len(text) > chars_max:
            warnings.append(
                tell(
                    "{name} cut from {count} to {chars_max} characters",
                    name=name,
                    count=len(text),
                    chars_max=chars_max,
                )
            )
            text = "" if name == "url" else text[: chars_max - 1].rstrip() + "…"
        cut[name] = text
    if cut["url"] and not is_web_address(cut["url"].strip()):
        warnings.append(tell("url left out: it does not begin with http:// or https://"))
        cut["url"] = ""
    description = cut["description"]
    if len(description.encode()) > limits.DESCRIPTION_BYTES_MAX:
        room = description.encode()[: limits.DESCRIPTION_BYTES_MAX - 3]
        cut["description"] = room.decode(errors="ignore").rstrip() + "…"
        warnings.append(
            tell(
                "description cut to {description_bytes_max} bytes",
                description_bytes_max=limits.DESCRIPTION_BYTES_MAX,
            )
        )
    tags = _unique(" ".join(_nfc(tag).split()) for tag in listing.tags)
    long_count = sum(len(tag) > limits.TAG_CHARS_MAX for tag in tags)
    if long_count:
        warnings.append(
            tell(
                "{long_count} tag(s) cut to {tag_chars_max} characters",
                long_count=long_count,
                tag_chars_max=limits.TAG_CHARS_MAX,
            )
        )
        tags = _unique(
            tag if len(tag) <= limits.TAG_CHARS_MAX else tag[: limits.TAG_CHARS_MAX - 1] + "…"
            for tag in tags
        )
    if len(tags) > limits.TAGS_MAX:
        warnings.append(
            tell(
                "{value} tag(s) beyond {tags_max} left out",
                value=len(tags) - limits.TAGS_MAX,
                tags_max=limits.TAGS_MAX,
            )
        )
        tags = tags[: limits.TAGS_MAX]
    quantity = min(max(listing.quantity, 0), limits.QUANTITY_MAX)
    if quantity != listing.quantity:
        warnings.append(
            tell(
                "quantity {quantity} became {quantity2}",
                quantity=listing.quantity,
                quantity2=quantity,
            )
        )
    return replace(listing, tags=tags, quantity=quantity, **cut), tuple(warnings)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _unique(texts: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _check_length(name: str, text: str, chars_max: int) -> None:
    if len(text) > chars_max:
        raise LocalProtocolError(
            tell(
                "{name} has {count:,} characters: at most {chars_max:,}",
                name=name,
                count=len(text),
                chars_max=chars_max,
            ),
            name,
        )


def _check_bytes(description: str) -> None:
    size = len(description.encode(errors="surrogatepass"))
    if size > limits.DESCRIPTION_BYTES_MAX:
        raise LocalProtocolError(
            tell(
                "description has {size:,} bytes: at most {description_bytes_max:,}",
                size=size,
                description_bytes_max=limits.DESCRIPTION_BYTES_MAX,
            ),
            "description",
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        allowed = ", ".join(filter(None, choices))
        raise LocalProtocolError(
            tell(
                "{name} {value!r} is not one of {allowed}", name=name, value=value, allowed=allowed
            ),
            name,
        )


def _text(value: object, name: str, chars_max: int) -> str:
    if type(value) is not str:
        raise RemoteProtocolError(_RULE, f"{name} is not text")
    if len(value) > chars_max:
        raise RemoteProtocolError(_RULE, f"{name} is longer than {chars_max} characters")
    return value


def _one_of(value: object, name: str, choices: tuple[str, ...]) -> Any:
    if type(value) is not str or value not in choices:
        raise RemoteProtocolError(_RULE, f"{name} is none of its values")
    return value


def _integer(body: Mapping[str, Any], name: str, value_min: int, value_max: int) -> int:
    value = body.get(name)
    if type(value) is not int or not value_min <= value <= value_max:
        raise RemoteProtocolError(_RULE, f"{name} is not an integer within its bounds")
    return value


def _price(value: object) -> Price:
    if type(value) is not list or len(value) != 2:
        raise RemoteProtocolError("R7.1", "a price is an amount and a currency")
    amount, currency = value
    if type(amount) is not int or not 0 <= amount <= limits.INTEGER_MAX:
        raise RemoteProtocolError("R7.1", "an amount is an integer from 0 to 2^53 - 1")
    if type(currency) is not str or currency not in EXPONENTS:
        raise RemoteProtocolError("R7.2", "not a currency of the table")
    if currency == NO_CURRENCY and amount:
        raise RemoteProtocolError("R7.3", "an amount without a currency")
    return Price(amount, currency)
