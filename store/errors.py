"""What can go wrong with the store, by what a person can do about it. Each message says so."""

from typing import Final

from ..protocol.told import tell

LOST_TALLY: Final = tell("the store has lost its tally: `jangteo verify` says more")


class StoreError(Exception):
    """The store could not do what was asked; the message is one line for a person."""


class StoreMissing(StoreError):
    """There is no store at this path and none may be made."""


class NewerSchema(StoreError):
    """A newer program wrote this store. Nothing was changed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message
            or tell(
                "a newer version of Jangteo wrote this store: update Jangteo; nothing was changed"
            )
        )


class CorruptStore(StoreError):
    """The file is damaged, or no store at all."""


class StoreFull(StoreError):
    """The disk is full. What was not acknowledged is not stored."""


class StoreReadOnly(StoreError):
    """The file, its folder or this connection cannot be written."""


class OutdatedViews(StoreReadOnly):
    """An older program made the tables or views, and who only reads cannot make them anew."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message
            or tell(
                "the store's views are another version's: run a command that writes, such as "
                "`jangteo reindex`"
            )
        )


class StoreBusy(StoreError):
    """Another process held the store for longer than one waits."""
