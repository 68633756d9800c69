"""`status`: how the running node is doing."""

from collections.abc import Mapping
from typing import Any

import click

from ..node.safe_text import safe_line
from .ago import ago_text
from .call import Call
from .event_view import to_hand_over
from .listing_view import ID_CHARS_MIN, counted
from .program import name_elsewhere
from .room_view import is_nearly_full, room_text
from .table import Column
from .tongue import _, in_tongue, ngettext
from .verb import verb

_MARKETS = (
    Column("MARKET", 6, 3),
    Column("RECORDS", 4, 2, is_right=True),
    Column("FINGERPRINT", 8, 1, style="dim"),
)


@verb(
    examples=("jangteo status", "jangteo status --json | jq .counts"),
    prints="Neighbours, addresses to hand over, markets, counts, last exchange, what nobody else "
    "holds yet, and warnings; with --json one object.",
)
@click.pass_obj
def status(call: Call) -> None:
    """Say how the running node is doing.

    Needs a running node (`jangteo up`). Two nodes whose fingerprints of a market are equal hold
    the same records.
    """
    result = call.ask("status")
    screen = call.screen
    screen.row(result)
    if not screen.is_json:
        _print(call, result)
    call.notices(result)


def _print(call: Call, result: Mapping[str, Any]) -> None:
    screen, counts = call.screen, result["counts"]
    name = f", {result['name']}" if result.get("name") else ""
    screen.say_safe(f"{(result.get('author') or 'nobody')[:ID_CHARS_MIN]}{name}", "bold")
    peers = result.get("peers")
    count = len(peers) if isinstance(peers, list) else int(peers or 0)
    told = _("{neighbours} connected").format(neighbours=counted(count, "neighbour"))
    if result.get("since"):
        since = ago_text(result["since"])
        told = _("{connected}, up since {ago}").format(connected=told, ago=since)
    screen.say(told)
    last = result.get("last_sync")
    screen.say(_("last exchange: {ago}").format(ago=ago_text(last) if last else _("none yet")))
    screen.say(
        _(
            "{listings} by {people}, {own_active:,} of them yours; {records}, "
            "{used:,.1f} of {most:,.1f} MiB"
        ).format(
            listings=counted(counts["listings_active"], "listing"),
            people=_people(counts["authors"]),
            own_active=counts["own_active"],
            records=counted(counts["records"], "record"),
            used=counts["bytes"] / 2**20,
            most=counts["bytes_max"] / 2**20,
        )
    )
    if (mail := result["mail"])["letters"]:
        screen.say(
            _("{sealed_letters} carried for everybody, {mib:,.1f} MiB").format(
                sealed_letters=counted(mail["letters"], "sealed letter"),
                mib=mail["bytes"] / 2**20,
            )
        )
    if (photos := result["photos"])["count"]:
        screen.say(
            _("{photo_files}, {mib:,.1f} of {most:,} MiB").format(
                photo_files=counted(photos["count"], "photo file"),
                mib=photos["bytes"] / 2**20,
                most=call.config().blob_store_bytes // 2**20,
            )
        )
    if exchange := _exchange(result.get("photo_exchange") or {}):
        screen.say(_("photos: {exchange}").format(exchange=exchange))
    if is_nearly_full(counts):
        screen.say(room_text(counts), "warn")
    if unheld := counts.get("own_unheld"):
        screen.say(
            _("{listings} of yours held by nobody else").format(
                listings=counted(unheld, "listing")
            ),
            "warn",
        )
    if unseen := result.get("unseen"):
        screen.say(f"{counted(unseen, 'notification')}: `{call.command_prefix()} notifications`")
    screen.table(
        _MARKETS,
        [
            (market["market"], f"{market['records']:,}", market["fingerprint"])
            for market in result["markets"]
        ],
    )
    for address in to_hand_over(result.get("addresses") or ())[:3]:
        screen.say_safe(
            _("hand over: {program} up --peer {address}").format(
                program=name_elsewhere(), address=address
            ),
            "dim",
        )
    if result.get("fts_lag"):
        screen.say(
            _("search is {fts_lag:,} records behind").format(fts_lag=result["fts_lag"]), "dim"
        )
    for warning in result.get("warnings") or ():
        screen.warn(call.named(safe_line(in_tongue(warning["message"]))))
    if not count:
        screen.talk(
            _("no neighbour: `{prefix} doctor` says what to try").format(
                prefix=call.command_prefix()
            )
        )


def _exchange(counts: Mapping[str, int]) -> str:
    words = {
        "wanted": _("{n:,} wanted"),
        "under_way": _("{n:,} on their way"),
        "served": _("{n:,} given to neighbours"),
    }
    return ", ".join(
        pattern.format(n=counts[name]) for name, pattern in words.items() if counts.get(name)
    )


def _people(count: int) -> str:
    return ngettext("{n:,} person", "{n:,} people", count).format(n=count)
