"""What is said of one row of an import, and the tally of all. Knows no format and no store."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from .publisher import Draft

RESULTS: Final = ("created", "updated", "unchanged", "failed", "skipped", "withdrawn")


@dataclass(slots=True)
class ImportStep:
    """One row of a batch on its way: what is to be published for it, and what is said of it."""

    line: int
    result: str
    title: str
    warnings: tuple[str, ...] = ()
    error: str | None = None
    draft: Draft | None = None
    listing_id: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "row",
            "line": self.line,
            "result": self.result,
            "id": None if self.listing_id is None else self.listing_id.hex(),
            "title": self.title,
            "warnings": list(self.warnings),
            "error": self.error,
        }


@dataclass(slots=True)
class ImportTally:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RESULTS, 0))

    def note(self, steps: Iterable[ImportStep]) -> Iterator[dict[str, Any]]:
        for step in steps:
            self.counts[step.result] += 1
            yield step.to_json()

    def summary(self, notices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"event": "summary", **self.counts, **more, "notices": notices}


def notice(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
