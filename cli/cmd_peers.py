"""`peers`, `connect`, `sync`: the neighbours of the running node."""

import click

from ..node.desk_error import usage
from ..protocol.pointer import Pointer, is_pointer
from ..protocol.told import tell
from .ago import ago_text
from .call import Call
from .pointed import connect_to
from .table import Column
from .tongue import _, in_tongue
from .verb import verb

_PEER_CHARS = 8
_COLUMNS = (
    Column("PEER", 9, 5, is_whole=True, style="id"),
    Column("ADDRESS", 12, 3),
    Column("CAME", 4, 2),
    Column("SINCE", 8, 1, style="dim"),
)


@verb(
    examples=("jangteo peers", "jangteo peers --json"),
    prints='A peer a line; with --json {"peer", "address", "inbound", "since", …} each.',
)
@click.pass_obj
def peers(call: Call) -> None:
    """List the neighbours the node is connected to.

    A neighbour is shown by the end of its id, which `sync` takes too. Needs a running node
    (`jangteo up`).
    """
    result = call.ask("peers")
    for peer in result["peers"]:
        call.screen.row(peer)
    if result["peers"]:
        rows = [
            (
                f"…{peer['peer'][-_PEER_CHARS:]}",
                peer["address"].split("/p2p/")[0],
                _("to us") if peer["inbound"] else _("from us"),
                ago_text(peer.get("since")),
            )
            for peer in result["peers"]
        ]
        call.screen.table(_COLUMNS, rows)
    else:
        call.screen.talk(
            _("no neighbour: `{prefix} doctor` says what to try").format(
                prefix=call.command_prefix()
            )
        )
    call.notices(result)


@verb(
    examples=("jangteo connect /ip4/192.168.0.12/tcp/4110/p2p/12D3KooW…",),
    prints='The peer that answered; with --json {"peer"}.',
)
@click.argument("address")
@click.pass_obj
def connect(call: Call, address: str) -> None:
    """Connect to a neighbour by address.

    For neighbours that are not found by themselves: theirs prints the line to hand over when it
    starts. `jangteo config set peers ADDRESS` makes it last. A text that somebody shared will do.
    """
    from ..node.config import is_multiaddr

    if is_pointer(address):
        result = connect_to(call, Pointer.from_text(address))
        call.screen.row(result)
        call.screen.say_safe(_("connected to {peer}").format(peer=result["peer"]))
        call.notices(result)
        return
    if not is_multiaddr(address):
        raise usage(
            tell(
                "{address!r} is no address: one is such as /ip4/192.168.0.12/tcp/4110",
                address=address,
            ),
            tell("`jangteo status` on the other machine shows its own"),
        )
    result = call.ask("connect", address=address)
    call.screen.row(result)
    call.screen.say_safe(_("connected to {peer}").format(peer=result["peer"]))
    call.notices(result)


@verb(
    examples=("jangteo sync", "jangteo sync 12D3KooW…"),
    prints="For each neighbour and market how many records came and went; with --json one object "
    "each.",
)
@click.argument("peer", required=False, metavar="[PEER]")
@click.pass_obj
def sync(call: Call, peer: str | None) -> int | None:
    """Compare stores with neighbours now.

    The node does this by itself on meeting somebody and every few minutes.
    """
    # As `peers` shows it, too.
    result = call.ask("sync", peer=peer and peer.removeprefix("…"))
    sessions = result["sessions"]
    for session in sessions:
        call.screen.row(session)
        told = _("{received:,} received, {sent:,} sent").format(
            received=session["received"], sent=session["sent"]
        )
        if not session["ok"]:
            why = in_tongue(session.get("error") or tell("the neighbour stopped"))
            told = _("failed: {why}").format(why=why)
        market = f" {session['market']}" if session.get("market") else ""
        call.screen.say_safe(f"…{session['peer'][-8:]}{market}: {told}")
    if not sessions:
        call.screen.talk(_("no neighbour to compare with"))
    call.notices(result)
    return 1 if sessions and not any(session["ok"] for session in sessions) else None
