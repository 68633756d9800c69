"""The markets that this node has joined. `commons` always is one of them."""

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.market import COMMONS, HELP, is_market
from ..protocol.told import tell
from .database import Database


class MarketBook:
    """Kept in memory once read; `drop` when another process or a roll-back may have changed it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._joined: frozenset[str] | None = None

    def drop(self) -> None:
        self._joined = None

    def joined(self) -> frozenset[str]:
        if self._joined is None:
            names = self._db.rows("SELECT name FROM market")
            self._joined = frozenset({COMMONS, *(row[0] for row in names)})
        return self._joined

    def join(self, market: str) -> bool:
        """False if it was joined already; LocalProtocolError for no name or one too many."""
        if not is_market(market):
            raise LocalProtocolError(tell("{market!r}: {help}", market=market, help=HELP), "market")
        joined = self.joined()
        if market in joined:
            return False
        if len(joined - {COMMONS}) >= limits.MARKETS_JOINED_MAX:
            raise LocalProtocolError(
                tell(
                    "a node joins at most {markets_joined_max} markets: leave one first",
                    markets_joined_max=limits.MARKETS_JOINED_MAX,
                ),
                "market",
            )
        self._db.run("INSERT INTO market VALUES (?)", (market,))
        self.drop()
        return True

    def leave(self, market: str) -> bool:
        """False if it was not joined; LocalProtocolError for commons, which every node joins."""
        if market == COMMONS:
            raise LocalProtocolError(tell("every node joins {commons}", commons=COMMONS), "market")
        if market not in self.joined():
            return False
        self._db.run("DELETE FROM market WHERE name = ?", (market,))
        self.drop()
        return True
