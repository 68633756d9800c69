"""One language of people: what texts, money, dates and plurals are in it.

Texts are gettext's, in `locale/`; numbers, money and dates are Babel's, which is loaded when the
first of them is asked for. Knows no faces.
"""

import gettext as catalogues
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from .desk_error import DeskError

CODES: Final = ("en", "ko", "ja")
NAMES: Final[Mapping[str, str]] = {"en": "English", "ko": "한국어", "ja": "日本語"}
DOMAIN: Final = "jangteo"
FOLDER: Final = Path(__file__).with_name("locale")


@dataclass(frozen=True, slots=True)
class Tongue:
    code: str
    _texts: catalogues.NullTranslations = field(repr=False)

    def gettext(self, text: str) -> str:
        return self._texts.gettext(text) if text else ""

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self._texts.ngettext(one, many, count)

    def told(self, error: DeskError) -> str:
        """What an error says, without the hint."""
        return self.gettext(error.message)

    def money(self, price: Mapping[str, str] | None) -> str:
        """Of a price as JSON has it."""
        from babel.numbers import format_currency

        if price is None:
            return self.gettext("Ask for the price")
        amount = Decimal(price["amount"])
        if not amount:
            return self.gettext("Free")
        has_part = amount != amount.to_integral_value()
        digits = None if has_part else "¤#,##0"
        if self.code == "ko" and price["currency"] == "KRW" and not has_part:
            return f"{self.number(int(amount))}원"
        if self.code == "ja" and price["currency"] == "JPY" and not has_part:
            return f"{self.number(int(amount))}円"
        return format_currency(
            amount, price["currency"], digits, locale=self.code, currency_digits=has_part
        )

    def number(self, value: int) -> str:
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self.code)

    def date(self, stamp: str | None) -> str:
        """The day of an RFC 3339 time, where the user is; "" for None."""
        from babel.dates import format_date

        if not stamp:
            return ""
        return format_date(_local(stamp), "medium", locale=self.code)

    def moment(self, stamp: str | None) -> str:
        """The day and the minute."""
        from babel.dates import format_datetime

        if not stamp:
            return ""
        return format_datetime(_local(stamp), "medium", locale=self.code)

    def ago(self, stamp: str | None, now_ms: int) -> str:
        from babel.dates import format_timedelta

        if not stamp:
            return ""
        away = datetime.fromisoformat(stamp) - datetime.fromtimestamp(now_ms / 1000, UTC)
        if abs(away.total_seconds()) < 60:
            return self.gettext("just now")
        return format_timedelta(away, add_direction=True, threshold=1.2, locale=self.code)


def _local(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone()


@lru_cache(maxsize=len(CODES))
def tongue(code: str) -> Tongue:
    if code not in CODES:
        raise ValueError(code)
    return Tongue(code, catalogues.translation(DOMAIN, FOLDER, [code], fallback=True))


def chosen(accepted: str) -> str:
    """The best of ours for an Accept-Language header (RFC 9110, 12.5.4); English for none."""
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(accepted[:500].split(",")):
        name, _, quality = part.strip().partition(";q=")
        code = name.strip().lower().split("-")[0]
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if code in CODES and weight > 0:
            wanted.append((-weight, position, code))
    return min(wanted)[2] if wanted else CODES[0]
