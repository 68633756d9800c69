"""The body of a box key (SPEC.md R8.9): what others seal for its author. One thread per author."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from ..crypto.seal import BOX_PUBLIC_BYTES, X25519_SUITE
from . import limits
from .errors import RemoteProtocolError

THREAD: Final = bytes(limits.THREAD_BYTES - 1) + b"\x01"
"""Every author's current box key has this thread, in the market `commons`."""
USED_SUITE: Final = X25519_SUITE
"""What is sealed to. Keys of others are kept."""
_SUITE_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class BoxKey:
    """`public` is 32 bytes in the suite that is known; of other suites it is kept and not used."""

    public: bytes
    suite: int = X25519_SUITE

    def to_body(self) -> dict[str, Any]:
        return {"key": self.public, "suite": self.suite}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """RemoteProtocolError R8.9 if it is no box key."""
        suite, public = body.get("suite"), body.get("key")
        if type(suite) is not int or not 0 < suite <= _SUITE_MAX:
            raise RemoteProtocolError("R8.9", f"suite is not a number from 1 to {_SUITE_MAX}")
        if type(public) is not bytes:
            raise RemoteProtocolError("R8.9", "key is not bytes")
        if suite == X25519_SUITE and len(public) != BOX_PUBLIC_BYTES:
            raise RemoteProtocolError("R8.9", f"a key of suite 1 is {BOX_PUBLIC_BYTES} bytes")
        return cls(public, suite)
