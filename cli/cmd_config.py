"""`config get|set|unset|list`: the settings in HOME/config.toml."""

import os
from typing import TYPE_CHECKING, Any, Final

import click

from ..node.desk_error import DeskError
from .call import Call
from .table import Column
from .tongue import _
from .verb import verb, verb_group

if TYPE_CHECKING:
    from ..node.config import Config

_MARKETS: Final = "markets"
_JOINED: Final = "joined"

_COLUMNS = (
    Column("SETTING", 8, 5, style="id"),
    Column("VALUE", 8, 4),
    Column("FROM", 7, 2, style="dim"),
    Column("WHAT IT IS", 12, 1),
)


@verb_group(
    name="config",
    examples=(
        "jangteo config",
        "jangteo config get currency",
        "jangteo config set currency KRW",
        "jangteo config set peers /ip4/192.168.0.12/tcp/4110",
    ),
)
@click.pass_context
def config(ctx: click.Context) -> None:
    """Read and change settings.

    They stand in config.toml in the home; an environment variable such as JANGTEO_CURRENCY goes
    over the file, a flag over both. A running node reads them when it starts.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(Call))


def _complete_key(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from ..node.config import KEYS

    return [name for name in KEYS if name.startswith(incomplete)]


_key_argument = click.argument("key", shell_complete=_complete_key)


@verb(
    name="list",
    examples=("jangteo config list", "jangteo config list --json"),
    prints='Every setting, its value and where that comes from; with --json {"key", "value", '
    '"from", "help"} a line.',
)
@click.pass_obj
def list_(call: Call) -> None:
    """Show all settings."""
    _list(call)


@verb(
    examples=("jangteo config get currency",),
    prints='The value alone; with --json {"key", "value", "from"}.',
)
@_key_argument
@click.pass_obj
def get(call: Call, key: str) -> None:
    """Show one setting."""
    from ..node.config import key_named

    name = key_named(key).name
    value, source = _now(call, name, call.config())
    call.screen.row({"key": name, "value": value, "from": source})
    call.screen.say_safe(_text(value))


@verb(
    name="set",
    examples=(
        "jangteo config set currency KRW",
        "jangteo config set auto_renew off",
        "jangteo config set markets open,campus/hanyang",
    ),
    prints='The setting as it is now; with --json {"key", "value", "from"}.',
)
@_key_argument
@click.argument("value")
@click.pass_obj
def set_(call: Call, key: str, value: str) -> None:
    """Change one setting.

    Lists are written with commas between. `jangteo config list` explains each. Setting `markets`
    joins and leaves at once, as `jangteo join` and `jangteo leave` do.
    """
    from ..node.config import key_named, read_value, set_value

    name = key_named(key).name
    if name == _MARKETS:
        _leave_others(call, read_value(name, value))
    now = set_value(call.home, name, value)
    if name == _MARKETS:
        _join(call, now)
    call.is_done = True
    call.screen.row({"key": name, "value": now, "from": _JOINED if name == _MARKETS else "file"})
    call.screen.say_safe(f"{name} = {_text(now)}")
    _remark(call, name)


@verb(
    examples=("jangteo config unset currency",),
    prints='The setting with its value now; with --json {"key", "value", "from"}.',
)
@_key_argument
@click.pass_obj
def unset(call: Call, key: str) -> None:
    """Give one setting its default value back."""
    from ..node.config import KEYS, key_named, unset_value

    name = key_named(key).name
    if name == _MARKETS:
        _leave_others(call, KEYS[name].default)
    was_there = unset_value(call.home, name)
    if name == _MARKETS:
        _join(call, KEYS[name].default)
    call.is_done = True
    value, source = _now(call, name, call.config())
    call.screen.row({"key": name, "value": value, "from": source})
    call.screen.say_safe(f"{name} = {_text(value)}")
    if not was_there and name != _MARKETS:
        call.screen.talk(_("  it was not set: nothing changed"))
        return
    _remark(call, name)


config.add_command(list_)
config.add_command(get)
config.add_command(set_)
config.add_command(unset)


def _now(call: Call, name: str, settings: "Config") -> tuple[Any, str]:
    """(value, where it comes from). Markets are as the store has them: `join` and `leave` change
    them too, and what the file says is for a store that is not made yet."""
    if name == _MARKETS:
        from .cmd_market import joined_markets

        return joined_markets(call), _JOINED
    return settings.values[name], settings.sources[name]


def _leave_others(call: Call, wanted: Any) -> None:
    from .cmd_market import leave_all_but

    leave_all_but(call, wanted)


def _join(call: Call, wanted: Any) -> None:
    from .cmd_market import join_all

    join_all(call, wanted)


def _remark(call: Call, name: str) -> None:
    variable = f"JANGTEO_{name.upper()}"
    if variable in os.environ:
        call.screen.warn(
            _("{variable} is set in the environment and goes over the file").format(
                variable=variable
            )
        )
    if call.home.node() is not None and name not in ("currency", _MARKETS):
        call.screen.talk(_("  the running node reads it when it starts again"))


def _list(call: Call) -> None:
    from ..node.config import KEYS

    settings = call.config()
    rows = []
    for name, key in KEYS.items():
        try:
            value, source = _now(call, name, settings)
        except DeskError:  # a home or a store that cannot be read: its settings can
            value, source = settings.values[name], settings.sources[name]
        call.screen.row({"key": name, "value": value, "from": source, "help": key.help})
        rows.append((name, _text(value), _(source), _(key.help)))
    call.screen.table(_COLUMNS, rows)


def _text(value: Any) -> str:
    """As `config set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value) or _("(none)")
    return _("(not set)") if value in (None, "") else str(value)
