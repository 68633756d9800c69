"""The room of the store in words: how full it is, and whose records fill it."""

from collections.abc import Mapping
from typing import Any

from ..protocol.told import tell

_MIB = 2**20
_NEARLY = 0.9


def is_nearly_full(counts: Mapping[str, Any]) -> bool:
    """Whether it is time to say so; `counts` as the status has them."""
    return bool(counts["bytes"] >= _NEARLY * counts["bytes_max"])


def more_room_text(counts: Mapping[str, Any]) -> str:
    """What to type, not yet named for this home."""
    return tell(
        "`jangteo config set record_store_mib N`, N above {mib:,}", mib=counts["bytes_max"] // _MIB
    )


def room_text(counts: Mapping[str, Any]) -> str:
    own, contacts = counts["bytes_own"], counts["bytes_contacts"]
    strangers = counts["bytes"] - own - contacts
    return tell(
        "{used} of {most} MiB: yours {own}, your contacts' {contacts}, strangers' {strangers}",
        used=_mib(counts["bytes"]),
        most=_mib(counts["bytes_max"]),
        own=_mib(own),
        contacts=_mib(contacts),
        strangers=_mib(strangers),
    )


def _mib(count_bytes: int) -> str:
    return f"{count_bytes / _MIB:,.1f}"
