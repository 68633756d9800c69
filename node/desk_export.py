"""The verbs that read all of the store: export and verify."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from ..protocol import limits
from ..protocol.envelope import open_record, parse
from ..protocol.errors import RemoteProtocolError
from ..store.row import ListingRow
from .blob_folder import BlobFolder
from .clerk import Clerk
from .desk_args import Args
from .export_file import csv_lines
from .listing_json import status_of
from .record_file import record_chunks

FORMATS: Final = ("jsonl", "csv", "records")
_BAD_SHOWN_MAX: Final = 100


def export(clerk: Clerk, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """jsonl: a listing's JSON an item. csv: {"line": text} with its line end, the header first.
    records: {"base64": a piece of the file}."""
    args = Args("export", told, ("mine", "format"))
    file_format = args.choice("format", FORMATS) or "jsonl"
    is_mine = args.flag("mine") or False
    if file_format == "records":
        for chunk in record_chunks(_raws(clerk, is_mine=is_mine)):
            yield {"base64": b64encode(chunk).decode()}
        return
    listings = _listings(clerk, is_mine=is_mine)
    if file_format == "csv":
        yield from ({"line": line} for line in csv_lines(listings))
    else:
        yield from listings


def verify(clerk: Clerk, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every signature and every view again: {"event": "progress", "done", "total"} now and then,
    last {"event": "summary", "records", "bad", "views", "ok"}."""
    Args("verify", told, ())
    total = clerk.store.counts(clerk.now_ms()).records
    bad: list[dict[str, Any]] = []
    bad_count = done = 0
    for rid, raw in clerk.store.iter_records():
        try:
            open_record(raw)
        except RemoteProtocolError as error:
            bad_count += 1
            if len(bad) < _BAD_SHOWN_MAX:
                bad.append({"record": rid, "problem": str(error)})
        done += 1
        if done % limits.IMPORT_BATCH_ROWS_MAX == 0:
            yield {"event": "progress", "done": done, "total": total}
    views = clerk.store.check_views()
    damaged = [] if clerk.blobs is None else _damaged(clerk.blobs, clerk.store.blobs.all())
    yield {
        "event": "summary",
        "records": done,
        "bad": bad,
        "bad_count": bad_count,
        "views": views,
        "photos": damaged,
        "ok": not bad_count and not views and not damaged,
    }


def _damaged(folder: BlobFolder, blobs: Iterator[tuple[bytes, int]]) -> list[str]:
    """The hashes of photo files that are not what their names say, or are not there."""
    return [blob.hex() for blob, _ in blobs if not folder.is_sound(blob)]


def verify_all(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for summary in verify(clerk, told):  # noqa: B007  (the last is the summary)
        pass
    return {name: value for name, value in summary.items() if name != "event"}


def reindex(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Makes every view anew from the records."""
    Args("reindex", told, ())
    clerk.store.reindex()
    if clerk.blobs is not None:
        _drop_damaged(clerk, clerk.blobs)
    return {"reindexed": True, "records": clerk.store.counts(clerk.now_ms()).records}


def _drop_damaged(clerk: Clerk, folder: BlobFolder) -> None:
    for told in _damaged(folder, clerk.store.blobs.all()):
        blob = bytes.fromhex(told)
        with clerk.store.write(durable=True):
            clerk.store.blobs.gone(blob)
        folder.drop(blob)


def _listings(clerk: Clerk, *, is_mine: bool) -> Iterator[dict[str, Any]]:
    rows = _rows(clerk, is_mine=is_mine)
    while batch := list(islice(rows, limits.IMPORT_BATCH_ROWS_MAX)):
        yield from clerk.json(batch)


def _rows(clerk: Clerk, *, is_mine: bool) -> Iterator[ListingRow]:
    now_ms = clerk.now_ms()
    if not is_mine:
        return clerk.store.iter_listings(now_ms)
    if clerk.own is None:
        return iter(())
    return (
        row
        for row in clerk.store.own_listings(clerk.own)
        if status_of(row.header, row.listing, now_ms) not in ("expired", "withdrawn")
    )


def _raws(clerk: Clerk, *, is_mine: bool) -> Iterator[bytes]:
    """Current records of every kind, deletes too: what a neighbour would get."""
    now_ms = clerk.now_ms()
    for market in sorted(clerk.store.joined()):
        after: bytes | None = b""
        while after is not None:
            raws, after = clerk.store.range_raws(
                market, after, limits.SYNC_FRAME_BYTES_MAX, limits.SYNC_RECORDS_MAX
            )
            for raw in raws:
                header = parse(raw).header if is_mine else None
                if header is None or (header.author == clerk.own and header.expires_ms > now_ms):
                    yield raw
