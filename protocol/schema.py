"""Which bodies the known kinds may have and where they live (SPEC.md R8). Unknown kinds pass."""

from collections.abc import Mapping
from typing import Any

from .box_key import THREAD as BOX_THREAD
from .box_key import BoxKey
from .errors import RemoteProtocolError
from .kind import ANSWER, BOX, LISTING, PROFILE, QUESTION, REVIEW
from .listing import Listing
from .market import COMMONS
from .profile import THREAD as PROFILE_THREAD
from .profile import Profile
from .remark import Remark
from .review import Review


def check(
    kind: int, author: bytes, market: str, thread: bytes, ts_ms: int, body: Mapping[str, Any] | None
) -> Listing | Review | None:
    """RemoteProtocolError (R7.*, R8.*, R15.*) where a record of a known kind is not well formed;
    the listing or the review, if it is one."""
    if kind == LISTING:
        if market == COMMONS:
            raise RemoteProtocolError("R8.2", "a listing does not live in commons")
        if body is not None:
            return Listing.from_body(body, ts_ms)
    elif kind in (QUESTION, ANSWER):
        if market == COMMONS:
            raise RemoteProtocolError("R8.12", "a question lives in the market of its listing")
        if body is not None:
            Remark.from_body(body, is_answer=kind == ANSWER)
    elif kind == PROFILE:
        if market != COMMONS or thread != PROFILE_THREAD:
            raise RemoteProtocolError("R8.3", "a profile is the zero thread of commons")
        if body is not None:
            Profile.from_body(body)
    elif kind == BOX:
        if market != COMMONS or thread != BOX_THREAD:
            raise RemoteProtocolError("R8.8", "a box key is thread 1 of commons")
        if body is not None:
            BoxKey.from_body(body)
    elif kind == REVIEW:
        if market != COMMONS:
            raise RemoteProtocolError("R15.1", "a review lives in commons")
        if body is not None:
            review = Review.from_body(body)
            if review.author != author or review.thread != thread:
                raise RemoteProtocolError("R15.1", "a review is one of its author's, of its deal")
            return review
    return None
