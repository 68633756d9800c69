"""A deal's table, step by step: each arrow, each that is missing, and what a step must be."""

from dataclasses import replace
from itertools import permutations

import pytest

from jangteo.protocol import limits
from jangteo.protocol.deal import (
    ENDED,
    MADE,
    OPEN,
    TABLE,
    Deal,
    Role,
    SaidStep,
    State,
    fold,
    may_say,
    next_state,
)
from jangteo.protocol.deal_step import StepKind
from tests.deal_maker import DEAL, LISTING, NOW_MS, RECORD, Trader, offer, play, said
from tests.market_maker import key

# How each state is come to.
WAYS = {
    State.NONE: "",
    State.OFFERED: "guest offer",
    State.COUNTERED: "guest offer, owner offer",
    State.ACCEPTED: "guest offer, owner offer, guest accept",
    State.DECLINED: "guest offer, owner decline",
    State.RETRACTED: "guest offer, guest retract",
    State.CONFIRMED: "guest offer, owner confirm",
    State.HANDED: "guest offer, owner confirm, seller handed",
    State.RECEIVED: "guest offer, owner confirm, buyer received",
    State.DONE: "guest offer, owner confirm, seller handed, buyer received",
    State.CANCELLED: "guest offer, owner confirm, owner cancel",
    State.NOSHOW: "guest offer, owner confirm, owner noshow",
}

# What may be said in each state, by whom, and where it leads: written out beside the table.
SAID = """
none guest offer offered
offered guest offer offered
offered owner offer countered
offered owner decline declined
offered guest retract retracted
offered owner confirm confirmed
countered guest offer offered
countered owner offer countered
countered guest accept accepted
countered guest decline declined
countered owner retract retracted
accepted owner confirm confirmed
accepted owner decline declined
accepted owner offer countered
declined guest offer offered
declined owner offer countered
retracted guest offer offered
retracted owner offer countered
confirmed seller handed handed
confirmed buyer received received
confirmed owner cancel cancelled
confirmed guest cancel cancelled
confirmed owner noshow noshow
confirmed guest noshow noshow
handed buyer received done
handed owner cancel cancelled
handed guest cancel cancelled
received seller handed done
received owner cancel cancelled
received guest cancel cancelled
noshow guest noshow noshow
"""
ARROWS = {
    (State(before), StepKind(kind), Role(role)): State(after)
    for before, role, kind, after in (line.split() for line in SAID.strip().splitlines())
}
# What only comes to pass where two spoke at once (R14.13), or has been said by the same one.
CROSSED = {
    (State.COUNTERED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.DECLINED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.RETRACTED, StepKind.CONFIRM, Role.OWNER): State.CONFIRMED,
    (State.NOSHOW, StepKind.NOSHOW, Role.OWNER): State.NOSHOW,
}


def test_the_table_is_what_is_written_here() -> None:
    assert {**ARROWS, **CROSSED} == TABLE


def test_every_state_is_open_made_ended_or_nothing() -> None:
    assert set(State) - OPEN - MADE - ENDED == {State.NONE, State.DECLINED, State.RETRACTED}
    assert not OPEN & MADE
    assert not OPEN & ENDED
    assert not MADE & ENDED


@pytest.mark.parametrize("side", ["sell", "want"])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", StepKind)
@pytest.mark.parametrize("is_owner", [True, False])
def test_a_step_leads_where_the_table_says_or_is_void(
    side: str, state: State, kind: StepKind, is_owner: bool
) -> None:
    owner, guest = play(WAYS[state], "sell" if side == "sell" else "want")
    assert owner.deal == guest.deal
    assert owner.deal.state is state
    assert owner.deal.void == ()
    speaker = owner if is_owner else guest
    roles = speaker.parties.roles(speaker.public)
    after = next(
        (ARROWS[state, kind, role] for role in roles if (state, kind, role) in ARROWS), None
    )
    assert may_say(speaker.deal, speaker.public, kind) == (after is not None)
    if kind in (StepKind.ACCEPT, StepKind.CONFIRM, StepKind.DECLINE, StepKind.RETRACT):
        if state is State.NONE:
            return  # there is no offer that they could name
    before = speaker.deal
    step = speaker.says(kind)
    assert step.step.number == before.next_number
    assert speaker.deal.next_number == before.next_number + 1
    if after is not None:
        assert speaker.deal.state is after
        assert speaker.deal.history == (*before.history, (step.id, after))
        assert speaker.deal.void == ()
    elif (kind, is_owner) != (StepKind.CONFIRM, True) or state in MADE | ENDED:
        assert speaker.deal.state is state
        assert speaker.deal.void == (step.id,)
        assert speaker.deal.history == before.history
        assert (speaker.deal.offer, speaker.deal.reason) == (before.offer, before.reason)


@pytest.mark.parametrize(
    ("state", "waits_for"),
    [
        (State.NONE, None),
        (State.OFFERED, Role.OWNER),
        (State.ACCEPTED, Role.OWNER),
        (State.COUNTERED, Role.GUEST),
        (State.CONFIRMED, None),
        (State.HANDED, Role.BUYER),
        (State.RECEIVED, Role.SELLER),
        (State.DONE, None),
        (State.DECLINED, None),
    ],
)
def test_who_is_to_act(state: State, waits_for: Role | None) -> None:
    assert play(WAYS[state])[0].deal.waits_for() is waits_for


def test_who_sells_and_who_buys() -> None:
    ana, bea, cho = (key(name).public for name in ("ana", "bea", "cho"))
    for side, seller, buyer in (("sell", ana, bea), ("want", bea, ana)):
        parties = play("", "sell" if side == "sell" else "want")[0].parties
        assert (parties.seller, parties.buyer) == (seller, buyer)
        assert parties.roles(seller)[1] is Role.SELLER
        assert parties.roles(buyer)[1] is Role.BUYER
        assert parties.roles(cho) == ()


def test_a_deal_holds_what_both_signed() -> None:
    for text in (WAYS[State.CONFIRMED], WAYS[State.ACCEPTED] + ", owner confirm"):
        deal = play(text)[0].deal
        assert deal.is_made
        assert deal.proof.is_signed(key("bea").public, deal.guest_signature)
        assert deal.proof.is_signed(key("ana").public, deal.owner_signature)
        terms = deal.parties.terms(DEAL, deal.standing)
        assert (terms.deal, terms.listing, terms.record) == (DEAL, LISTING, RECORD)


def test_nothing_was_offered_yet() -> None:
    deal = play("")[0].deal
    assert (deal.state, deal.next_number, deal.offer) == (State.NONE, 1, None)
    assert not deal.is_expired(2**52)
    with pytest.raises(ValueError, match="nothing was offered"):
        _ = deal.standing


def test_reasons_and_who_ended_it_are_told_until_there_is_another_offer() -> None:
    owner, guest = play("guest offer")
    guest.hears(owner.says(StepKind.DECLINE, reason="sold"))
    assert (guest.deal.reason, guest.deal.ended_by) == ("sold", (owner.public,))
    guest.says(StepKind.OFFER)
    assert (guest.deal.reason, guest.deal.ended_by) == ("", ())
    owner, guest = play(WAYS[State.CONFIRMED])
    owner.says(StepKind.CANCEL, reason="it broke")
    assert (owner.deal.reason, owner.deal.ended_by) == ("it broke", (owner.public,))


def test_both_may_say_that_the_other_did_not_come_and_each_once() -> None:
    owner, guest = play(WAYS[State.NOSHOW])
    assert guest.may() == [StepKind.NOSHOW]
    assert owner.may() == []
    step = guest.says(StepKind.NOSHOW)
    owner.hears(step)
    assert owner.deal.ended_by == (owner.public, guest.public)
    for each in (owner, guest):
        assert each.may() == []
        each.says(StepKind.NOSHOW)
        assert len(each.deal.void) == 1
        assert each.deal.ended_by == (owner.public, guest.public)


# -- what a step must be ----------------------------------------------------------------------


def is_void(trader: Trader, step: SaidStep) -> bool:
    trader.hears(step)
    return trader.deal.void == (step.id,)


@pytest.mark.parametrize("kind", [StepKind.DECLINE, StepKind.RETRACT, StepKind.ACCEPT])
def test_an_answer_to_another_offer_than_the_one_that_stands_is_void(kind: StepKind) -> None:
    owner, guest = play("guest offer, owner offer")
    first = next(each for each in owner.known.values() if each.author == guest.public)
    speaker = owner if kind is StepKind.RETRACT else guest
    for re in (first.id, bytes(32)):
        owner, guest = play("guest offer, owner offer")
        speaker = owner if kind is StepKind.RETRACT else guest
        assert is_void(speaker, speaker.says(kind, re=re))


def test_an_offer_of_the_guest_is_signed_and_the_owner_s_need_not() -> None:
    for signature in (b"", bytes(64)):
        owner, guest = play("")
        assert is_void(guest, guest.says(StepKind.OFFER, signature=signature))
    owner, _ = play("guest offer")
    owner.says(StepKind.OFFER, signature=bytes(64))
    assert owner.deal.state is State.COUNTERED


def test_a_signature_is_under_these_terms_and_by_its_sender() -> None:
    owner, guest = play("")
    other = guest.parties.proof(DEAL, offer(salt=99)).sign(guest.key)
    assert is_void(guest, guest.says(StepKind.OFFER, signature=other))
    owner, guest = play("guest offer, owner offer")
    by_owner = owner.parties.proof(DEAL, owner.deal.standing).sign(owner.key)
    assert is_void(guest, guest.says(StepKind.ACCEPT, signature=by_owner))
    owner, guest = play("guest offer")
    by_guest = owner.deal.guest_signature
    assert is_void(owner, owner.says(StepKind.CONFIRM, signature=by_guest))


def test_a_confirmation_is_of_what_the_guest_has_signed() -> None:
    owner, _ = play("guest offer, owner offer")  # the guest has not accepted it
    assert is_void(owner, owner.says(StepKind.CONFIRM))
    owner, _ = play("guest offer")
    assert is_void(owner, owner.says(StepKind.CONFIRM, re=bytes(32)))


def test_the_guest_confirms_nothing_and_accepts_nothing_of_their_own() -> None:
    for kind in (StepKind.CONFIRM, StepKind.ACCEPT):
        _, guest = play("guest offer")
        assert is_void(guest, guest.says(kind))
    owner, guest = play("guest offer, owner offer")
    assert is_void(owner, owner.says(StepKind.ACCEPT))
    assert is_void(guest, guest.says(StepKind.CONFIRM)) or guest.deal.state is State.COUNTERED


@pytest.mark.parametrize(("late_ms", "state"), [(0, State.CONFIRMED), (1, State.OFFERED)])
def test_an_offer_is_confirmed_until_its_end_and_not_after(late_ms: int, state: State) -> None:
    owner, _ = play("guest offer")
    end_ms = owner.deal.standing.expires_ms
    assert owner.deal.is_expired(end_ms + late_ms) is bool(late_ms)
    owner.says(StepKind.CONFIRM, end_ms + late_ms)
    assert owner.deal.state is state
    assert owner.deal.is_expired(2**52) is (state is State.OFFERED)


def test_what_is_said_of_a_deal_counts_from_its_confirmation_on() -> None:
    owner, guest = play("guest offer, owner confirm")
    early = owner.says(StepKind.HANDED, number=2)
    guest.hears(early)
    assert (guest.deal.state, guest.deal.void) == (State.CONFIRMED, (early.id,))
    owner.says(StepKind.HANDED, number=3)
    assert owner.deal.state is State.HANDED


def test_one_side_alone_does_not_undo_that_it_came_to_nothing() -> None:
    for text in (WAYS[State.CANCELLED], WAYS[State.NOSHOW]):
        owner, guest = play(text)
        owner.hears(guest.says(StepKind.RECEIVED))
        assert owner.deal.state is play(text)[0].deal.state


def test_both_together_do_whatever_else_was_said() -> None:
    for kind in (StepKind.CANCEL, StepKind.NOSHOW):
        owner, guest = play("guest offer, owner confirm")
        ending = guest.says(kind)
        owner.hears(ending)
        owner.says(StepKind.HANDED)
        assert owner.deal.state is not State.HANDED
        owner.hears(guest.says(StepKind.RECEIVED))
        assert (owner.deal.state, owner.deal.void) == (State.DONE, (ending.id,))


def test_steps_of_others_and_of_other_deals_are_left_out() -> None:
    owner, guest = play("guest offer")
    cho = Trader.two(guest="cho")[1]
    cho.hears(*guest.known.values())
    before = owner.deal
    owner.hears(said(cho.public, NOW_MS, cho.says(StepKind.OFFER).step))
    other = next(iter(guest.known.values()))
    owner.hears(said(guest.public, NOW_MS, replace(other.step, deal=bytes(16), number=2)))
    assert owner.deal == before


# -- at once ----------------------------------------------------------------------------------


def crossing(text: str, one: StepKind, other: StepKind) -> Deal:
    """What comes of it where the owner says `one` and the guest `other` at once."""
    owner, guest = play(text)
    steps = owner.says(one), guest.says(other)
    owner.hears(*steps)
    guest.hears(*steps)
    assert owner.deal == guest.deal
    return owner.deal


@pytest.mark.parametrize(
    ("text", "one", "other", "state"),
    [
        ("guest offer", "confirm", "retract", State.CONFIRMED),
        ("guest offer", "confirm", "offer", State.CONFIRMED),
        ("guest offer", "decline", "retract", State.RETRACTED),
        ("guest offer", "decline", "offer", State.OFFERED),
        ("guest offer, owner offer", "retract", "accept", State.RETRACTED),
        ("guest offer, owner offer", "retract", "offer", State.OFFERED),
        ("guest offer, owner offer", "offer", "accept", State.COUNTERED),
        ("guest offer, owner offer", "offer", "decline", State.COUNTERED),
        ("guest offer, owner confirm", "handed", "received", State.DONE),
        ("guest offer, owner confirm", "handed", "cancel", State.CANCELLED),
        ("guest offer, owner confirm", "handed", "noshow", State.HANDED),
        ("guest offer, owner confirm", "cancel", "noshow", State.CANCELLED),
        ("guest offer, owner confirm", "noshow", "noshow", State.NOSHOW),
    ],
)
def test_what_is_said_at_once_has_one_outcome(
    text: str, one: str, other: str, state: State
) -> None:
    assert crossing(text, StepKind(one), StepKind(other)).state is state


def test_a_confirmation_is_not_undone_by_what_the_guest_said_before_they_heard_it() -> None:
    owner, guest = play("guest offer")
    counter = owner.says(StepKind.OFFER)
    again = guest.says(StepKind.OFFER)
    owner.hears(again)
    if owner.deal.state is not State.OFFERED:
        owner, guest = play("guest offer")
        counter, again = owner.says(StepKind.OFFER), guest.says(StepKind.OFFER, salt=1)
    # The owner's counter is taken back by a step with the number that the guest's retraction has.
    taken_back = guest.says(StepKind.RETRACT)
    owner.says(StepKind.RETRACT, re=counter.id)
    made = owner.says(StepKind.CONFIRM)
    assert owner.deal.state is State.CONFIRMED
    assert made.step.number > taken_back.step.number
    owner.hears(taken_back)
    assert owner.deal.state is State.CONFIRMED


def test_nor_by_steps_that_name_smaller_numbers_later() -> None:
    for text in (WAYS[State.ACCEPTED] + ", owner confirm", WAYS[State.DONE]):
        owner, guest = play(text)
        made = owner.deal
        for kind in StepKind:
            for number in range(1, made.next_number + 1):
                guest.says(kind, number=number)
        assert guest.deal.offer == made.offer
        assert guest.deal.state in MADE | ENDED
        assert made.state is not State.DONE or guest.deal.state is State.DONE


def test_a_deal_that_was_confirmed_twice_is_the_first_one_and_told_so() -> None:
    owner, guest = play("guest offer")
    first = owner.says(StepKind.CONFIRM)
    elsewhere = Trader.two()[0]  # a second node of the owner's
    elsewhere.hears(*(each for each in owner.known.values() if each != first))
    again = guest.says(StepKind.OFFER)
    elsewhere.hears(again)
    second = elsewhere.says(StepKind.CONFIRM)
    assert second.step.re == again.id
    owner.hears(again, second)
    assert owner.deal.confirm == first
    assert (owner.deal.state, owner.deal.doubled) == (State.CONFIRMED, (second.id,))
    assert owner.deal.void == (again.id, second.id)
    # Said again of the same offer it is merely void.
    third = owner.says(StepKind.CONFIRM)
    assert owner.deal.doubled == (second.id,)
    assert third.id in owner.deal.void


def test_what_comes_after_something_that_has_not_come_waits_for_it() -> None:
    owner, guest = play("")
    steps = [guest.says(StepKind.OFFER), guest.says(StepKind.RETRACT), guest.says(StepKind.OFFER)]
    for order in permutations(steps):
        owner.known.clear()
        for count, step in enumerate(order, 1):
            owner.hears(step)
            heard = next(at for at in range(4) if at == 3 or steps[at] not in order[:count])
            assert len(owner.deal.waiting) == count - heard
            assert owner.deal.next_number == heard + 1
        assert owner.deal == guest.deal
    assert owner.deal.state is State.OFFERED


def test_the_greatest_number_said_at_once_leaves_the_others_theirs() -> None:
    owner, guest = play("guest offer")
    greatest = guest.says(StepKind.RETRACT, number=limits.DEAL_STEPS_MAX)
    owner.hears(greatest)
    assert owner.deal.waiting == (greatest.id,)
    assert owner.deal.next_number == 2
    owner.says(StepKind.CONFIRM)
    assert owner.deal.state is State.CONFIRMED


def test_each_side_has_half_of_the_steps_and_keeps_some_for_what_is_no_haggling() -> None:
    owner, guest = play("")
    most = limits.DEAL_STEPS_MAX // 2
    for _ in range(most - limits.DEAL_STEPS_KEPT):
        assert may_say(guest.deal, guest.public, StepKind.OFFER)
        guest.says(StepKind.OFFER)
    assert guest.may() == []
    assert guest.deal.said_count == {guest.public: most - limits.DEAL_STEPS_KEPT, owner.public: 0}
    owner.hears(*guest.known.values())
    guest.hears(owner.says(StepKind.CONFIRM))
    assert StepKind.CANCEL in guest.may()
    for _ in range(limits.DEAL_STEPS_KEPT):
        assert guest.may()
        guest.says(StepKind.RETRACT)
    assert guest.may() == []
    assert next_state(guest.deal, guest.public, StepKind.CANCEL) is State.CANCELLED


def test_folding_knows_no_repetition() -> None:
    owner, _ = play(WAYS[State.DONE])
    steps = list(owner.known.values())
    assert fold(DEAL, owner.parties, [*steps, *reversed(steps)]) == owner.deal
