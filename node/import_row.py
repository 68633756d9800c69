"""What every importer makes of a file's rows: listings with a ref, or the reason why not (R9)."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from ..crypto.digest import sha256
from ..protocol import canonical, limits
from ..protocol.errors import LocalProtocolError
from ..protocol.listing import Listing, fit
from ..protocol.told import tell, told_by
from .import_table import clean_text

Result: TypeAlias = Literal["ready", "skipped", "failed"]
RefKey: TypeAlias = Any
"""str (Handle, SKU, url) | [title, occurrence] | [one of these, variant]"""

_TITLE: Final = limits.TITLE_CHARS_MAX
_FAR: Final = 4


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One listing of a file, or one row that gives none.

    `line` counts from 1, physical lines. "ready" has `listing`, cut to the limits and ready to
    publish; "skipped" says why in `warnings`, "failed" in `error`. `ref` (32 bytes) stays the same
    from one import of a file to the next; None where the row could not be told apart.

    `says` names the fields of Listing that the file speaks of: the others of a listing that is
    already there stay as they are. `listing_id` (32 bytes) and `market` are there where the file
    is an export of ours: the listing is then looked for by `listing_id` first, then by `ref`.
    `photo_names` are of files beside this one.
    """

    line: int
    result: Result
    listing: Listing | None = None
    ref: bytes | None = None
    title: str = ""
    warnings: tuple[str, ...] = ()
    error: str | None = None
    says: frozenset[str] = frozenset()
    listing_id: bytes | None = None
    market: str | None = None
    photo_names: tuple[str, ...] = ()

    def over(self, existing: Listing) -> Listing:
        """`existing` as this row has it: what the file says changes, the rest stays.

        Equal to `existing` where the import changes nothing. What an earlier import marked as
        sold out (quantity 0) is active again when the file has it in stock again.
        """
        if self.listing is None:
            raise ValueError(tell("a row that is {result} changes nothing", result=self.result))
        # A file cannot carry every white space or control character that a listing may have: what
        # differs in nothing else is the same.
        as_in_a_file = _as_in_a_file(existing)
        changes = {
            name: value
            for name in self.says
            if (value := getattr(self.listing, name)) != getattr(as_in_a_file, name)
        }
        is_restocked = (
            existing.status == "sold" and existing.quantity == 0 and changes.get("quantity", 0) > 0
        )
        if is_restocked:
            changes.setdefault("status", "active")
        return replace(existing, **changes)


class RefBook:
    """The refs of one file (R9.2). A key seen before gives way to title and occurrence."""

    def __init__(self, format_name: str) -> None:
        self._format = format_name
        self._used: set[bytes] = set()
        self._occurrences: dict[str, int] = {}

    def ref(self, key: RefKey | None, title: str) -> bytes:
        if key:
            ref = ref_of(self._format, key)
            if ref not in self._used:
                self._used.add(ref)
                return ref
        name = unicodedata.normalize("NFC", " ".join(title[: 2 * _FAR * _TITLE].split()))
        occurrence = self._occurrences.get(name, 0) + 1
        self._occurrences[name] = occurrence
        ref = ref_of(self._format, [name, occurrence])
        self._used.add(ref)
        return ref


def ref_of(format_name: str, key: RefKey) -> bytes:
    """SHA-256 over canonical [format, key] (R9.2)."""
    return sha256(canonical.encode([format_name, key]))


def ready(
    line: int,
    listing: Listing,
    ref: bytes,
    *,
    says: Iterable[str],
    warnings: Iterable[str] = (),
    listing_id: bytes | None = None,
    market: str | None = None,
    photo_names: tuple[str, ...] = (),
) -> ImportRow:
    """A row with its listing cut to the limits; "failed" where it still cannot be published."""
    shorter, first_cuts = _shortened(listing)
    fitted, cuts = fit(shorter)
    notes = (*warnings, *first_cuts, *cuts)
    try:
        authored = fitted.authored()
    except LocalProtocolError as error:
        return failed(line, told_by(error), title=listing.title, ref=ref, warnings=notes)
    return ImportRow(
        line,
        "ready",
        authored,
        ref,
        authored.title,
        notes,
        says=frozenset(says),
        listing_id=listing_id,
        market=market,
        photo_names=photo_names,
    )


def _shortened(listing: Listing) -> tuple[Listing, tuple[str, ...]]:
    """`listing` without text far beyond its bound, and warnings.

    `fit` brings text into NFC first, which takes quadratic time on a long row of combining marks.
    """
    cut: dict[str, Any] = {}
    warnings = []
    for name, chars_max in (("title", _TITLE), ("description", limits.DESCRIPTION_CHARS_MAX)):
        text = getattr(listing, name)
        if len(text) > _FAR * chars_max:
            cut[name] = text[: chars_max - 1].rstrip() + "…"
            warnings.append(
                tell(
                    "{name} cut from {count} to {chars_max} characters",
                    name=name,
                    count=len(text),
                    chars_max=chars_max,
                )
            )
    for name in ("url", "category", "place"):
        cut[name] = getattr(listing, name)[: _FAR * limits.URL_CHARS_MAX]
    cut["tags"] = tuple(tag[: _FAR * limits.TAG_CHARS_MAX] for tag in listing.tags)
    return replace(listing, **cut), tuple(warnings)


def _as_in_a_file(listing: Listing) -> Listing:
    """A listing of the store as it comes back from a file."""
    cleaned = replace(
        listing,
        title=clean_text(listing.title),
        description=clean_text(listing.description),
        url=clean_text(listing.url),
        category=clean_text(listing.category),
        place=clean_text(listing.place),
        tags=tuple(clean_text(tag) for tag in listing.tags),
    )
    try:
        return fit(cleaned)[0].authored()
    except LocalProtocolError:
        return cleaned


def not_mine(line: int, title: str) -> ImportRow:
    """A listing that says whose it is: only its author's own record can bring it."""
    why = tell(
        "another author's listing: `jangteo export --format records` there makes a file that "
        "brings it here"
    )
    return skipped(line, why, title=title)


def skipped(line: int, reason: str, *, title: str = "", ref: bytes | None = None) -> ImportRow:
    return ImportRow(line, "skipped", None, ref, title, (reason,))


def failed(
    line: int,
    error: str,
    *,
    title: str = "",
    ref: bytes | None = None,
    warnings: Iterable[str] = (),
) -> ImportRow:
    return ImportRow(line, "failed", None, ref, title, tuple(warnings), error)
