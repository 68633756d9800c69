"""The entry point: runs one command line, and turns what ends it into a line and an exit code."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .command_table import COMMANDS

if TYPE_CHECKING:
    from .call import Call

__all__ = ["COMMANDS", "main"]

EXIT_INTERRUPTED = 130
_START_THRESHOLDS = (100_000, 20, 20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line; returns the exit code (0 done, 1 failed, 2 wrong usage, 3 unknown
    id, 4 needs a running node, 130 interrupted)."""
    # A start makes many objects that all stay: collecting among them finds nothing, and takes a
    # tenth of the time of a short command.
    gc.set_threshold(*_START_THRESHOLDS)
    given = list(sys.argv[1:] if arguments is None else arguments)
    _steady_streams()
    try:
        return _run(given)
    except BrokenPipeError:
        # The reader has gone (`| head`): nobody to tell, and no second complaint at exit.
        _drop_stdout()
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        gc.freeze()  # the last collection, at exit, would look at every object once more


def _run(given: Sequence[str]) -> int:
    from .call import Call
    from .tongue import speaking

    call = Call()
    with speaking(call.tongue):
        return _speak(given, call)


def _speak(given: Sequence[str], call: "Call") -> int:
    import click

    from .commands import jangteo
    from .fault import report_of
    from .screen import to_stdout

    try:
        code = jangteo.main(list(given), prog_name="jangteo", standalone_mode=False, obj=call)
        with to_stdout():
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        raise
    except click.Abort:
        return EXIT_INTERRUPTED
    # The outermost of all: a person gets a line, the details go to a file.
    except Exception as error:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError:
            _drop_stdout()
        report = report_of(error, _home_of(call), is_done=call.is_done)
        report.print(call.screen.is_json or _asks_for_json(given), call.named)
        return report.exit_code


def _drop_stdout() -> None:
    """What is still to be written there goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _home_of(call: "Call") -> Path | None:
    """Where details of a fault of ours may go."""
    from ..node.desk_error import DeskError

    try:
        return call.home.path
    except (DeskError, OSError):
        return None


def _asks_for_json(given: Sequence[str]) -> bool:
    """Whether --json stands in the line, for errors that came before it was read."""
    options = given[: given.index("--")] if "--" in given else given
    return "--json" in options


def _steady_streams() -> None:
    """A terminal that cannot show a character gets a replacement, not a crash. A stream that was
    closed before the start is one to nowhere: also so that no file of ours gets its number."""
    nowhere = Path(os.devnull)
    if sys.stdin is None:
        sys.stdin = nowhere.open(encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = nowhere.open("w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = nowhere.open("w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
