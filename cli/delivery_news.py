"""What a talk says when one's own words have come, or were read: one line, however many they are.

Knows events of the node and ids; nothing of terminals.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .tongue import N_, _, n_, ngettext

_ONE: Final = {"delivered": N_("came"), "read": N_("read")}
_SEVERAL: Final = {
    "delivered": n_("{n:,} message came", "{n:,} messages came"),
    "read": n_("{n:,} message read", "{n:,} messages read"),
}
_EARLY_MAX: Final = 64


class DeliveryNews:
    """Of one room. It speaks when the latest of one's own messages has come, for all before it."""

    def __init__(self) -> None:
        self._open: dict[str, set[str]] = {state: set() for state in _ONE}
        self._told: dict[str, set[str]] = {state: set() for state in _ONE}
        self._latest = ""
        # An answer may be quicker than what is said of the sending. Most are of other rooms.
        self._early: deque[tuple[str, str]] = deque(maxlen=_EARLY_MAX)

    def said(self, messages: Iterable[Mapping[str, Any]]) -> str | None:
        """These stand in the room, the latest last: "came" where that was heard already."""
        told = None
        for message in messages:
            if not message["mine"]:
                continue
            self._latest = str(message["id"])
            state = message.get("state")
            if state != "read":
                self._open["read"].add(self._latest)
                if state != "delivered":
                    self._open["delivered"].add(self._latest)
            for known, one in [each for each in self._early if each[1] == self._latest]:
                told = self._hear(known, one) or told
        return told

    def heard(self, event: Mapping[str, Any]) -> str | None:
        """ "came", "3 messages read", or None where there is nothing to say yet."""
        state, one = str(event.get("state")), str(event.get("id"))
        if state not in _ONE:
            return None
        if not any(one in open_ids for open_ids in self._open.values()):
            self._early.append((state, one))
            return None
        return self._hear(state, one)

    def _hear(self, state: str, one: str) -> str | None:
        if one not in self._open[state]:
            return None
        self._open[state].discard(one)
        self._told[state].add(one)
        if one != self._latest:
            return None
        count = len(self._told[state])
        self._told[state].clear()
        if count == 1:
            return _(_ONE[state])
        return ngettext(*_SEVERAL[state], count).format(n=count)
