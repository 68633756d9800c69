"""What a home remembers of its owner's habits: last seen, backed up, last reminded.

A small file beside the store, since a command that only reads must be able to note it too. Losing
it costs a reminder. Knows nothing of records.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from .private_file import write_private


@dataclass(frozen=True, slots=True)
class OwnerState:
    """`HOME/state.json`: Unix ms by name; what is absent never happened."""

    path: Path

    def seen_ms(self) -> int | None:
        """When the owner last gave a command."""
        return self._read().get("seen_ms")

    def backed_up_ms(self) -> int | None:
        """When the owner last made a backup file or asked for the words."""
        return self._read().get("backed_up_ms")

    def reminded_ms(self) -> int | None:
        return self._read().get("reminded_ms")

    def note_seen(self, now_ms: int) -> None:
        self._note("seen_ms", now_ms)

    def note_backed_up(self, now_ms: int) -> None:
        self._note("backed_up_ms", now_ms)

    def note_reminded(self, now_ms: int) -> None:
        self._note("reminded_ms", now_ms)

    def _read(self) -> dict[str, int]:
        try:
            state = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(state, dict):
            return {}
        return {name: value for name, value in state.items() if type(value) is int}

    def _note(self, name: str, now_ms: int) -> None:
        write_private(
            self.path, json.dumps(self._read() | {name: now_ms}).encode(), is_durable=False
        )
