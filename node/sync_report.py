"""What one session between two peers came to. Knows numbers and one line of reason."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class MarketReport:
    """`received` were new here; `sent` are kept there by its own word; `left` it must fetch
    itself. `is_even`: both sides held the same when last compared. `is_resting`: this side has
    declined too much of it to go on for now."""

    received: int = 0
    sent: int = 0
    left: int = 0
    declined: int = 0
    is_even: bool = False
    is_resting: bool = False


@dataclass(slots=True)
class SyncReport:
    """`error` is one line, empty when the session came to its end. `expected` is how many records
    were to come, as far as known."""

    peer: str
    is_initiator: bool
    markets: dict[str, MarketReport] = field(default_factory=dict)
    expected: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    error: str = ""

    def of(self, market: str) -> MarketReport:
        return self.markets.setdefault(market, MarketReport())

    @property
    def received(self) -> int:
        return sum(each.received for each in self.markets.values())

    @property
    def sent(self) -> int:
        return sum(each.sent for each in self.markets.values())

    @property
    def is_even(self) -> bool:
        return not self.error and all(
            each.is_even or each.is_resting for each in self.markets.values()
        )

    @property
    def has_moved(self) -> bool:
        return bool(self.received or self.sent)
