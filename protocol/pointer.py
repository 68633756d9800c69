"""A text that points at a listing or a market, and says where a node that has it answers (R9.10).

It is what a QR code of a poster holds, and what one person sends to another. Knows no network.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, Self

from . import limits
from .errors import LocalProtocolError
from .market import HELP as MARKET_HELP
from .market import is_market
from .told import tell

What = Literal["listing", "market"]

SCHEME: Final = "jangteo:"
_WHOLE: Final = re.compile(r"jangteo:(?://)?(listing|market)/([^?#\s]+)(?:\?([^#\s]*))?", re.ASCII)
_LISTING: Final = re.compile(r"[0-9a-f]{64}")
_PORT: Final = (
    r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_PLACE: Final = re.compile(
    r"/(?:ip4/[0-9.]{7,15}|ip6/[0-9a-fA-F:]{2,39}|dns[46]?/[A-Za-z0-9.-]{1,253})"
    rf"/tcp/{_PORT}(?:/p2p/[1-9A-HJ-NP-Za-km-z]{{40,64}})?"
)


def is_pointer(text: str) -> bool:
    """Whether somebody means one, well formed or not."""
    return text.strip()[: len(SCHEME)].lower() == SCHEME


@dataclass(frozen=True, slots=True)
class Pointer:
    """`name` is a listing's id in hex, or a market's name; `at` where it may be found, the best
    first. LocalProtocolError for what cannot be written."""

    what: What
    name: str
    at: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.what == "listing":
            if not _LISTING.fullmatch(self.name):
                raise LocalProtocolError(tell("a listing's id has 64 digits of 0-9 a-f"), "name")
        elif not is_market(self.name):
            raise LocalProtocolError(MARKET_HELP, "name")
        if len(self.at) > limits.POINTER_ADDRESSES_MAX:
            raise LocalProtocolError(
                tell("at most {count} addresses", count=limits.POINTER_ADDRESSES_MAX), "at"
            )
        for address in self.at:
            if not is_place(address):
                raise LocalProtocolError(
                    tell(
                        "{address} is no address such as /ip4/192.168.0.12/tcp/4110",
                        address=repr(address[:80]),
                    ),
                    "at",
                )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """LocalProtocolError for what R9.10 does not allow. Addresses beyond the bound, those that
        this version does not know, and parameters of later versions are passed over (R9.11)."""
        told = text.strip()
        if len(told) > limits.POINTER_CHARS_MAX:
            raise LocalProtocolError(
                tell(
                    "a text that points at a listing has at most {count} characters",
                    count=limits.POINTER_CHARS_MAX,
                )
            )
        found = _WHOLE.fullmatch(SCHEME + told[len(SCHEME) :]) if is_pointer(told) else None
        if found is None:
            raise LocalProtocolError(
                tell(
                    "a text that points at a listing is such as jangteo:listing/3fa9… or "
                    "jangteo:market/open"
                )
            )
        what, name, query = found.groups()
        at = [part[3:] for part in (query or "").split("&") if part.startswith("at=")]
        places = tuple(dict.fromkeys(address for address in at if is_place(address)))
        return cls(
            "listing" if what == "listing" else "market",
            name,
            places[: limits.POINTER_ADDRESSES_MAX],
        )

    def to_text(self) -> str:
        query = "&".join(f"at={address}" for address in self.at)
        return f"{SCHEME}{self.what}/{self.name}" + (f"?{query}" if query else "")


def is_place(address: str) -> bool:
    """Whether it is an address that can stand in a pointer."""
    return (
        len(address) <= limits.POINTER_ADDRESS_CHARS_MAX and _PLACE.fullmatch(address) is not None
    )
