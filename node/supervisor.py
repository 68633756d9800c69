"""Runs work on behalf of one peer, or once an hour, so that its bugs cost that work only.

The one blanket handler of the running node: what escapes the named errors is a bug of ours, met
with bytes of theirs, and must not become a way to stop a node. It is logged with its traceback.
"""

import logging
from collections.abc import Awaitable, Callable

from ..store.errors import StoreError

log = logging.getLogger(__name__)


async def survive(what: str, work: Callable[[], Awaitable[object]]) -> str:
    """Runs `work` to its end; in one line what it failed with, empty if it did not fail."""
    try:
        await work()
    except StoreError as error:
        # The disk's doing, and the message says what to do: no traceback of ours explains it.
        log.error("%s failed; the node goes on: %s", what, error)
        return str(error)
    except Exception as error:
        log.exception("%s failed; the node goes on", what)
        return f"{type(error).__name__}: {error}"
    return ""
