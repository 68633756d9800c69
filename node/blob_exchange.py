"""All of a node's part in the exchange of pictures: its parts, wired (SPEC.md R16).

What core.py starts, stops and asks; knows none of the parts' work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from ..protocol import limits
from ..protocol.errors import RemoteProtocolError
from .blob_errand import Errands
from .blob_folder import BlobFolder
from .blob_intake import BlobIntake
from .blob_keeper import BlobKeeper
from .blob_lender import BlobLender
from .blob_runner import BlobRunner
from .blob_shelf import BlobShelf
from .store_share import StoreShare
from .transport import Transport
from .worker import Worker
from .writer import Admitted, Writer

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BlobMeans:
    """What the exchange needs of the machine and of the settings. `reader` and `writer` touch the
    disk; `policy` is "all", "seen" or "none"."""

    folder: BlobFolder
    reader: Worker
    writer: Worker
    policy: str = "seen"
    quota_bytes: int = limits.BLOB_STORE_BYTES_MAX


class BlobExchange:
    """`run` it beside the node's other tasks."""

    def __init__(
        self,
        transport: Transport,
        writer: Writer,
        means: BlobMeans,
        *,
        now_ms: Callable[[], int],
        share: Callable[[], StoreShare],
        post: Callable[[JsonObject], None],
    ) -> None:
        shelf = BlobShelf(means.folder, reader=means.reader, writer=means.writer)
        self.errands = Errands()
        self.intake = BlobIntake(shelf, writer, now_ms=now_ms)
        self.lender = BlobLender(shelf, share=share)
        self.keeper = BlobKeeper(
            writer,
            shelf,
            self.errands,
            now_ms=now_ms,
            policy=means.policy,
            quota_bytes=means.quota_bytes,
            post=post,
        )
        self.runner = BlobRunner(transport, self.errands, self.intake, self.lender, shelf)
        self.intake.on_kept = self.keeper.kept
        self.intake.on_failed = self.keeper.failed
        self.lender.on_gone = self.keeper.news
        self.keeper.on_wanted = self.runner.wanted
        self.runner.on_settled = self.keeper.settled

    def wire(
        self,
        *,
        may_talk: Callable[[str], bool],
        payer_of: Callable[[str], str],
        on_penalty: Callable[[str, RemoteProtocolError], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self.runner.may_talk = may_talk
        self.runner.payer_of = self.lender.payer_of = payer_of
        self.runner.on_penalty = on_penalty
        self.keeper.on_trouble = on_trouble

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.intake.run)
            nursery.start_soon(self.keeper.run)
            nursery.start_soon(self.runner.run)

    def note(self, admitted: Sequence[Admitted]) -> None:
        """Listings may name pictures."""
        self.keeper.note(admitted)

    def status(self) -> JsonObject:
        """Numbers for people, since this start."""
        return {
            "wanted": len(self.errands),
            "under_way": self.errands.under_way_count(),
            "fetched": self.keeper.fetched_count,
            "served": self.lender.served_count,
            "served_bytes": self.lender.served_bytes,
            "sessions": self.runner.session_count,
        }
