"""Questions about a listing with their answers, as JSON. Knows which of them are to be shown."""

from typing import Any

from ..store.remark_view import RemarkRow
from ..store.row import ListingRow
from .clerk import Clerk
from .listing_json import time_text

JsonObject = dict[str, Any]


def questions_json(clerk: Clerk, row: ListingRow) -> list[JsonObject]:
    """The questions about a listing, the oldest first, each with its answers. What is over, or of
    another market than the listing, is not shown."""
    now_ms = clerk.now_ms()
    shown = [
        each
        for each in clerk.store.remarks.of_listing(row.listing_id)
        if each.header.expires_ms > now_ms and each.header.market == row.header.market
    ]
    answers: dict[bytes, list[JsonObject]] = {
        each.public_id: [] for each in shown if not each.remark.question
    }
    for each in shown:
        if each.remark.question in answers:
            answers[each.remark.question].append(answer_json(clerk, each, row))
    return [
        question_json(clerk, each) | {"answers": answers[each.public_id]}
        for each in shown
        if not each.remark.question
    ]


def question_json(clerk: Clerk, remark: RemarkRow) -> JsonObject:
    author = remark.header.author
    return {
        "id": remark.public_id.hex(),
        "author": author.hex(),
        "name": remark.author_name,
        "text": remark.remark.text,
        "at": time_text(remark.header.ts_ms),
        "mine": author == clerk.own,
    }


def answer_json(clerk: Clerk, remark: RemarkRow, row: ListingRow) -> JsonObject:
    """Of an answer to a question about `row`."""
    is_seller = remark.header.author == row.header.author
    return question_json(clerk, remark) | {"is_seller": is_seller}
