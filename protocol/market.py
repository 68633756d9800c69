"""Names of markets: one gossip topic and one reconciliation set each (R4)."""

import re
from typing import Final

from . import limits
from .told import tell

OPEN: Final = "open"
"""Where listings go unless told otherwise."""
COMMONS: Final = "commons"
"""Where profiles live; every node joins it."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9/_-]*")
_TOPIC_PREFIX: Final = "/jangteo/1/"
HELP: Final = tell(
    "a market is 1 to {market_chars_max} of a-z 0-9 / _ -, beginning with a "
    "letter or digit, such as open or campus/hanyang",
    market_chars_max=limits.MARKET_CHARS_MAX,
)


def is_market(name: str) -> bool:
    return len(name) <= limits.MARKET_CHARS_MAX and _NAME.fullmatch(name) is not None


def topic(market: str) -> str:
    """The gossip topic of a market."""
    return _TOPIC_PREFIX + market


def market_of(topic_name: str) -> str | None:
    """The market of a gossip topic; None if it is no market's."""
    name = topic_name.removeprefix(_TOPIC_PREFIX)
    return name if name != topic_name and is_market(name) else None
