"""The systemd user unit: its text, what systemd is asked, and where there is none."""

import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from jangteo.node.desk_error import DeskError
from jangteo.node.service_unit import (
    Answer,
    check_systemd,
    install,
    program,
    state,
    uninstall,
    unit_path,
    unit_text,
)


class Systemd:
    """Answers as systemd does; `asked` keeps the questions."""

    def __init__(self, **answers: Answer) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, command: Sequence[str]) -> Answer:
        self.asked.append(" ".join(command))
        word = next(word for word in command if not word.startswith("--") and "ctl" not in word)
        return self._answers.get(word.replace("-", "_"), Answer(0, ""))


TEXT = unit_text(["/opt/jangteo/bin/jangteo"], Path("/home/하나/.local/share/jangteo"), {})


def test_the_unit_runs_up_on_its_home_and_starts_again_when_it_fails() -> None:
    assert (
        'ExecStart="/opt/jangteo/bin/jangteo" "--home" "/home/하나/.local/share/jangteo" "up"\n'
        in TEXT
    )
    assert "Restart=on-failure\n" in TEXT
    assert "WantedBy=default.target\n" in TEXT


def test_signs_that_systemd_reads_are_taken_plainly() -> None:
    text = unit_text(["/bin/j"], Path('/home/a b/100%$HOME"\\x'), {"A": "50%$"})
    assert '"/home/a b/100%%$$HOME\\"\\\\x"' in text
    assert 'Environment="A=50%%$"\n' in text
    with pytest.raises(DeskError, match="line break"):
        unit_text(["/bin/j"], Path("/home/a\nExecStart=/bin/evil"), {})


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_itself_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    unit = tmp_path / "jangteo.service"
    unit.write_text(unit_text(program(), tmp_path / "home", {"JANGTEO_PASSPHRASE_FILE": "/x y"}))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    if "Failed to initialize manager" in said:
        pytest.skip("systemd-analyze cannot work here")
    assert "jangteo.service" not in said


def test_installing_writes_enables_and_starts(tmp_path: Path) -> None:
    path = tmp_path / "systemd" / "user" / "jangteo.service"
    systemd = Systemd()
    assert install(path, TEXT, systemd) is None
    assert path.read_text() == TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert systemd.asked == [
        "systemctl --user daemon-reload",
        "systemctl --user enable jangteo.service",
        "systemctl --user restart jangteo.service",
    ]


def test_what_systemd_refuses_is_handed_on_and_the_unit_stays(tmp_path: Path) -> None:
    path = tmp_path / "jangteo.service"
    refusal = Answer(1, "Failed to connect to bus")
    assert install(path, TEXT, Systemd(daemon_reload=refusal)) == refusal
    assert path.exists()


def test_uninstalling_stops_it_first(tmp_path: Path) -> None:
    path = tmp_path / "jangteo.service"
    systemd = Systemd()
    assert not uninstall(path, systemd)
    assert systemd.asked == []
    path.write_text(TEXT)
    assert uninstall(path, systemd)
    assert not path.exists()
    assert systemd.asked[0] == "systemctl --user disable --now jangteo.service"


def test_the_state_is_in_systemds_words(tmp_path: Path) -> None:
    path = tmp_path / "jangteo.service"
    path.write_text(TEXT)
    told = state(
        path,
        Systemd(
            is_enabled=Answer(0, "enabled"),
            is_active=Answer(0, "active"),
            show_user=Answer(0, "no"),
        ),
    )
    assert (told.is_installed, told.enabled, told.active) == (True, "enabled", "active")
    assert told.is_lingering is False
    absent = Answer(127, "[Errno 2] No such file or directory: 'systemctl'")
    told = state(path, Systemd(is_enabled=absent, is_active=absent, show_user=absent))
    assert (told.enabled, told.active, told.is_lingering) == ("", "", None)


def test_where_there_is_no_systemd_it_says_what_to_do_instead(tmp_path: Path) -> None:
    with pytest.raises(DeskError, match="macOS") as mac:
        check_systemd("darwin")
    assert mac.value.hint is not None and "Login Items" in mac.value.hint
    with pytest.raises(DeskError, match="does not run systemd") as none:
        check_systemd("linux", booted=tmp_path / "absent")
    assert none.value.hint is not None and "crontab" in none.value.hint


def test_the_unit_stands_where_systemd_looks() -> None:
    assert unit_path({"XDG_CONFIG_HOME": "/cfg"}) == Path("/cfg/systemd/user/jangteo.service")
    home = Path.home() / ".config/systemd/user/jangteo.service"
    assert unit_path({}) == unit_path({"XDG_CONFIG_HOME": "relative"}) == home
