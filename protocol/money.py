"""Money: an integer of minor units and an ISO 4217 code, never a float (SPEC.md R7).

The table of exponents is frozen: two nodes must read one record as one price.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from . import limits
from .errors import LocalProtocolError
from .told import tell

# ISO 4217, the codes of circulating currencies, by digits after the point. XXX is "no currency"
# and stands only beside an amount of 0.
_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF XXX",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
        "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
        "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD "
        "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
        "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS: Final[dict[str, int]] = {
    code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()
}
NO_CURRENCY: Final = "XXX"

_SIGNS: Final = {
    "₩": "KRW", "￦": "KRW", "원": "KRW", "円": "JPY", "엔": "JPY", "元": "CNY", "위안": "CNY",
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₫": "VND", "₱": "PHP", "฿": "THB",
    "₺": "TRY", "₴": "UAH", "₪": "ILS", "₦": "NGN", "₸": "KZT", "달러": "USD", "ドル": "USD",
    "유로": "EUR", "US$": "USD", "NT$": "TWD", "HK$": "HKD", "A$": "AUD", "AU$": "AUD",
    "C$": "CAD", "CA$": "CAD", "S$": "SGD", "NZ$": "NZD", "R$": "BRL", "MX$": "MXN", "$": "USD",
    "＄": "USD", "SR": "SAR", "RM": "MYR", "RP": "IDR", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF",
    "RS": "INR", "RS.": "INR", "DHS": "AED",
}  # fmt: skip
_YEN_OR_YUAN: Final = ("¥", "￥")
_SHOWN: Final = {
    "KRW": "₩", "JPY": "￥", "USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "PHP": "₱",
    "VND": "₫", "THB": "฿", "TWD": "NT$", "HKD": "HK$", "BRL": "R$", "ILS": "₪",
}  # fmt: skip
_FREE: Final = frozenset(("free", "gift", "나눔", "무료", "무료나눔", "無料", "譲ります", "0원"))
_ASK: Final = frozenset(("ask", "negotiable", "가격문의", "가격협의", "문의", "応相談", "要相談"))
_MULTIPLIERS: Final = {
    "억": 10**8, "億": 10**8, "만": 10**4, "万": 10**4, "萬": 10**4, "천": 10**3, "千": 10**3,
}  # fmt: skip
_DIGITS: Final = r"\d[\d.,'’ \u00a0\u202f]*"
_AMOUNT: Final = re.compile(rf"({_DIGITS})([억億만万萬천千]*)")
_WHOLE: Final = re.compile(rf"(?P<before>[^\d.,+-]*?)\s*(?P<amount>{_DIGITS}.*?)\s*")
_PRICE_CHARS_MAX: Final = 64
HELP: Final = tell("a price is such as '950000 KRW', '₩950,000', '95만원', '$80', 'free' or 'ask'")


@dataclass(frozen=True, slots=True)
class Price:
    """`amount` minor units of `currency`: Price(8050, "USD") is 80.50 dollars; 0 is a gift."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in EXPONENTS:
            raise LocalProtocolError(
                tell(
                    "unknown currency {currency!r}: use an ISO 4217 code such as KRW, JPY or USD",
                    currency=self.currency,
                ),
                "price",
            )
        if not 0 <= self.amount <= limits.INTEGER_MAX:
            raise LocalProtocolError(tell("a price is from 0 to 2^53 - 1 minor units"), "price")
        if self.currency == NO_CURRENCY and self.amount:
            raise LocalProtocolError(tell("a price that is not 0 needs a currency"), "price")

    @property
    def is_gift(self) -> bool:
        return self.amount == 0

    @property
    def decimal_text(self) -> str:
        """The amount with exactly the currency's decimals: "80.50"."""
        exponent = EXPONENTS[self.currency]
        if exponent == 0:
            return str(self.amount)
        digits = str(self.amount).rjust(exponent + 1, "0")
        return f"{digits[:-exponent]}.{digits[-exponent:]}"

    @property
    def shown(self) -> str:
        """The price in its currency's manner: "₩950,000", "$80.50", "1,299.00 SAR", "free"."""
        if self.is_gift:
            return "free"
        whole, point, part = self.decimal_text.partition(".")
        number = f"{int(whole):,}{point}{part}"
        sign = _SHOWN.get(self.currency)
        return f"{sign}{number}" if sign else f"{number} {self.currency}"


def is_currency(code: str) -> bool:
    return code in EXPONENTS and code != NO_CURRENCY


def parse_price(text: str, default_currency: str | None = None) -> Price | None:
    """What a person wrote as a price; None is "ask". LocalProtocolError says what is allowed.

    `default_currency` is for a number without one; a sign or code in the text goes before it.
    """
    told = text.strip()
    if len(told) > _PRICE_CHARS_MAX:
        raise LocalProtocolError(tell("that is no price: {help}", help=HELP), "price")
    folded = told.casefold().replace(" ", "")
    if folded in _FREE:
        return Price(0, default_currency or NO_CURRENCY)
    if folded in _ASK or not folded:
        return None
    number, currency = _split_currency(told, default_currency)
    amount = _parse_amount(number, told)
    if currency is None:
        if amount == 0:
            return Price(0, NO_CURRENCY)
        raise LocalProtocolError(
            tell(
                "{told!r} names no currency: write '{told} KRW', or set one with "
                "`jangteo config set currency KRW`",
                told=told,
            ),
            "price",
        )
    return _in_minor_units(amount, currency, told)


def from_decimal(amount_text: str, currency: str) -> Price:
    """The price of a plain decimal number ("80.50") in `currency`, as `export` writes it.

    A gift may have no currency ("XXX"), as in a record.
    """
    if re.fullmatch(r"\d{1,20}(\.\d{1,4})?", amount_text) is None:
        raise LocalProtocolError(
            tell("{amount_text!r} is not a decimal number", amount_text=amount_text), "price"
        )
    code = currency if currency == NO_CURRENCY else _known(currency)
    return _in_minor_units(Decimal(amount_text), code, amount_text)


def _in_minor_units(amount: Decimal, currency: str, told: str) -> Price:
    exponent = EXPONENTS[currency]
    minor = amount.scaleb(exponent)
    written = max(0, -int(amount.as_tuple().exponent))
    # "1,0000" and "1.000" won are ten thousand and a thousand to those who write so: never 1.
    # Two zeros are what shop programs print for any currency.
    is_odd = written > exponent and not (written == 2 and minor == minor.to_integral_value())
    if is_odd or minor != minor.to_integral_value():
        if exponent == 0:
            message = tell("{told!r}: {currency} has no decimals", told=told, currency=currency)
        else:
            message = tell(
                "{told!r}: {currency} has at most {exponent} decimals",
                told=told,
                currency=currency,
                exponent=exponent,
            )
        raise LocalProtocolError(message, "price")
    if minor > limits.INTEGER_MAX:
        raise LocalProtocolError(tell("{told!r} is more than a price can be", told=told), "price")
    return Price(int(minor), currency)


def _split_currency(told: str, default_currency: str | None) -> tuple[str, str | None]:
    match = _WHOLE.fullmatch(told)
    if match is None:
        if re.match(r"\s*[-−]", told):
            raise LocalProtocolError(
                tell("{told!r}: a price cannot be negative", told=told), "price"
            )
        raise LocalProtocolError(
            tell("{told!r} is no price: {help}", told=told, help=HELP), "price"
        )
    before = match["before"].strip()
    amount = match["amount"]
    tail = re.search(r"[^\d.,'’\s억億만万萬천千]+\.?\s*$", amount)
    after = tail.group().strip() if tail else ""
    number = amount[: tail.start()] if tail else amount
    if before and after:
        first, second = _currency_of(before, default_currency), _currency_of(after, first_of=before)
        # "$80 USD", "₩95만원": said twice, and the code is the more exact of the two.
        if first != second and not (before in ("$", *_YEN_OR_YUAN) and len(after) == 3):
            raise LocalProtocolError(tell("{told!r} names two currencies", told=told), "price")
        return number, second
    named = before or after
    return number, _currency_of(named, default_currency) if named else default_currency


def _currency_of(
    named: str, default_currency: str | None = None, *, first_of: str | None = None
) -> str:
    if named in _YEN_OR_YUAN:
        return "CNY" if "CNY" in (default_currency, first_of) else "JPY"
    if named in ("$", "＄") and default_currency in ("AUD", "CAD", "SGD", "NZD", "HKD", "TWD"):
        return default_currency
    upper = named.upper()
    return _SIGNS.get(named) or _SIGNS.get(upper) or _known(upper)


def _known(code: str) -> str:
    if not is_currency(code):
        raise LocalProtocolError(
            tell(
                "unknown currency {code!r}: use an ISO 4217 code such as KRW, JPY or USD", code=code
            ),
            "price",
        )
    return code


def _parse_amount(number: str, told: str) -> Decimal:
    """ "1,299.50", "95만", "1억 2천만", "3만5000" as a number, its written decimals kept."""
    position, total = 0, Decimal(0)
    unit_last: int | None = None
    text = number.strip()
    while position < len(text):
        match = _AMOUNT.match(text, position)
        if match is None:
            raise LocalProtocolError(
                tell("{told!r} is no price: {help}", told=told, help=HELP), "price"
            )
        unit = 1
        for sign in match[2]:
            unit *= _MULTIPLIERS[sign]
        if unit_last is not None and unit >= unit_last:
            raise LocalProtocolError(
                tell("{told!r} is no price: {help}", told=told, help=HELP), "price"
            )
        part = _plain_number(match[1].strip(), told)
        # 1.5만 has no decimals left, 95.00 has two: `_in_minor_units` looks at what was written.
        total += part if unit == 1 else Decimal(f"{(part * unit).normalize():f}")
        unit_last = unit
        position = match.end()
        while position < len(text) and text[position].isspace():
            position += 1
    return total


def _plain_number(text: str, told: str) -> Decimal:
    """A number with separators in any of the usual manners; the last of two kinds is the point."""
    digits = re.sub(r"['’\s]", "", text)
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        point = "," if comma > dot else "."
    elif comma >= 0:
        # Thousands, or India's manner: 1,00,000.
        is_grouped = re.fullmatch(r"\d{1,3}((,\d{3})+|(,\d{2})+,\d{3})", digits) is not None
        point = "." if is_grouped else ","
    else:
        is_grouped = re.fullmatch(r"\d{1,3}(\.\d{3}){2,}", digits) is not None
        point = "," if is_grouped else "."
    group = "." if point == "," else ","
    whole, _, part = digits.partition(point)
    grouped = rf"\d{{1,3}}((\{group}\d{{3}})+|(\{group}\d{{2}})+\{group}\d{{3}})"
    if group in whole and re.fullmatch(grouped, whole) is None:
        raise LocalProtocolError(
            tell("{told!r}: its separators are not where thousands go", told=told), "price"
        )
    try:
        return Decimal(f"{whole.replace(group, '')}.{part}" if part else whole.replace(group, ""))
    except InvalidOperation:
        raise LocalProtocolError(
            tell("{told!r} is no price: {help}", told=told, help=HELP), "price"
        ) from None
