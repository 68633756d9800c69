"""The commands: which there are, in which file each is, and the group that imports one when it is
called. Help for all of them needs none.
"""

import importlib
from typing import Any, Final

import click

from .call import Call
from .verb import format_examples, help_context, shared_options

# Command: (module, attribute, what it does), in the order of the help.
_SECTIONS: Final[dict[str, dict[str, tuple[str, str, str]]]] = {
    "Sell": {
        "sell": ("cmd_sell", "sell", "Put something up: for a price, as a gift, or as wanted."),
        "edit": ("cmd_edit", "edit", "Change a listing of yours."),
        "reserve": ("cmd_state", "reserve", "Mark a listing as reserved for someone."),
        "sold": ("cmd_state", "sold", "Mark a listing as sold."),
        "relist": ("cmd_state", "relist", "Put a reserved, sold or expired listing up again."),
        "withdraw": ("cmd_state", "withdraw", "Take a listing back, for good."),
        "renew": ("cmd_state", "renew", "Give listings another 90 days."),
        "import": ("cmd_import", "import_", "Bring listings in from a file."),
    },
    "Look": {
        "search": ("cmd_search", "search", "Find listings, also with no network."),
        "show": ("cmd_show", "show", "Show one listing, its seller and its history."),
        "mine": ("cmd_mine", "mine", "List what you have put up."),
        "watch": ("cmd_watch", "watch", "Print what happens, as it happens."),
        "export": ("cmd_export", "export", "Write listings to a file or to stdout."),
    },
    "Node": {
        "up": ("cmd_up", "up", "Run the node: meet the neighbours, share listings."),
        "status": ("cmd_status", "status", "Say how the running node is doing."),
        "peers": ("cmd_peers", "peers", "List the neighbours the node is connected to."),
        "connect": ("cmd_peers", "connect", "Connect to a neighbour by address."),
        "sync": ("cmd_peers", "sync", "Compare stores with neighbours now."),
        "join": ("cmd_market", "join", "Take part in another market."),
        "leave": ("cmd_market", "leave", "Stop taking part in a market."),
        "devnet": ("cmd_devnet", "devnet", "Try it alone: several nodes with sample goods."),
        "service": ("cmd_service", "service", "Keep the node running in the background."),
        "doctor": ("cmd_doctor", "doctor", "Check the set-up and say what to do."),
    },
    "You and others": {
        "init": ("cmd_init", "init", "Make your identity."),
        "words": ("cmd_words", "words", "Show the 24 words that are your identity."),
        "passphrase": ("cmd_words", "passphrase", "Seal your key with a passphrase."),
        "profile": ("cmd_profile", "profile", "Say, or show, what you call yourself."),
        "whoami": ("cmd_profile", "whoami", "Show who you are here."),
        "block": ("cmd_block", "block", "See and pass on nothing more of an author."),
        "unblock": ("cmd_block", "unblock", "Undo a block."),
        "backup": ("cmd_backup", "backup", "Save your identity and records to a file."),
        "restore": ("cmd_backup", "restore", "Bring your identity back."),
    },
    "House": {
        "config": ("cmd_config", "config", "Read and change settings."),
        "verify": ("cmd_verify", "verify", "Check every signature and view in the store."),
        "reindex": ("cmd_verify", "reindex", "Rebuild what is derived from the records."),
        "completion": ("cmd_completion", "completion", "Print completion for your shell."),
    },
}
COMMANDS: Final = {
    name: place for commands in _SECTIONS.values() for name, place in commands.items()
}


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

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for section, commands in _SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, place[2]) for name, place in commands.items()])
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
        rows = [parameter.get_help_record(ctx) for parameter in self.get_params(ctx)]
        with formatter.section("Options"):
            formatter.write_dl([row for row in rows if row is not None])


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
