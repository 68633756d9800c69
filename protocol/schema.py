"""Which bodies the known kinds may have and where they live (SPEC.md R8). Unknown kinds pass."""

from collections.abc import Mapping
from typing import Any

from .box_key import THREAD as BOX_THREAD
from .box_key import BoxKey
from .errors import RemoteProtocolError
from .kind import BOX, LISTING, PROFILE
from .listing import Listing
from .market import COMMONS
from .profile import THREAD as PROFILE_THREAD
from .profile import Profile


def check(
    kind: int, market: str, thread: bytes, ts_ms: int, body: Mapping[str, Any] | None
) -> Listing | None:
    """RemoteProtocolError (R7.*, R8.*) where a record of a known kind is not well formed; the
    listing, if it is one."""
    if kind == LISTING:
        if market == COMMONS:
            raise RemoteProtocolError("R8.2", "a listing does not live in commons")
        if body is not None:
            return Listing.from_body(body, ts_ms)
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
    return None
