"""Bringing a file of listings in (Shopify, WooCommerce, CSV, JSON Lines, signed records), with a
report of what became of each row."""

import shutil
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import trio
from starlette.responses import Response

from ...protocol import limits
from ..desk_error import DeskError
from ..import_file import AUTO, FORMATS
from .upload import Sent, sent_form, whole
from .visit import Routes, Visit

_SHOWN_MAX: Final = 200


async def form(visit: Visit) -> Response:
    return await visit.show("import.html", formats=(AUTO, *FORMATS), why="", report=None)


async def bring(visit: Visit) -> Response:
    _ = visit.tongue.gettext
    context: dict[str, Any] = {"formats": (AUTO, *FORMATS), "why": "", "report": None}
    async with sent_form(visit.request, limits.PAGE_IMPORT_BYTES_MAX) as sent:
        if len(sent.files) != 1:
            context["why"] = _("Choose a file first.")
            return await visit.show("import.html", 422, **context)
        data = await whole(sent.files[0], limits.PAGE_IMPORT_BYTES_MAX)
        suffix = Path(sent.files[0].filename or "").suffix[:10]
    folder = Path(await trio.to_thread.run_sync(tempfile.mkdtemp))
    try:
        path = folder / f"goods{suffix if suffix[1:].isalnum() else ''}"
        await trio.to_thread.run_sync(path.write_bytes, data)
        context["report"] = await _report(visit, sent, path)
    except DeskError as error:
        context["why"] = visit.why(error).replace(str(folder), "").replace("/goods", "goods")
    finally:
        await trio.to_thread.run_sync(shutil.rmtree, folder)
    return await visit.show("import.html", 422 if context["why"] else 200, **context)


async def _report(visit: Visit, sent: Sent, path: Path) -> dict[str, Any]:
    is_dry = "dry" in sent.fields
    told: dict[str, Any] = {"path": str(path), "format": sent.word("format") or AUTO}
    told |= {"dry_run": True} if is_dry else {}
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    left_out = 0
    async with aclosing(visit.ways.desk.stream("import", told)) as batches:
        async for batch in batches:
            for event in batch:
                if event["event"] == "summary":
                    summary = event
                elif event["event"] == "row" and (event.get("error") or event.get("warnings")):
                    left_out += len(rows) >= _SHOWN_MAX
                    rows += [event] if len(rows) < _SHOWN_MAX else []
    return {"rows": rows, "summary": summary, "left_out": left_out, "is_dry": is_dry}


ROUTES: Final[Routes] = (
    ("GET", "/import", form),
    ("POST", "/import", bring),
)
