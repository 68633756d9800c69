"""`completion`: the script that makes a shell complete commands, options, ids and categories."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from .call import Call
from .verb import verb

_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@verb(
    examples=(
        "jangteo completion bash > ~/.local/share/bash-completion/completions/jangteo",
        'eval "$(jangteo completion zsh)"            # in ~/.zshrc',
        "jangteo completion fish > ~/.config/fish/completions/jangteo.fish",
    ),
    prints='The script; with --json {"shell", "script"}.',
)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print completion for your shell.

    It completes commands and options, and from your own store ids of listings and categories.
    """
    completer = _SHELLS[shell](ctx.find_root().command, {}, "jangteo", "_JANGTEO_COMPLETE")
    # Not `source()`: bash's starts a bash to ask for its version.
    script = completer.source_template % completer.source_vars()
    call: Call = ctx.ensure_object(Call)
    call.screen.row({"shell": shell, "script": script})
    call.screen.say(script)
