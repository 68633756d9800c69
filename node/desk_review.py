"""The verb of reviews: one says of the other side of a deal how it went, once.

Says in one line why it cannot be; when it is shown is review_keeper.py's.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final, cast

from ..protocol import limits
from ..protocol.deal import ENDED, MADE, Deal, State
from ..protocol.review import MARKS, Mark
from ..protocol.told import tell
from ..store.deal_book import DealRow
from .clerk import Clerk
from .deal_json import deal_json
from .deal_keeper import folded
from .desk_args import Args
from .desk_deal import find_deal
from .desk_error import bad_value, usage
from .desk_talk import sent
from .listing_json import time_text

_REVIEWED: Final = MADE | ENDED


def review(clerk: Clerk, told: Mapping[str, Any]) -> dict[str, Any]:
    """A review of the other side of a deal; `reveal` shows what it was about, and the price."""
    args = Args("review", told, ("to", "mark", "text", "reveal"))
    mark = args.choice("mark", MARKS)
    if mark is None:
        raise usage(tell("a review needs a mark: {marks}", marks=", ".join(MARKS)))
    text = _text(args.text("text") or "")
    with clerk.pen().transaction():
        row = find_deal(clerk, args.needed("to"), _REVIEWED)
        deal = folded(clerk.store, row)
        _check_may_review(clerk, row, deal)
        message = clerk.reviewer().write(
            row, deal, cast(Mark, mark), text, reveals_terms=args.flag("reveal") is True
        )
        kept = clerk.store.reviews.of_deal(row.id)
        assert kept is not None  # noqa: S101 — it was put there just now
        return sent(clerk, message) | {
            "deal": deal_json(clerk, row),
            "mark": mark,
            "text": text,
            "published": kept.published_ms is not None,
            "published_by": time_text(kept.due_ms),
        }


def _check_may_review(clerk: Clerk, row: DealRow, deal: Deal) -> None:
    if not deal.is_made:
        raise bad_value(
            tell("it is no deal: only who has made one reviews the other side"),
            tell("`jangteo deals --all` lists yours"),
        )
    kept = clerk.store.reviews.of_deal(row.id)
    if kept is not None and kept.body is not None:
        raise bad_value(tell("you have reviewed this deal already, and it stands"))
    is_seller = deal.parties.seller == clerk.own
    own_part = State.HANDED if is_seller else State.RECEIVED
    if deal.state not in ENDED and deal.state is not own_part:
        raise bad_value(
            tell(
                "the deal is not over: `jangteo done` says that your part is, "
                "`jangteo noshow` or `jangteo cancel` that nothing comes of it"
            )
        )
    if clerk.now_ms() > row.changed_ms + limits.REVIEW_LATE_MS:
        days = limits.REVIEW_LATE_MS // limits.DAY_MS
        raise bad_value(tell("it is too late: a review is written within {days} days", days=days))


def _text(told: str) -> str:
    text = unicodedata.normalize("NFC", told).strip()
    if len(text) > limits.REVIEW_CHARS_MAX:
        raise bad_value(
            tell(
                "the review has {count:,} characters: at most {review_chars_max:,}",
                count=len(text),
                review_chars_max=limits.REVIEW_CHARS_MAX,
            )
        )
    return text
