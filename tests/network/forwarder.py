"""The process that plays a LAN's switch: a TAP device for each host, and BadSwitch between them.

Frames, so that ARP, broadcast and mDNS are as on a cable. It makes its devices in the namespace it
runs in and moves each to its host's. Orders come as JSON lines on stdin, answers go to stdout; it
ends when stdin does or its time is up, and its devices go with it. Needs root and /dev/net/tun.
"""

import argparse
import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.network.bad_switch import BadSwitch, Weather

TUN = Path("/dev/net/tun")
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES_MAX = 2048  # an Ethernet frame of an MTU of 1,500, and room
FRAMES_AT_ONCE_MAX = 64
ORDER_BYTES_MAX = 65_536
WAIT_S_MAX = 1.0
PR_SET_TIMERSLACK = 29
TIMER_SLACK_NS = 50_000


def open_tap(name: str) -> int:
    """The descriptor of a new device `name` in this process' namespace; it lives as long."""
    tap = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(tap, TUNSETIFF, request)
    return tap


def hardware_address(number: int) -> bytes:
    """Of host `number`; locally administered."""
    return bytes((0x02, 0x4A, 0x54, 0, number >> 8, number & 0xFF))


def ip_address(number: int) -> str:
    return f"10.78.{number >> 8}.{number & 0xFF}"


def plug(number: int, namespace: str) -> int:
    """Host `number`'s end of a cable, as eth0 of its namespace; returns ours."""
    name = f"tap{number}"
    tap = open_tap(name)
    address = hardware_address(number).hex(":")
    for words in (
        f"link set {name} address {address}",
        f"link set {name} netns {namespace}",
        f"-n {namespace} link set {name} name eth0",
        f"-n {namespace} addr add {ip_address(number)}/16 broadcast + dev eth0",
        f"-n {namespace} link set eth0 up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return tap


class Forwarder:
    """Carries frames between `taps` until told to stop."""

    def __init__(self, taps: Sequence[int], switch: BadSwitch, end_at: float) -> None:
        self._taps = taps
        self._switch = switch
        self._end_at = end_at
        self._began_at = time.monotonic()
        self._orders = b""
        self._is_over = False
        self._refused = 0
        self._late_s_max = 0.0

    def run(self) -> None:
        poll = select.epoll()
        port_of = {tap: port for port, tap in enumerate(self._taps)}
        for tap in self._taps:
            poll.register(tap, select.EPOLLIN)
        poll.register(0, select.EPOLLIN | select.EPOLLHUP)
        while not self._is_over and (now := time.monotonic()) < self._end_at:
            next_at = self._switch.next_at()
            wait_s = WAIT_S_MAX if next_at is None else min(max(0.0, next_at - now), WAIT_S_MAX)
            for ready, _ in poll.poll(wait_s):
                if ready == 0:
                    self._hear()
                else:
                    self._read(port_of[ready], ready)
            self._deliver()

    def _read(self, port: int, tap: int) -> None:
        now = time.monotonic()
        for _ in range(FRAMES_AT_ONCE_MAX):
            try:
                frame = os.read(tap, FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EIO, errno.EBADFD):  # the device is down, or gone
                    return
                raise
            self._switch.take(port, frame, now)

    def _deliver(self) -> None:
        now = time.monotonic()
        next_at = self._switch.next_at()
        if next_at is None or next_at > now:
            return
        self._late_s_max = max(self._late_s_max, now - next_at)
        for port, frame in self._switch.give(now):
            try:
                os.write(self._taps[port], frame)
            except OSError as error:
                if error.errno not in (errno.EIO, errno.EAGAIN, errno.EBADFD):
                    raise
                self._refused += 1

    def _hear(self) -> None:
        piece = os.read(0, ORDER_BYTES_MAX)
        if not piece:
            self._is_over = True
            return
        *lines, self._orders = (self._orders + piece).split(b"\n")
        for line in lines:
            print(json.dumps(self._obey(json.loads(line))), flush=True)

    def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        if "part" in order:
            self._switch.part(order["part"])
        if "weather" in order:
            self._switch.change(**order["weather"])
        used = resource.getrusage(resource.RUSAGE_SELF)
        return self._switch.counts.to_json() | {
            "refused": self._refused,
            "late_ms_max": round(self._late_s_max * 1000, 1),
            "cpu_s": round(used.ru_utime + used.ru_stime, 3),
            "seconds": round(time.monotonic() - self._began_at, 3),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds-max", type=float, default=3600.0)
    parser.add_argument("--weather", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("namespaces", nargs="+")
    told = parser.parse_args()
    # As exact as the delays are: the kernel may wake a process late by its slack.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS)
    # It is the cable: a run of a low priority must not make it later than it is told to be.
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    numbers = range(1, len(told.namespaces) + 1)
    taps = [plug(number, space) for number, space in zip(numbers, told.namespaces, strict=True)]
    addresses = [hardware_address(number) for number in numbers]
    switch = BadSwitch(addresses, told.seed, Weather(**told.weather))
    print(json.dumps({"ready": len(taps)}), flush=True)
    Forwarder(taps, switch, time.monotonic() + told.seconds_max).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
