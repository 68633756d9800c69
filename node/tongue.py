"""A language that the program speaks: texts from its catalogue, money, dates and numbers in its
manner. English is what stands in the sources. Knows neither screen nor page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..protocol.money import NO_CURRENCY, from_decimal
from ..protocol.told import Told, Value

if TYPE_CHECKING:
    from gettext import NullTranslations

ENGLISH: Final = "en"
CODES: Final = (ENGLISH, "ko", "ja")
DOMAIN: Final = "jangteo"
LOCALE_FOLDER: Final = Path(__file__).parent / "locale"
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_ACCEPTED_MAX: Final = 32
_ACCEPT_CHARS_MAX: Final = 1_000
# What a number of these is followed by, in the language of their country.
_COUNTED_MONEY: Final = {("ko", "KRW"): "원", ("ja", "JPY"): "円"}
# CLDR's short form for Korean says AM and PM in English.
_TIME_OF_DAY: Final = {"ko": "aaaa h:mm"}
_STEPS: Final = (
    (60, 60, "min"),
    (3600, 24, "h"),
    (86_400, 100, "day"),
    (86_400 * 30, 12, "month"),
    (86_400 * 365, 10**9, "year"),
)


def catalogue_path(code: str) -> Path:
    return LOCALE_FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.mo"


@dataclass(frozen=True, slots=True)
class Tongue:
    """One of CODES. Moments are RFC 3339 texts, as JSON has them; they are shown in the time of
    this machine."""

    code: str
    catalogue: "NullTranslations | None" = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code!r} is none of {', '.join(CODES)}")

    def gettext(self, msgid: str) -> str:
        # The catalogue's head stands at "".
        return self.catalogue.gettext(msgid) if self.catalogue and msgid else msgid

    def ngettext(self, one: str, many: str, n: int) -> str:
        if self.catalogue:
            return self.catalogue.ngettext(one, many, n)
        return one if n == 1 else many

    def pgettext(self, context: str, msgid: str) -> str:
        """`context` tells apart what is the same word in English: never shown."""
        return self.catalogue.pgettext(context, msgid) if self.catalogue else msgid

    def told(self, text: str) -> str:
        """A text of the desk's or the protocol's; one that is not `Told`, such as the words of an
        operating system, stays as it is unless the catalogue has it."""
        if not self.catalogue:
            return str(text)
        if not isinstance(text, Told):
            return self.gettext(text)
        if text.many is None:
            pattern = self.gettext(text.msgid)
        else:
            pattern = self.ngettext(text.msgid, text.many, text.number)
        if pattern in (text.msgid, text.many):  # not in the catalogue
            pattern = text.msgid if text.many is None or text.number == 1 else text.many
        if not text.values:
            return pattern
        return pattern.format_map({name: self._value(one) for name, one in text.values.items()})

    def _value(self, value: Value) -> Value:
        return self.told(value) if isinstance(value, Told) else value

    def number(self, n: int) -> str:
        return f"{n:,}"

    def money(self, price: Mapping[str, Any] | None) -> str:
        """{"amount": "80.50", "currency": "USD"} → "$80.50"; a gift is "free", none "ask"."""
        if price is None:
            return self.pgettext("price", "ask")
        amount, currency = str(price["amount"]), str(price["currency"])
        if not amount.strip("0.") or currency == NO_CURRENCY:
            return self.pgettext("price", "free")
        if sign := _COUNTED_MONEY.get((self.code, currency)):
            return f"{int(amount):,}{sign}"
        return from_decimal(amount, currency).shown

    def date(self, stamp: str) -> str:
        """ "November 24, 2026", "2026년 11월 24일"."""
        from babel.dates import format_date

        return format_date(_local(stamp), "long", locale=self.code)

    def moment(self, stamp: str) -> str:
        """The date and the time of day, to the minute."""
        from babel.dates import format_time

        moment = _local(stamp)
        time = format_time(moment, _TIME_OF_DAY.get(self.code, "short"), locale=self.code)
        # CLDR puts a narrow no-break space before AM and PM, which some fonts lack.
        return f"{self.date(stamp)} {time}".replace("\u202f", " ")

    def ago(self, stamp: str, now_ms: int) -> str:
        """ "just now", "3 min ago", "in 29 days"."""
        moment_ms = round(datetime.fromisoformat(stamp).timestamp() * 1000)
        return self.since(int((now_ms - moment_ms) / 1000))

    def since(self, seconds: int) -> str:
        """What was is rounded down, what comes up: two weeks from now are "in 14 days" all of the
        first day."""
        if abs(seconds) < 60:
            return self.gettext("just now") if seconds >= 0 else self.gettext("in a moment")
        if seconds > 0:
            return self.gettext("{span} ago").format(span=self._span(seconds))
        ahead = -seconds
        unit_seconds = next((s for s, count_max, _ in _STEPS if ahead // s < count_max), 1)
        return self.gettext("in {span}").format(span=self._span(ahead + unit_seconds - 1))

    def _span(self, seconds: int) -> str:
        fitting = (step for step in _STEPS if seconds // step[0] < step[1])
        unit_seconds, _, unit = next(fitting, _STEPS[-1])
        count = max(seconds // unit_seconds, 1)
        match unit:
            case "min":
                pattern = self.ngettext("{count} min", "{count} min", count)
            case "h":
                pattern = self.ngettext("{count} h", "{count} h", count)
            case "day":
                pattern = self.ngettext("{count} day", "{count} days", count)
            case "month":
                pattern = self.ngettext("{count} month", "{count} months", count)
            case _:
                pattern = self.ngettext("{count} year", "{count} years", count)
        return pattern.format(count=count)


@cache
def tongue(code: str) -> Tongue:
    """ValueError for a code that is none of CODES. Its catalogue is read once a process."""
    if code == ENGLISH or code not in CODES:
        return Tongue(code)
    from gettext import GNUTranslations

    with catalogue_path(code).open("rb") as file:
        return Tongue(code, GNUTranslations(file))


def chosen(accept_language: str | None) -> str:
    """The code for a browser's Accept-Language; English where it wants none of ours."""
    from babel.core import negotiate_locale

    wanted = []
    ranges = (accept_language or "")[:_ACCEPT_CHARS_MAX].split(",")[:_ACCEPTED_MAX]
    for place, one in enumerate(ranges):
        name, _, quality = one.strip().partition(";")
        weight = _weight(quality.strip())
        if weight > 0:
            wanted.append((-weight, place, name.strip().replace("-", "_")))
    # "ko_Hang_KR", too, is Korean to us.
    names = [name.split("_")[0].lower() for _, _, name in sorted(wanted)]
    return negotiate_locale(names, CODES) or ENGLISH


def _weight(quality: str) -> float:
    if not quality:
        return 1.0
    try:
        return float(quality.removeprefix("q="))
    except ValueError:
        return 0.0


def of_environment(environ: Mapping[str, str]) -> str:
    """The code for what the system says; English for C, POSIX and what we do not speak."""
    told = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    code = told.split(".")[0].split("@")[0].split("_")[0].split("-")[0].lower()
    return code if code in CODES else ENGLISH


def _local(stamp: str) -> datetime:
    moment = datetime.fromisoformat(stamp)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone()
    except OverflowError:  # anybody can sign a time at the end of all years
        return moment
