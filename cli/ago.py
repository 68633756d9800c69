"""How long ago, or how soon, in words: "just now", "3 min ago", "in 29 days"."""

from datetime import UTC, datetime

from .tongue import spoken


def ago(moment: datetime, now: datetime) -> str:
    """`moment` as seen from `now`, both with a time zone."""
    return spoken().since(int((now - moment).total_seconds()))


def ago_text(stamp: str | None, now: datetime | None = None) -> str:
    """The same for an RFC 3339 text as JSON has it; "" for None."""
    if not stamp:
        return ""
    return ago(datetime.fromisoformat(stamp), now or datetime.now(UTC))
