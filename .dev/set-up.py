"""Makes .venv from the locks, every download held to its hash, then installs the project there.

Started by `./run` alone: `set-up.py WHOM DIGEST`, WHOM being `user` or `developer`, DIGEST what
`./run` will compare later. Says what it does on stderr, in one line each. Knows nothing of the
project but its lock files; needs the standard library of Python 3.11 to 3.13 only.

A stamp is written last. .venv without a stamp is half-made, so it is thrown away and made anew;
one with an old stamp is brought up to date in place, without its stamp while that lasts.
"""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / ".venv.log"

# What the tools' output means, the first match counts.
REASONS = (
    (
        r"DO NOT MATCH THE HASHES|[Hh]ash mismatch",
        "a downloaded package is not the one that the lock names (its hash differs); nothing was "
        "installed from it",
    ),
    (r"No space left on device|Disk quota exceeded", "the disk is full (about 400 MB are needed)"),
    (
        r"(Failed to build|building|Building wheel for)\W*fastecdsa",
        "no ready-made fastecdsa for this machine, so it is built here, which needs a C compiler "
        "and GMP: apt install gcc python3-dev libgmp-dev",
    ),
    (
        r"Retrying \(|NewConnectionError|ConnectionError|ProxyError|name resolution"
        r"|[Ff]ailed to fetch|error sending request|dns error|[Tt]imed out|SSLError",
        "the package index cannot be reached; is there a network? (pip's own settings apply: "
        "pip.conf, PIP_INDEX_URL, HTTPS_PROXY)",
    ),
    (
        r"No matching distribution found for (?P<name>\S+)",
        "the package index has no {name} for this Python and machine",
    ),
    (r"Failed to build\W*(?P<name>\S+)|error: subprocess-exited", "a package could not be built"),
)


class SetUpFailed(Exception):
    """What went wrong, in one line that says what to do."""


def say(text: str) -> None:
    sys.stderr.write(f"run: {text}\n")
    sys.stderr.flush()


def main(whom: str, digest: str) -> None:
    with only_one() as lock_fd:
        if read_stamp(whom) == stamp_text(digest):
            return  # another start made it while this one waited
        LOG.unlink(missing_ok=True)
        tools = prepare_venv(lock_fd)
        tools.install("requirements-build.lock")
        lock = "requirements-dev.lock" if whom == "developer" else "requirements.lock"
        tools.install(lock)
        tools.install_project()
        write_stamps(["user", "developer"] if whom == "developer" else ["user"], digest)
        LOG.unlink(missing_ok=True)
    say("set-up done")


# --- one at a time -------------------------------------------------------------------------------


@contextmanager
def only_one() -> Iterator[int]:
    """Holds the lock, which the kernel drops with the last process that has it: children inherit
    it, so that a pip whose parent was killed is waited for too.
    """
    try:
        fd = os.open(ROOT / ".venv.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise SetUpFailed(f"cannot write in {ROOT}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is setting up; waiting for it")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


# --- stamps --------------------------------------------------------------------------------------


def stamp_path(whom: str) -> Path:
    return VENV / f"jangteo-{whom}.stamp"


def read_stamp(whom: str) -> str | None:
    try:
        return stamp_path(whom).read_text()
    except OSError:
        return None


def stamp_text(digest: str) -> str:
    """The same lines as `fingerprint` in ./run."""
    return f"{digest}\n{ROOT}\n{python_version()}\n"


def python_version() -> str:
    try:
        return subprocess.run(
            [PYTHON, "-I", "-S", "-c", "import sys; print(sys.version)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.rstrip("\n")
    except (OSError, subprocess.CalledProcessError):
        return "none"


def write_stamps(whoms: list[str], digest: str) -> None:
    os.sync()  # the stamp must not outlive, in a power cut, what it vouches for
    text = stamp_text(digest)
    for whom in whoms:
        new = stamp_path(whom).with_suffix(".new")
        new.write_text(text)
        new.rename(stamp_path(whom))


# --- the environment -----------------------------------------------------------------------------


class Tools:
    """How packages get into .venv: a command line to which `-r FILE` is added."""

    def __init__(self, lock_fd: int, install: list[str], pip_only: list[str]) -> None:
        self._lock_fd = lock_fd
        self._install = install
        self._pip_only = pip_only

    def install(self, lock: str) -> None:
        wanted = len(re.findall(r"^[a-z0-9]", (ROOT / lock).read_text(), re.MULTILINE))
        arguments = ["--no-deps", "--require-hashes", "--no-build-isolation", *self._pip_only]
        self.run([*self._install, *arguments, "-r", str(ROOT / lock)], wanted)

    def install_project(self) -> None:
        arguments = ["--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)]
        self.run([*self._install, *arguments], 1)

    def run(self, command: list[str], packages_count: int) -> None:
        run(command, self._lock_fd, packages_count)


def run(command: list[str], lock_fd: int, packages_count: int = 0) -> None:
    """Runs `command`, all its words into the log, and counts packages where someone looks on."""
    is_watched = sys.stderr.isatty() and packages_count > 1
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    }
    lines: list[str] = []
    collected = 0
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[lock_fd],
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            log.write(line)
            log.flush()
            if is_watched and line.startswith("Collecting "):
                collected += 1
                sys.stderr.write(f"\rrun: {collected} of {packages_count} packages ")
            elif is_watched and line.startswith("Installing "):
                sys.stderr.write("\rrun: installing them            ")
            sys.stderr.flush()
    if is_watched:
        sys.stderr.write("\r\033[K")
    if process.returncode != 0:
        raise SetUpFailed(reason_in("".join(lines)))


def reason_in(output: str) -> str:
    for pattern, reason in REASONS:
        found = re.search(pattern, output)
        if found:
            return f"{reason.format(**found.groupdict())} (details: .venv.log)"
    last = output.strip().splitlines()[-1:] or ["nothing said"]
    return f"{last[0].strip()} (details: .venv.log)"


def prepare_venv(lock_fd: int) -> Tools:
    """A sound .venv without stamps, and the tools to fill it."""
    stamp = read_stamp("user") or ""
    is_sound = stamp.split("\n", 1)[-1] == stamp_text("").split("\n", 1)[-1]
    for whom in ("user", "developer"):
        stamp_path(whom).unlink(missing_ok=True)
    if is_sound:
        say("bringing .venv up to date")
    elif VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        say("making .venv anew: it was left half-made, moved, or its Python changed")
        shutil.rmtree(VENV)

    make, tools = choose_tools(lock_fd)
    if not is_sound:
        version = ".".join(map(str, sys.version_info[:3]))
        say(f"setting up with Python {version}, once: about a minute")
        run([*make, str(VENV)], lock_fd)
    return tools


def choose_tools(lock_fd: int) -> tuple[list[str], Tools]:
    """What makes the environment, and what fills it. Plain Debian's Python has no ensurepip."""
    pip_install = ["install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    pip_only = ["--use-pep517"]
    inside = [str(PYTHON), "-m", "pip", *pip_install]
    if has_module("ensurepip"):
        return [sys.executable, "-m", "venv"], Tools(lock_fd, inside, pip_only)
    if uv := shutil.which("uv"):
        fill = [uv, "pip", "install", "--python", str(PYTHON)]
        return [uv, "venv", "--python", sys.executable], Tools(lock_fd, fill, [])
    if virtualenv := shutil.which("virtualenv"):
        return [virtualenv, "--python", sys.executable], Tools(lock_fd, inside, pip_only)
    if has_module("pip") and has_module("venv"):
        outside = [sys.executable, "-m", "pip", "--python", str(PYTHON), *pip_install]
        make = [sys.executable, "-m", "venv", "--without-pip"]
        return make, Tools(lock_fd, outside, pip_only)
    raise SetUpFailed(
        f"{sys.executable} cannot make environments (it has no ensurepip). Debian, Ubuntu: "
        "apt install python3-venv; elsewhere install uv or virtualenv"
    )


def has_module(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None  # an emptied folder has no origin


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except SetUpFailed as failure:
        say(str(failure))
        sys.exit(1)
    except KeyboardInterrupt:
        say("set-up stopped; the next start begins it again")
        sys.exit(130)
