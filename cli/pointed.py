"""A text that points at a listing or a market (R9.10), where a command takes one."""

from typing import Any

from ..node.desk_error import EXIT_UNKNOWN_ID, DeskError, usage
from ..protocol.pointer import Pointer, is_pointer
from ..protocol.told import tell
from .call import Call


def show_pointed(call: Call, typed: str, *, is_fetched: bool) -> dict[str, Any]:
    """What `show` tells of an id, or of what a text points at. Only with `is_fetched` the nodes
    that the text names are asked for it (R9.12)."""
    if not is_pointer(typed):
        if is_fetched:
            raise usage(tell("--fetch goes with a text such as jangteo:listing/3fa9…?at=/ip4/…"))
        return call.ask("show", id=typed)
    pointer = Pointer.from_text(typed)
    if pointer.what == "market":
        raise usage(
            tell("that points at the market {name}", name=pointer.name),
            tell("`jangteo join {name}` takes part", name=pointer.name),
        )
    try:
        return call.ask("show", id=pointer.name)
    except DeskError as error:
        if error.exit_code != EXIT_UNKNOWN_ID:
            raise
        if not is_fetched:
            raise _not_here(pointer) from None
    peer = connect_to(call, pointer)["peer"]
    call.ask("sync", peer=peer)
    return call.ask("show", id=pointer.name)


def connect_to(call: Call, pointer: Pointer) -> dict[str, Any]:
    """The first of the pointer's addresses that answers; DeskError as the last one failed."""
    if not pointer.at:
        raise usage(tell("that text names no address to ask at"))
    for address in pointer.at[:-1]:
        try:
            return call.ask("connect", address=address)
        except DeskError as error:
            if error.code != "no-connection":
                raise
    return call.ask("connect", address=pointer.at[-1])


def _not_here(pointer: Pointer) -> DeskError:
    short = pointer.name[:8]
    if not pointer.at:
        hint = tell("the text names no node to ask; it comes by itself if a neighbour has it")
    else:
        where = pointer.at[0].split("/p2p/")[0]
        hint = tell("with --fetch the node at {where} is asked for it", where=where)
    return DeskError(
        "unknown-id", tell("the listing {short} is not here", short=short), hint, EXIT_UNKNOWN_ID
    )
