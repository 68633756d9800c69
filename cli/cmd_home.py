"""Bare `jangteo`: the home screen. What is new, what waits, what to type next."""

from typing import Any

from ..node.safe_text import safe_line
from . import cells
from .call import Call
from .listing_view import ID_CHARS_MIN, counted, print_table
from .room_view import is_nearly_full, more_room_text, room_text
from .tongue import _, in_tongue, n_, ngettext


def home_screen(call: Call) -> None:
    """Helpful in an empty home too."""
    home, screen = call.home, call.screen
    prefix = call.command_prefix()
    if not home.exists or not home.has_identity:
        screen.row({"home": str(home.path), "author": None, "running": False})
        screen.say(_("Jangteo: a market without a middleman. Nothing is set up here yet."), "bold")
        screen.say()
        _suggest(
            call,
            (f"{prefix} up", _("make an identity and meet the neighbours")),
            (f"{prefix} init --name NAME", _("only make the identity")),
            (f"{prefix} restore", _("bring back an identity from its 24 words")),
            (f"{prefix} devnet", _("try it alone, with sample goods")),
        )
        return
    with call.office() as office:
        result = office.call("home", {})
        live = _live(office) if office.node is not None else None
    screen.row({**result, "running": live is not None, "peers": (live or {}).get("peers")})
    print_home(call, result, live)
    call.notices(result)


def _live(office: Any) -> dict[str, Any]:
    from ..node.desk_error import DeskError

    try:
        status: dict[str, Any] = office.call("status", {})
    except DeskError:  # it stopped between two questions
        return {}
    return status


def print_home(call: Call, result: dict[str, Any], live: dict[str, Any] | None) -> None:
    """`result` is what the desk told, `live` what the node that runs did, if one does."""
    screen, prefix, counts = call.screen, call.command_prefix(), result["counts"]
    name = safe_line(result.get("name") or "") or _("nameless")
    screen.say(f"{name} ({result['author'][:ID_CHARS_MIN]})", "bold")
    if live is None:
        screen.say(
            _("no node is running: `{prefix} up` meets the neighbours").format(prefix=prefix),
            "warn",
        )
    else:
        peers = live.get("peers")
        count = len(peers) if isinstance(peers, list) else int(peers or 0)
        screen.say(
            _("{neighbours} connected").format(neighbours=counted(count, "neighbour")), "good"
        )
        screen.say(_("its page in the browser: `{prefix} open`").format(prefix=prefix), "dim")
    screen.say(
        _("{active_listings} here, {own_active:,} of them yours").format(
            active_listings=counted(counts["listings_active"], "active listing"),
            own_active=counts["own_active"],
        )
    )
    waiting = result.get("waiting") or {}
    if offers := waiting.get("offers"):
        pair = n_(
            "{n:,} offer waits for your answer: `{prefix} deals`",
            "{n:,} offers wait for your answer: `{prefix} deals`",
        )
        screen.say(ngettext(*pair, offers).format(n=offers, prefix=prefix), "good")
    if deals := waiting.get("deals"):
        pair = n_(
            "{n:,} deal waits for your part: `{prefix} deals`",
            "{n:,} deals wait for your part: `{prefix} deals`",
        )
        screen.say(ngettext(*pair, deals).format(n=deals, prefix=prefix), "good")
    if unread := result.get("unread"):
        screen.say(
            _("{messages} not read yet: `{prefix} inbox`").format(
                messages=counted(unread, "message"), prefix=prefix
            ),
            "good",
        )
    if unseen := result.get("unseen"):
        notifications = counted(unseen, "notification")
        screen.say(f"{notifications}: `{prefix} notifications`", "good")
    if is_nearly_full(counts):
        screen.say(
            _("the store is nearly full: {room}").format(room=in_tongue(room_text(counts))), "warn"
        )
        screen.say(
            _("more room: {how}").format(how=call.named(in_tongue(more_room_text(counts)))),
            "dim",
        )
    if unheld := result.get("unheld"):
        screen.say(_("{unheld:,} of yours held by nobody else yet").format(unheld=unheld), "warn")
    if new := [row for row in result["new"] if not row["mine"]]:
        screen.say()
        screen.say(_("New"), "bold")
        print_table(screen, new)
    if result["mine"]:
        screen.say()
        is_any_over = any(row["status"] != "active" for row in result["mine"])
        also = _("Yours, with what is reserved, sold or expired")
        screen.say(also if is_any_over else _("Yours"), "bold")
        print_table(screen, result["mine"], is_own=True)
    screen.say()
    suggestions = [(f"{prefix} search WORDS", _("look through everything here"))]
    if not result["mine"]:
        suggestions.append(
            (
                f'{prefix} sell "TITLE" --price "30000 KRW"',
                _("put something up"),
            )
        )
    if not result.get("name"):
        suggestions.append((f"{prefix} profile --name NAME", _("say what others call you")))
    _suggest(call, *suggestions)


def _suggest(call: Call, *suggestions: tuple[str, str]) -> None:
    width = max(cells.width(command) for command, _ in suggestions)
    for command, purpose in suggestions:
        if width + cells.width(purpose) + 6 <= call.screen.cells:
            call.screen.say(f"  {cells.pad(command, width)}  {call.screen.paint(purpose, 'dim')}")
        else:
            call.screen.say(f"  {command}")
            call.screen.say(f"      {purpose}", "dim")
