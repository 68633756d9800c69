"""Deals between people who say anything in any order: one set of steps is one state, what was made
stays made, and who says only what they may says nothing in vain."""

import random
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from jangteo.protocol import limits
from jangteo.protocol.deal import ENDED, MADE, Parties, SaidStep, State, fold, may_say
from jangteo.protocol.deal_step import Step, StepKind
from tests.deal_maker import DEAL, NOW_MS, Trader, offer, said
from tests.market_maker import key

EXAMPLES = 150
SIDES = st.sampled_from(["sell", "want"])
LATEST_MS = NOW_MS + 2000
Heard = set[bytes]


class Play:
    """Two people who talk for a while. What each knew when it spoke is remembered."""

    def __init__(self, dice: random.Random, *, liars: float, turns: int) -> None:
        self._dice = dice
        self.owner, self.guest = Trader.two("sell" if dice.random() < 0.5 else "want")
        self.steps: list[SaidStep] = []
        self.knew: dict[bytes, Heard] = {}
        self.honest: Heard = set()
        self.now_ms = NOW_MS
        self._liars = [
            each for each in (self.owner, self.guest) if dice.random() < liars
        ]  # they say anything, now and then
        for _ in range(turns):
            self._turn()

    @property
    def parties(self) -> Parties:
        return self.owner.parties

    def _turn(self) -> None:
        dice = self._dice
        speaker = dice.choice([self.owner, self.guest])
        self.now_ms += dice.choice([0, 1, 100])
        unheard = [each for each in self.steps if each.id not in speaker.known]
        if unheard and dice.random() < 0.6:
            speaker.hears(*dice.sample(unheard, dice.randint(1, len(unheard))))
        if speaker in self._liars and dice.random() < 0.5:
            self._note(speaker, set(speaker.known), lie(dice, speaker, self.steps))
        elif may := speaker.may():
            kind = dice.choice(may)
            if kind is StepKind.CONFIRM and speaker.deal.is_expired(self.now_ms):
                return
            knew, waits = set(speaker.known), speaker.deal.waiting
            terms = offer(
                dice.choice([800, 900]),
                expires_ms=self.now_ms + dice.choice([50, 500]),
                salt=dice.getrandbits(64),
            )
            is_offer = kind is StepKind.OFFER
            step = (
                speaker.says(kind, self.now_ms, offer=terms)
                if is_offer
                else speaker.says(kind, self.now_ms)
            )
            # What waits was said ahead of its time, and is heard now: as if at once.
            assert waits or step.id not in speaker.deal.void
            assert step.id not in speaker.deal.waiting
            self._note(speaker, knew, step)
            self.honest.add(step.id)

    def _note(self, speaker: Trader, knew: Heard, step: SaidStep) -> None:
        speaker.hears(step)
        self.steps.append(step)
        self.knew.setdefault(step.id, knew)


def lie(dice: random.Random, speaker: Trader, steps: Iterable[SaidStep]) -> SaidStep:
    """Any step at all: of any number, about anything, signed or not."""
    kind = dice.choice(list(StepKind))
    offers = [each for each in steps if each.step.kind is StepKind.OFFER]
    about = dice.choice(offers) if offers and dice.random() < 0.9 else None
    number = dice.choice([1, 2, 3, speaker.deal.next_number, dice.randint(1, 12), 200])
    terms = offer(dice.choice([1, 900]), expires_ms=LATEST_MS, salt=dice.getrandbits(64))
    signed = terms if kind is StepKind.OFFER or about is None else about.step.offer
    assert signed is not None
    signature = speaker.parties.proof(DEAL, signed).sign(speaker.key)
    if dice.random() < 0.2:
        signature = bytes(limits.SIGNATURE_BYTES)
    needs = kind in (StepKind.ACCEPT, StepKind.CONFIRM, StepKind.OFFER)
    names = kind in (StepKind.ACCEPT, StepKind.CONFIRM, StepKind.DECLINE, StepKind.RETRACT)
    step = Step(
        DEAL,
        kind,
        number,
        (bytes(32) if about is None else about.id) if names else b"",
        terms if kind is StepKind.OFFER else None,
        signature if needs else b"",
    )
    return said(speaker.public, NOW_MS + dice.choice([0, 400, 4000]), step)


def plays(*, liars: float, turns: int = 14) -> st.SearchStrategy[Play]:
    return st.integers(0, 2**32).map(
        lambda seed: Play(random.Random(seed), liars=liars, turns=turns)  # noqa: S311
    )


def state_of(play: Play, steps: Iterable[SaidStep]) -> State:
    return fold(DEAL, play.parties, steps).state


@given(plays(liars=0.5), st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_order_and_any_repetition_is_one_deal(play: Play, dice: random.Random) -> None:
    deal = fold(DEAL, play.parties, play.steps)
    again = [*play.steps, *dice.choices(play.steps, k=5)] if play.steps else []
    dice.shuffle(again)
    assert fold(DEAL, play.parties, again) == deal
    assert len(deal.history) + len(deal.void) + len(deal.waiting) == len({*play.knew})


@given(plays(liars=0.5), st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_is_made_stays_made_and_what_is_done_stays_done(
    play: Play, dice: random.Random
) -> None:
    steps = list(play.steps)
    dice.shuffle(steps)
    was_made = was_done = False
    for count in range(len(steps) + 1):
        deal = fold(DEAL, play.parties, steps[:count])
        assert deal.is_made >= was_made
        assert (deal.state is State.DONE) >= was_done
        assert deal.is_made == (deal.confirm is not None)
        was_made, was_done = deal.is_made, deal.state is State.DONE
        if deal.is_made:
            assert deal.proof.is_signed(play.guest.public, deal.guest_signature)
            assert deal.proof.is_signed(play.owner.public, deal.owner_signature)


@given(plays(liars=0.5))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_deal_is_made_where_the_owner_confirms_in_time_what_the_guest_has_signed(
    play: Play,
) -> None:
    """Against the rule written out plainly (R14.13)."""
    heard = without_gaps(play.steps)
    owner, guest = play.owner.public, play.guest.public
    own_offers = [each for each in heard if each.author == guest and is_signed(play, each, each)]

    def is_evidence(confirm: SaidStep, offer: SaidStep) -> bool:
        if offer.author == guest:
            return offer in own_offers and offer.step.number < confirm.step.number
        return any(
            accept.author == guest
            and accept.step.kind is StepKind.ACCEPT
            and accept.step.re == offer.id
            and is_signed(play, accept, offer)
            # An acceptance ranks after an offer of its number, and a confirmation before both.
            and offer.step.number <= accept.step.number < confirm.step.number
            for accept in heard
        )

    expected = any(
        confirm.author == owner
        and confirm.step.kind is StepKind.CONFIRM
        and confirm.step.re == offer.id
        and offer.step.offer is not None
        and confirm.ts_ms <= offer.step.offer.expires_ms
        and is_signed(play, confirm, offer)
        and is_evidence(confirm, offer)
        and any(begun.step.number < confirm.step.number for begun in own_offers)
        for confirm in heard
        for offer in heard
    )
    assert fold(DEAL, play.parties, play.steps).is_made == expected


def without_gaps(steps: Iterable[SaidStep]) -> list[SaidStep]:
    numbers = {each.step.number for each in steps}
    top = next(number for number in range(1, 1000) if number not in numbers)
    return [each for each in steps if each.step.number < top]


def is_signed(play: Play, each: SaidStep, about: SaidStep) -> bool:
    offer = about.step.offer
    return offer is not None and play.parties.proof(DEAL, offer).is_signed(
        each.author, each.step.signature
    )


@given(plays(liars=1.0, turns=25))
@settings(max_examples=EXAMPLES, deadline=None)
def test_without_the_owner_s_confirmation_there_is_no_deal(play: Play) -> None:
    unconfirmed = [
        each
        for each in play.steps
        if not (each.author == play.owner.public and each.step.kind is StepKind.CONFIRM)
    ]
    assert state_of(play, unconfirmed) not in MADE | ENDED


@given(plays(liars=0.0, turns=20))
@settings(max_examples=EXAMPLES, deadline=None)
def test_who_says_what_they_may_says_nothing_in_vain_but_what_crossed(play: Play) -> None:
    deal = fold(DEAL, play.parties, play.steps)
    assert deal.waiting == ()
    by_id = {each.id: each for each in play.steps}
    for void in deal.void:
        author = by_id[void].author
        unheard = [
            each for each in play.steps if each.author != author and each.id not in play.knew[void]
        ]
        assert unheard, by_id[void]


@given(plays(liars=0.5, turns=10))
@settings(max_examples=EXAMPLES, deadline=None)
def test_an_honest_owner_s_deal_is_the_one_that_they_confirmed(play: Play) -> None:
    """Whatever the guest says: what the owner has taken off the shelf is what was agreed on."""
    confirms = [
        each for each in play.steps if each.id in play.honest and each.step.kind is StepKind.CONFIRM
    ]
    lied = any(
        each.author == play.owner.public and each.id not in play.honest for each in play.steps
    )
    if confirms and not lied:
        assert len(confirms) == 1
        assert fold(DEAL, play.parties, play.steps).confirm == confirms[0]


@given(plays(liars=0.5, turns=10), st.integers(1, 190), SIDES)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_step_after_a_gap_changes_nothing_and_hinders_nobody(
    play: Play, further: int, side: str
) -> None:
    before = fold(DEAL, play.parties, play.steps)
    number = min(before.next_number + further, limits.DEAL_STEPS_MAX)
    speaker = play.guest if side == "sell" else play.owner
    far = said(speaker.public, NOW_MS, Step(DEAL, StepKind.CANCEL, number))
    after = fold(DEAL, play.parties, [*play.steps, far])
    assert set(after.waiting) == {*before.waiting, far.id}
    assert (after.state, after.history, after.void) == (before.state, before.history, before.void)
    assert after.next_number == before.next_number


def test_strangers_change_nothing() -> None:
    owner, guest = Trader.two()
    stranger = Trader(key("eve"), owner.parties)
    owner.hears(guest.says(StepKind.OFFER))
    stranger.hears(*owner.known.values())
    before = owner.deal
    for kind in StepKind:
        assert not may_say(stranger.deal, stranger.public, kind)
        owner.hears(stranger.says(kind))
    assert owner.deal == before
