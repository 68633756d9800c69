"""The store of a home, opened as its settings say. Knows both; asks neither for more."""

import json
from typing import TYPE_CHECKING, Final

from ..protocol.errors import LocalProtocolError
from ..protocol.market import COMMONS
from ..protocol.told import tell
from .config import Config
from .home import Home

if TYPE_CHECKING:
    from ..store.rebuild import Progress
    from ..store.store import Store

_APPLIED: Final = "markets_applied"
"""Markets of the settings that were joined once, and what was left: neither is joined again."""
_LEFT_MAX: Final = 500


def open_store(
    home: Home,
    config: Config,
    *,
    own: bytes | None,
    read_only: bool = False,
    on_upgrade: "Progress | None" = None,
) -> "Store":
    """Opens it, made if need be, and joins markets that are new in the settings. A market that
    the settings no longer name stays joined: leaving forgets, so that it is asked for by name.

    Writing is for who holds the home's lock. StoreError as `Store.open` raises it, and where the
    settings name more markets than there is room for beside those joined before.
    """
    from ..store.store import Store

    store = Store.open(
        home.store_path,
        own_author=own,
        read_only=read_only,
        records_bytes_max=config.record_store_bytes,
        on_upgrade=on_upgrade,
    )
    if not read_only:
        try:
            _apply_markets(store, config)
        except BaseException:  # whatever it was goes on; nobody else has the store to close it
            store.close()
            raise
    return store


def note_left(store: "Store", market: str) -> None:
    """Within a transaction: that the settings name it does not bring it back."""
    applied = _applied(store)
    if market not in applied and len(applied) < _LEFT_MAX:
        store.put_meta(_APPLIED, json.dumps(sorted({*applied, market})))


def _applied(store: "Store") -> set[str]:
    try:
        return set(json.loads(store.meta(_APPLIED) or "[]"))
    except (ValueError, TypeError):
        return set()


def _apply_markets(store: "Store", config: Config) -> None:
    wanted = {COMMONS, *config.markets}
    applied = _applied(store)
    fresh = wanted - applied
    if not fresh:
        return
    from ..store.errors import StoreError

    with store.write(durable=True):
        for market in sorted(fresh):
            try:
                store.join(market)
            except LocalProtocolError as error:
                raise StoreError(
                    tell(
                        "the market {market!r} of the settings cannot be joined: {error}",
                        market=market,
                        error=error,
                    )
                ) from None
        store.put_meta(_APPLIED, json.dumps(sorted(applied | fresh)))
