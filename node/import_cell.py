"""One cell → a price, a number, tags, a category. Pure; LocalProtocolError says what is wrong."""

import re
from typing import Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.money import Price, parse_price
from ..protocol.told import tell
from .html_text import unescaped

_NAME_CHARS_MAX: Final = 255
_BETWEEN_NAMES: Final = re.compile(r"\s*[|;\n]\s*")

_NOTHING: Final = frozenset(
    ("-", "–", "—", "―", "n/a", "na", "none", "null", "nan", "없음", "なし")
)
_PRICE_REMARK: Final = re.compile(
    r"[(（\[][^(（\[)）\]]*[)）\]]|税込み?|税抜き?|税別|부가세\s*(?:포함|별도)|부터|から|[~〜～/]\s*$"
)
_COUNT: Final = re.compile(r"[^\d+-]{0,8}?([+-]?\d[\d,]{0,20})(?:\.0+)?\s*\D{0,8}")
_CELL_CHARS_MAX: Final = 200
_TAG_SEPARATORS: Final = ",;|、，；\n"
_HASHTAGS: Final = re.compile(r"#[^#,;|]+(?:#[^#,;|]+)*")
_CATEGORY_SEPARATOR: Final = re.compile(r"[>›»]")
_UNCATEGORIZED: Final = frozenset(("uncategorized", "uncategorised", "미분류", "未分類"))
_ESCAPES: Final = "\\,;|#、，；\n"
# Any currency with the most decimals: only to learn whether the currency is all that is missing.
_PROBE_CURRENCY: Final = "BHD"


def read_price(text: str, currency: str | None) -> Price | None:
    """The price in a cell; None is "ask". `currency` is for a number without one.

    LocalProtocolError where it is none, and one that names --currency where only that is missing.
    """
    # What is longer is no price; it goes on to be refused as such.
    told = _PRICE_REMARK.sub("", text).strip() if len(text) <= _CELL_CHARS_MAX else text
    if not told or told.casefold() in _NOTHING:
        return None
    try:
        return parse_price(told, currency)
    except LocalProtocolError:
        if currency is None and _is_number(told):
            raise LocalProtocolError(
                tell(
                    "the file names no currency for {told!r}: say which with "
                    "--currency, such as --currency USD",
                    told=told,
                ),
                "price",
            ) from None
        raise


def read_currency(text: str) -> str:
    """The ISO code of a currency cell: "KRW", "원", "US$". LocalProtocolError if unknown."""
    price = parse_price(f"1 {text}")
    if price is None:
        raise LocalProtocolError(tell("unknown currency {text!r}", text=text), "currency")
    return price.currency


def currency_in_name(name: str) -> str | None:
    """The currency that a column's name carries: "가격(원)", "Price [USD]", "price_usd"."""
    name = name[:_CELL_CHARS_MAX]
    remark = re.search(r"[(\[（【]([^()\[\]（）【】]*)[)\]）】]", name)
    code = re.search(r"[_\s]([A-Za-z]{3})$", name.strip())
    for found in (remark, code):
        if found is not None and found[1].strip():
            try:
                return read_currency(found[1].strip())
            except LocalProtocolError:
                continue
    return None


def read_count(text: str) -> int | None:
    """A whole number ("12", "1,200개", "3.0"); None where the cell has none."""
    matched = _COUNT.fullmatch(text.strip())
    return int(matched[1].replace(",", "")) if matched else None


def read_tags(text: str) -> tuple[str, ...]:
    """Tags between commas, semicolons, bars or line ends; "#a #b" too; a backslash escapes."""
    if not text:
        return ()
    if _HASHTAGS.fullmatch(text):
        return tuple(tag.strip() for tag in text.split("#") if tag.strip())
    pieces = _split_escaped(text, _TAG_SEPARATORS)
    return tuple(piece for piece in (piece.strip() for piece in pieces) if piece)


def write_tags(tags: tuple[str, ...] | list[str]) -> str:
    """One cell that `read_tags` reads back as the same tags."""
    return ", ".join(
        "".join(f"\\{char}" if char in _ESCAPES else char for char in tag) for tag in tags
    )


def read_list(text: str) -> list[str]:
    """The entries of a WooCommerce list: commas separate, a backslash escapes one."""
    return [entry.strip() for entry in _split_escaped(text, ",") if entry.strip()]


def read_category(text: str) -> tuple[str, tuple[str, ...]]:
    """A category path ("Clothing > Hoodies") and warnings; the start goes where it is too long."""
    names = [" ".join(name.split()) for name in _CATEGORY_SEPARATOR.split(unescaped(text))]
    names = [name for name in names if name]
    if not names or (len(names) == 1 and names[0].casefold() in _UNCATEGORIZED):
        return "", ()
    path = " > ".join(names)
    if len(path) <= limits.CATEGORY_CHARS_MAX:
        return path, ()
    kept = names.pop()
    count = 1
    while names and len(longer := f"{names[-1]} > {kept}") <= limits.CATEGORY_CHARS_MAX:
        kept = longer
        names.pop()
        count += 1
    return kept, (tell("category shortened to its last {count} part(s)", count=count),)


def _is_number(told: str) -> bool:
    try:
        return parse_price(told, _PROBE_CURRENCY) is not None
    except LocalProtocolError:
        return False


def _split_escaped(text: str, separators: str) -> list[str]:
    if "\\" not in text:
        for separator in separators[1:]:
            text = text.replace(separator, separators[0])
        return text.split(separators[0])
    pieces: list[list[str]] = [[]]
    chars = iter(text)
    for char in chars:
        if char == "\\":
            pieces[-1].append(next(chars, "\\"))
        elif char in separators:
            pieces.append([])
        else:
            pieces[-1].append(char)
    return ["".join(piece) for piece in pieces]


def read_photo_names(cell: str) -> tuple[str, ...]:
    """The files that a cell names, with ";" or "|" between; none where it is an address."""
    if "://" in cell:
        return ()
    names = (name.strip()[:_NAME_CHARS_MAX] for name in _BETWEEN_NAMES.split(cell))
    return tuple(dict.fromkeys(filter(None, names)))
