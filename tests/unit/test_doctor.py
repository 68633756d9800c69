"""Each check of the check-up, with and without its trouble."""

import socket
from pathlib import Path

from jangteo.node import identity
from jangteo.node.config import Config, read_config
from jangteo.node.doctor import (
    check_clock,
    check_disk,
    check_firewall,
    check_home,
    check_interfaces,
    check_mdns,
    check_neighbours,
    check_port,
    check_python,
    privacy,
)
from jangteo.node.home import Home
from jangteo.protocol import limits


def _config(tmp_path: Path, **flags: object) -> Config:
    return read_config(Home(tmp_path), flags=flags)


def test_a_python_that_is_too_old_or_too_new_fails() -> None:
    assert check_python((3, 11, 9)).verdict == "ok"
    assert check_python((3, 10, 2)).verdict == check_python((3, 14, 0)).verdict == "fail"


def test_a_home_is_looked_at_from_absent_to_backed_up(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert [check.verdict for check in check_home(home)] == ["warn"]
    home.make()
    assert [check.verdict for check in check_home(home)] == ["ok", "warn"]
    identity.create(home)
    assert [check.verdict for check in check_home(home)] == ["ok", "warn"]
    home.owner.note_backed_up(1)
    assert [check.verdict for check in check_home(home)] == ["ok", "ok"]
    home.author_key_path.chmod(0o640)
    (only,) = check_home(home)
    assert only.verdict == "fail"
    assert "chmod 600" in only.advice


def test_the_disk_is_looked_at_where_the_home_will_be(tmp_path: Path) -> None:
    assert check_disk(Home(tmp_path / "not" / "there" / "yet")).verdict == "ok"


def test_a_port_that_somebody_has_is_a_trouble_only_if_it_was_asked_for(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104
        taken.listen(1)
        port = taken.getsockname()[1]
        assert check_port(_config(tmp_path, port=port), None).verdict == "fail"
    assert check_port(_config(tmp_path, port=port), None).verdict == "ok"
    assert check_port(_config(tmp_path), {"addresses": ["/ip4/1.2.3.4/tcp/1"]}).verdict == "ok"


def test_mdns_that_is_off_or_blocked_is_told(tmp_path: Path) -> None:
    assert "config set mdns on" in check_mdns(_config(tmp_path, mdns=False), [], None).advice
    # An address that is none of this machine's.
    assert check_mdns(_config(tmp_path), ["203.0.113.7"], None).verdict == "fail"


def test_no_network_is_no_fault(tmp_path: Path) -> None:
    assert check_interfaces([]).verdict == "warn"
    assert "devnet" in check_interfaces([]).advice
    assert check_interfaces(["192.168.0.7"]).found == "192.168.0.7"


def test_a_firewall_is_told_with_the_commands_that_open_it(tmp_path: Path) -> None:
    config = _config(tmp_path)
    (tmp_path / "ufw").mkdir()
    (tmp_path / "ufw" / "ufw.conf").write_text("ENABLED=yes\n")
    check = check_firewall(config, etc=tmp_path, platform="linux")
    assert check.verdict == "warn"
    assert "ufw allow 4110/tcp" in check.advice and "5353/udp" in check.advice


def test_a_clock_that_is_off_fails_and_says_which_way() -> None:
    assert check_clock(0).verdict == "ok"
    ahead, behind = check_clock(limits.CLOCK_WARN_MS + 1), check_clock(-limits.CLOCK_WARN_MS - 1)
    assert (ahead.verdict, behind.verdict) == ("fail", "fail")
    assert "ahead" in ahead.found and "behind" in behind.found


def test_no_neighbour_names_the_interfaces_the_causes_and_the_line_to_hand_over() -> None:
    live = {"peers": 0, "addresses": ["/ip4/192.168.0.7/tcp/4110/p2p/12D3"], "peer": "12D3"}
    check = check_neighbours(live, ["192.168.0.7"])
    assert check.verdict == "warn"
    assert "192.168.0.7" in check.found
    for told in ("guest Wi-Fi", "router", "firewall", "jangteo up --peer /ip4/192.168.0.7/"):
        assert told in check.advice
    assert check_neighbours({**live, "peers": 2}, []).verdict == "ok"
    assert check_neighbours(None, []).advice == "`jangteo up`"


def test_what_neighbours_see_is_said_whether_or_not_something_is_wrong() -> None:
    note = privacy({"peer": "12D3KooW"})
    assert note.verdict == "note"
    assert "IP address" in note.found and "12D3KooW" in note.found
