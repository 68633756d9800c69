"""Listings that came, changed or went, as events: one by one, or as one summary of a burst.

Knows which records are listings; the words for people are the command line's.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import trio

from ..protocol import limits
from ..protocol.envelope import Verified, listing_id
from ..protocol.kind import LISTING
from ..protocol.listing import Listing
from ..protocol.verdict import Admission
from ..store.store import Store
from .listing_json import listing_json
from .supervisor import survive
from .writer import Admitted, Writer

JsonObject = dict[str, Any]
_SAME_MS = 2 * limits.SECOND_MS


class ListingNews:
    """`note` what was admitted; `run` posts it EVENT_GATHER_MS later."""

    def __init__(
        self,
        writer: Writer,
        post: Callable[[JsonObject], None],
        *,
        now_ms: Callable[[], int],
        own: bytes | None,
    ) -> None:
        self._writer = writer
        self._post = post
        self._now_ms = now_ms
        self._own = own
        self._few: list[Verified] = []
        self._counts = {"new": 0, "changed": 0, "withdrawn": 0}
        self._wake = trio.Event()

    def note(self, admitted: Sequence[Admitted]) -> None:
        for record, admission in admitted:
            if admission is not Admission.NEW or record.header.kind != LISTING:
                continue
            self._counts[_change(record)] += 1
            if len(self._few) <= limits.EVENT_LISTINGS_AT_ONCE_MAX:
                self._few.append(record)
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            await trio.sleep(limits.EVENT_GATHER_MS / limits.SECOND_MS)
            self._wake = trio.Event()
            await survive("telling of listings", self._tell)

    async def _tell(self) -> None:
        few, self._few = self._few, []
        counts, self._counts = self._counts, {"new": 0, "changed": 0, "withdrawn": 0}
        if len(few) > limits.EVENT_LISTINGS_AT_ONCE_MAX:
            self._post({"event": "listings", **counts})
            return
        job = partial(_described, few, self._own, self._now_ms())
        for event in await self._writer.call(job):
            self._post(event)


def _described(
    records: Sequence[Verified], own: bytes | None, now_ms: int, store: Store
) -> list[JsonObject]:
    """An event for each of `records`. On the store's thread."""
    events: list[JsonObject] = []
    for record in records:
        public_id = listing_id(record.header.thread_key)
        if record.body is None:
            events.append(_withdrawn(record, public_id, own, store))
            continue
        row = store.listing(public_id)
        if row is None:  # gone again by now
            continue
        # By now a later revision may stand: each is told as what it said.
        said = Listing.from_body(record.body, record.header.ts_ms)
        row = replace(row, record_id=record.id, header=record.header, listing=said)
        revision = record.header.revision
        earlier = [head for head, _, _ in store.revisions(public_id) if head.revision < revision]
        change = "changed" if earlier else "new"
        held_by = store.held_by([public_id]).get(public_id, 0)
        listing = listing_json(row, held_by=held_by, now_ms=now_ms, own=own)
        del listing["description"]  # a line is told, not a page
        events.append({"event": "listing", "change": change, **listing})
    return events


def _withdrawn(record: Verified, public_id: bytes, own: bytes | None, store: Store) -> JsonObject:
    profile = store.profile(record.header.author)
    titles = [listing.title for _, listing, _ in store.revisions(public_id) if listing is not None]
    return {
        "event": "listing",
        "change": "withdrawn",
        "id": public_id.hex(),
        "record_id": record.id.hex(),
        "author": record.header.author.hex(),
        "seller": "" if profile is None else profile.name,
        "mine": record.header.author == own,
        "market": record.header.market,
        "status": "withdrawn",
        "title": titles[-1] if titles else "",
    }


def _change(record: Verified) -> str:
    """From the record alone, for a summary: a first revision is as old as its listing."""
    if record.body is None:
        return "withdrawn"
    return "new" if record.header.ts_ms - record.body["created"] < _SAME_MS else "changed"
