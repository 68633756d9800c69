"""What holds for any file: no error but a clear one, and an export that changes nothing."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jangteo.node.export_file import csv_lines
from jangteo.node.html_text import readable
from jangteo.node.import_cell import read_tags, write_tags
from jangteo.node.import_file import FORMATS, open_listing_file, read_rows
from jangteo.node.import_row import ImportRow
from jangteo.node.text_file import likely_encoding
from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.listing import CONDITIONS, SIDES, STATUSES, Listing
from jangteo.protocol.money import EXPONENTS, NO_CURRENCY, Price

ME = bytes(range(32))
TEXT = st.text(max_size=60)
NASTY = st.text(alphabet="=+-@'\"\\,;|#\t\r\n\u2028\u3000\x00\x1b ﻿a가あé", max_size=30)
CELLS = st.one_of(
    TEXT,
    NASTY,
    st.sampled_from(
        ["$5", "5,000원", "title", "price", "Handle", "<p>x</p>", '"', "", "true", "{"]
    ),
)
HEADERS = st.sampled_from(
    [
        "title,price,quantity",
        "상품명;가격;상태",
        "商品名\t値段\t状態",
        "Handle,Title,Variant Price",
        "ID,Type,SKU,Name,Regular price,Parent",
        '{"title": "A"}',
        "",
    ]
)


def imported(data: bytes, format_name: str = "auto") -> list[ImportRow]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        return list(read_rows(open_listing_file(path, format_name), currency="KRW", mine=ME))


def check(rows: list[ImportRow]) -> None:
    for row in rows:
        assert (row.result == "ready") == (row.listing is not None)
        assert (row.result == "failed") == (row.error is not None)
        assert row.error is None or "\n" not in row.error
        if row.listing is not None:
            assert row.listing.authored() == row.listing
            assert Listing.from_body(row.listing.to_body(), 0) == row.listing
            assert row.over(row.listing) == row.listing
    refs = [row.ref for row in rows if row.ref is not None and row.listing_id is None]
    assert len(refs) == len(set(refs))


@given(st.binary(max_size=400), st.sampled_from(("auto", *FORMATS)))
def test_any_bytes_are_rows_or_one_clear_error(data: bytes, format_name: str) -> None:
    try:
        rows = imported(data, format_name)
    except LocalProtocolError as error:
        assert "\n" not in str(error)
    else:
        check(rows)


@given(
    HEADERS,
    st.lists(st.lists(CELLS, max_size=5), max_size=8),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp949", "cp932", "latin-1"]),
)
def test_any_table_is_rows_or_one_clear_error(
    header: str, table: list[list[str]], separator: str, line_end: str, codec: str
) -> None:
    text = line_end.join([header, *(separator.join(row) for row in table)])
    try:
        rows = imported(text.encode(codec, errors="replace"))
    except LocalProtocolError as error:
        assert "\n" not in str(error)
    else:
        check(rows)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                name: JSON | CELLS
                for name in (
                    "id title author side status price currency quantity tags url condition "
                    "description ref market category place".split()
                )
            },
        ),
        max_size=5,
    )
)
def test_any_json_lines_are_rows(values: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(value) + "\n" for value in values)
    if lines:
        check(imported(lines.encode(), "jsonl"))


def sized(chars_max: int) -> st.SearchStrategy[str]:
    alphabet = st.characters(exclude_categories=("Cs",))
    return st.text(alphabet, max_size=chars_max) | NASTY.map(lambda text: text[:chars_max])


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    currency = draw(st.sampled_from(sorted(EXPONENTS)))
    amount = 0 if currency == NO_CURRENCY else draw(st.integers(0, 10**12))
    told = Listing(
        title=draw(sized(40)) + "x",
        side=draw(st.sampled_from(SIDES)),  # type: ignore[arg-type]
        description=draw(sized(80)),
        price=draw(st.none() | st.just(Price(amount, currency))),
        quantity=draw(st.integers(0, limits.QUANTITY_MAX)),
        tags=tuple(draw(st.lists(sized(12), max_size=5))),
        url=draw(st.just("") | st.text("abc/?=&%가", max_size=30).map("https://x".__add__)),
        category=draw(sized(30)),
        condition=draw(st.sampled_from(("", *CONDITIONS))),  # type: ignore[arg-type]
        place=draw(sized(30)),
        status=draw(st.sampled_from(STATUSES)),  # type: ignore[arg-type]
        until_ms=draw(st.none() | st.integers(1, 10**12)),
        created_ms=draw(st.integers(0, 10**12)),
        ref=draw(st.none() | st.binary(min_size=32, max_size=32)),
    )
    return told.authored()


def exported(listing: Listing, number: int) -> dict[str, Any]:
    price = listing.price
    return {
        "id": number.to_bytes(32).hex(),
        "record_id": "00" * 32,
        "revision": 3,
        "author": ME.hex(),
        "seller": "=me",
        "side": listing.side,
        "title": listing.title,
        "description": listing.description,
        "price": price and {"amount": price.decimal_text, "currency": price.currency},
        "quantity": listing.quantity,
        "tags": list(listing.tags),
        "url": listing.url,
        "category": listing.category,
        "condition": listing.condition,
        "place": listing.place,
        "status": listing.status,
        "market": "open",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-04-01T00:00:00Z",
    }


@pytest.mark.parametrize("format_name", ["jsonl", "csv"])
@given(st.lists(listings(), min_size=1, max_size=4))
def test_importing_an_export_changes_nothing(format_name: str, held: list[Listing]) -> None:
    values = [exported(listing, number) for number, listing in enumerate(held)]
    if format_name == "jsonl":
        text = "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)
    else:
        text = "".join(csv_lines(values))
    rows = imported(text.encode())
    assert [row.error for row in rows] == [None] * len(held)
    for number, (row, listing) in enumerate(zip(rows, held, strict=True)):
        assert row.listing_id == number.to_bytes(32)
        assert row.market == "open"
        assert row.over(listing) == listing


@given(st.lists(NASTY.map(str.strip).filter(bool), max_size=6))
def test_tags_survive_a_cell(tags: list[str]) -> None:
    cleaned = [tag for tag in tags if tag == tag.strip()]
    assert list(read_tags(write_tags(cleaned))) == cleaned


@given(st.text() | st.text(alphabet="<>/!-&;'\"= apbrultdscij\n"))
def test_any_markup_is_text_without_edges(text: str) -> None:
    assert readable(text) == readable(text).strip()


@given(st.binary(max_size=200))
def test_some_encoding_is_always_found(data: bytes) -> None:
    data.decode(likely_encoding(data), errors="replace")
