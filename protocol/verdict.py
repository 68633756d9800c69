"""What becomes of a record that came in: GossipSub's three verdicts, and the reasons (R5)."""

from enum import Enum


class Verdict(Enum):
    """REJECT only what no honest, up-to-date forwarder could have sent, whatever its clock, store
    or policy; its sender pays. IGNORE the rest that is not wanted: its sender does not."""

    ACCEPT = "accept"
    IGNORE = "ignore"
    REJECT = "reject"


class Admission(Enum):
    """What the store did with one verified record."""

    NEW = "new"
    DUPLICATE = "duplicate"
    STALE = "stale"
    """Its thread has a greater record already."""
    FUTURE = "future"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    CROWDED = "crowded"
    """Its author has a full number of newer threads in this market."""
    FOREIGN = "foreign"
    """Of a market that this node has not joined."""
    FULL = "full"

    @property
    def is_kept(self) -> bool:
        return self in (Admission.NEW, Admission.DUPLICATE)

    @property
    def is_declined(self) -> bool:
        """Refused by this node's own policy or clock: another node may rightly hold it."""
        return self in (
            Admission.FUTURE,
            Admission.EXPIRED,
            Admission.BLOCKED,
            Admission.CROWDED,
            Admission.FULL,
        )

    @property
    def verdict(self) -> Verdict:
        return Verdict.ACCEPT if self is Admission.NEW else Verdict.IGNORE
