"""`verify` and `reindex`: is what the store holds what was signed, and rebuilding views."""

from typing import Any

import click

from .call import Call
from .listing_view import counted
from .progress import Progress
from .verb import verb

_SHOWN = ("records", "bad", "bad_count", "views", "photos", "ok")


@verb(
    examples=("jangteo verify", "jangteo verify --json"),
    prints='How many records were checked and what is wrong; with --json {"records", "bad", '
    '"bad_count", "views", "photos", "ok"}. Exit code 1 if something is.',
)
@click.pass_obj
def verify(call: Call) -> int | None:
    """Check every signature and view in the store.

    Each record is checked against its author's key again, and what is derived from the records
    against a rebuild; and each photo's file against its hash.
    """
    result: dict[str, Any] = {}
    with call.office() as office, Progress(call.screen, "checking") as progress:
        for event in office.stream("verify", {}):
            if event["event"] == "progress":
                progress.total = event["total"]
                progress.to(event["done"])
            elif event["event"] == "summary":
                result = event
    shown = {name: result[name] for name in _SHOWN}
    call.screen.row(shown)
    for bad in result["bad"]:
        call.screen.say_safe(f"record {bad['record']}: {bad['problem']}", "bad")
    for problem in result["views"]:
        call.screen.say_safe(f"view: {problem}", "bad")
    for photo in result["photos"]:
        call.screen.say(f"photo {photo[:16]}: its file is damaged, or not there", "bad")
    wrong = result["bad_count"] + len(result["views"]) + len(result["photos"])
    told = "all is well" if result["ok"] else f"{counted(wrong, 'problem')}"
    call.screen.say(f"{counted(result['records'], 'record')} checked: {told}")
    if result["views"]:
        call.screen.talk(f"`{call.command_prefix()} reindex` rebuilds the views")
    if result["photos"]:
        call.screen.talk("`reindex` drops damaged photos: neighbours who have them give them again")
    call.notices(result)
    return None if result["ok"] else 1


@verb(
    examples=("jangteo reindex",),
    prints='That it is done; with --json {"reindexed": true}.',
)
@click.pass_obj
def reindex(call: Call) -> None:
    """Rebuild what is derived from the records.

    Search, counts and listings are made anew from the signed records, which do not change.
    """
    result = call.ask("reindex")
    call.screen.row({"reindexed": True})
    call.screen.say("rebuilt from the records")
    call.notices(result)
