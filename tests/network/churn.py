"""What happens to a bad network, drawn whole before anything runs: who stops, who is killed, for
how long, and which groups lose each other when. A machine over dice; it runs nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

EVENT_EVERY_S = (4.0, 14.0)
DOWN_S = (2.0, 25.0)
CUT_S = (8.0, 45.0)
SHARES = {"stop": 4, "kill": 4, "cut": 3}
START_S = 10.0  # after its start a node is left alone so long


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """`what`: stop, kill, start (of node `who`), cut (into `groups`), heal."""

    at_s: float
    what: str
    who: int = -1
    groups: tuple[tuple[int, ...], ...] = ()


def draw(dice: random.Random, count: int, leavers: Sequence[int], end_s: float) -> list[Happening]:
    """In their order, all before `end_s`; only `leavers` stop, one cut at a time."""
    happenings: list[Happening] = []
    free_at = dict.fromkeys(leavers, 0.0)
    whole_at = 0.0
    at = dice.uniform(*EVENT_EVERY_S)
    while at < end_s:
        what = dice.choices(list(SHARES), list(SHARES.values()))[0]
        if what == "cut" and whole_at <= at:
            whole_at = at + dice.uniform(*CUT_S)
            if whole_at < end_s:
                happenings.append(Happening(at, "cut", groups=_groups(dice, count)))
                happenings.append(Happening(whole_at, "heal"))
        elif what != "cut" and (there := [who for who, when in free_at.items() if when <= at]):
            who, back_at = dice.choice(there), at + dice.uniform(*DOWN_S)
            if back_at < end_s:
                free_at[who] = back_at + START_S
                happenings.append(Happening(at, what, who))
                happenings.append(Happening(back_at, "start", who))
        at += dice.uniform(*EVENT_EVERY_S)
    return sorted(happenings)


def _groups(dice: random.Random, count: int) -> tuple[tuple[int, ...], ...]:
    """Two halves at random, or one to three nodes that lose all others."""
    everybody = list(range(count))
    dice.shuffle(everybody)
    size = count // 2 if dice.random() < 0.5 else dice.randint(1, min(3, count - 1))
    return (tuple(sorted(everybody[:size])), tuple(sorted(everybody[size:])))
