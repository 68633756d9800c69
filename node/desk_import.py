"""The verb import: a file's rows become listings of one's own, again and again the same ones; and
signed records, whoever signed them, are admitted as they are.

Works in batches, each one durable transaction; what was yielded is committed. Knows what changes
and what does not; the formats are `import_file`'s.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ..protocol import limits
from ..protocol.envelope import listing_id
from ..protocol.errors import LocalProtocolError
from ..protocol.kind import LISTING
from ..protocol.market import OPEN
from ..protocol.photo import Photo
from ..protocol.told import tell, tell_count
from ..store.row import ListingRow
from . import import_source, photo_form
from .clerk import Clerk
from .desk_args import Args, refused
from .desk_error import DeskError, bad_value
from .desk_listing import market_of, withdrawal
from .import_file import AUTO, FORMATS, ListingFile, open_listing_file, read_rows
from .import_records import import_records
from .import_row import ImportRow
from .import_step import ImportStep, ImportTally, notice
from .publisher import Draft, not_joined

JsonObject = dict[str, Any]
_SOURCE_CHARS_MAX: Final = 64


def import_file(clerk: Clerk, told: Mapping[str, Any]) -> Iterator[JsonObject]:
    """{"event": "start"}, a {"event": "row"} for each row, {"event": "summary"}."""
    args = Args(
        "import",
        told,
        ("path", "format", "currency", "per_variant", "withdraw_missing", "source", "market",
         "dry_run", "photos"),
    )  # fmt: skip
    told_path = args.needed("path")
    if "\0" in told_path:
        raise bad_value(tell("path has a null character: no file is called so"))
    path = Path(told_path)
    file_format = args.choice("format", (AUTO, *FORMATS)) or AUTO
    is_dry = args.flag("dry_run") or False
    if not is_dry:
        clerk.pen()
    try:
        file = open_listing_file(path, file_format)
        yield {"event": "start", "format": file.format, "rows": file.line_count or None}
        if file.format == "records":
            yield from import_records(clerk, path, is_dry=is_dry)
        else:
            yield from _ListingImport(clerk, args, is_dry).run(file)
    except LocalProtocolError as error:
        raise refused(error) from None
    except OSError as error:
        raise bad_value(
            tell("cannot read {path}: {why}", path=path, why=error.strerror or error)
        ) from None


class _ListingImport:
    """One import of one file of listings. `seen` are the refs that the file has, good or bad."""

    def __init__(self, clerk: Clerk, args: Args, is_dry: bool) -> None:
        self._clerk = clerk
        self._is_dry = is_dry
        self._market = market_of(args) if "market" in args else None
        if self._market is not None and self._market not in clerk.store.joined():
            raise not_joined(self._market)
        self._currency = args.currency("currency") or clerk.currency
        self._per_variant = args.flag("per_variant") or False
        self._has_photos = "photos" in args
        self._photos = _named_photos(args.value("photos"))
        self._withdraws = args.flag("withdraw_missing") or False
        self._name = " ".join((args.text("source") or "").split())
        if len(self._name) > _SOURCE_CHARS_MAX:
            raise bad_value(
                tell(
                    "source is a name of at most {source_chars_max} characters",
                    source_chars_max=_SOURCE_CHARS_MAX,
                )
            )
        self._live = clerk.store.own_active(clerk.now_ms())
        self._seen: dict[str, set[bytes]] = {}
        self._present: dict[str, set[bytes]] = {}
        self._unreadable = 0
        self._tally = ImportTally()
        self._notices: list[JsonObject] = []

    def run(self, file: ListingFile) -> Iterator[JsonObject]:
        self._notices += [
            notice("file", tell("{name}: {told}", name=file.path.name, told=told))
            for told in file.warnings
        ]
        rows = read_rows(
            file,
            currency=self._currency,
            per_variant=self._per_variant,
            mine=self._clerk.own,
            now_ms=self._clerk.now_ms(),
        )
        while batch := list(islice(rows, limits.IMPORT_BATCH_ROWS_MAX)):
            yield from self._tally.note(self._do(batch))
        source = yield from self._settle()
        yield self._tally.summary(
            self._notices, dry_run=self._is_dry, format=file.format, source=source
        )

    def _do(self, batch: list[ImportRow]) -> list[ImportStep]:
        """What becomes of some rows, committed."""
        if self._is_dry:
            return [self._step(row) for row in batch]
        pen = self._clerk.pen()
        with pen.transaction():
            steps = [self._step(row) for row in batch]
            wanting = [(step, step.draft) for step in steps if step.draft is not None]
            outcomes = pen.publish_each([draft for _, draft in wanting])
            for (step, draft), outcome in zip(wanting, outcomes, strict=True):
                if isinstance(outcome, DeskError):
                    if step.result == "created":
                        self._live -= 1
                    step.result, step.error, step.listing_id = "failed", outcome.message, None
                else:
                    step.listing_id = listing_id(draft.thread_key)
        return steps

    def _step(self, row: ImportRow) -> ImportStep:
        market = self._market or row.market or OPEN
        if row.ref is not None and row.result != "skipped":
            self._seen.setdefault(market, set()).add(row.ref)
        if row.result == "failed" and row.ref is None:
            self._unreadable += 1
        if row.listing is None:
            return ImportStep(row.line, row.result, row.title, row.warnings, row.error)
        existing = self._existing(row, market)
        row = self._with_photos(row, () if existing is None else existing.listing.photos)
        if existing is None:
            return self._create(row, market)
        if row.ref is not None and existing.listing.ref == row.ref:
            self._present.setdefault(existing.header.market, set()).add(row.ref)
        after = row.over(existing.listing)
        warnings = row.warnings
        is_expired = existing.status_at(self._clerk.now_ms()) == "expired"
        if is_expired and "until_ms" not in row.says:
            after = replace(after, until_ms=None)
            warnings = (*warnings, tell("it had expired: put up again"))
        if after == existing.listing and not is_expired:
            return ImportStep(
                row.line, "unchanged", row.title, warnings, None, None, existing.listing_id
            )
        draft = Draft(LISTING, existing.header.thread_key, after.to_body(), existing.header)
        return ImportStep(
            row.line, "updated", row.title, warnings, None, draft, existing.listing_id
        )

    def _with_photos(self, row: ImportRow, before: tuple[Photo, ...]) -> ImportRow:
        """`row` with those of its photos that are here, or were its listing's `before`."""
        row = self._with_named(row)
        if row.listing is None or not row.listing.photos:
            return row
        clerk, told = self._clerk, row.listing.photos
        photos = tuple(one for one in told if one in before or photo_form.is_here(clerk, one))
        if not self._is_dry:
            photo_form.keep(clerk, [one for one in photos if one not in before])
        if len(photos) == len(told):
            return row
        left_out = tell_count(
            "a photo is not in this home, and left out",
            "{n} photos are not in this home, and left out",
            len(told) - len(photos),
        )
        listing = replace(row.listing, photos=photos)
        return replace(row, listing=listing, warnings=(*row.warnings, left_out))

    def _with_named(self, row: ImportRow) -> ImportRow:
        """`row` with the photos that it names as files."""
        if row.listing is None or not row.photo_names or (self._is_dry and self._has_photos):
            return row
        found = [self._photos[name] for name in row.photo_names if name in self._photos]
        named = {photo.hash: photo for photo in (*row.listing.photos, *found)}
        photos = tuple(named.values())[: limits.PHOTOS_MAX]
        warnings = row.warnings
        if not self._has_photos:
            warnings += (tell("photos beside the file come with `jangteo import … --photos`"),)
        elif len(found) < len(row.photo_names) or len(named) > len(photos):
            left_out = len(row.photo_names) - len(found) + len(named) - len(photos)
            warnings += (tell_count("a photo left out", "{n} photos left out", left_out),)
        if not photos:
            return replace(row, warnings=warnings)
        return replace(
            row,
            listing=replace(row.listing, photos=photos),
            says=row.says | {"photos"},
            warnings=warnings,
        )

    def _create(self, row: ImportRow, market: str) -> ImportStep:
        if row.listing is None:
            raise ValueError("only a row that is ready creates")
        if self._live >= limits.LIVE_THREADS_PER_AUTHOR_MAX:
            error = tell(
                "an author has at most {live_threads_per_author_max:,} listings",
                live_threads_per_author_max=limits.LIVE_THREADS_PER_AUTHOR_MAX,
            )
            if all(one["code"] != "crowded" for one in self._notices):
                self._notices.append(
                    notice("crowded", tell("{error}: withdraw some first", error=error))
                )
            return ImportStep(row.line, "failed", row.title, row.warnings, error)
        self._live += 1
        if row.ref is not None:
            self._present.setdefault(market, set()).add(row.ref)
        if self._is_dry:
            return ImportStep(row.line, "created", row.title, row.warnings)
        created_ms = row.listing.created_ms or self._clerk.now_ms()
        listing = replace(row.listing, created_ms=created_ms, ref=row.ref)
        draft = Draft(LISTING, self._clerk.pen().fresh_thread(market), listing.to_body(), None)
        return ImportStep(row.line, "created", row.title, row.warnings, None, draft)

    def _existing(self, row: ImportRow, market: str) -> ListingRow | None:
        """The own listing that this row is a newer form of: by its id, else by its ref."""
        own, store = self._clerk.own, self._clerk.store
        if own is None:
            return None
        if row.listing_id is not None:
            found = store.listing(row.listing_id)
            if found is not None and found.header.author == own:
                return found
        return None if row.ref is None else store.own_by_ref(own, market, row.ref)

    def _settle(self) -> Generator[JsonObject, None, str | None]:
        """Takes back what the file no longer has, if asked to, and remembers the file's rows."""
        sources = import_source.load(self._clerk.store)
        names = []
        for market in sorted(set(self._seen) | ({self._market or OPEN} if self._name else set())):
            seen = frozenset(self._seen.get(market, ()))
            present = frozenset(self._present.get(market, ()))
            source = import_source.source_of(sources, name=self._name, market=market, refs=seen)
            if source is None:
                if self._withdraws:
                    self._say_unknown()
                source = import_source.fresh(sources, name=self._name, market=market)
            sources.append(source)
            gone: frozenset[bytes] = frozenset()
            if self._withdraws:
                others = [
                    one.refs
                    for one in sources
                    if one.market == market and one.number != source.number
                ]
                gone = source.refs - seen - frozenset().union(*others)
            if gone and self._unreadable:
                self._notices.append(notice(
                    "not-withdrawn",
                    tell("nothing was taken back: {unreadable} row(s) could not be told apart, "
                         "and may be what is missing", unreadable=self._unreadable),
                ))  # fmt: skip
                gone = frozenset()
            yield from self._withdraw(market, gone)
            names.append(source.name)
            if not self._is_dry:
                kept = replace(source, refs=(source.refs - gone) | present)
                with self._clerk.store.write(durable=True):
                    import_source.remember(self._clerk.store, kept)
        return ", ".join(filter(None, names)) or None

    def _withdraw(self, market: str, refs: frozenset[bytes]) -> Iterator[JsonObject]:
        """Only what this source once brought, and what is still there."""
        own = self._clerk.own
        if own is None or not refs:
            return
        found = (self._clerk.store.own_by_ref(own, market, ref) for ref in sorted(refs))
        now_ms = self._clerk.now_ms()
        rows = [row for row in found if row is not None and row.status_at(now_ms) != "expired"]
        for begin in range(0, len(rows), limits.IMPORT_BATCH_ROWS_MAX):
            batch = rows[begin : begin + limits.IMPORT_BATCH_ROWS_MAX]
            if not self._is_dry:
                pen = self._clerk.pen()
                with pen.transaction():
                    for row in batch:
                        pen.publish(withdrawal(row))
            yield from self._tally.note(
                ImportStep(0, "withdrawn", row.listing.title, listing_id=row.listing_id)
                for row in batch
            )

    def _say_unknown(self) -> None:
        self._notices.append(notice(
            "not-withdrawn",
            tell("nothing was taken back: this file has too few rows in common with any earlier "
                 "import to be a newer edition of it; --source NAME, given at each import, ties "
                 "them together"),
        ))  # fmt: skip


def _named_photos(told: object) -> dict[str, Photo]:
    """{name: photo as JSON}: what was made of files beside the one that names them."""
    if told is None:
        return {}
    if not isinstance(told, Mapping) or len(told) > limits.IMPORT_PHOTOS_MAX:
        raise bad_value(
            tell("photos are at most {most} by their names", most=limits.IMPORT_PHOTOS_MAX)
        )
    return {str(name): photo_form.photos_from([photo])[0] for name, photo in told.items()}
