"""Bare `jangteo`: the home screen. What is new, what waits, what to type next."""

from typing import Any

from ..node.safe_text import safe_line
from .call import Call
from .listing_view import ID_CHARS_MIN, counted, print_table
from .room_view import is_nearly_full, more_room_text, room_text


def home_screen(call: Call) -> None:
    """Helpful in an empty home too."""
    home, screen = call.home, call.screen
    prefix = call.command_prefix()
    if not home.exists or not home.has_identity:
        screen.row({"home": str(home.path), "author": None, "running": False})
        screen.say("Jangteo: a market without a middleman. Nothing is set up here yet.", "bold")
        screen.say()
        _suggest(
            call,
            (f"{prefix} up", "make an identity and meet the neighbours"),
            (f"{prefix} init --name NAME", "only make the identity"),
            (f"{prefix} restore", "bring back an identity from its 24 words"),
            (f"{prefix} devnet", "try it alone, with sample goods"),
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
    name = safe_line(result.get("name") or "") or "nameless"
    screen.say(f"{name} ({result['author'][:ID_CHARS_MIN]})", "bold")
    if live is None:
        screen.say(f"no node is running: `{prefix} up` meets the neighbours", "warn")
    else:
        peers = live.get("peers")
        count = len(peers) if isinstance(peers, list) else int(peers or 0)
        screen.say(f"{counted(count, 'neighbour')} connected", "good")
        screen.say(f"its page in the browser: `{prefix} open`", "dim")
    screen.say(
        f"{counted(counts['listings_active'], 'active listing')} here, "
        f"{counts['own_active']:,} of them yours"
    )
    waiting = result.get("waiting") or {}
    if offers := waiting.get("offers"):
        waits = "waits" if offers == 1 else "wait"
        screen.say(f"{counted(offers, 'offer')} {waits} for your answer: `{prefix} deals`", "good")
    if deals := waiting.get("deals"):
        waits = "waits" if deals == 1 else "wait"
        screen.say(f"{counted(deals, 'deal')} {waits} for your part: `{prefix} deals`", "good")
    if unread := result.get("unread"):
        screen.say(f"{counted(unread, 'message')} not read yet: `{prefix} inbox`", "good")
    if unseen := result.get("unseen"):
        screen.say(f"{counted(unseen, 'notification')}: `{prefix} notifications`", "good")
    if is_nearly_full(counts):
        screen.say(f"the store is nearly full: {room_text(counts)}", "warn")
        screen.say(f"more room: {call.named(more_room_text(counts))}", "dim")
    if unheld := result.get("unheld"):
        screen.say(f"{unheld:,} of yours held by nobody else yet", "warn")
    if new := [row for row in result["new"] if not row["mine"]]:
        screen.say()
        screen.say("New", "bold")
        print_table(screen, new)
    if result["mine"]:
        screen.say()
        is_any_over = any(row["status"] != "active" for row in result["mine"])
        also = ", with what is reserved, sold or expired" if is_any_over else ""
        screen.say(f"Yours{also}", "bold")
        print_table(screen, result["mine"], is_own=True)
    screen.say()
    suggestions = [(f"{prefix} search WORDS", "look through everything here")]
    if not result["mine"]:
        suggestions.append((f'{prefix} sell "TITLE" --price "30000 KRW"', "put something up"))
    if not result.get("name"):
        suggestions.append((f"{prefix} profile --name NAME", "say what others call you"))
    _suggest(call, *suggestions)


def _suggest(call: Call, *suggestions: tuple[str, str]) -> None:
    width = max(len(command) for command, _ in suggestions)
    for command, purpose in suggestions:
        if width + len(purpose) + 6 <= call.screen.cells:
            call.screen.say(f"  {command:{width}}  {call.screen.paint(purpose, 'dim')}")
        else:
            call.screen.say(f"  {command}")
            call.screen.say(f"      {purpose}", "dim")
