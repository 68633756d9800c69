"""`watch`: what happens in the running node, line by line."""

import time
from typing import Any

import click

from ..node.desk_error import DeskError, needs_node
from ..node.safe_text import safe_line
from .call import Call
from .event_view import event_text
from .tongue import _
from .verb import verb


@verb(
    examples=("jangteo watch", "jangteo watch --json | jq .event"),
    prints="A line per event until Ctrl-C; with --json one event a line: peer, listing, message, "
    "delivery, deal, sync, warning, warning-over, stopping.",
)
@click.pass_obj
def watch(call: Call) -> None:
    """Print what happens, as it happens.

    Neighbours coming and going, new listings and changes, exchanges of records. Needs a running
    node (`jangteo up`), and ends with it.
    """
    call.screen.go_live()
    with call.office() as office:
        if office.node is None:
            raise needs_node("watch")
        call.screen.talk(_("watching; Ctrl-C ends it"), "dim")
        is_over = False
        try:
            for event in office.stream("watch", {}):
                _tell(call, event)
                is_over = event.get("event") == "stopping"
        except DeskError as error:
            # It may end before it could tell.
            if error.code != "node-gone":
                raise
        if not is_over:
            _tell(call, {"event": "stopping"})


def _tell(call: Call, event: dict[str, Any]) -> None:
    call.screen.row(event)
    told = event_text(event)
    if told is not None and not call.screen.is_json:
        clock = call.screen.paint(time.strftime("%H:%M:%S"), "dim")
        told = call.named(told) if event["event"] == "warning" else told
        print(f"{clock} {safe_line(told)}")
