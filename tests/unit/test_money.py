"""Prices as people write them, and what is refused with which words."""

import pytest

from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.money import Price, parse_price


@pytest.mark.parametrize(
    ("text", "currency", "price"),
    [
        ("950000 KRW", None, Price(950_000, "KRW")),
        ("₩950,000", None, Price(950_000, "KRW")),
        ("95만원", None, Price(950_000, "KRW")),
        ("1.5만원", None, Price(15_000, "KRW")),
        ("3만 5천원", None, Price(35_000, "KRW")),
        ("1억 2천만원", None, Price(120_000_000, "KRW")),
        ("290,000원", None, Price(290_000, "KRW")),
        ("3万円", None, Price(30_000, "JPY")),
        ("￥3,000", None, Price(3_000, "JPY")),
        ("¥3,000", "CNY", Price(300_000, "CNY")),
        ("$80", None, Price(8_000, "USD")),
        ("$80", "CAD", Price(8_000, "CAD")),
        ("80.5usd", None, Price(8_050, "USD")),
        ("SR 2,375", None, Price(237_500, "SAR")),
        ("1.299,00 EUR", None, Price(129_900, "EUR")),
        ("12,50 €", None, Price(1_250, "EUR")),
        ("1,00,000 INR", None, Price(10_000_000, "INR")),
        ("95000.00 KRW", None, Price(95_000, "KRW")),
        ("1.005 BHD", None, Price(1_005, "BHD")),
        ("95", "KRW", Price(95, "KRW")),
        ("free", None, Price(0, "XXX")),
        ("나눔", "KRW", Price(0, "KRW")),
        ("無料", None, Price(0, "XXX")),
        ("ask", "KRW", None),
        ("", None, None),
    ],
)
def test_a_price_in_many_manners(text: str, currency: str | None, price: Price | None) -> None:
    assert parse_price(text, currency) == price


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("abc", "no price"),
        ("80", "names no currency"),
        ("1.005 USD", "at most 2 decimals"),
        ("0.5 KRW", "no decimals"),
        ("5 ZZZ", "unknown currency"),
        ("-5 USD", "negative"),
        ("1e5 KRW", "no price"),
        ("1,0000 KRW", "no decimals"),
        ("1.000 KRW", "no decimals"),
        ("1.23456만원", "no decimals"),
        ("12.5.0 USD", "no price|separators"),
        ("$5 EUR 3", "no price"),
        ("9" * 30 + " KRW", "more than a price can be"),
        ("9" * 70, "no price"),
    ],
)
def test_what_is_no_price_gets_one_line(text: str, told: str) -> None:
    with pytest.raises(LocalProtocolError, match=told) as caught:
        parse_price(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("price", "shown", "decimal"),
    [
        (Price(950_000, "KRW"), "₩950,000", "950000"),
        (Price(3_000, "JPY"), "￥3,000", "3000"),
        (Price(8_000, "USD"), "$80.00", "80.00"),
        (Price(5, "USD"), "$0.05", "0.05"),
        (Price(237_500, "SAR"), "2,375.00 SAR", "2375.00"),
        (Price(0, "XXX"), "free", "0"),
    ],
)
def test_a_price_is_shown_in_its_currency_s_manner(price: Price, shown: str, decimal: str) -> None:
    assert (price.shown, price.decimal_text) == (shown, decimal)


def test_an_amount_needs_a_currency_that_exists() -> None:
    for amount, currency in ((1, "XXX"), (1, "zzz"), (-1, "KRW"), (2**53, "KRW")):
        with pytest.raises(LocalProtocolError):
            Price(amount, currency)
