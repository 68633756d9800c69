"""What happens in a node, as a line for people. Events nobody should be bothered with give None.

Events are JSON; their texts may come from the network.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .listing_view import ID_CHARS_MIN, person_text, price_text
from .message_view import message_text
from .notification_view import notification_text
from .tongue import N_, _, in_tongue

_CHANGES: Final = {
    "new": N_("{n:,} new"),
    "changed": N_("{n:,} changed"),
    "withdrawn": N_("{n:,} withdrawn"),
}
_HAPPENED: Final = {
    "new": N_("new: {what}"),
    "changed": N_("changed: {what}"),
    "withdrawn": N_("withdrawn: {what}"),
    "reserved": N_("reserved: {what}"),
    "sold": N_("sold: {what}"),
    "expired": N_("expired: {what}"),
}

_DELIVERY: Final = {
    "expired": N_("! a message of yours did not come in 14 days: `jangteo outbox --all` shows it")
}
_OVER: Final = {"store-full": N_("the store has room again")}

Event = Mapping[str, Any]


def event_text(event: Event) -> str | None:
    """One line, not yet made safe for a terminal."""
    match event.get("event"):
        case "ready":
            return _("ready: {peer}").format(peer=event.get("peer", ""))
        case "peer":
            return _peer(event)
        case "listing":
            return _listing(event)
        case "listings":
            return _listings(event)
        case "message":
            return _message(event)
        case "delivery":
            return _(_DELIVERY.get(str(event.get("state")), "")) or None
        case "notification":
            return notification_text(event)
        case "deal":
            return _deal(event)
        case "sync":
            return _sync(event)
        case "progress":
            return _progress(event)
        case "upgrade":
            return _("bringing the store up to date: {done:,} of {total:,}").format(
                done=event["done"], total=event["total"]
            )
        case "warning":
            return f"! {in_tongue(event.get('message') or '') or event.get('code')}"
        case "warning-over":
            return _(_OVER.get(str(event.get("code")), "")) or None
        case "stopping":
            return _("the node is stopping")
        case _:
            return None


def to_hand_over(addresses: Sequence[str]) -> list[str]:
    """Those of a node's addresses that are of use on another machine; all, where none is."""
    far = [one for one in addresses if not one.startswith(("/ip4/127.", "/ip6/::1/"))]
    return far or list(addresses)


def _peer(event: Event) -> str:
    peer = str(event.get("peer", ""))[-8:]
    if event.get("state") == "down":
        return _("neighbour …{peer} has left").format(peer=peer)
    where = str(event.get("address") or "")
    return _("neighbour …{peer} is here").format(peer=peer) + (
        f" ({_host_of(where)})" if where else ""
    )


def _host_of(address: str) -> str:
    """ "192.168.0.12" of /ip4/192.168.0.12/tcp/4110/p2p/…"""
    parts = address.split("/")
    return parts[2] if len(parts) > 2 else address


def _listing(event: Event) -> str:
    who = _("you") if event.get("mine") else person_text(event["author"], event.get("seller"))
    change = event.get("change", "new")
    if change == "changed" and event.get("status") != "active":
        change = event.get("status")
    what = f"{str(event['id'])[:ID_CHARS_MIN]} {event['title']}"
    if change != "withdrawn":
        what = f"{what} · {price_text(event['price'])}"
    return _(_HAPPENED.get(str(change), "{what}")).format(what=f"{what} · {who}")


def _listings(event: Event) -> str:
    """A burst, summed up."""
    counts = (
        _(pattern).format(n=event[name]) for name, pattern in _CHANGES.items() if event.get(name)
    )
    return _("listings: {counts}").format(counts=", ".join(counts))


def _message(event: Event) -> str | None:
    if event.get("muted"):
        return None
    title, who = event.get("title"), person_text(event["author"], event["name"])
    if "mine" not in event:  # in what a node prints there are no words
        pattern = _("{who} wrote to you about {title}") if title else _("{who} wrote to you")
        return pattern.format(who=who, title=title)
    whom = _("{who} about {title}").format(who=who, title=title) if title else who
    return f"{whom}: {' '.join(message_text(event).split())}"


def _deal(event: Event) -> str:
    short = str(event.get("deal"))[:ID_CHARS_MIN]
    return (
        _("deal {short}: {shown}").format(short=short, shown=in_tongue(event["shown"]))
        if "shown" in event
        else _("deal {short} has changed").format(short=short)
    )


def _sync(event: Event) -> str | None:
    received, sent = event.get("received") or 0, event.get("sent") or 0
    peer = str(event.get("peer", ""))[-8:]
    if error := event.get("error"):
        return _("exchange with …{peer} failed: {error}").format(peer=peer, error=in_tongue(error))
    if not received and not sent:
        return None
    if event.get("market") in (None, "open"):
        pattern = _("exchange with …{peer}: {received:,} received, {sent:,} sent")
    else:
        pattern = _("exchange with …{peer} in {market}: {received:,} received, {sent:,} sent")
    return pattern.format(peer=peer, market=event.get("market"), received=received, sent=sent)


def _progress(event: Event) -> str | None:
    done, total = event.get("done"), event.get("total")
    if done is None:
        return None
    return (
        _("{done:,} of {total:,} records").format(done=done, total=total)
        if total
        else _("{done:,} records").format(done=done)
    )
