"""The verbs of questions about listings, which everybody can read: ask, answer, unask."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ..protocol.errors import LocalProtocolError
from ..protocol.kind import ANSWER, QUESTION
from ..protocol.remark import Remark
from ..protocol.told import tell
from ..store.remark_view import RemarkRow
from ..store.row import ListingRow
from .clerk import ID_HEX_MIN, Clerk
from .desk_args import Args, refused
from .desk_error import EXIT_UNKNOWN_ID, EXIT_USAGE, DeskError, bad_value
from .publisher import Draft
from .remark_json import answer_json, question_json

_SHORT: Final = 8
_ID_HEX: Final = 64
_SHOWN_MAX: Final = 5


def ask(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """A question about a listing of somebody else's: {"question", "listing", "changed"}. Asked once
    more in the same words it changes nothing."""
    args = Args("ask", told, ("id", "text"))
    typed, text = args.needed("id"), args.needed("text")
    with clerk.pen().transaction():
        row = _askable(clerk, typed)
        remark = _authored(Remark(row.listing_id, text))
        asked = _said(clerk, remark)
        is_new = asked is None
        if asked is None:
            asked = _publish(clerk, row, QUESTION, remark)
        return {
            "question": question_json(clerk, asked),
            "listing": _listing(row),
            "changed": is_new,
        }


def answer(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """An answer to a question, whose `id` it takes: {"answer", "question", "listing", "changed"}"""
    args = Args("answer", told, ("id", "text"))
    typed, text = args.needed("id"), args.needed("text")
    with clerk.pen().transaction():
        question = _question(clerk, typed)
        row = clerk.store.listing(question.remark.listing)
        if row is None:
            raise bad_value(
                tell("what was asked about is not here any more"),
                tell(
                    "`jangteo send {author} TEXT` writes to who asked",
                    author=question.header.author.hex()[:16],
                ),
            )
        remark = _authored(Remark(row.listing_id, text, question.public_id))
        answered = _said(clerk, remark)
        is_new = answered is None
        if answered is None:
            answered = _publish(clerk, row, ANSWER, remark)
        return {
            "answer": answer_json(clerk, answered, row),
            "question": question_json(clerk, question),
            "listing": _listing(row),
            "changed": is_new,
        }


def unask(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a question or an answer of one's own back, for good: {"id", "kind", "text"}"""
    typed = Args("unask", told, ("id",)).needed("id")
    with clerk.pen().transaction():
        found = _found(clerk, typed)
        header = found.header
        if header.author != clerk.own:
            by = found.author_name or header.author.hex()[:_SHORT]
            raise DeskError(
                "not-yours",
                tell("that is {by}'s: only its author can take it back", by=by),
                tell(
                    "`jangteo block {author}` keeps an author out of your sight",
                    author=header.author.hex()[:16],
                ),
                EXIT_USAGE,
            )
        clerk.pen().publish(Draft(header.kind, header.thread_key, None, header))
        return {
            "id": found.public_id.hex(),
            "kind": "answer" if found.remark.question else "question",
            "text": found.remark.text,
        }


def _askable(clerk: Clerk, typed: str) -> ListingRow:
    row = clerk.find_listing(typed)
    short = row.listing_id.hex()[:_SHORT]
    if row.header.is_delete:
        raise bad_value(
            tell("{short} was withdrawn: there is nothing left to ask about", short=short)
        )
    if row.header.author == clerk.own:
        raise bad_value(
            tell("that is your own listing: you know it best"),
            tell("`jangteo edit {short} --description TEXT` says more about it", short=short),
        )
    status = row.status_at(clerk.now_ms())
    if status in ("sold", "expired"):
        raise bad_value(
            tell("{short} is sold: nobody will answer there", short=short)
            if status == "sold"
            else tell("{short} has expired: nobody will answer there", short=short),
            tell("`jangteo send {short} TEXT` writes to its seller", short=short),
        )
    return row


def _question(clerk: Clerk, typed: str) -> RemarkRow:
    found = _found(clerk, typed)
    if found.remark.question:
        raise bad_value(
            tell("that is an answer: only questions are answered"),
            tell("its question is {question}", question=found.remark.question.hex()[:_SHORT]),
        )
    return found


def _found(clerk: Clerk, typed: str) -> RemarkRow:
    """The question or the answer of an id or of its unique beginning."""
    prefix = typed.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{ID_HEX_MIN},{_ID_HEX}}}", prefix):
        raise bad_value(
            tell(
                "{typed!r} is no id of a question: type at least its first {id_hex_min} digits",
                typed=typed,
                id_hex_min=ID_HEX_MIN,
            ),
            tell("`jangteo show ID` lists the questions about a listing"),
        )
    found = clerk.store.remarks.find(prefix)
    if not found and clerk.store.find(prefix):
        raise bad_value(
            tell("{prefix} is a listing, not a question", prefix=prefix[:_SHORT]),
            tell("`jangteo show {prefix}` lists the questions about it", prefix=prefix[:_SHORT]),
        )
    if not found:
        raise DeskError(
            "unknown-id",
            tell("no question here begins with {typed!r}", typed=typed),
            tell("`jangteo show ID` lists the questions about a listing"),
            EXIT_UNKNOWN_ID,
        )
    if len(found) > 1:
        length = max(_SHORT, len(prefix) + 4)
        shown = [f"{one.public_id.hex()[:length]} {one.remark.text[:30]}" for one in found]
        told = ", ".join(" ".join(each.split()) for each in shown[:_SHOWN_MAX])
        raise DeskError(
            "ambiguous",
            tell("{typed!r} begins {count} ids: {told}", typed=typed, count=len(found), told=told),
            tell("type more of it"),
            EXIT_USAGE,
        )
    return found[0]


def _said(clerk: Clerk, remark: Remark) -> RemarkRow | None:
    """The same words about the same by oneself, where they stand already."""
    for each in clerk.store.remarks.of_listing(remark.listing):
        if each.header.author == clerk.own and each.remark == remark:
            return each if each.header.expires_ms > clerk.now_ms() else None
    return None


def _publish(clerk: Clerk, row: ListingRow, kind: int, remark: Remark) -> RemarkRow:
    thread_key = clerk.pen().fresh_thread(row.header.market)
    record = clerk.pen().publish(Draft(kind, thread_key, remark.to_body(), None))
    said = [
        one for one in clerk.store.remarks.of_listing(row.listing_id) if one.header == record.header
    ]
    if not said:
        raise DeskError(
            "store", tell("the store does not show what was just written: run `reindex`")
        )
    return said[0]


def _authored(remark: Remark) -> Remark:
    try:
        return remark.authored()
    except LocalProtocolError as error:
        raise refused(error) from None


def _listing(row: ListingRow) -> dict[str, Any]:
    return {"id": row.listing_id.hex(), "title": row.listing.title}
