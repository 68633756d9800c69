"""What happens in a node, as a line for people. Events nobody should be bothered with give None.

Events are JSON; their texts may come from the network.
"""

from collections.abc import Mapping
from typing import Any

from .listing_view import ID_CHARS_MIN, person_text, price_text

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
        case "sync":
            return _sync(event)
        case "progress":
            return _progress(event)
        case "warning":
            return f"! {event.get('message') or event.get('code')}"
        case "stopping":
            return "stopping"
        case _:
            return None


def _peer(event: Event) -> str:
    peer = str(event.get("peer", ""))[-8:]
    is_gone = event.get("state") in ("down", "gone") or event.get("up") is False
    where = event.get("address") or next(iter(event.get("addresses") or ()), "")
    if is_gone:
        return f"neighbour …{peer} has left"
    return f"neighbour …{peer} is here" + (f" ({_host_of(str(where))})" if where else "")


def _host_of(address: str) -> str:
    """ "192.168.0.12" of /ip4/192.168.0.12/tcp/4110/p2p/…"""
    parts = address.split("/")
    return parts[2] if len(parts) > 2 else address


def _listing(event: Event) -> str:
    listing = event.get("listing") or event
    who = person_text(listing.get("author", ""), listing.get("seller"))
    title = listing.get("title") or "a listing"
    change = event.get("change") or event.get("what") or listing.get("status") or "new"
    price = "" if "price" not in listing else f" · {price_text(listing['price'])}"
    return f"{change}: {str(listing.get('id', ''))[:ID_CHARS_MIN]} {title}{price} · {who}"


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
