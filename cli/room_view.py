"""The room of the store in words: how full it is, and whose records fill it."""

from collections.abc import Mapping
from typing import Any

_MIB = 2**20
_NEARLY = 0.9


def is_nearly_full(counts: Mapping[str, Any]) -> bool:
    """Whether it is time to say so; `counts` as the status has them."""
    return bool(counts["bytes"] >= _NEARLY * counts["bytes_max"])


def more_room_text(counts: Mapping[str, Any]) -> str:
    """What to type, not yet named for this home."""
    return f"`jangteo config set record_store_mib N`, N above {counts['bytes_max'] // _MIB:,}"


def room_text(counts: Mapping[str, Any]) -> str:
    own, contacts = counts["bytes_own"], counts["bytes_contacts"]
    strangers = counts["bytes"] - own - contacts
    return (
        f"{counts['bytes'] / _MIB:,.1f} of {counts['bytes_max'] / _MIB:,.1f} MiB: "
        f"yours {own / _MIB:,.1f}, your contacts' {contacts / _MIB:,.1f}, "
        f"strangers' {strangers / _MIB:,.1f}"
    )
