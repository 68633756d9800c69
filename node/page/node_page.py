"""The node: its neighbours and markets, how full it is, its window for phones, its settings,
and whether all is well."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import trio
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..config import is_multiaddr
from ..desk_error import DeskError
from ..house import House
from .me import HERE
from .visit import Routes, Visit

_NODE: Final = "/node"


async def node(visit: Visit) -> Response:
    told: dict[str, Any] = {
        "state": await visit.ask("status-local"),
        "live": await visit.ways.live.status(),
        "peers": await visit.ways.live.peers(),
    }
    told["parts"] = _parts(told["state"]["counts"])
    told["warnings"] = told["live"].get("warnings", ())
    if visit.is_part:
        return visit.part("node_live.html", **told)
    house = visit.ways.house
    return await visit.show(
        "node.html",
        here=HERE,
        sub=_NODE,
        phone=await visit.ways.live.phone({}),
        version=house.version if house else "",
        place=house.place if house else "",
        **told,
    )


def _parts(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Whose bytes fill the store, in hundredths of all it may hold: one behind the other."""
    strangers = counts["bytes"] - counts["bytes_own"] - counts["bytes_contacts"]
    room = max(1, counts["bytes_max"])
    parts, start = [], 0.0
    for whose, size in (
        ("own", counts["bytes_own"]),
        ("contacts", counts["bytes_contacts"]),
        ("strangers", max(0, strangers)),
    ):
        width = min(100.0 - start, 100.0 * size / room)
        parts.append({"whose": whose, "bytes": size, "start": start, "width": round(width, 3)})
        start = round(start + width, 3)
    return parts


async def connect(visit: Visit) -> Response:
    address = (await visit.form()).get("address", "").strip()
    _ = visit.tongue.gettext
    if not is_multiaddr(address):
        return visit.go(
            _NODE, failed=_("That is no address: one is such as /ip4/192.168.0.12/tcp/4110.")
        )
    try:
        found = await visit.ways.live.connect(address)
    except DeskError as error:
        return visit.go(_NODE, failed=visit.why(error))
    return visit.go(_NODE, _("Connected with …{peer}.").format(peer=found["peer"][-8:]))


async def sync(visit: Visit) -> Response:
    await visit.form()
    _, _n = visit.tongue.gettext, visit.tongue.ngettext
    try:
        sessions = await visit.ways.live.sync(None)
    except DeskError as error:
        return visit.go(_NODE, failed=visit.why(error))
    if not sessions:
        return visit.go(
            _NODE, failed=_("No neighbour is connected: there is nobody to compare with.")
        )
    came, went = _sum(sessions, "received"), _sum(sessions, "sent")
    peers = len({session["peer"] for session in sessions})
    failed = [session for session in sessions if not session["ok"]]
    told = _n(
        "Compared with {count} neighbour: {came} received, {went} sent.",
        "Compared with {count} neighbours: {came} received, {went} sent.",
        peers,
    ).format(count=peers, came=visit.tongue.number(came), went=visit.tongue.number(went))
    if failed:
        why = visit.tongue.told(failed[0].get("error") or _("the neighbour stopped"))
        return visit.go(
            _NODE,
            failed=_("{told} It failed with …{peer}: {why}").format(
                told=told, peer=failed[0]["peer"][-8:], why=why
            ),
        )
    return visit.go(_NODE, told)


def _sum(sessions: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(session.get(name) or 0 for session in sessions)


async def join(visit: Visit) -> Response:
    market = (await visit.form()).get("market", "").strip()
    _ = visit.tongue.gettext
    try:
        joined = await visit.ask("join", market=market)
    except DeskError as error:
        return visit.go(_NODE, failed=visit.why(error))
    if not joined["changed"]:
        return visit.go(_NODE, _("It was so already: nothing changed."))
    return visit.go(
        _NODE, _("In {market} now: what is there comes from your neighbours.").format(market=market)
    )


async def leave(visit: Visit) -> Response:
    market = (await visit.form()).get("market", "")
    _n = visit.tongue.ngettext
    try:
        left = await visit.ask("leave", market=market)
    except DeskError as error:
        return visit.go(_NODE, failed=visit.why(error))
    count = left["forgotten"]
    return visit.go(
        _NODE,
        _n(
            "Left {market}: {count} record of others is dropped.",
            "Left {market}: {count} records of others are dropped.",
            count,
        ).format(market=market, count=visit.tongue.number(count)),
    )


async def phone(visit: Visit) -> Response:
    told = await visit.form()
    _ = visit.tongue.gettext
    wanted = {"on": told.get("on") == "1", "address": told.get("address") or None}
    try:
        state = await visit.ways.live.phone(wanted)
    except DeskError as error:
        return visit.go(f"{_NODE}#phone", failed=visit.why(error))
    return visit.go(
        f"{_NODE}#phone",
        _("The window is open: everybody on this network can look at the market.")
        if state["phone"]
        else _("The window is closed."),
    )


async def phone_code(visit: Visit) -> Response:
    """The QR code of the open window's address."""
    from ..qr import qr_svg

    url = (await visit.ways.live.phone({}))["url"]
    if not url:
        raise HTTPException(404)
    return Response(qr_svg(url), media_type="image/svg+xml", headers={"cache-control": "no-store"})


async def settings(visit: Visit) -> Response:
    return await _settings(visit, "", "", "")


async def _settings(visit: Visit, name: str, typed: str, why: str) -> Response:
    rows = await trio.to_thread.run_sync(_house(visit).settings)
    return await visit.show(
        "settings.html",
        422 if why else 200,
        here=HERE,
        sub="/settings",
        rows=rows,
        words=_words(visit),
        wrong=name,
        typed=typed,
        why=why,
    )


async def change_setting(visit: Visit) -> Response:
    told = await visit.form()
    name, value = told.get("name", ""), told.get("value", "")
    house = _house(visit)
    _ = visit.tongue.gettext
    try:
        await trio.to_thread.run_sync(house.change, name, value)
    except DeskError as error:
        return await _settings(visit, name, value, visit.why(error))
    return visit.go("/settings", _("Saved. The node reads it when it starts again."))


def _words(visit: Visit) -> dict[str, tuple[str, str]]:
    """What the settings are called, and what they are for, in this language."""
    _ = visit.tongue.gettext
    return {
        "language": (
            _("Language of the commands"),
            _("ko, ja or en; auto: as the system says. The page's own is chosen below it."),
        ),
        "currency": (_("Currency"), _("Of prices that name none, such as KRW, JPY or USD.")),
        "auto_renew": (
            _("Renew my listings"),
            _("Whether the node renews your listings in their last 7 days."),
        ),
        "read_receipts": (
            _("Read receipts"),
            _("Whether those who write to you are told that you have read it."),
        ),
        "photos": (
            _("Photos"),
            _(
                "all: every photo is fetched; seen: small ones come along and large ones when you "
                "look; none: nothing is fetched."
            ),
        ),
        "blob_store_mib": (
            _("Room for photos"),
            _("In MiB. Those of your own listings are always kept."),
        ),
        "record_store_mib": (
            _("Room for listings"),
            _("Of others, in MiB. Yours are always kept, your contacts' before strangers'."),
        ),
        "mdns": (
            _("Find neighbours by itself"),
            _("Whether nodes on the same network find each other."),
        ),
        "peers": (
            _("Stay connected with"),
            _("Addresses of nodes that are not found by themselves, with commas between."),
        ),
        "listen": (
            _("Listen on"),
            _("Addresses for other nodes; empty: every interface, at the port."),
        ),
        "port": (_("Port for other nodes"), _("0: 4110, or the next free one, remembered.")),
        "api_port": (_("Port of this page"), _("0: a free one, remembered.")),
    }


async def checks(visit: Visit) -> Response:
    """What `doctor` finds. It looks at the machine, so a thread does it."""
    house = _house(visit)
    live = await visit.ways.live.status()
    found = await trio.to_thread.run_sync(house.checks, live)
    return await visit.show("checks.html", here=HERE, sub="/checks", found=found)


def _house(visit: Visit) -> House:
    if visit.ways.house is None:
        raise HTTPException(404)
    return visit.ways.house


ROUTES: Final[Routes] = (
    ("GET", "/node", node),
    ("POST", "/node/connect", connect),
    ("POST", "/node/sync", sync),
    ("POST", "/node/join", join),
    ("POST", "/node/leave", leave),
    ("POST", "/node/phone", phone),
    ("GET", "/node/phone.svg", phone_code),
    ("GET", "/settings", settings),
    ("POST", "/settings", change_setting),
    ("GET", "/checks", checks),
)
