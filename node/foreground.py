"""A node in the foreground of a terminal or a service: runtime.py with its errors told to a person.

Here, and nowhere after, errors of the store and of the network become lines to read.
"""

import os
from collections.abc import Callable
from typing import Any

from ..protocol.told import tell, told_by
from ..store.errors import StoreError
from .config import Config
from .desk_error import DeskError
from .home import Home
from .runtime import up
from .transport import ListenFailed, TransportError


def run_in_foreground(
    home: Home,
    config: Config,
    on_event: Callable[[dict[str, Any]], None],
    *,
    ask_passphrase: Callable[[], str] | None = None,
) -> None:
    """`runtime.up`, which see; every error that a person can mend is a DeskError."""
    try:
        if not up(home, config, on_event, ask_passphrase=ask_passphrase):
            # Whoever should read stdout does not, and a thread is blocked in writing to it. All is
            # committed and closed; Python would wait for that thread at its end, for ever.
            os._exit(0)
    except StoreError as error:
        raise DeskError("store", told_by(error)) from error
    except ListenFailed as error:
        raise DeskError(
            "port",
            tell("cannot listen there: {error}", error=error),
            tell("choose another address with --listen, or leave it out"),
        ) from error
    except TransportError as error:
        raise DeskError("network", told_by(error)) from error
