"""After a restore: runs a node for a while, so that the neighbours bring back one's own records.

Without them an old listing could be edited from an older state, or put up twice. Knows when it
has asked somebody; what comes, the node admits as ever.
"""

import contextlib
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .config import Config
from .desk_error import DeskError
from .home import Home
from .node_process import Event, NodeProcess, stop_all
from .office import open_office

FETCH_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25
_MORE_SECONDS: Final = 5.0
"""What other neighbours get after the first one was asked."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """`peers` were asked; `listings` of one's own are here now; `trouble` says why nobody could
    be asked, "" otherwise."""

    peers: int
    listings: int
    trouble: str = ""


def fetch_own(
    home: Home,
    config: Config,
    command: Sequence[str],
    *,
    peers: Sequence[str] = (),
    seconds: float = FETCH_SECONDS,
    on_event: Callable[[Event], None],
) -> Fetched:
    """Until a neighbour was asked and own listings came, or `seconds` are over. `command` starts
    this program; `peers` are addresses to try besides those found."""
    before = _own_count(home, config)
    options = [word for address in peers for word in ("--peer", address)]
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    node = NodeProcess(command, home.path, options, events)
    here: set[str] = set()
    asked: set[str] = set()
    is_ready = False
    deadline = time.monotonic() + seconds
    try:
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                event = events.get(timeout=min(left, _LOOK_SECONDS))
                if event["event"] == "ended":
                    return Fetched(len(asked), _own_count(home, config), node.last_words)
                on_event(event)
                is_ready |= event["event"] == "ready"
                if event["event"] == "peer":
                    note = here.add if event.get("state") == "up" else here.discard
                    note(str(event["peer"]))
            # Some were there before the node could be spoken to.
            for peer in sorted(here - asked if is_ready else ()):
                asked |= _ask(home, config, peer)
                if asked:
                    deadline = min(deadline, time.monotonic() + _MORE_SECONDS)
            if asked and _own_count(home, config) > before:
                break
        return Fetched(len(asked), _own_count(home, config))
    finally:
        stop_all([node])


def _ask(home: Home, config: Config, peer: str) -> set[str]:
    """Reconciles with `peer`; the peers that it worked with."""
    with contextlib.suppress(DeskError), open_office(home, config) as office:
        sessions = office.call("sync", {"peer": peer})["sessions"]
        return {session["peer"] for session in sessions if session["ok"]}
    return set()


def _own_count(home: Home, config: Config) -> int:
    with open_office(home, config) as office:
        count: int = office.call("status-local", {})["counts"]["own_active"]
    return count
