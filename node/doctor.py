"""A check-up of the set-up: what is well, what is not, and what to do about it.

Each check looks at one thing and changes nothing. Knows the machine and the home; nothing of a
running node but what the caller hands over.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ..protocol import limits
from ..protocol.told import tell
from .config import Config
from .desk_error import DeskError
from .home import Home
from .identity import is_sealed
from .interfaces import ANY_IPV4, ipv4_addresses, is_loopback
from .private_file import FILE_MODE, check_private

Verdict = Literal["ok", "warn", "fail", "note"]
MDNS_GROUP: Final = "224.0.0.251"
MDNS_PORT: Final = 5353
_DISK_FREE_BYTES_MIN: Final = 200 * limits.MIB
_ANSWER_SECONDS_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """`found` says how it is, `advice` what to do: "" where nothing needs doing."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def check_up(
    home: Home, config: Config, live: Mapping[str, Any] | None, seller_offset_ms: int | None
) -> Iterator[Check]:
    """Every check in order. `live` is the running node's status, None where none runs;
    `seller_offset_ms` how far the clock is off the neighbours', if a node ever found out."""
    yield check_python()
    yield from check_home(home)
    yield check_disk(home)
    yield check_port(config, live)
    addresses = [ip for ip in ipv4_addresses() if not is_loopback(ip)]
    yield check_interfaces(addresses)
    yield check_mdns(config, addresses, live)
    yield check_firewall(config)
    yield check_clock(seller_offset_ms)
    yield check_neighbours(live, addresses)
    yield privacy(live)


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    told = ".".join(map(str, version))
    if (3, 11) <= version[:2] <= (3, 13):
        return Check("python", "ok", told)
    return Check("python", "fail", told, tell("use Python 3.11, 3.12 or 3.13"))


def check_home(home: Home) -> Iterator[Check]:
    """The folder, the keys, the store file: there, and closed to others."""
    if not home.exists:
        yield Check(
            "home",
            "warn",
            tell("{path} is not there yet", path=home.path),
            tell("`jangteo up` or `jangteo init`"),
        )
        return
    try:
        home.check()
        for path in (home.author_key_path, home.peer_key_path, home.node_path):
            if path.exists():
                check_private(path, path.lstat(), FILE_MODE)
    except DeskError as error:
        yield Check("home", "fail", error.message, error.hint or "")
        return
    yield Check("home", "ok", tell("{path}, closed to others", path=home.path))
    if not home.has_identity:
        yield Check(
            "identity",
            "warn",
            tell("none yet"),
            tell("`jangteo init`, or `jangteo restore`"),
        )
        return
    try:
        sealed = (
            tell("sealed with a passphrase") if is_sealed(home) else tell("without a passphrase")
        )
    except DeskError as error:
        yield Check("identity", "fail", error.message, error.hint or "")
        return
    author = home.author()
    who = author.hex()[:8] if author else "there"
    if home.owner.backed_up_ms() is None:
        advice = tell(
            "`jangteo words` on paper, or `jangteo backup FILE`: a lost key is a lost name"
        )
        yield Check(
            "identity",
            "warn",
            tell("{who}, {sealed}, never backed up", who=who, sealed=sealed),
            advice,
        )
    else:
        yield Check("identity", "ok", tell("{who}, {sealed}, backed up", who=who, sealed=sealed))


def check_disk(home: Home) -> Check:
    folder = next(path for path in (home.path, *home.path.parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return Check(
            "disk",
            "fail",
            tell("cannot write to {folder}", folder=folder),
            tell("choose another --home"),
        )
    told = tell("{gib} GiB free", gib=f"{free / 2**30:.1f}")
    if free < _DISK_FREE_BYTES_MIN:
        return Check("disk", "fail", told, tell("make room: a full disk stops the store"))
    return Check("disk", "ok", told)


def check_port(config: Config, live: Mapping[str, Any] | None) -> Check:
    """Whether neighbours could reach the node's port."""
    if live is not None:
        addresses = live.get("addresses") or []
        return Check(
            "port",
            "ok",
            tell("the node listens on {address}", address=addresses[0] if addresses else "?"),
        )
    port = config.port or limits.PORT_DEFAULT
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ANY_IPV4, port))
        except OSError as error:
            if config.port:
                advice = tell("free it, or `jangteo config unset port`")
                return Check("port", "fail", f"{port}: {error.strerror}", advice)
            return Check(
                "port",
                "ok",
                tell("{port} is taken; a node takes the next free one", port=port),
            )
    return Check("port", "ok", tell("{port} is free", port=port))


def check_interfaces(addresses: list[str]) -> Check:
    if not addresses:
        advice = tell(
            "connect to a network; alone, `jangteo devnet` shows how it is with neighbours"
        )
        return Check("network", "warn", tell("no interface but loopback"), advice)
    return Check("network", "ok", ", ".join(addresses))


def check_mdns(config: Config, addresses: list[str], live: Mapping[str, Any] | None) -> Check:
    """Whether this machine can speak multicast DNS on each of its interfaces."""
    if not config.mdns:
        advice = tell("neighbours are found by `peers` alone; `jangteo config set mdns on`")
        return Check("mdns", "warn", tell("switched off"), advice)
    failed = []
    for ip in addresses or ["127.0.0.1"]:
        try:
            _join_mdns(ip)
        except OSError as error:
            failed.append(f"{ip}: {error.strerror}")
    if failed:
        advice = tell(
            "multicast is blocked here; hand over addresses instead: `jangteo up --peer ADDRESS`"
        )
        return Check("mdns", "fail" if live is None else "warn", "; ".join(failed), advice)
    return Check("mdns", "ok", tell("can be spoken on {count} interface(s)", count=len(addresses)))


def _join_mdns(ip: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind((ANY_IPV4, MDNS_PORT))
        member = struct.pack("4s4s", socket.inet_aton(MDNS_GROUP), socket.inet_aton(ip))
        probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)


def check_firewall(config: Config, etc: Path = Path("/etc"), platform: str = sys.platform) -> Check:
    """What can be known of a firewall without being root: that one is there."""
    port = config.port or limits.PORT_DEFAULT
    if platform == "darwin":
        told = _said(["/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate"])
        if "enabled" in told.lower():
            advice = tell(
                "System Settings > Network > Firewall > Options: allow Python to be reached"
            )
            return Check("firewall", "warn", tell("macOS's firewall is on"), advice)
        return Check("firewall", "ok", tell("none found"))
    try:
        ufw = (etc / "ufw/ufw.conf").read_text(errors="replace")
        is_ufw = "enabled=yes" in ufw.lower().replace(" ", "")
    except OSError:
        is_ufw = False
    if is_ufw:
        line = f"sudo ufw allow {port}/tcp && sudo ufw allow {MDNS_PORT}/udp"
        return Check(
            "firewall",
            "warn",
            tell("ufw is on"),
            tell("if neighbours do not find you: {line}", line=line),
        )
    if shutil.which("firewall-cmd") and _said(["firewall-cmd", "--state"]) == "running":
        line = f"sudo firewall-cmd --add-port={port}/tcp --add-service=mdns --permanent"
        return Check(
            "firewall",
            "warn",
            tell("firewalld is on"),
            tell("if neighbours do not find you: {line}", line=line),
        )
    return Check(
        "firewall", "ok", tell("none found (one of the router's cannot be seen from here)")
    )


def _said(command: list[str]) -> str:
    """What a program prints; "" where it is missing or hangs."""
    try:
        done = subprocess.run(  # noqa: S603  (fixed commands)
            command, capture_output=True, text=True, timeout=_ANSWER_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def check_clock(offset_ms: int | None) -> Check:
    if offset_ms is None:
        is_synced = _said(["timedatectl", "show", "--property=NTPSynchronized", "--value"])
        if is_synced == "no":
            advice = "sudo timedatectl set-ntp true"
            return Check("clock", "warn", tell("is not kept right by the network"), advice)
        return Check(
            "clock",
            "ok",
            tell("no neighbour to compare with") if not is_synced else tell("synced"),
        )
    seconds = round(offset_ms / 1000)
    if seconds > 0:
        told = tell("{n} s ahead of the neighbours'", n=seconds)
    else:
        told = tell("{n} s behind the neighbours'", n=-seconds)
    if abs(offset_ms) > limits.CLOCK_WARN_MS:
        advice = tell("set it right: neighbours ignore records from the future")
        return Check("clock", "fail", told, advice)
    return Check("clock", "ok", told if seconds else tell("agrees with the neighbours'"))


def check_neighbours(live: Mapping[str, Any] | None, addresses: list[str]) -> Check:
    if live is None:
        return Check("neighbours", "warn", tell("no node is running"), tell("`jangteo up`"))
    peers = live.get("peers")
    count = len(peers) if isinstance(peers, list) else int(peers or 0)
    if count:
        return Check("neighbours", "ok", tell("{count} connected", count=count))
    own = next(iter(live.get("addresses") or ()), None)
    tried = ", ".join(addresses) if addresses else tell("loopback only")
    causes = tell(
        "usual causes: a guest Wi-Fi that keeps devices apart, a router per flat, a firewall."
    )
    if own:
        hand_over = tell("Hand this over to a neighbour: jangteo up --peer {own}", own=own)
        causes = tell("{causes} {hand_over}", causes=causes, hand_over=hand_over)
    return Check("neighbours", "warn", tell("none found on {tried}", tried=tried), causes)


def privacy(live: Mapping[str, Any] | None) -> Check:
    """What a neighbour can see, whether or not anything is wrong."""
    peer = f" ({live['peer']})" if live and live.get("peer") else ""
    return Check(
        "seen by others",
        "note",
        tell(
            "neighbours see this machine's IP address, when it is up, what is "
            "published under your key, and that this node{peer} passed a record on "
            "first, which hints at whose it is; of your conversations that sealed "
            "letters of four sizes appear here and when, which hints at who "
            "writes; never whom to, nor a word",
            peer=peer,
        ),
        tell("what nobody may link to you should not be published from here"),
    )
