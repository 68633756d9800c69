"""The shape every command has: help that teaches, and --json and --home wherever they stand.

Knows click; nothing of any single command.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import click

from ..node.tongue import ENGLISH
from .call import Call
from .help_page import HelpPage
from .program import named_in_help
from .screen import terminal_cells
from .tongue import _, spoken


def help_context() -> dict[str, Any]:
    """Help as wide as the terminal, within what reads well."""
    return {"terminal_width": max(30, min(terminal_cells() or 80, 92) - 1)}


class Verb(click.Command):
    """A command with examples and a line on what it prints."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        prints: str = "",
        is_text: bool = False,
        **kwargs: Any,
    ) -> None:
        self.examples = tuple(examples)
        self.prints = prints
        names = ["--help"] if is_text else ["-h", "--help"]
        settings = {"help_option_names": names, "ignore_unknown_options": is_text}
        kwargs["context_settings"] = settings
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return super().make_context(info_name, args, parent, **help_context(), **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click forgets it for an option without its value
            raise

    def get_help(self, ctx: click.Context) -> str:
        return help_page(self, ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        format_examples(formatter, self.examples, self.prints)
        self.format_options(ctx, formatter)


class VerbGroup(click.Group):
    """A command with commands of its own."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        self.examples = tuple(examples)
        kwargs["context_settings"] = {"help_option_names": ["-h", "--help"]}
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        return super().make_context(info_name, args, parent, **help_context(), **extra)

    def get_help(self, ctx: click.Context) -> str:
        return help_page(self, ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help(self, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        format_examples(formatter, self.examples)
        self.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if spoken().code == ENGLISH:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, _(help_of(command)).split("\n\n")[0])
                    for name, command in sorted(self.commands.items())
                ]
            )


def format_examples(
    formatter: click.HelpFormatter, examples: Sequence[str], prints: str = ""
) -> None:
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
    if prints:
        with formatter.section("Prints"):
            formatter.write_text(_(prints))


def help_page(command: click.Command, ctx: click.Context) -> str:
    """The whole page, with the commands in it as they must be typed here."""
    page = HelpPage(width=ctx.terminal_width, max_width=ctx.max_content_width)
    command.format_help(ctx, page)
    return named_in_help(page.getvalue().rstrip("\n"))


def help_of(command: click.Command) -> str:
    """What a command says of itself, its paragraphs each on one line."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(" ".join(told.split()) for told in paragraphs)


def write_help(command: click.Command, formatter: click.HelpFormatter) -> None:
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(_(help_of(command)))


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    rows = []
    for option in command.get_params(ctx):
        record = option.get_help_record(ctx)
        if record is not None and isinstance(option, click.Option):
            # click puts ranges and the like behind it.
            help_ = option.help or ""
            rows.append((record[0], record[1].replace(help_, _(help_), 1)))
    with formatter.section("Options"):
        formatter.write_dl(rows)


def verb(
    *,
    examples: Sequence[str],
    prints: str,
    name: str | None = None,
    is_text: bool = False,
) -> Callable[[Callable[..., Any]], Verb]:
    """Makes a function a command; `is_text` lets words that begin with "-" be arguments."""

    def decorate(function: Callable[..., Any]) -> Verb:
        return click.command(
            name=name, cls=Verb, examples=examples, prints=prints, is_text=is_text
        )(function)

    return decorate


def verb_group(*, name: str, examples: Sequence[str]) -> Callable[[Callable[..., Any]], VerbGroup]:
    """Makes a function the group `name`; alone it does what the function does."""

    def decorate(function: Callable[..., Any]) -> VerbGroup:
        return click.group(
            name=name, cls=VerbGroup, examples=examples, invoke_without_command=True
        )(function)

    return decorate


def shared_options() -> list[click.Option]:
    """--home and --json, as every command takes them."""
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            expose_value=False,
            callback=_set_home,
            help="Where keys, settings and the store are; else JANGTEO_HOME.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_set_json,
            help="One JSON object a line instead of text.",
        ),
    ]


def _set_home(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Call).home_flag = value


def _set_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Call).screen.is_json = True
