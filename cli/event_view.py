"""What happens in a node, as a line for people. Events nobody should be bothered with give None.

Events are JSON; their texts may come from the network.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .listing_view import ID_CHARS_MIN, person_text, price_text
from .message_view import message_text
from .notification_view import notification_text

_CHANGES: Final = ("new", "changed", "withdrawn")

_DELIVERY: Final = {
    "expired": "! a message of yours did not come in 14 days: `jangteo outbox --all` shows it"
}
_OVER: Final = {"store-full": "the store has room again"}

Event = Mapping[str, Any]


def event_text(event: Event) -> str | None:
    """One line, not yet made safe for a terminal."""
    match event.get("event"):
        case "ready":
            return f"ready: {event.get('peer', '')}"
        case "peer":
            return _peer(event)
        case "listing":
            return _listing(event)
        case "listings":
            return _listings(event)
        case "message":
            return _message(event)
        case "delivery":
            return _DELIVERY.get(str(event.get("state")))
        case "notification":
            return notification_text(event)
        case "deal":
            return _deal(event)
        case "sync":
            return _sync(event)
        case "progress":
            return _progress(event)
        case "upgrade":
            return f"bringing the store up to date: {event['done']:,} of {event['total']:,}"
        case "warning":
            return f"! {event.get('message') or event.get('code')}"
        case "warning-over":
            return _OVER.get(str(event.get("code")))
        case "stopping":
            return "the node is stopping"
        case _:
            return None


def to_hand_over(addresses: Sequence[str]) -> list[str]:
    """Those of a node's addresses that are of use on another machine; all, where none is."""
    far = [one for one in addresses if not one.startswith(("/ip4/127.", "/ip6/::1/"))]
    return far or list(addresses)


def _peer(event: Event) -> str:
    peer = str(event.get("peer", ""))[-8:]
    if event.get("state") == "down":
        return f"neighbour …{peer} has left"
    where = str(event.get("address") or "")
    return f"neighbour …{peer} is here" + (f" ({_host_of(where)})" if where else "")


def _host_of(address: str) -> str:
    """ "192.168.0.12" of /ip4/192.168.0.12/tcp/4110/p2p/…"""
    parts = address.split("/")
    return parts[2] if len(parts) > 2 else address


def _listing(event: Event) -> str:
    who = "you" if event.get("mine") else person_text(event["author"], event.get("seller"))
    change = event.get("change", "new")
    if change == "changed" and event.get("status") != "active":
        change = event.get("status")
    short = str(event["id"])[:ID_CHARS_MIN]
    if change == "withdrawn":
        return f"{change}: {short} {event['title']} · {who}"
    return f"{change}: {short} {event['title']} · {price_text(event['price'])} · {who}"


def _listings(event: Event) -> str:
    """A burst, summed up."""
    counts = (f"{event[name]:,} {name}" for name in _CHANGES if event.get(name))
    return f"listings: {', '.join(counts)}"


def _message(event: Event) -> str | None:
    if event.get("muted"):
        return None
    title = f" about {event['title']}" if event.get("title") else ""
    who = person_text(event["author"], event["name"])
    if "mine" not in event:  # in what a node prints there are no words
        return f"{who} wrote to you{title}"
    return f"{who}{title}: {' '.join(message_text(event).split())}"


def _deal(event: Event) -> str:
    short = str(event.get("deal"))[:ID_CHARS_MIN]
    return f"deal {short}: {event['shown']}" if "shown" in event else f"deal {short} has changed"


def _sync(event: Event) -> str | None:
    received, sent = event.get("received") or 0, event.get("sent") or 0
    peer = str(event.get("peer", ""))[-8:]
    if error := event.get("error"):
        return f"exchange with …{peer} failed: {error}"
    if not received and not sent:
        return None
    market = f" in {event['market']}" if event.get("market") not in (None, "open") else ""
    return f"exchange with …{peer}{market}: {received:,} received, {sent:,} sent"


def _progress(event: Event) -> str | None:
    done, total = event.get("done"), event.get("total")
    if done is None:
        return None
    return f"{done:,} of {total:,} records" if total else f"{done:,} records"
