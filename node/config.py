"""HOME/config.toml: what can be set, its types and defaults; flag over environment over file.

Knows the keys and how a person writes their values; nothing of what the node does with them.
"""

import locale
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ..protocol import limits
from ..protocol.market import COMMONS, OPEN, is_market
from ..protocol.market import HELP as MARKET_HELP
from ..protocol.money import is_currency
from ..protocol.told import tell
from .desk_error import DeskError, bad_value, usage
from .home import Home
from .private_file import write_private
from .tongue import CODES, of_environment

Value = str | int | bool | list[str]
Source = Literal["flag", "environment", "file", "default"]

ENVIRONMENT_PREFIX: Final = "JANGTEO_"
PEERS_MAX: Final = 64
PHOTO_POLICIES: Final = ("all", "seen", "none")
LISTEN_MAX: Final = 16
AUTO: Final = "auto"
_FLAGS: Final = {"peers": "--peer", "markets": "--market"}
"""Flags that may be given several times are called in the singular."""
_MULTIADDR: Final = re.compile(r"/(ip4|ip6|dns|dns4|dns6|dnsaddr)/[^\s,]+")


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `read` turns what a person or the file says into its value, or raises
    ValueError with what is allowed."""

    name: str
    default: Value | None
    help: str
    read: Callable[[Any], Value]


def is_multiaddr(text: str) -> bool:
    """Whether it has the shape of an address that a node could be reached at."""
    return _MULTIADDR.fullmatch(text) is not None


def _boolean(told: Any) -> bool:
    if isinstance(told, bool):
        return told
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if isinstance(told, str) and told.strip().lower() in words:
        return words[told.strip().lower()]
    raise ValueError(tell("true or false"))


def _integer(value_min: int, value_max: int) -> Callable[[Any], int]:
    def read(told: Any) -> int:
        if isinstance(told, str) and re.fullmatch(r"\s*\d{1,12}\s*", told):
            told = int(told)
        if type(told) is not int or not value_min <= told <= value_max:
            raise ValueError(
                tell(
                    "a whole number from {value_min:,} to {value_max:,}",
                    value_min=value_min,
                    value_max=value_max,
                )
            )
        return told

    return read


def _texts(told: Any) -> list[str]:
    """A list, or one line with commas or spaces between."""
    if isinstance(told, str):
        return re.split(r"[,\s]+", told.strip()) if told.strip() else []
    if isinstance(told, list | tuple) and all(isinstance(entry, str) for entry in told):
        return list(told)
    raise ValueError(tell("a list of texts"))


def _photos(told: Any) -> str:
    if isinstance(told, str) and told.strip().lower() in PHOTO_POLICIES:
        return told.strip().lower()
    raise ValueError(tell("all, seen or none"))


def _currency(told: Any) -> str:
    if isinstance(told, str) and (not told.strip() or is_currency(told.strip().upper())):
        return told.strip().upper()
    raise ValueError(tell("an ISO 4217 code such as KRW, JPY or USD"))


def _language(told: Any) -> str:
    if isinstance(told, str) and told.strip().lower() in (AUTO, *CODES):
        return told.strip().lower()
    raise ValueError(
        tell(
            "{auto}, {codes} or {codes2}", auto=AUTO, codes=", ".join(CODES[:-1]), codes2=CODES[-1]
        )
    )


def _markets(told: Any) -> list[str]:
    names = list(dict.fromkeys(_texts(told)))
    for name in names:
        if not is_market(name):
            raise ValueError(tell("names of markets; {market_help}", market_help=MARKET_HELP))
    names = [name for name in names if name != COMMONS]  # every node is in commons anyway
    if len(names) > limits.MARKETS_JOINED_MAX:
        raise ValueError(
            tell(
                "at most {markets_joined_max} markets", markets_joined_max=limits.MARKETS_JOINED_MAX
            )
        )
    return names


def _addresses(count_max: int) -> Callable[[Any], list[str]]:
    def read(told: Any) -> list[str]:
        addresses = list(dict.fromkeys(_texts(told)))
        for address in addresses:
            if not is_multiaddr(address):
                raise ValueError(tell("multiaddrs such as /ip4/192.168.0.10/tcp/4110"))
        if len(addresses) > count_max:
            raise ValueError(tell("at most {count_max} addresses", count_max=count_max))
        return addresses

    return read


KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        Key("language", AUTO, "in which the program speaks: ko, ja or en; auto: as the system says",
            _language),
        Key("currency", None, "of prices that name none, such as KRW; else that of the system's "
            "language", _currency),
        Key("auto_renew", True, "whether a running node renews your active listings in their last "
            "7 days", _boolean),
        Key("read_receipts", True, "whether those who write to you are told that you have read it",
            _boolean),
        Key("markets", [OPEN], "the markets this node is in; setting them joins and leaves at once",
            _markets),
        Key("peers", [], "addresses of nodes to stay connected with, where mDNS does not reach",
            _addresses(PEERS_MAX)),
        Key("listen", [], "addresses to listen on; empty: every interface, at `port`",
            _addresses(LISTEN_MAX)),
        Key("port", 0, f"the port for other nodes; 0: {limits.PORT_DEFAULT}, else the next free "
            "one, remembered", _integer(0, 65_535)),
        Key("api_port", 0, "the control API's port on loopback; 0: a free one, remembered",
            _integer(0, 65_535)),
        Key("mdns", True, "whether nodes on the same network find each other by themselves",
            _boolean),
        Key("record_store_mib", limits.RECORD_STORE_BYTES_MAX // limits.MIB,
            "how much is kept of others' records, in MiB; your own are always kept, and your "
            "contacts' before strangers'",
            _integer(1, 1024 * 1024)),
        Key("photos", "seen", "which photos are fetched: all; seen: small ones come along, full "
            "ones when they are looked at; none", _photos),
        Key("blob_store_mib", limits.BLOB_STORE_BYTES_MAX // limits.MIB,
            "how much is kept of photos, in MiB; your own are always kept",
            _integer(1, 1024 * 1024)),
    )
}  # fmt: skip

_CURRENCY_OF_TERRITORY: Final = {
    "KR": "KRW", "JP": "JPY", "US": "USD", "GB": "GBP", "CN": "CNY", "TW": "TWD", "HK": "HKD",
    "IN": "INR", "SG": "SGD", "AU": "AUD", "CA": "CAD", "NZ": "NZD", "CH": "CHF", "SE": "SEK",
    "NO": "NOK", "DK": "DKK", "PL": "PLN", "CZ": "CZK", "HU": "HUF", "TR": "TRY", "BR": "BRL",
    "MX": "MXN", "VN": "VND", "TH": "THB", "ID": "IDR", "MY": "MYR", "PH": "PHP", "RU": "RUB",
    "UA": "UAH", "IL": "ILS", "SA": "SAR", "AE": "AED", "ZA": "ZAR", "NG": "NGN",
}  # fmt: skip
_EURO_TERRITORIES: Final = frozenset(
    "AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split()
)


@dataclass(frozen=True, slots=True)
class Config:
    """Every key with a value, and where each came from. `currency` is None if nobody knows it."""

    values: Mapping[str, Value | None]
    sources: Mapping[str, Source]

    @property
    def currency(self) -> str | None:
        value = self.values["currency"]
        return value if isinstance(value, str) and value else None

    def language(self, environ: Mapping[str, str]) -> str:
        """The code of the language to speak; `environ` is asked where none is set."""
        value = self.values["language"]
        return of_environment(environ) if value == AUTO else str(value)

    @property
    def auto_renew(self) -> bool:
        return self.values["auto_renew"] is True

    @property
    def read_receipts(self) -> bool:
        return self.values["read_receipts"] is True

    @property
    def mdns(self) -> bool:
        return self.values["mdns"] is True

    @property
    def markets(self) -> list[str]:
        return self._texts("markets")

    @property
    def peers(self) -> list[str]:
        return self._texts("peers")

    @property
    def listen(self) -> list[str]:
        return self._texts("listen")

    @property
    def port(self) -> int:
        return self._integer("port")

    @property
    def api_port(self) -> int:
        return self._integer("api_port")

    @property
    def record_store_bytes(self) -> int:
        return self._integer("record_store_mib") * limits.MIB

    @property
    def photos(self) -> str:
        return str(self.values["photos"])

    @property
    def blob_store_bytes(self) -> int:
        return self._integer("blob_store_mib") * limits.MIB

    def _texts(self, name: str) -> list[str]:
        return list(cast(list[str], self.values[name]))

    def _integer(self, name: str) -> int:
        return cast(int, self.values[name])


def read_config(
    home: Home,
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    language: str | None = None,
) -> Config:
    """The settings of `home`. `flags` by key (None: not given); `environ` has JANGTEO_CURRENCY
    and so on; `language` is such as "ko_KR", the system's by default. DeskError for a value that
    cannot be, naming where it stands."""
    file = read_file(home)
    values: dict[str, Value | None] = {}
    sources: dict[str, Source] = {}
    for key in KEYS.values():
        variable = ENVIRONMENT_PREFIX + key.name.upper()
        told: Any
        if flags and flags.get(key.name) is not None:
            told, source, where = (
                flags[key.name],
                "flag",
                _FLAGS.get(key.name) or ("--" + key.name.replace("_", "-")),
            )
        elif environ and variable in environ:
            told, source, where = environ[variable], "environment", variable
        elif key.name in file:
            told, source, where = file[key.name], "file", f"{key.name} in {home.config_path}"
        else:
            values[key.name] = _default(key, language)
            sources[key.name] = "default"
            continue
        values[key.name] = _read(key, told, where)
        sources[key.name] = source  # type: ignore[assignment]
    return Config(values, sources)


def read_file(home: Home) -> dict[str, Any]:
    """What config.toml says, by key; DeskError where it is no TOML or names an unknown key."""
    try:
        told = tomllib.loads(home.config_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        # No TOML, no UTF-8, a number of 5,000 digits; arrays within arrays within …
        raise DeskError(
            "config",
            tell(
                "{config_path} cannot be read: {error}", config_path=home.config_path, error=error
            ),
        ) from None
    for name in told:
        key_named(name, str(home.config_path))
    return told


def write_file(home: Home, values: Mapping[str, Any]) -> None:
    """Replaces config.toml; the values are ones that their keys' `read` has given."""
    import tomli_w

    write_private(home.config_path, tomli_w.dumps(dict(values)).encode())


def key_named(name: str, where: str | None = None) -> Key:
    """DeskError names the keys there are."""
    key = KEYS.get(name.strip().replace("-", "_"))
    if key is None:
        place = f" in {where}" if where else ""
        raise usage(
            tell(
                "unknown setting {name!r}{place}: there are {keys}",
                name=name,
                place=place,
                keys=", ".join(KEYS),
            )
        )
    return key


def read_value(name: str, told: str) -> Value:
    """What `told` is for a setting, nothing written. DeskError for a bad one."""
    key = key_named(name)
    return _read(key, told, key.name)


def set_value(home: Home, name: str, told: str) -> Value:
    """Writes one setting to the file; the value as it was understood. DeskError for a bad one."""
    key = key_named(name)
    value = _read(key, told, key.name)
    home.make()
    write_file(home, read_file(home) | {key.name: value})
    return value


def unset_value(home: Home, name: str) -> bool:
    """Takes one setting out of the file; whether it was there."""
    key = key_named(name)
    file = read_file(home)
    if key.name not in file:
        return False
    del file[key.name]
    write_file(home, file)
    return True


def currency_of_language(language: str) -> str | None:
    """ "ko_KR.UTF-8" → "KRW"; None where the language names no territory that we know."""
    match = re.match(r"[A-Za-z]{2,3}[_-]([A-Z]{2})\b", language.replace(".", " "))
    if match is None:
        return None
    return "EUR" if match[1] in _EURO_TERRITORIES else _CURRENCY_OF_TERRITORY.get(match[1])


def _default(key: Key, language: str | None) -> Value | None:
    if key.name != "currency":
        return key.default
    return currency_of_language(_system_language() if language is None else language)


def _system_language() -> str:
    """The language set for money, as the C library would choose it."""
    for variable in ("LC_ALL", "LC_MONETARY", "LANG"):
        if told := os.environ.get(variable):
            return told
    return locale.getlocale()[0] or ""


def _read(key: Key, told: Any, where: str) -> Value:
    try:
        return key.read(told)
    except ValueError as error:
        shown = ", ".join(map(str, told)) if isinstance(told, list) else told
        raise bad_value(
            tell("{where} is {error}, not {shown!r}", where=where, error=error, shown=shown)
        ) from None
