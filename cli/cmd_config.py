"""`config get|set|unset|list`: the settings in HOME/config.toml."""

import os
from typing import Any

import click

from .call import Call
from .table import Column
from .verb import verb, verb_group

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
    settings = call.config()
    value = settings.values[name]
    call.screen.row({"key": name, "value": value, "from": settings.sources[name]})
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

    Lists are written with commas between. `jangteo config list` explains each.
    """
    from ..node.config import key_named, set_value

    name = key_named(key).name
    now = set_value(call.home, name, value)
    call.screen.row({"key": name, "value": now, "from": "file"})
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
    from ..node.config import key_named, unset_value

    name = key_named(key).name
    was_there = unset_value(call.home, name)
    settings = call.config()
    value = settings.values[name]
    call.screen.row({"key": name, "value": value, "from": settings.sources[name]})
    call.screen.say_safe(f"{name} = {_text(value)}")
    if not was_there:
        call.screen.talk("  it was not set: nothing changed")
        return
    _remark(call, name)


config.add_command(list_)
config.add_command(get)
config.add_command(set_)
config.add_command(unset)


def _remark(call: Call, name: str) -> None:
    variable = f"JANGTEO_{name.upper()}"
    if variable in os.environ:
        call.screen.warn(f"{variable} is set in the environment and goes over the file")
    if call.home.node() is not None and name != "currency":
        call.screen.talk("  the running node reads it when it starts again")


def _list(call: Call) -> None:
    from ..node.config import KEYS

    settings = call.config()
    rows = []
    for name, key in KEYS.items():
        value, source = settings.values[name], settings.sources[name]
        call.screen.row({"key": name, "value": value, "from": source, "help": key.help})
        rows.append((name, _text(value), source, key.help))
    call.screen.table(_COLUMNS, rows)


def _text(value: Any) -> str:
    """As `config set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value) or "(none)"
    return "(not set)" if value in (None, "") else str(value)
