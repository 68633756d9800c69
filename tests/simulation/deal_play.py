"""An owner and several guests who haggle over one listing, over a channel that loses, doubles and
reorders letters, with everybody off now and then: drawn from a seed, judged as it goes and at its
end.

    python -m tests.simulation.deal_play --seeds 10000     as many plays
    python -m tests.simulation.deal_play --seed 4711       one again, told step by step

Knows the rules of the owner of goods (SPEC.md R14.11) in their plainest form; the desks that keep
them for people are played in tests/unit/test_desk_deal.py.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from jangteo.crypto.digest import sha256
from jangteo.protocol import limits
from jangteo.protocol.deal import ENDED, MADE, SaidStep, State, fold
from jangteo.protocol.deal_step import StepKind
from tests.deal_maker import NOW_MS, Trader, offer

TURNS_MAX = 80
TURN_MS = 20 * limits.MINUTE_MS
CALM_TURNS_MAX = 60
_TOLD_EVERY = 1000


class Failed(Exception):
    """What must hold does not."""


@dataclass
class Letter:
    """On its way until its reader has it and its writer knows that."""

    step: SaidStep
    to: Trader
    is_acknowledged: bool = False


@dataclass
class Bargain:
    """One guest's deal: both ends, and what is on the way between them."""

    owner: Trader
    guest: Trader
    is_liar: bool
    letters: list[Letter] = field(default_factory=list)
    is_guest_on: bool = True
    seen: dict[bytes, tuple[bool, bool]] = field(default_factory=dict)
    settled: State = State.NONE  # as the owner's shelf has it
    taken: int = 0  # pieces that are off it
    is_put_back: bool = False

    def other(self, speaker: Trader) -> Trader:
        return self.guest if speaker is self.owner else self.owner


class Play:
    """All of one seed."""

    def __init__(self, seed: int, *, is_told: bool = False) -> None:
        self._dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
        self._is_told = is_told
        dice = self._dice
        side = dice.choice(["sell", "sell", "want"])
        self.stock = self.left = dice.choice([1, 1, 2, 5])
        self.loss = dice.choice([0.0, 0.1, 0.5, 0.9])
        self.off = dice.choice([0.0, 0.05, 0.3])
        self.now_ms = NOW_MS
        self.is_owner_on = True
        self.said = self.confirmed = 0
        self.bargains = []
        for number in range(dice.choice([1, 1, 2, 4])):
            deal_id = sha256(bytes([number]))[: limits.THREAD_BYTES]
            owner, guest = Trader.two(
                "sell" if side == "sell" else "want", guest=f"guest{number}", deal_id=deal_id
            )
            self.bargains.append(Bargain(owner, guest, dice.random() < 0.15))

    def run(self) -> None:
        """Failed, where something does not hold."""
        dice = self._dice
        for _ in range(dice.randint(5, TURNS_MAX)):
            self.now_ms += dice.randrange(2 * TURN_MS)
            self._switch()
            bargain = dice.choice(self.bargains)
            self._carry(bargain, self.loss)
            self._act(bargain)
            self._judge(bargain)
        self._calm()
        for bargain in self.bargains:
            self._judge_end(bargain)

    def _switch(self) -> None:
        self.is_owner_on ^= self._dice.random() < self.off
        for bargain in self.bargains:
            bargain.is_guest_on ^= self._dice.random() < self.off

    def _carry(self, bargain: Bargain, loss: float) -> None:
        """Letters under way come, or do not, or come again, in any order."""
        dice = self._dice
        for letter in dice.sample(bargain.letters, len(bargain.letters)):
            reader = letter.to
            is_on = self.is_owner_on if reader is bargain.owner else bargain.is_guest_on
            if letter.is_acknowledged or not is_on or dice.random() < loss:
                continue
            is_new = letter.step.id not in reader.known
            reader.hears(letter.step)
            if is_new:
                self._tell(bargain, reader, "hears", letter.step)
                if reader is bargain.owner:
                    self._answer(bargain)
                self._judge(bargain)
            letter.is_acknowledged = dice.random() >= loss

    # -- what people do -------------------------------------------------------------------------

    def _act(self, bargain: Bargain) -> None:
        dice = self._dice
        speaker = dice.choice([bargain.owner, bargain.guest])
        if speaker is bargain.guest and bargain.is_liar and dice.random() < 0.3:
            return self._lie(bargain)
        may = [kind for kind in speaker.may() if kind is not StepKind.CONFIRM]
        if speaker is bargain.owner and self._may_confirm(bargain):
            may += [StepKind.CONFIRM] * 2
        if not may:
            return None
        kind = dice.choice(may)
        if kind in (StepKind.CANCEL, StepKind.NOSHOW) and dice.random() < 0.6:
            return None
        if kind is not StepKind.OFFER:
            return self._say(bargain, speaker, kind)
        if speaker is bargain.owner and not self.left:
            return None
        terms = offer(
            dice.choice([700, 800, 900]),
            quantity=dice.randint(1, self.stock),
            expires_ms=self.now_ms + dice.choice([TURN_MS, 48 * limits.HOUR_MS]),
            salt=dice.getrandbits(64),
        )
        step = speaker.says(kind, self.now_ms, offer=terms)
        return self._sent(bargain, speaker, step)

    def _lie(self, bargain: Bargain) -> None:
        dice, guest = self._dice, bargain.guest
        kind = dice.choice(list(StepKind))
        offers = [each for each in guest.known.values() if each.step.offer is not None]
        if guest.deal.offer is None:
            kind = StepKind.OFFER  # there is nothing that it could name
        numbers = [1, 2, 3, guest.deal.next_number, limits.DEAL_STEPS_MAX]
        changes = {"number": dice.choice(numbers)}
        if kind in (StepKind.DECLINE, StepKind.RETRACT) and dice.random() < 0.7:
            step = guest.says(kind, self.now_ms, re=dice.choice(offers).id, **changes)
        else:
            step = guest.says(kind, self.now_ms, **changes)
        self._sent(bargain, guest, step)

    def _answer(self, bargain: Bargain) -> None:
        """What the owner's node does by itself with what came (R14.11)."""
        self._settle(bargain)
        deal = bargain.owner.deal
        if deal.state is State.ACCEPTED:
            if self._may_confirm(bargain):
                self._say(bargain, bargain.owner, StepKind.CONFIRM)
            elif StepKind.DECLINE in bargain.owner.may():
                self._say(bargain, bargain.owner, StepKind.DECLINE)
        elif deal.state is State.OFFERED and deal.standing.quantity > self.left:
            if StepKind.DECLINE in bargain.owner.may():
                self._say(bargain, bargain.owner, StepKind.DECLINE)

    def _may_confirm(self, bargain: Bargain) -> bool:
        deal = bargain.owner.deal
        return (
            StepKind.CONFIRM in bargain.owner.may()
            and self.now_ms <= deal.standing.expires_ms
            and deal.standing.quantity <= self.left
        )

    def _say(self, bargain: Bargain, speaker: Trader, kind: StepKind) -> None:
        self._sent(bargain, speaker, speaker.says(kind, self.now_ms))

    def _sent(self, bargain: Bargain, speaker: Trader, step: SaidStep) -> None:
        self.said += 1
        self.confirmed += step.step.kind is StepKind.CONFIRM and speaker is bargain.owner
        self._tell(bargain, speaker, "says", step)
        if not bargain.is_liar:
            deal = speaker.deal
            if step.id in (*deal.void, *deal.waiting) and not self._waited(speaker, step):
                raise Failed(f"what one may say is void: {step.step.kind}")
        bargain.letters.append(Letter(step, bargain.other(speaker)))
        if speaker is bargain.owner:
            self._settle(bargain)

    def _waited(self, speaker: Trader, step: SaidStep) -> bool:
        """Whether something waited that `step` has let in: as if both had spoken at once."""
        before = [each for each in speaker.known.values() if each != step]
        return bool(fold(speaker.deal_id, speaker.parties, before).waiting)

    def _settle(self, bargain: Bargain) -> None:
        """What a new state means for the shelf."""
        deal, before = bargain.owner.deal, bargain.settled
        bargain.settled = deal.state
        if deal.is_made and before not in MADE | ENDED:
            bargain.taken = deal.standing.quantity
            self.left -= bargain.taken
        elif deal.state in (State.CANCELLED, State.NOSHOW) and bargain.taken:
            self.left += bargain.taken
            bargain.taken, bargain.is_put_back = 0, True

    # -- what must hold -------------------------------------------------------------------------

    def _judge(self, bargain: Bargain) -> None:
        if not 0 <= self.left <= self.stock:
            raise Failed(f"{self.left} of {self.stock} are left")
        if not any(each.is_liar for each in self.bargains):
            sold = sum(
                each.owner.deal.standing.quantity
                for each in self.bargains
                if holds(each.owner.deal.state) and not each.is_put_back
            )
            if sold + self.left != self.stock:
                raise Failed(f"{sold} sold and {self.left} left, of {self.stock}")
        for trader in (bargain.owner, bargain.guest):
            deal = trader.deal
            was_made, was_done = bargain.seen.get(trader.public, (False, False))
            if deal.is_made < was_made or (deal.state is State.DONE) < was_done:
                raise Failed(f"what was made is {deal.state}")
            bargain.seen[trader.public] = deal.is_made, deal.state is State.DONE

    def _calm(self) -> None:
        """Everybody is on and all that was said comes."""
        self.is_owner_on = True
        for bargain in self.bargains:
            bargain.is_guest_on = True
        for _ in range(CALM_TURNS_MAX):
            for bargain in self.bargains:
                self._carry(bargain, 0.0)
            if all(each.is_acknowledged for one in self.bargains for each in one.letters):
                return
        raise Failed("there is no end of answers")

    def _judge_end(self, bargain: Bargain) -> None:
        owner, guest = bargain.owner.deal, bargain.guest.deal
        if bargain.owner.known != bargain.guest.known or owner != guest:
            raise Failed(f"the owner has {owner.state}, the guest {guest.state}")
        if owner.state is State.ACCEPTED:
            raise Failed("who has accepted was not answered")
        if owner.is_made:
            proof = owner.proof
            if not (
                proof.is_signed(bargain.owner.public, owner.owner_signature)
                and proof.is_signed(bargain.guest.public, owner.guest_signature)
            ):
                raise Failed("a deal that one of them has not signed")
        elif any(holds(state) for _, state in owner.history):
            raise Failed("a deal that was, and is none")

    def _tell(self, bargain: Bargain, who: Trader, verb: str, step: SaidStep) -> None:
        if self._is_told:
            name = "owner" if who is bargain.owner else f"guest {self.bargains.index(bargain)}"
            what = f"{step.step.number} {step.step.kind} ({step.id.hex()[:6]})"
            print(f"{name} {verb} {what}: {who.deal.state}, {self.left} left")


def holds(state: State) -> bool:
    """Whether goods are taken off the shelf for it."""
    return state in MADE or state is State.DONE


def failure(seed: int, *, is_told: bool = False) -> str:
    """What did not hold in this seed's play; "" where all did."""
    try:
        Play(seed, is_told=is_told).run()
    except Failed as failed:
        return f"seed {seed}: {failed}"
    return ""


def failures(seeds: range) -> Iterator[str]:
    """Of these seeds' plays."""
    return (told for seed in seeds if (told := failure(seed)))


def main() -> int:
    parser = argparse.ArgumentParser(description="Deals over a bad network, seed by seed.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many, from 0 on")
    parser.add_argument("--seed", type=int, help="one, told step by step")
    options = parser.parse_args()
    if options.seed is not None:
        told = failure(options.seed, is_told=True)
        print(told or "all holds")
        return bool(told)
    ends: Counter[str] = Counter()
    failed = said = 0
    for seed in range(options.seeds):
        play = Play(seed)
        try:
            play.run()
        except Failed as error:
            failed += 1
            print(f"seed {seed}: {error}", flush=True)
        said += play.said
        ends.update(str(each.owner.deal.state.value) for each in play.bargains)
        if seed % _TOLD_EVERY == _TOLD_EVERY - 1:
            print(f"{seed + 1:,} plays, {said:,} steps, {failed} failed", flush=True)
    print(", ".join(f"{state} {count:,}" for state, count in ends.most_common()))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
