"""The group of all commands: imports one when it is called. Help for all of them needs none."""

import importlib
from typing import Any

import click

from ..protocol.told import tell
from .call import Call
from .command_table import COMMANDS, SECTIONS
from .tongue import _
from .verb import (
    format_examples,
    help_context,
    help_page,
    shared_options,
    write_help,
    write_options,
)


class LazyGroup(click.Group):
    """Knows its commands by name; imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, attribute, _ = place
        command: click.Command = getattr(
            importlib.import_module(f".{module}", __package__), attribute
        )
        return command

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return super().make_context(info_name, args, parent, **help_context(), **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, 1)
            if close:
                ctx.fail(
                    tell(
                        "no such command {command!r}: did you mean {meant}?",
                        command=args[0][:40],
                        meant=close[0],
                    )
                )
            ctx.fail(tell("no such command {command!r}", command=args[0][:40]))
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return help_page(self, ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self, formatter)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, _(place[2])) for name, place in commands.items()])
        format_examples(
            formatter,
            (
                "jangteo up",
                'jangteo sell "Road bike, 54 cm" --price "950000 KRW"',
                "jangteo search bike",
            ),
        )
        self.format_options(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    call: Call = ctx.ensure_object(Call)
    call.screen.row({"version": version("jangteo")})
    call.screen.say(f"jangteo {version('jangteo')}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        *shared_options(),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
    ],
)
@click.pass_context
def jangteo(ctx: click.Context) -> None:
    """A market without a middleman: your node and your neighbours' nodes, no server.

    Alone it shows what is new and what waits for you. `jangteo COMMAND --help` teaches a
    command with examples.
    """
    if ctx.invoked_subcommand is None:
        from .cmd_home import home_screen

        home_screen(ctx.ensure_object(Call))
