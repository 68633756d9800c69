"""`service install|uninstall|status`: the node in the background, as a systemd user unit."""

import os
from pathlib import Path

import click

from ..node import service_unit
from ..node.desk_error import DeskError
from ..node.identity import PASSPHRASE_VARIABLE, is_sealed
from ..protocol.told import tell
from .call import Call
from .tongue import _
from .verb import verb, verb_group


@verb_group(
    name="service",
    examples=(
        "jangteo service install",
        "jangteo service status",
        "journalctl --user -u jangteo -f      # what the node says",
        "jangteo service uninstall",
    ),
)
@click.pass_context
def service(ctx: click.Context) -> None:
    """Keep the node running in the background.

    Installs a unit of systemd for your user: no root needed. It starts when you log in. Units of
    a user stop when the user logs out, unless the user lingers: `loginctl enable-linger` makes
    the node start with the machine and stay.
    """
    if ctx.invoked_subcommand is None:
        _print_status(ctx.ensure_object(Call))


@verb(
    examples=("jangteo service install", "jangteo service install --print"),
    prints='Where the unit stands and how to see its log; with --json {"unit", "started", '
    '"lingering"}.',
)
@click.option("--print", "is_print", is_flag=True, help="Only print the unit; change nothing.")
@click.pass_obj
def install(call: Call, is_print: bool) -> int | None:
    """Write the unit, enable it and start the node.

    Doing it again writes it anew and starts the node again.
    """
    screen, home = call.screen, call.home
    environment: dict[str, str] = {}
    if told := os.environ.get(PASSPHRASE_VARIABLE):
        environment[PASSPHRASE_VARIABLE] = str(Path(told).expanduser().absolute())
    text = service_unit.unit_text(service_unit.program(), home.path, environment)
    path = service_unit.unit_path(os.environ)
    if is_print:
        screen.row({"unit": str(path), "text": text})
        screen.say(text.rstrip("\n"))
        return None
    service_unit.check_systemd()
    if is_sealed(home) and not environment:
        raise DeskError(
            "passphrase",
            tell("your key is sealed with a passphrase, which a service cannot ask for"),
            tell(
                "put it in a file (mode 0600) and set {passphrase_variable} to its "
                "path, then again",
                passphrase_variable=PASSPHRASE_VARIABLE,
            ),
        )
    refusal = service_unit.install(path, text)
    state = service_unit.state(path)
    screen.row({"unit": str(path), "started": refusal is None, "lingering": state.is_lingering})
    screen.say(_("unit written: {path}").format(path=path))
    if refusal is not None:
        screen.warn(_("systemd did not start it: {why}").format(why=refusal.text or refusal.code))
        screen.talk(_("  in a session of your own: `systemctl --user enable --now jangteo`"))
        return 1
    screen.say(_("the node runs, and starts again when you log in"))
    screen.talk(_("  its log: journalctl --user -u jangteo -f"), "dim")
    if state.is_lingering is not True:
        screen.talk(
            _(
                "  it stops when you log out. To let it run always, also from boot "
                "on: loginctl enable-linger {user_name}"
            ).format(user_name=service_unit.user_name())
        )
    return None


@verb(
    examples=("jangteo service uninstall",),
    prints='Whether there was one; with --json {"unit", "removed"}.',
)
@click.pass_obj
def uninstall(call: Call) -> None:
    """Stop the node and take the unit away.

    Your home and everything in it stays. So does lingering, which other programs may want:
    `loginctl disable-linger` ends it.
    """
    path = service_unit.unit_path(os.environ)
    was_there = service_unit.uninstall(path)
    call.screen.row({"unit": str(path), "removed": was_there})
    call.screen.say(
        _("unit removed: {path}").format(path=path) if was_there else _("there was no unit")
    )


@verb(
    examples=("jangteo service status",),
    prints='Whether the unit is there, enabled and active; with --json {"installed", "enabled", '
    '"active", "lingering", "unit"}.',
)
@click.pass_obj
def status(call: Call) -> None:
    """Say whether the unit is installed and running."""
    _print_status(call)


service.add_command(install)
service.add_command(uninstall)
service.add_command(status)


def _print_status(call: Call) -> None:
    path = service_unit.unit_path(os.environ)
    state = service_unit.state(path)
    screen = call.screen
    screen.row(
        {
            "installed": state.is_installed,
            "enabled": state.enabled,
            "active": state.active,
            "lingering": state.is_lingering,
            "unit": str(path),
        }
    )
    if not state.is_installed:
        screen.say(_("not installed"))
        screen.talk(
            _("  `{prefix} service install` keeps the node running").format(
                prefix=call.command_prefix()
            ),
            "dim",
        )
        return
    unknown = _("systemd cannot be asked here")
    screen.say(_("installed: {path}").format(path=path))
    screen.say(_("at log-in: {state}").format(state=state.enabled or unknown))
    screen.say(_("now: {state}").format(state=state.active or unknown))
    if state.is_lingering is False:
        screen.say(_("it stops when you log out (`loginctl enable-linger` changes that)"))
    elif state.is_lingering:
        screen.say(_("it runs also while you are logged out (you linger)"))
