"""The store equals a dictionary under any doings, and any order of records leads to one state."""

import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from jangteo.protocol import limits
from jangteo.protocol.box_key import BoxKey
from jangteo.protocol.envelope import ThreadKey, Verified
from jangteo.protocol.item_set import item_key
from jangteo.protocol.kind import ANSWER, BOX, LISTING, PROFILE, QUESTION
from jangteo.protocol.listing import Listing
from jangteo.protocol.profile import Profile
from jangteo.protocol.remark import Remark
from jangteo.protocol.verdict import Admission
from jangteo.store.query import ALL_STATUSES, Query
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

THREADS_MAX = 3
HISTORY_MAX = 2
SELLERS = [Seller.named(name) for name in ("oneself", "a", "b")]
OWN = SELLERS[0]
MARKETS = ("open", "bikes")
DAY_MS = limits.DAY_MS
UNKNOWN_KIND = 5
LONG_UNKNOWN_KIND = 127


@cache
def made(
    seller: int, form: str, number: int, revision: int, age_days: int, market: str, salt: int
) -> Verified:
    """One of few records, so that threads meet often."""
    who = SELLERS[seller]
    ts_ms = NOW_MS - age_days * DAY_MS
    match form:
        case "profile":
            return who.is_called(f"Name {salt}", revision=revision, ts_ms=ts_ms)
        case "delete":
            return who.withdraws(number, revision=revision, ts_ms=ts_ms, market=market)
        case "question" | "answer":
            about = public_id(SELLERS[1].lists(1 + salt, "x", market=market))
            asked = SELLERS[2].asks(9, about, "?", market=market)
            if form == "answer":
                return who.answers(number, asked, f"no {salt}", ts_ms=ts_ms)
            return who.asks(
                number, about, f"what {salt}?", revision=revision, ts_ms=ts_ms, market=market
            )
        case "unknown":
            body = {"salt": salt}
            return who.publishes(
                UNKNOWN_KIND, number, body, revision=revision, ts_ms=ts_ms, market=market
            )
        case _:
            return who.lists(number, f"중고 {salt}", revision=revision, ts_ms=ts_ms, market=market)


RECORDS = st.builds(
    made,
    seller=st.integers(0, 2),
    form=st.sampled_from(
        ("listing", "listing", "listing", "delete", "unknown", "profile", "question", "answer")
    ),
    number=st.integers(1, 5),
    revision=st.integers(1, 4),
    age_days=st.sampled_from((0, 40, 89, 100)),
    market=st.sampled_from(MARKETS),
    salt=st.integers(0, 1),
)


@dataclass
class Model:
    """What a store should be, in dictionaries: slow, plain and without a log."""

    now_ms: int = NOW_MS
    joined: set[str] = field(default_factory=lambda: {"commons", "open"})
    blocked: set[bytes] = field(default_factory=set)
    current: dict[ThreadKey, Verified] = field(default_factory=dict)
    items: set[ThreadKey] = field(default_factory=set)
    retired: set[bytes] = field(default_factory=set)

    def copy(self) -> "Model":
        return Model(
            self.now_ms,
            set(self.joined),
            set(self.blocked),
            dict(self.current),
            set(self.items),
            set(self.retired),
        )

    def admit(self, records: list[Verified]) -> list[Admission]:
        outcomes: list[Admission] = []
        places: dict[ThreadKey, list[int]] = {}
        for record in records:
            outcome = self._admit(record, outcomes, places)
            if outcome is Admission.NEW:
                places.setdefault(record.header.thread_key, []).append(len(outcomes))
            outcomes.append(outcome)
        return outcomes

    def _admit(
        self, record: Verified, outcomes: list[Admission], places: dict[ThreadKey, list[int]]
    ) -> Admission:
        header, key = record.header, record.header.thread_key
        is_own = header.author == OWN.author
        if header.market not in self.joined:
            return Admission.FOREIGN
        if header.author in self.blocked:
            return Admission.BLOCKED
        is_expired = header.expires_ms <= self.now_ms
        if is_expired and (header.is_delete or not is_own):
            return Admission.EXPIRED
        if key in self.current and record.rank <= self.current[key].rank:
            return Admission.EXPIRED if is_expired else Admission.STALE
        if is_expired:
            self.items.discard(key)
            self.retired.add(record.id)
        elif key not in self.items:
            crowd = [other for other in self.items if other[:2] == key[:2]]
            if len(crowd) == THREADS_MAX:
                least = min(crowd, key=lambda other: self.current[other].rank)
                if record.rank < self.current[least].rank:
                    return Admission.CROWDED
                self._evict(least, outcomes, places)
            self.items.add(key)
        self.current[key] = record
        return Admission.EXPIRED if is_expired else Admission.NEW

    def _evict(
        self, key: ThreadKey, outcomes: list[Admission], places: dict[ThreadKey, list[int]]
    ) -> None:
        self.items.discard(key)
        gone = places.pop(key, [])
        if key[1] == OWN.author:
            self.retired.add(self.current[key].id)
            gone = gone[-1:]
        else:
            del self.current[key]
        for place in gone:
            outcomes[place] = Admission.CROWDED

    def forget_expired(self) -> None:
        for key in list(self.items):
            record = self.current[key]
            if record.header.expires_ms <= self.now_ms:
                self.items.discard(key)
                if key[1] == OWN.author and not record.header.is_delete:
                    self.retired.add(record.id)
                else:
                    del self.current[key]

    def forget(self, author: bytes) -> None:
        for key in [key for key in self.current if key[1] == author]:
            self.items.discard(key)
            del self.current[key]

    def leave(self, market: str) -> None:
        self.joined.discard(market)
        for key in [key for key in self.current if key[0] == market]:
            self.items.discard(key)
            if key[1] != OWN.author:
                del self.current[key]

    def join(self, market: str) -> None:
        if market not in self.joined:
            self.joined.add(market)
            for key, record in self.current.items():
                if key[0] == market and record.id not in self.retired:
                    self.items.add(key)


def asked_about(store: Store) -> set[tuple[bytes, str]]:
    """(id, text) of every question and answer that is shown of some listing that `made` makes."""
    abouts = [
        public_id(SELLERS[1].lists(number, "x", market=market))
        for number in (1, 2)
        for market in MARKETS
    ]
    return {
        (each.public_id, each.remark.text)
        for about in abouts
        for each in store.remarks.of_listing(about)
    }


class Undone(Exception):
    pass


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bounds = [
            patch.object(limits, "THREADS_PER_AUTHOR_MAX", THREADS_MAX),
            patch.object(limits, "HISTORY_REVISIONS_MAX", HISTORY_MAX),
        ]
        for bound in self.bounds:
            bound.start()
        self.model = Model()
        self.store = self.opened()
        self.reader = Store.open(self.folder / "jangteo.db", read_only=True)

    def teardown(self) -> None:
        problems = self.store.check_views()
        self.reader.close()
        self.store.close()
        for bound in self.bounds:
            bound.stop()
        shutil.rmtree(self.folder)
        assert problems == []

    def opened(self) -> Store:
        return Store.open(self.folder / "jangteo.db", own_author=OWN.author)

    @initialize(records=st.lists(RECORDS, max_size=6))
    def begin(self, records: list[Verified]) -> None:
        self.admit(records)

    @rule(records=st.lists(RECORDS, max_size=12))
    def admit(self, records: list[Verified]) -> None:
        expected = self.model.admit(records)
        with self.store.write(durable=False):
            outcomes = self.store.admit(records, self.model.now_ms)
        # The model keeps no history, so it cannot tell a duplicate from what is stale.
        alike = {Admission.DUPLICATE: Admission.STALE}
        assert [alike.get(outcome, outcome) for outcome in outcomes] == expected

    @rule(records=st.lists(RECORDS, min_size=1, max_size=8), author=st.sampled_from(SELLERS))
    def fail_midway(self, records: list[Verified], author: Seller) -> None:
        try:
            with self.store.write(durable=False):
                self.store.admit(records, self.model.now_ms)
                if author is not OWN:
                    self.store.block(author.author)
                self.store.leave("bikes")
                raise Undone
        except Undone:
            pass

    @rule(days=st.integers(0, 30))
    def time_passes(self, days: int) -> None:
        self.model.now_ms += days * DAY_MS
        self.model.forget_expired()
        with self.store.write(durable=False):
            self.store.forget_expired(self.model.now_ms, 1000)

    @rule(seller=st.sampled_from(SELLERS[1:]))
    def block(self, seller: Seller) -> None:
        self.model.blocked.add(seller.author)
        self.model.forget(seller.author)
        with self.store.write(durable=False):
            self.store.block(seller.author)

    @precondition(lambda self: self.model.blocked)
    @rule(seller=st.sampled_from(SELLERS[1:]))
    def unblock(self, seller: Seller) -> None:
        self.model.blocked.discard(seller.author)
        with self.store.write(durable=False):
            self.store.unblock(seller.author)

    @rule(market=st.sampled_from(MARKETS))
    def join(self, market: str) -> None:
        self.model.join(market)
        with self.store.write(durable=False):
            self.store.join(market)

    @rule(market=st.sampled_from(MARKETS))
    def leave(self, market: str) -> None:
        if market in self.model.joined:
            self.model.leave(market)
        with self.store.write(durable=False):
            self.store.leave(market)

    @rule()
    def reindex(self) -> None:
        self.store.reindex()

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = self.opened()

    @invariant()
    def they_are_equal(self) -> None:
        assert set(self.store.joined()) == self.model.joined
        assert self.store.blocked() == self.model.blocked
        for market in (*MARKETS, "commons"):
            expected = sorted(
                item_key(record.header.ts_ms, record.id)
                for key in self.model.items
                if key[0] == market and (record := self.model.current[key])
            )
            for store in (self.store, self.reader):
                items = store.items(market)
                assert items.keys(0, items.count()) == expected
            assert self.store.summary(market) == self.reader.summary(market)
        live = [r for r in self.model.current.values() if r.body is not None]
        shown = self.store.search(Query(status=ALL_STATUSES, limit=1000), self.model.now_ms).rows
        assert {(row.listing_id, row.record_id) for row in shown} == {
            (public_id(record), record.id) for record in live if record.header.kind == LISTING
        }
        assert asked_about(self.store) == {
            (public_id(r), str(r.body["text"]))
            for r in live
            if r.body and r.header.kind in (QUESTION, ANSWER)
        }
        for seller in SELLERS:
            profile = self.store.profile(seller.author)
            names = {
                r.body["name"]
                for r in live
                if r.body and r.header.kind == PROFILE and r.header.author == seller.author
            }
            assert ({profile.name} if profile else set()) == names


StoreMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
test_the_store_equals_a_dictionary = StoreMachine.TestCase


def state_after(folder: Path, batches: list[list[Verified]]) -> object:
    """All that two nodes must agree on: not arrivals, not history."""
    with Store.open(folder / "jangteo.db") as store:
        with store.write(durable=False):
            store.join("bikes")
        for batch in batches:
            with store.write(durable=False):
                store.admit(batch, NOW_MS)
        assert store.check_views() == []
        rows = sorted(store.iter_listings(NOW_MS), key=lambda row: row.listing_id)
        return (
            [store.summary(market) for market in (*MARKETS, "commons")],
            [(row.listing_id, row.record_id, row.listing, row.seller_name) for row in rows],
            asked_about(store),
        )


@settings(max_examples=60, deadline=None)
@given(data=st.data(), records=st.lists(RECORDS, min_size=1, max_size=30))
def test_any_order_doubling_and_partition_leads_to_one_state(
    data: st.DataObject, records: list[Verified]
) -> None:
    doubled = records + data.draw(st.lists(st.sampled_from(records), max_size=10))
    shuffled = data.draw(st.permutations(doubled))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=6)))
    edges = [0, *cuts, len(shuffled)]
    batches = [shuffled[a:b] for a, b in pairwise(edges)]
    with (
        patch.object(limits, "THREADS_PER_AUTHOR_MAX", THREADS_MAX),
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
    ):
        assert state_after(Path(one), [records]) == state_after(Path(two), batches)


@cache
def odd(
    seller: int, place: tuple[str, int], kind: int, revision: int, age_ms: int, is_delete: bool
) -> Verified:
    """Any kind in any thread, a profile's too, and a time that need not rise with revisions."""
    market, number = place
    if kind in (PROFILE, BOX):
        market, number = "commons", int(kind == BOX)
    elif kind in (LISTING, QUESTION) and market == "commons":
        market = "open"
    body = {
        LISTING: Listing(f"at {age_ms}", created_ms=0).to_body(),
        PROFILE: Profile(f"at {age_ms}").to_body(),
        BOX: BoxKey(age_ms.to_bytes(32, "big", signed=True)).to_body(),
        QUESTION: Remark(bytes(32), f"at {age_ms}").to_body(),
    }.get(kind, {"at": age_ms})
    return SELLERS[seller].publishes(
        kind,
        number,
        None if is_delete else body,
        revision=revision,
        ts_ms=NOW_MS - age_ms,
        market=market,
    )


LIFE_MS = limits.LIFETIME_SHORT_MS
ODD_RECORDS = st.builds(
    odd,
    seller=st.integers(1, 2),
    place=st.tuples(st.sampled_from((*MARKETS, "commons")), st.integers(0, 3)),
    kind=st.sampled_from(
        (LISTING, LISTING, UNKNOWN_KIND, PROFILE, BOX, LONG_UNKNOWN_KIND, QUESTION)
    ),
    revision=st.integers(0, 2),
    age_ms=st.sampled_from(
        (-limits.FUTURE_MS_MAX - 1, -1, 0, LIFE_MS - 1, LIFE_MS, 2 * LIFE_MS, 9 * LIFE_MS)
    ),
    is_delete=st.sampled_from((False, False, True)),
)


def state_with_a_block(folder: Path, batches: list[list[Verified]], block_at: int) -> object:
    """As `state_after`, an author blocked before the `block_at`th batch; everything over let go."""
    with Store.open(folder / "jangteo.db") as store:
        with store.write(durable=False):
            store.join("bikes")
        for at, batch in enumerate([*batches, []]):
            with store.write(durable=False):
                if at == min(block_at, len(batches)):
                    store.block(SELLERS[2].author)
                store.admit(batch, NOW_MS)
        with store.write(durable=False):
            store.forget_expired(NOW_MS, 1000)
        assert store.check_views() == []
        shown = store.search(Query(status=ALL_STATUSES, limit=1000), NOW_MS).rows
        return (
            [store.summary(market) for market in (*MARKETS, "commons")],
            {(row.listing_id, row.record_id, row.seller_name) for row in shown},
            [store.profile(seller.author) for seller in SELLERS],
            sorted(each.public_id for each in store.remarks.of_listing(bytes(32))),
            [sorted(store.find(digit)) for digit in "0123456789abcdef"],
        )


@settings(max_examples=40, deadline=None)
@given(data=st.data(), records=st.lists(ODD_RECORDS, min_size=1, max_size=24))
def test_odd_kinds_and_times_and_a_block_in_between_lead_to_one_state_in_any_order(
    data: st.DataObject, records: list[Verified]
) -> None:
    shuffled = data.draw(st.permutations(records))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=6)))
    batches = [shuffled[a:b] for a, b in pairwise([0, *cuts, len(shuffled)])]
    with (
        patch.object(limits, "THREADS_PER_AUTHOR_MAX", THREADS_MAX - 1),
        patch.object(limits, "HISTORY_REVISIONS_MAX", HISTORY_MAX - 1),
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
    ):
        blocked_at_once = state_with_a_block(Path(one), [records], 0)
        blocked_later = state_with_a_block(Path(two), batches, data.draw(st.integers(0, 7)))
        assert blocked_at_once == blocked_later
