"""How long ago, or how soon, in words: "just now", "3 min ago", "in 29 days"."""

from datetime import UTC, datetime

_STEPS = (
    (60, 60, "min"),
    (3600, 24, "h"),
    (86_400, 100, "day"),
    (86_400 * 30, 12, "month"),
    (86_400 * 365, 10**9, "year"),
)


def ago(moment: datetime, now: datetime) -> str:
    """`moment` as seen from `now`, both with a time zone. What was is rounded down, what comes up:
    two weeks from now are "in 14 days" all of the first day."""
    seconds = int((now - moment).total_seconds())
    if abs(seconds) < 60:
        return "just now" if seconds >= 0 else "in a moment"
    text = _span(seconds) if seconds > 0 else _span_ahead(-seconds)
    return f"{text} ago" if seconds > 0 else f"in {text}"


def ago_text(stamp: str | None, now: datetime | None = None) -> str:
    """The same for an RFC 3339 text as JSON has it; "" for None."""
    if not stamp:
        return ""
    return ago(datetime.fromisoformat(stamp), now or datetime.now(UTC))


def _span_ahead(seconds: int) -> str:
    unit_seconds = next((s for s, count_max, _ in _STEPS if seconds // s < count_max), 1)
    return _span(seconds + unit_seconds - 1)


def _span(seconds: int) -> str:
    fitting = (step for step in _STEPS if seconds // step[0] < step[1])
    unit_seconds, _, name = next(fitting, _STEPS[-1])
    count = max(seconds // unit_seconds, 1)
    plural = "s" if count > 1 and name in ("day", "month", "year") else ""
    return f"{count} {name}{plural}"
