"""`import`: listings from a file; a line for each row with a problem, a sum at the end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..node.desk_error import DeskError, usage
from ..node.safe_text import is_text, safe_line
from ..protocol.told import tell
from . import cells
from .call import Call
from .listing_view import counted
from .progress import Progress
from .tongue import N_, _, in_tongue
from .verb import verb

_PROBLEMS_SHOWN = 20
_RESULTS = {
    "created": N_("{n:,} created"),
    "updated": N_("{n:,} updated"),
    "unchanged": N_("{n:,} unchanged"),
    "withdrawn": N_("{n:,} withdrawn"),
    "skipped": N_("{n:,} skipped"),
    "failed": N_("{n:,} failed"),
}


@verb(
    name="import",
    examples=(
        "jangteo import products.csv --currency USD --dry-run",
        "jangteo import products.csv --currency USD --withdraw-missing",
        "jangteo import goods/list.csv --photos",
        "jangteo import market.jsonl",
        "jangteo import /media/usb/records.jangteo --format records",
    ),
    prints="The first rows that failed or were cut to fit, then the sums; with --json "
    'an object a row and last {"event": "summary", …}.',
)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
@click.option(
    "--format",
    metavar="WORD",
    help="auto, shopify, woocommerce, csv, jsonl or records; auto looks at the file.",
)
@click.option("--currency", metavar="CODE", help="Of prices that name none, such as USD.")
@click.option("--per-variant", is_flag=True, help="One listing per variant where prices differ.")
@click.option("--withdraw-missing", is_flag=True, help="Take back what the file no longer has.")
@click.option("--source", metavar="NAME", help="What tells one file of yours from another.")
@click.option("--market", metavar="NAME", help="Where to put them up; open unless told.")
@click.option(
    "--photos",
    "has_photos",
    is_flag=True,
    help="Take photos too: the files that the column photo names, in the folder of this one.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.pass_obj
def import_(call: Call, /, path: str, **told: Any) -> int | None:
    """Bring listings in from a file.

    Product exports of Shopify and WooCommerce, a plain CSV with a header (title, price,
    currency, description, category, condition, place, quantity, url; also in Korean and
    Japanese), and what `jangteo export` writes. Doing it again updates what changed and never
    doubles. A bad row is reported and never stops the others; the exit code is 1 only if every
    row failed.
    """
    file = Path(path)
    if not file.is_file():
        if file.exists():
            message = tell("{path} is no regular file: save it to one first", path=path)
        else:
            message = tell("{path} does not exist", path=path)
        raise DeskError("failed", message)
    if not is_text(str(file.absolute())):
        raise usage(tell("the name of {path} is not UTF-8: rename it first", path=path))
    has_photos = told.pop("has_photos")
    arguments = {name: value for name, value in told.items() if value not in (None, False)}
    if has_photos and call.home.has_identity:
        arguments["photos"] = _bring_photos(call, file, told)
    summary: dict[str, Any] = {}
    problem_count, is_own = 0, True
    try:
        with call.office() as office, Progress(call.screen, _("importing")) as progress:
            for event in office.stream("import", {"path": str(file.absolute()), **arguments}):
                call.screen.row(event)
                if event["event"] == "start":
                    progress.total = event.get("rows")
                    is_own = event.get("format") != "records"
                elif event["event"] == "row":
                    progress.step()
                    if event["result"] == "failed" or event["warnings"]:
                        problem_count += 1
                        if problem_count <= _PROBLEMS_SHOWN:
                            _report_row(call, progress, event)
                elif event["event"] == "summary":
                    summary = event
                    call.is_done = not told.get("dry_run")
    except KeyboardInterrupt:
        if not told.get("dry_run"):
            call.screen.talk(_("stopped: what had come stays; the same line again does the rest"))
        raise
    if problem_count > _PROBLEMS_SHOWN:
        more = counted(problem_count - _PROBLEMS_SHOWN, "more row")
        call.screen.talk(
            _("… and {more} with something to say; --json tells all").format(more=more), "dim"
        )
    _print_summary(call, summary, "mine" if is_own else "search")
    has_come = any(summary.get(name) for name in _RESULTS if name != "failed")
    return 1 if summary.get("failed") and not has_come else None


def _bring_photos(call: Call, file: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """The photos of the files that `file` names; a line for each that is none."""
    from ..node.import_photos import bring_named, names_in

    currency = told["currency"] or call.config().currency
    names = names_in(file, told["format"] or "auto", currency)
    brought: dict[str, Any] = {}
    wrong_count = 0
    with Progress(call.screen, _("photos"), len(names)) as progress:
        photos = bring_named(call.home, file, names, is_dry=told["dry_run"])
        for name, photo in photos:
            progress.step()
            if isinstance(photo, dict):
                brought[name] = photo
            elif photo is not None:
                wrong_count += 1
                if wrong_count <= _PROBLEMS_SHOWN:
                    progress.clear()
                    call.screen.talk(f"! {safe_line(in_tongue(photo))}", "bad")
    if wrong_count > _PROBLEMS_SHOWN:
        more = counted(wrong_count - _PROBLEMS_SHOWN, "photo")
        call.screen.talk(_("… and {more} more that cannot be taken").format(more=more), "dim")
    return brought


def _report_row(call: Call, progress: Progress, event: dict[str, Any]) -> None:
    told = in_tongue(event["error"] or "") or "; ".join(map(in_tongue, event["warnings"]))
    title = cells.clip(safe_line(event["title"] or ""), 40)
    name = f" {title}:" if title else ""
    mark = "!" if event["result"] == "failed" else "-"
    progress.clear()
    style = "bad" if event["result"] == "failed" else "dim"
    call.screen.talk(
        f"{mark} {_('line {line}').format(line=event['line'])}:{name} {safe_line(told)}",
        style,
    )


def _print_summary(call: Call, summary: dict[str, Any], where: str) -> None:
    """`where` is the command that shows what has come."""
    counts = [
        _(pattern).format(n=summary[name])
        for name, pattern in _RESULTS.items()
        if summary.get(name)
    ]
    line = ", ".join(counts) or _("no rows")
    if summary.get("dry_run"):
        line = _("would be: {line}; nothing was changed").format(line=line)
    call.screen.say(line)
    call.notices(summary)
    if not summary.get("dry_run") and summary.get("created"):
        call.screen.talk(
            _("see them: `{prefix} {where}`").format(prefix=call.command_prefix(), where=where),
            "dim",
        )
