"""What only the home knows, for the page of a running node: its settings, and whether all is well.

Reads and writes files, so its methods are called on threads. Knows no store and no network.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from .config import KEYS, key_named, read_config, set_value, unset_value
from .doctor import Check, check_up
from .home import Home

JOINED: Final = "markets"
"""Changed by joining and leaving, not here."""
_LISTS: Final = frozenset(("peers", "listen"))


@dataclass(frozen=True, slots=True)
class Setting:
    """`text` is its value as a person writes it; `kind` one of switch, number, list, text."""

    name: str
    kind: str
    text: str
    source: str
    help: str


class House:
    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def version(self) -> str:
        return version("jangteo")

    @property
    def place(self) -> str:
        return str(self._home.path)

    def settings(self) -> list[Setting]:
        """As the next start would read them; DeskError where the file cannot be read."""
        config = read_config(self._home, environ=os.environ)
        return [
            Setting(name, _kind(name), _text(config.values[name]), config.sources[name], key.help)
            for name, key in KEYS.items()
            if name != JOINED
        ]

    def change(self, name: str, told: str) -> None:
        """`told` "" gives the setting its default back. DeskError for what it cannot be."""
        known = key_named(name).name
        if told.strip():
            set_value(self._home, known, told)
        else:
            unset_value(self._home, known)

    def checks(self, live: Mapping[str, Any]) -> list[Check]:
        """`live` is the node's status."""
        offset = live.get("clock_offset_ms")
        config = read_config(self._home, environ=os.environ)
        return list(check_up(self._home, config, live, offset if isinstance(offset, int) else None))


def _kind(name: str) -> str:
    default = KEYS[name].default
    if isinstance(default, bool):
        return "switch"
    if isinstance(default, int):
        return "number"
    return "list" if name in _LISTS else "text"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)
