"""How long ago, or how soon, in words: "just now", "3 min ago", "in 29 days"."""

from datetime import UTC, datetime

_STEPS = (
    (60, 60, "min"),
    (3600, 24, "h"),
    (86_400, 30, "day"),
    (86_400 * 30, 12, "month"),
    (86_400 * 365, 10**9, "year"),
)


def ago(moment: datetime, now: datetime) -> str:
    """`moment` as seen from `now`, rounded down; both with a time zone."""
    seconds = int((now - moment).total_seconds())
    if abs(seconds) < 60:
        return "just now" if seconds >= 0 else "in a moment"
    text = _span(abs(seconds))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def ago_text(stamp: str | None, now: datetime | None = None) -> str:
    """The same for an RFC 3339 text as JSON has it; "" for None."""
    if not stamp:
        return ""
    return ago(datetime.fromisoformat(stamp), now or datetime.now(UTC))


def _span(seconds: int) -> str:
    fitting = (step for step in _STEPS if seconds // step[0] < step[1])
    unit_seconds, _, name = next(fitting, _STEPS[-1])
    count = max(seconds // unit_seconds, 1)
    plural = "s" if count > 1 and name in ("day", "month", "year") else ""
    return f"{count} {name}{plural}"
