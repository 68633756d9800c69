"""The arguments of one verb, read strictly: an unknown name or a wrong type is one clear line.

Knows text, numbers, dates and prices as people write them; nothing of listings in the store.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, time
from typing import Any, Final

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.money import Price, from_decimal, is_currency, parse_price
from ..protocol.told import tell, told_by
from .desk_error import DeskError, bad_value, usage

UNTIL_HELP: Final = tell("30d, 2w, 12h or a date such as 2026-12-24")
NOTHING: Final = ("", "none")
"""What takes a text or a date away in `edit`."""
_TEXT_CHARS_MAX: Final = 100_000
_UNITS_MS: Final = {"h": limits.HOUR_MS, "d": limits.DAY_MS, "w": 7 * limits.DAY_MS}


class Args:
    """The arguments of `verb`. Every reader gives None for what was not said."""

    def __init__(self, verb: str, told: Mapping[str, Any], names: Collection[str]) -> None:
        self._verb = verb
        self._told = {name: value for name, value in told.items() if value is not None}
        for name in self._told:
            if name not in names:
                allowed = ", ".join(sorted(names)) or "none"
                raise usage(
                    tell(
                        "`{verb}` knows no {name!r}; its arguments are: {allowed}",
                        verb=verb,
                        name=name,
                        allowed=allowed,
                    )
                )

    def __contains__(self, name: str) -> bool:
        return name in self._told

    def value(self, name: str) -> object:
        """As it was said, whatever it is."""
        return self._told.get(name)

    def text(self, name: str) -> str | None:
        value = self._told.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise bad_value(tell("{name} is text", name=name))
        if len(value) > _TEXT_CHARS_MAX:
            raise bad_value(
                tell("{name} has {count:,} characters, far too many", name=name, count=len(value))
            )
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise bad_value(tell("{name} is not valid text (it is no UTF-8)", name=name))
        return value

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise usage(tell("`{verb}` needs {name}", verb=self._verb, name=name))
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of texts; one text with commas is one too."""
        value = self._told.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise bad_value(tell("{name} is a list of texts", name=name))
        return [text for text in (one.strip() for one in value) if text]

    def flag(self, name: str) -> bool | None:
        value = self._told.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad_value(tell("{name} is true or false", name=name))
        return value

    def integer(self, name: str, value_min: int, value_max: int) -> int | None:
        value = self._told.get(name)
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,15}\s*", value, re.ASCII):
            value = int(value)
        if type(value) is not int or not value_min <= value <= value_max:
            raise bad_value(
                tell(
                    "{name} is a whole number from {value_min:,} to {value_max:,}, not {told!r}",
                    name=name,
                    value_min=value_min,
                    value_max=value_max,
                    told=self._told[name],
                )
            )
        return value

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        folded = value.strip().lower().replace(" ", "-").replace("_", "-")
        if folded not in choices:
            allowed = ", ".join(filter(None, choices))
            raise bad_value(
                tell(
                    "{name} {value!r} is not one of {allowed}",
                    name=name,
                    value=value,
                    allowed=allowed,
                )
            )
        return folded

    def currency(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        code = value.strip().upper()
        if not is_currency(code):
            raise bad_value(
                tell(
                    "unknown currency {value!r}: use an ISO 4217 code such as KRW, JPY or USD",
                    value=value,
                )
            )
        return code

    def price(self, name: str, default_currency: str | None) -> Price | None:
        """Text as people write it, or {"amount", "currency"} as JSON has it. None is "ask" too:
        ask `in` whether it was said."""
        value = self._told.get(name)
        try:
            if isinstance(value, dict):
                amount, currency = value.get("amount"), value.get("currency")
                if not isinstance(amount, str) or not isinstance(currency, str):
                    raise bad_value(
                        tell(
                            '{name} is text or {{"amount": "80.00", "currency": "USD"}}', name=name
                        )
                    )
                return from_decimal(amount, currency.upper())
            text = self.text(name)
            return None if text is None else parse_price(text, default_currency)
        except LocalProtocolError as error:
            raise refused(error) from None

    def until(self, name: str, now_ms: int) -> int | None:
        """An end in the future, Unix ms: "30d" from now, or a date (its end, local time)."""
        value = self.text(name)
        if value is None or value.strip().lower() in NOTHING:
            return None
        until_ms = parse_until(value, now_ms)
        if until_ms <= now_ms:
            raise bad_value(
                tell(
                    "{name} {value!r} is in the past: use {until_help}",
                    name=name,
                    value=value,
                    until_help=UNTIL_HELP,
                )
            )
        if until_ms > now_ms + limits.LIFETIME_SHORT_MS:
            days = limits.LIFETIME_SHORT_MS // limits.DAY_MS
            raise bad_value(
                tell(
                    "{name} {value!r} is too far away: at most {days} days from now",
                    name=name,
                    value=value,
                    days=days,
                ),
                tell("a running node renews your listings, or `jangteo renew ID` does"),
            )
        return until_ms


def parse_until(text: str, now_ms: int) -> int:
    """Unix ms of "30d", "2026-12-24" (the end of that day here) or "2026-12-24T18:00+09:00"."""
    told = text.strip()
    if match := re.fullmatch(r"(\d{1,5})\s*([hdw])", told.lower(), re.ASCII):
        return now_ms + int(match[1]) * _UNITS_MS[match[2]]
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise bad_value(
            tell("{text!r} is no date: use {until_help}", text=text, until_help=UNTIL_HELP)
        ) from None
    if len(told) <= len("2026-12-24"):
        # The last second of that day where the user is.
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    try:
        return round((moment if moment.tzinfo else moment.astimezone()).timestamp() * 1000)
    except (OverflowError, ValueError, OSError):
        raise bad_value(
            tell("{text!r} is no date: use {until_help}", text=text, until_help=UNTIL_HELP)
        ) from None


def refused(error: LocalProtocolError) -> DeskError:
    """What cannot be published, told as a bad value."""
    return bad_value(told_by(error))
