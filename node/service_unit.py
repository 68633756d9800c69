"""The systemd user unit that keeps a node running: its text, its place, and systemd's answers.

Knows systemd's manners; nothing of what the node does.
"""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..protocol.told import tell
from .desk_error import DeskError
from .private_file import write_private

UNIT_NAME: Final = "jangteo.service"
_BOOTED: Final = Path("/run/systemd/system")
_ANSWER_SECONDS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program of systemd's said: its exit code and its output, stdout before stderr."""

    code: int
    text: str


Ask = Callable[[Sequence[str]], Answer]


def ask_systemd(command: Sequence[str]) -> Answer:
    """Runs one of systemd's programs. One that hangs or is missing answers with code 127."""
    try:
        # Only names and words of our own stand in the command.
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_ANSWER_SECONDS_MAX, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return Answer(127, str(error))
    return Answer(done.returncode, (done.stdout + done.stderr).strip())


def program() -> list[str]:
    """How this program is started, by absolute paths."""
    script = Path(sys.executable).with_name("jangteo")
    if script.is_file():
        return [str(script)]
    return [sys.executable, "-m", "jangteo.cli.main"]


def unit_text(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> str:
    """The unit: `command` with `--home HOME up`, started again when it fails."""
    start = " ".join(_quoted(word) for word in (*command, "--home", str(home), "up"))
    variables = "".join(
        f"Environment={_quoted(f'{name}={value}', is_command=False)}\n"
        for name, value in environment.items()
    )
    return (
        "# Written by `jangteo service install`; `jangteo service uninstall` takes it away.\n"
        "[Unit]\n"
        "Description=Jangteo, a market without a middleman\n"
        "StartLimitIntervalSec=0\n"
        "\n"
        "[Service]\n"
        f"ExecStart={start}\n"
        f"{variables}"
        "Restart=on-failure\n"
        "RestartSec=10\n"
        "TimeoutStopSec=10\n"
        "UMask=0077\n"
        "NoNewPrivileges=yes\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def unit_path(environ: Mapping[str, str]) -> Path:
    """Where systemd looks for units of this user."""
    told = environ.get("XDG_CONFIG_HOME")
    config = Path(told) if told and Path(told).is_absolute() else Path.home() / ".config"
    return config / "systemd" / "user" / UNIT_NAME


def check_systemd(platform: str = sys.platform, booted: Path = _BOOTED) -> None:
    """DeskError that says what to do instead, where there is no systemd."""
    if platform == "darwin":
        raise DeskError(
            "no-systemd",
            tell("macOS has no systemd, so there is no unit to install"),
            tell(
                "add `jangteo up` to System Settings > General > Login Items, or "
                "leave it running in a terminal"
            ),
        )
    if shutil.which("systemctl") is None or not booted.is_dir():
        raise DeskError(
            "no-systemd",
            tell("this machine does not run systemd, so there is no unit to install"),
            tell(
                "start `jangteo up` another way: your init system, tmux, or "
                "`@reboot` in crontab; `jangteo service install --print` shows the "
                "unit"
            ),
        )


def install(path: Path, text: str, ask: Ask = ask_systemd) -> Answer | None:
    """Writes the unit, enables and starts it (again). The answer of what went wrong, None if
    nothing did; the file stays in any case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text.encode())
    for words in (("daemon-reload",), ("enable", UNIT_NAME), ("restart", UNIT_NAME)):
        answer = ask(["systemctl", "--user", *words])
        if answer.code:
            return answer
    return None


def uninstall(path: Path, ask: Ask = ask_systemd) -> bool:
    """Stops and disables the unit and takes the file away; whether there was one."""
    if not path.exists():
        return False
    ask(["systemctl", "--user", "disable", "--now", UNIT_NAME])
    path.unlink()
    ask(["systemctl", "--user", "daemon-reload"])
    return True


@dataclass(frozen=True, slots=True)
class ServiceState:
    """`enabled` and `active` in systemd's words, "" where it cannot be asked; `is_lingering` is
    None where it is not known."""

    is_installed: bool
    enabled: str
    active: str
    is_lingering: bool | None


def state(path: Path, ask: Ask = ask_systemd) -> ServiceState:
    def word(*words: str) -> str:
        answer = ask(["systemctl", "--user", *words, UNIT_NAME])
        first = answer.text.split("\n", 1)[0].strip()
        return first if first.replace("-", "").isalpha() else ""

    linger = ask(["loginctl", "show-user", user_name(), "--property=Linger", "--value"])
    is_lingering = {"yes": True, "no": False}.get(linger.text) if linger.code == 0 else None
    return ServiceState(path.exists(), word("is-enabled"), word("is-active"), is_lingering)


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid, as in some containers
        return str(os.getuid())


def _quoted(word: str, *, is_command: bool = True) -> str:
    """A word as systemd reads it: specifiers, variables, quotes and backslashes taken plainly."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if is_command:
        plain = plain.replace("$", "$$")
    if any(char in plain for char in "\n\r\0"):
        raise DeskError("usage", tell("a path with a line break cannot stand in a unit"), None, 2)
    return f'"{plain}"'
