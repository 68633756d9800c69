"""`devnet`: several nodes on this machine with sample goods, to try it alone."""

import signal
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..node.safe_text import safe_line
from .call import Call
from .event_view import event_text
from .tongue import _, in_tongue
from .verb import verb

if TYPE_CHECKING:
    from ..node.devnet import Devnet, Person
    from .screen import Screen

_DAY_SECONDS = 86_400


@verb(
    examples=("jangteo devnet", "jangteo devnet --nodes 5", "jangteo devnet --seconds 60 --json"),
    prints="What happens, in sentences, and commands to look around; with --json an event a "
    'line: home, ready, together, those of the nodes with "node", stopping.',
)
@click.option("--nodes", type=int, default=3, metavar="N", help="How many, 1 to 16; 3 unless told.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Stop by itself after so long.",
)
@click.pass_obj
def devnet(call: Call, nodes: int, seconds: float | None) -> None:
    """Try it alone: several nodes with sample goods.

    Starts real nodes as processes on loopback, in temporary homes with some 60 listings in
    Korean, Japanese and English. Ctrl-C stops and removes everything. Your own home is not
    touched, and nothing leaves this machine.
    """
    from ..node.devnet import Devnet
    from ..node.service_unit import program

    call.screen.go_live()
    signal.signal(signal.SIGTERM, _interrupt)
    deadline = time.monotonic() + (_DAY_SECONDS * 365 if seconds is None else seconds)
    with Devnet(program(), nodes) as net:
        try:
            _open(call, net)
            _tell_how_to_look(call, net)
            for event in net.events(deadline - time.monotonic()):
                _tell(call, net, event)
        except KeyboardInterrupt:
            pass  # the way to end it
        call.screen.row({"event": "stopping"})
        call.screen.say(_("stopping the nodes and removing their homes"))


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _open(call: Call, net: "Devnet") -> None:
    screen = call.screen
    # The first one is whom the others are told of; while its node starts, they move in.
    first, *others = net.people
    _furnish(screen, net, first)
    started = time.monotonic()
    net.start(first)
    for person in others:
        _furnish(screen, net, person)
    for event in net.wait_ready([first.number]):
        _tell(call, net, event)
    for person in others:
        net.start(person)
    for event in net.wait_ready([person.number for person in others]):
        _tell(call, net, event)
    for event in net.wait_together():
        _tell(call, net, event)
    seconds = round(time.monotonic() - started, 1)
    screen.row({"event": "together", "listings": net.listings, "seconds": seconds})
    screen.say(
        _(
            "every node has all {listings} listings, signed by those who sell, "
            "{seconds} s after the first one started"
        ).format(listings=net.listings, seconds=seconds),
        "good",
    )


def _furnish(screen: "Screen", net: "Devnet", person: "Person") -> None:
    home = net.furnish(person)
    screen.row(home)
    screen.say_safe(
        _("{name} moves in with {listings} listings: {home}").format(
            name=person.name, listings=home["listings"], home=home["home"]
        )
    )


def _tell_how_to_look(call: Call, net: "Devnet") -> None:
    screen = call.screen
    last, first = str(net.home(net.people[-1]).path), str(net.home(net.people[0]).path)
    screen.say()
    screen.say(_("In another terminal:"), "bold")
    name = call.program
    for line in (
        f"{name} --home {first} open",
        f"{name} --home {last} search 자전거",
        f"{name} --home {last} search --max-price 50 --currency USD --sort price",
        f"{name} --home {first} status",
        f'{name} --home {first} sell "Kettle" --price 15000',
        f"{name} --home {last} watch",
    ):
        screen.say(f"  {line}")
    screen.say()
    screen.say(_("What one sells, the others have a moment later, here below. Ctrl-C ends it all."))


def _tell(call: Call, net: "Devnet", event: dict[str, Any]) -> None:
    call.screen.row(event)
    told = _sentence(net, event)
    if told and not call.screen.is_json:
        print(safe_line(told))


def _sentence(net: "Devnet", event: dict[str, Any]) -> str | None:
    who = _name(net, event["node"])
    match event["event"]:
        case "ready":
            return _("{who}'s node is up at {address}").format(
                who=who, address=event["addresses"][0].split("/p2p/")[0]
            )
        case "peer" if event.get("state") == "up":
            other = _name_of_peer(net, event["peer"])
            return (
                _("{who} and {other} are connected").format(who=who, other=other) if other else None
            )
        case "sync" if event.get("received"):
            other = _name_of_peer(net, event["peer"]) or _("a neighbour")
            return _("{who} received {received:,} records from {other}").format(
                who=who, received=event["received"], other=other
            )
        case "listing":
            return _("{who}'s node: {what}").format(who=who, what=event_text(event))
        case "warning":
            return _("{who}'s node: {what}").format(
                who=who, what=in_tongue(event.get("message") or "")
            )
        case _:
            return None


def _name(net: "Devnet", number: int) -> str:
    return _person(net, number).name


def _person(net: "Devnet", number: int) -> "Person":
    return net.people[number - 1]


def _name_of_peer(net: "Devnet", peer: str) -> str | None:
    return next(
        (_name(net, n) for n, address in net.addresses.items() if address.endswith(f"/{peer}")),
        None,
    )
