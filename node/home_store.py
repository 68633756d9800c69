"""The store of a home, opened as its settings say. Knows both; asks neither for more."""

from typing import TYPE_CHECKING

from ..protocol.market import COMMONS
from .config import Config
from .home import Home

if TYPE_CHECKING:
    from ..store.store import Store


def open_store(
    home: Home, config: Config, *, own: bytes | None, read_only: bool = False
) -> "Store":
    """Opens it, made if need be, and joins the markets of the settings (leaving would forget).

    Writing is for who holds the home's lock. StoreError as `Store.open` raises it.
    """
    from ..store.store import Store

    store = Store.open(
        home.store_path,
        own_author=own,
        read_only=read_only,
        records_bytes_max=config.record_store_bytes,
    )
    if not read_only:
        missing = {COMMONS, *config.markets} - set(store.joined())
        if missing:
            with store.write(durable=True):
                for market in sorted(missing):
                    store.join(market)
    return store
