"""Attacks on a real node process over loopback, one after the other, as a table.

    python tests/faults/attack.py [NAME…] [--intensity full|short] [--together] [--list]

Each attack has a node of its own, unless --together. Ends by itself; nothing leaves this machine.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import trio

from tests.faults.attacks.catalogue import ATTACKS
from tests.faults.attacks.field import Attack
from tests.faults.attacks.scene import Figures, Outcome, scene

SECONDS = {"full": 8.0, "short": 1.0}
HEAD = (
    "| attack | sent | CPU, starved | during: pulses, worst; newcomer; owner's answer | after | "
    "RSS MiB | descriptors | tasks | penalty, score, banned | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def row(outcome: Outcome) -> str:
    sent = ", ".join(f"{number:,} {what}" for what, number in outcome.sent.items())
    pulses = f"{len(outcome.pulses)}/{len(outcome.pulses) + outcome.pulses_lost}"
    during = (
        f"{pulses}, {max(outcome.pulses, default=0)} ms; {outcome.newcomer_ms} ms; "
        f"{max(outcome.answers_ms, default=0)} ms"
    )
    cells = (
        outcome.name,
        f"{sent} in {outcome.seconds:.1f} s",
        f"{outcome.cpu_s / outcome.seconds:.0%}, {outcome.starved_s / outcome.seconds:.0%}",
        during,
        f"{outcome.after_ms} ms",
        *(steps(outcome, name) for name in Figures.__slots__),
        f"{outcome.penalty:.0f}, {outcome.score:.0f}, {outcome.banned}",
        "; ".join(outcome.faults) or "holds",
    )
    return f"| {' | '.join(cells)} |"


def steps(outcome: Outcome, name: str) -> str:
    each = (outcome.before, outcome.peak, outcome.after)
    return " → ".join(str(getattr(figures, name)) for figures in each)


async def play(attacks: list[Attack], intensity: str, *, is_together: bool) -> int:
    """How many failed."""
    failed = 0
    print(HEAD, flush=True)
    groups = [attacks] if is_together else [[attack] for attack in attacks]
    for group in groups:
        async with scene() as made:
            for attack in group:
                count = attack.full if intensity == "full" else attack.short
                outcome = await made.play(attack, count, SECONDS[intensity])
                failed += bool(outcome.faults)
                print(row(outcome), flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="*")
    parser.add_argument("--intensity", choices=SECONDS, default="full")
    parser.add_argument("--together", action="store_true", help="all on one node")
    parser.add_argument("--list", action="store_true", help="the attacks there are")
    given = parser.parse_args()
    if given.list:
        for attack in ATTACKS.values():
            print(f"{attack.name:22} {attack.layer:12} {attack.says}")
        return 0
    unknown = [name for name in given.name if name not in ATTACKS]
    if unknown:
        parser.error(f"no attack is called {', '.join(unknown)}; see --list")
    attacks = [ATTACKS[name] for name in given.name or ATTACKS]
    return 1 if trio.run(lambda: play(attacks, given.intensity, is_together=given.together)) else 0


if __name__ == "__main__":
    sys.exit(main())
