"""JSON Lines, as exported and as written by hand."""

import json
from typing import Any

import pytest

from jangteo.node.import_jsonl import rows
from jangteo.node.import_row import ImportRow, ref_of
from jangteo.node.text_file import Line
from jangteo.protocol.money import Price

ME = bytes(range(32))
ID = "ab" * 32


def imported(*lines: Any, currency: str | None = None) -> list[ImportRow]:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    numbered = [Line(number, text + "\n") for number, text in enumerate(texts, 1)]
    return list(rows(numbered, currency=currency, mine=ME))


def exported(**fields: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "author": ME.hex(),
        "title": "Chair",
        "side": "sell",
        "status": "active",
        "market": "open",
        "price": {"amount": "80.50", "currency": "USD"},
        **fields,
    }


def test_an_exported_listing_comes_back_under_its_id() -> None:
    (row,) = imported(exported(tags=["wood"], quantity=2, description="a\nb"))
    assert row.listing is not None
    assert row.listing.price == Price(8050, "USD")
    assert (row.listing.tags, row.listing.quantity) == (("wood",), 2)
    assert (row.listing_id, row.market) == (bytes.fromhex(ID), "open")
    assert row.ref == ref_of("jangteo", ID)


def test_a_ref_in_the_file_is_kept() -> None:
    (row,) = imported(exported(ref="cd" * 32))
    assert row.ref == bytes.fromhex("cd" * 32)


def test_others_and_ended_listings_are_skipped() -> None:
    results = imported(
        exported(author="11" * 32), exported(status="withdrawn"), exported(status="expired")
    )
    assert [row.result for row in results] == ["skipped"] * 3
    assert "export --format records" in results[0].warnings[0]


def test_a_line_by_hand_needs_a_title_only() -> None:
    plain, priced, number, gift = imported(
        {"title": "Chair"},
        {"title": "의자", "price": "₩5,000", "condition": "중고"},
        {"title": "Desk", "price": 12.5, "currency": "USD"},
        {"title": "Cup", "price": {"amount": "0", "currency": "XXX"}},
    )
    assert plain.listing is not None and plain.listing.price is None
    assert plain.ref == ref_of("jsonl", ["Chair", 1])
    assert plain.listing_id is None
    assert priced.listing is not None and priced.listing.price == Price(5000, "KRW")
    assert priced.listing.condition == "good"
    assert number.listing is not None and number.listing.price == Price(1250, "USD")
    assert gift.listing is not None and gift.listing.price == Price(0, "XXX")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "3",
        '{"title": NaN}',
        '{"title": 5}',
        "{}",
        '{"title": "A", "price": 1e400}',
        '{"title": "A", "price": true}',
        '{"title": "A", "price": [1]}',
        '{"title": "A", "price": {"amount": "1e5", "currency": "USD"}}',
        '{"title": "A", "price": 5}',
        '{"title": "A", "quantity": "many"}',
        '{"title": "A", "tags": "x"}',
        '{"title": "A", "description": 5}',
        '{"title": "A", "side": "rent"}',
        '{"title": ' + "9" * 5000 + "}",
        "[" * 100_000,
    ],
)
def test_a_bad_line_fails_alone(line: str) -> None:
    bad, good = imported(line, {"title": "Chair"})
    assert (bad.line, bad.result) == (1, "failed")
    assert bad.error and "\n" not in bad.error
    assert good.result == "ready"


def test_lone_surrogates_and_control_characters_leave_the_text() -> None:
    (row,) = imported('{"title": "A\\ud800\\u0000B", "description": "x\\r\\ny\\u001b[2J"}')
    assert row.listing is not None
    assert (row.listing.title, row.listing.description) == ("AB", "x\ny[2J")


def test_a_missing_currency_names_the_option() -> None:
    (row,) = imported({"title": "A", "price": "5"})
    assert "--currency" in (row.error or "")
    (row,) = imported({"title": "A", "price": "5"}, currency="USD")
    assert row.listing is not None and row.listing.price == Price(500, "USD")
