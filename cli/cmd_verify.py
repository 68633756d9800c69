"""`verify` and `reindex`: is what the store holds what was signed, and rebuilding views."""

from typing import Any

import click

from .call import Call
from .listing_view import counted
from .progress import Progress
from .tongue import _, in_tongue
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
    with call.office() as office, Progress(call.screen, _("checking")) as progress:
        for event in office.stream("verify", {}):
            if event["event"] == "progress":
                progress.total = event["total"]
                progress.to(event["done"])
            elif event["event"] == "summary":
                result = event
    shown = {name: result[name] for name in _SHOWN}
    call.screen.row(shown)
    for bad in result["bad"]:
        call.screen.say_safe(
            _("record {record}: {problem}").format(
                record=bad["record"], problem=in_tongue(bad["problem"])
            ),
            "bad",
        )
    for problem in result["views"]:
        call.screen.say_safe(_("view: {problem}").format(problem=in_tongue(problem)), "bad")
    for photo in result["photos"]:
        told = _("photo {short}: its file is damaged, or not there").format(short=photo[:16])
        call.screen.say(told, "bad")
    wrong = result["bad_count"] + len(result["views"]) + len(result["photos"])
    told = _("all is well") if result["ok"] else counted(wrong, "problem")
    call.screen.say(
        _("{records} checked: {told}").format(
            records=counted(result["records"], "record"), told=told
        )
    )
    if result["views"]:
        call.screen.talk(
            _("`{prefix} reindex` rebuilds the views").format(prefix=call.command_prefix())
        )
    if result["photos"]:
        call.screen.talk(
            _("`{prefix} reindex` drops damaged photos: neighbours give them again").format(
                prefix=call.command_prefix()
            )
        )
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
    call.screen.say(_("rebuilt from the records"))
    call.notices(result)
