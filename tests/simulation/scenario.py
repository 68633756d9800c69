"""What a simulation goes through, as data: members, their network, and what happens to them when.

A scenario is drawn whole from one seed before anything runs. Knows neither nodes nor checks: how it
is played is stage.py's, what must hold is checks.py's.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final, TypeAlias

from jangteo.protocol import limits
from jangteo.protocol.market import OPEN

SECOND: Final = 1.0
MINUTE: Final = 60.0
HOUR: Final = 3600.0
BOOKS: Final = "books"
_AGREED_S: Final = limits.FUTURE_MS_MAX / limits.SECOND_MS


class Mischief(Enum):
    """What a hostile member does all day; hostile.py has the deeds."""

    GARBAGE = "sends bytes that mean nothing"
    LIAR = "claims sets that nobody has, and reconciles them for ever"
    WITHHOLDER = "offers records and never delivers them"
    FORGER = "offers forged, expired, future and misplaced records"
    SILENT = "opens streams and says nothing, takes streams and answers nothing"
    GREEDY = "asks for everything, again and again"
    FLOODER = "makes valid records of ever new authors"
    TWOFACED = "signs two records for one revision, and tells each half another"
    REPLAYER = "says again what it has heard, and passes nothing on"

    def __repr__(self) -> str:
        return f"Mischief.{self.name}"  # so that a scenario's repr is its source


@dataclass(frozen=True, slots=True)
class Member:
    """`peers` are whom it dials; `skew_s` is how far ahead its clock is; the honest are up to no
    mischief."""

    name: str
    peers: tuple[str, ...]
    markets: tuple[str, ...] = (OPEN,)
    skew_s: float = 0.0
    records_bytes_max: int = limits.RECORD_STORE_BYTES_MAX
    mischief: Mischief | None = None

    @property
    def is_honest(self) -> bool:
        return self.mischief is None

    @property
    def is_small(self) -> bool:
        return self.records_bytes_max < limits.RECORD_STORE_BYTES_MAX


# --- what happens --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sell:
    """`count` new listings in one go. `left_s`: they expire so soon (None: in 90 days)."""

    at_s: float
    name: str
    count: int
    market: str = OPEN
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Of its listings the `pick`th, counted around."""

    at_s: float
    name: str
    pick: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    at_s: float
    name: str
    pick: int


@dataclass(frozen=True, slots=True)
class Stop:
    at_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Start:
    at_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Lose:
    """Stops, and comes back at `Start` with its key and an empty store."""

    at_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Partition:
    at_s: float
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Heal:
    at_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection of two members breaks, with whatever is on its way; they may dial again."""

    at_s: float
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Weather:
    """From now on gossip is lost and doubled so, and everything takes so long."""

    at_s: float
    loss: float
    doubling: float
    delay_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SetClock:
    at_s: float
    name: str
    skew_s: float


@dataclass(frozen=True, slots=True)
class Block:
    at_s: float
    name: str
    author_of: str


@dataclass(frozen=True, slots=True)
class Unblock:
    at_s: float
    name: str
    author_of: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Has a contact from now on, whose records strangers cannot displace."""

    at_s: float
    name: str
    author_of: str


@dataclass(frozen=True, slots=True)
class Unkeep:
    at_s: float
    name: str
    author_of: str


@dataclass(frozen=True, slots=True)
class Join:
    at_s: float
    name: str
    market: str


@dataclass(frozen=True, slots=True)
class Leave:
    at_s: float
    name: str
    market: str


Happening: TypeAlias = (
    Sell
    | Edit
    | Withdraw
    | Stop
    | Start
    | Lose
    | Partition
    | Heal
    | Cut
    | Weather
    | SetClock
    | Block
    | Unblock
    | Keep
    | Unkeep
    | Join
    | Leave
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`calm_s`: from then on nothing happens any more, and everything is to come to rest."""

    seed: int
    members: tuple[Member, ...]
    happenings: tuple[Happening, ...]
    calm_s: float
    is_on_disk: bool = False

    @property
    def honest(self) -> list[Member]:
        return [member for member in self.members if member.is_honest]

    def edges(self) -> Iterator[tuple[str, str]]:
        """Pairs of honest members of whom one dials the other, each once."""
        honest = {member.name for member in self.honest}
        seen: set[tuple[str, str]] = set()
        for member in self.honest:
            for peer in member.peers:
                pair = (min(member.name, peer), max(member.name, peer))
                if peer in honest and pair not in seen:
                    seen.add(pair)
                    yield pair


# --- drawing -------------------------------------------------------------------------------------

FAIR: Final = Weather(0.0, 0.0, 0.0, (0.001, 0.01))


def draw(seed: int, *, nodes: int | None = None, hours: float | None = None) -> Scenario:
    """The scenario of a seed: of `nodes` members (else 2 to 7) over `hours` (else minutes)."""
    return _Draw(seed, nodes, hours).scenario()


class _Draw:
    def __init__(self, seed: int, nodes: int | None, hours: float | None) -> None:
        self._dice = random.Random(f"scenario {seed}")  # noqa: S311  (repeatable on purpose)
        self._seed = seed
        dice = self._dice
        self._count = nodes or dice.choice((2, 3, 3, 4, 4, 4, 5, 5, 6, 7))
        self._span_s = hours * HOUR if hours else dice.uniform(10.0, 90.0)
        self._names = [f"n{number:04}" for number in range(self._count)]
        self._happenings: list[Happening] = []
        self._small: list[str] = []

    def scenario(self) -> Scenario:
        dice = self._dice
        members = self._members()
        honest = [member.name for member in members if member.is_honest]
        self._trade(honest)
        for fault, chance in (
            (self._weather, 0.6),
            (self._churn, 0.5),
            (self._partitions, 0.4),
            (self._cuts, 0.4),
            (self._blocks, 0.3),
            (self._markets, 0.3),
            (self._losses, 0.15),
            (self._clocks, 0.15),
            (self._contacts, 0.7),
        ):
            if dice.random() < chance:
                fault(honest)
        happenings = sorted(self._happenings, key=lambda each: each.at_s)
        mended = [*happenings, *_mended(self._span_s, happenings)]
        return Scenario(
            self._seed,
            tuple(members),
            tuple(mended),
            self._span_s + 1.0 + self._disagreement_s(members, mended),
            is_on_disk=dice.random() < 0.1,
        )

    # --- members --------------------------------------------------------------------------

    def _members(self) -> list[Member]:
        dice = self._dice
        is_skewed, is_hostile, is_small, is_split = (dice.random() < 0.3 for _ in range(4))
        mischiefs: dict[str, Mischief] = {}
        if is_hostile and self._count >= 3:
            crowd = dice.sample(self._names[1:], dice.randint(1, max(1, self._count // 3)))
            mischiefs = {name: dice.choice(list(Mischief)) for name in sorted(crowd)}
        # A flood is to meet stores that it fills.
        is_small |= Mischief.FLOODER in mischiefs.values()
        peers = topology(self._dice, self._names, set(mischiefs))
        members: list[Member] = []
        for name in self._names:
            mischief = mischiefs.get(name)
            members.append(
                Member(
                    name,
                    peers[name],
                    (OPEN, BOOKS) if is_split and dice.random() < 0.6 else (OPEN,),
                    self._skew_s() if is_skewed and mischief is None else 0.0,
                    dice.randint(1_000, 10_000)
                    if is_small and dice.random() < 0.4
                    else limits.RECORD_STORE_BYTES_MAX,
                    mischief,
                )
            )
        self._small = [each.name for each in members if each.is_small and each.is_honest]
        return members

    def _skew_s(self) -> float:
        """Mostly a few minutes, now and then more than others put up with."""
        dice = self._dice
        if dice.random() < 0.85:
            return round(dice.uniform(-4 * MINUTE, 4 * MINUTE), 3)
        if dice.random() < 0.5:
            return round(dice.uniform(5 * MINUTE, 16 * MINUTE), 3)
        return round(dice.choice((-1, 1)) * dice.uniform(3 * HOUR, 30 * HOUR), 3)

    def _disagreement_s(self, members: Sequence[Member], happenings: Sequence[Happening]) -> float:
        """How long some may take for future what others have stamped: hours are not waited for."""
        skews = [member.skew_s for member in members]
        skews += [each.skew_s for each in happenings if isinstance(each, SetClock)]
        near = [skew for skew in skews if abs(skew) < HOUR]
        return max(0.0, max(near) - min(near) - _AGREED_S) + 1.0 if near else 0.0

    # --- what happens ---------------------------------------------------------------------

    def _moments(self, count_min: int, count_max: int, per_hour: float = 12.0) -> list[float]:
        """Times of so many happenings; over hours there are more, to a bound."""
        count = self._dice.randint(count_min, count_max)
        if self._span_s > HOUR:
            count = max(count, round(min(per_hour * self._span_s / HOUR, 3000.0)))
        span = self._span_s
        return sorted(round(self._dice.uniform(0.02, 0.98) * span, 3) for _ in range(count))

    def _trade(self, honest: Sequence[str]) -> None:
        dice = self._dice
        busy = dice.choice((0.2, 1.0, 1.0, 3.0))
        for at_s in self._moments(1, max(2, round(8 * busy)), 20.0):
            name = dice.choice(honest)
            match dice.randrange(10):
                case 0 | 1:
                    self._happenings.append(Edit(at_s, name, dice.randrange(100)))
                case 2:
                    self._happenings.append(Withdraw(at_s, name, dice.randrange(100)))
                case 3:
                    count = dice.choice((5, 5, 40, 60, 60, 300)) if self._span_s < HOUR else 20
                    self._happenings.append(Sell(at_s, name, count))
                case 4:
                    self._happenings.append(Sell(at_s, name, dice.randint(1, 3), BOOKS))
                case 5 if dice.random() < 0.3:
                    left_s = round(dice.uniform(0.0, 1.0) * (self._span_s - at_s), 3)
                    self._happenings.append(Sell(at_s, name, 2, left_s=left_s))
                case _:
                    self._happenings.append(Sell(at_s, name, 1))

    def _weather(self, honest: Sequence[str]) -> None:
        dice = self._dice
        for at_s in [0.0, *self._moments(0, 2, 1.0)]:
            slowest_s = dice.choice((0.01, 0.05, 0.3, 2.0))
            self._happenings.append(
                Weather(
                    at_s,
                    dice.choice((0.0, 0.05, 0.3, 1.0)),
                    dice.choice((0.0, 0.0, 0.1, 0.5)),
                    (slowest_s / 10, slowest_s),
                )
            )

    def _churn(self, honest: Sequence[str]) -> None:
        """Honest members go and come back, with the same store."""
        dice = self._dice
        per_hour = len(honest) / 4
        for at_s in self._moments(1, 4, per_hour):
            name = dice.choice(honest)
            away_s = dice.expovariate(1.0) * (30.0 if self._span_s < HOUR else 10 * MINUTE)
            back_s = min(round(at_s + away_s, 3), self._span_s)
            self._happenings += [Stop(at_s, name), Start(back_s, name)]

    def _losses(self, honest: Sequence[str]) -> None:
        at_s = self._moments(1, 1, 0.0)[0]
        name = self._dice.choice(honest)
        self._happenings += [Lose(at_s, name), Start(min(at_s + 1.0, self._span_s), name)]

    def _partitions(self, honest: Sequence[str]) -> None:
        dice = self._dice
        for at_s in self._moments(1, 2, 1.0):
            sides: dict[int, list[str]] = {}
            for name in self._names:
                sides.setdefault(dice.randrange(dice.choice((2, 2, 3))), []).append(name)
            groups = tuple(tuple(side) for side in sides.values())
            lasts_s = dice.expovariate(1.0) * min(self._span_s / 4, HOUR)
            heals_s = min(round(at_s + lasts_s, 3), self._span_s)
            self._happenings += [Partition(at_s, groups), Heal(heals_s)]

    def _cuts(self, honest: Sequence[str]) -> None:
        for at_s in self._moments(1, 10, 4.0):
            if len(honest) > 1:
                self._happenings.append(Cut(at_s, *self._dice.sample(list(honest), 2)))

    def _blocks(self, honest: Sequence[str]) -> None:
        dice = self._dice
        for at_s in self._moments(1, 2, 0.2):
            if len(honest) < 2:
                return
            name, author = dice.sample(list(honest), 2)
            self._happenings.append(Block(at_s, name, author))
            if dice.random() < 0.5:
                later = round(at_s + dice.uniform(0.0, self._span_s / 2), 3)
                self._happenings.append(Unblock(later, name, author))

    def _contacts(self, honest: Sequence[str]) -> None:
        """Where it matters: who has little room keeps others."""
        dice = self._dice
        if not self._small or len(honest) < 2:
            return
        for at_s in self._moments(1, 4, 0.5):
            name = dice.choice(self._small)
            author = dice.choice([other for other in honest if other != name])
            self._happenings.append(Keep(at_s, name, author))
            if dice.random() < 0.25:
                later = round(at_s + dice.uniform(0.0, self._span_s / 2), 3)
                self._happenings.append(Unkeep(later, name, author))

    def _markets(self, honest: Sequence[str]) -> None:
        dice = self._dice
        for at_s in self._moments(1, 3, 0.5):
            happening = dice.choice((Join, Join, Leave))
            self._happenings.append(happening(at_s, dice.choice(honest), BOOKS))

    def _clocks(self, honest: Sequence[str]) -> None:
        """A clock goes wrong and is set right again."""
        dice = self._dice
        at_s = self._moments(1, 1, 0.0)[0]
        name = dice.choice(honest)
        wrong_s = dice.choice((-HOUR * 24 * 200, -7 * HOUR, 7 * HOUR, HOUR * 24 * 100))
        right_s = round(at_s + dice.uniform(0.1, 0.9) * (self._span_s - at_s), 3)
        self._happenings += [SetClock(at_s, name, wrong_s), SetClock(right_s, name, 0.0)]


def grown(seed: int, count: int, *, loss: float = 0.02, sales: int = 20) -> Scenario:
    """For measuring: so many honest members with eight neighbours each, who have all met before
    single listings appear here and there, a second apart."""
    dice = random.Random(f"grown {seed} {count}")  # noqa: S311  (repeatable on purpose)
    names = [f"n{number:04}" for number in range(count)]
    members = tuple(
        Member(name, tuple(sorted(dice.sample(names[:number], min(number, 4)))))
        for number, name in enumerate(names)
    )
    weather = Weather(0.0, loss, 0.0, (0.005, 0.05))
    sold = [Sell(60.0 + at, dice.choice(names), 1) for at in range(sales)]
    return Scenario(seed, members, (weather, *sold), 61.0 + sales)


def _mended(at_s: float, happenings: Sequence[Happening]) -> list[Happening]:
    """At the end the network is whole and fair, and who was stopped is there again."""
    away = {each.name for each in happenings if isinstance(each, Stop | Lose)}
    starts = [Start(at_s, name) for name in sorted(away)]
    return [Heal(at_s), Weather(at_s, 0.0, 0.0, FAIR.delay_s), *starts]


def topology(
    dice: random.Random, names: Sequence[str], hostile: Iterable[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Whom each dials. The honest alone are connected, in a shape of the dice's; hostile members
    dial about half of all."""
    bad = set(hostile)
    honest = [name for name in names if name not in bad]
    peers: dict[str, set[str]] = {name: set() for name in names}
    shape = dice.choice(("all", "line", "star", "random", "random", "random"))
    if shape == "all" and len(honest) <= 12:
        for number, name in enumerate(honest):
            peers[name] |= set(honest[:number])
    elif shape == "line" and len(honest) <= 12:
        for one, other in pairwise(honest):
            peers[other].add(one)
    elif shape == "star" and len(honest) <= 12:
        for name in honest[1:]:
            peers[name].add(honest[0])
    else:
        for number, name in enumerate(honest[1:], 1):
            peers[name] |= set(dice.sample(honest[:number], min(number, dice.randint(1, 3))))
    for name in sorted(bad):
        others = [other for other in names if other != name]
        peers[name] |= set(dice.sample(others, (len(others) + 1) // 2))
    return {name: tuple(sorted(peers[name])) for name in names}
