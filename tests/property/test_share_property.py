"""A full store under any arrivals: its bounds hold, it comes to rest, and nobody's flood takes
what is another's by right."""

import random
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.listing import Listing
from jangteo.protocol.verdict import Admission
from jangteo.store.share import KEPT, OWN, bucket_of
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller

SALT = b"salt"
OWN_SELLER = Seller.named("oneself")
FRIEND = Seller.named("a friend")
BRINGERS = ("p", "q", "r")
BYTES_MAX = 6000
THREAD_BYTES_MAX = 700
"""No thread of `made` is larger."""


@cache
def made(author: int, number: int, age_quarters: int, length: int, revision: int) -> Verified:
    """Of 0 oneself, of 1 the friend, else of a stranger; a quarter of an hour is a step of age."""
    seller = {0: OWN_SELLER, 1: FRIEND}.get(author) or Seller.named(f"stranger {author}")
    ts_ms = NOW_MS - age_quarters * 15 * limits.MINUTE_MS
    listing = Listing(title=f"Lamp {number}", description="x" * length, created_ms=ts_ms)
    return seller.lists(number, listing, ts_ms=ts_ms, revision=revision)


RECORDS = st.builds(
    made,
    author=st.sampled_from((0, 1, 1, *range(2, 30))),
    number=st.integers(1, 3),
    age_quarters=st.integers(0, 12),
    length=st.sampled_from((0, 40, 150, 400)),
    revision=st.integers(1, 2),
)
OFFERS = st.lists(st.tuples(st.sampled_from((None, *BRINGERS)), RECORDS), max_size=120)


def opened() -> Store:
    store = Store.temporary(own_author=OWN_SELLER.author, records_bytes_max=BYTES_MAX)
    with store.write(durable=False):
        store.salt_shares(SALT)
        store.keep(FRIEND.author, NOW_MS)
    return store


def admit(store: Store, records: list[Verified], bringer: str | None) -> list[Admission]:
    with store.write(durable=False):
        return store.admit(records, NOW_MS, bringer)


def bytes_of(store: Store) -> dict[int, int]:
    return dict(store._db.rows("SELECT share, bytes FROM share WHERE bytes <> 0"))


def check_bounds(store: Store) -> None:
    shares = bytes_of(store)
    size = store.counts(NOW_MS).record_bytes
    assert sum(shares.values()) == size
    assert all(each > 0 for each in shares.values())
    strangers = size - shares.get(OWN, 0) - shares.get(KEPT, 0)
    assert size <= BYTES_MAX or strangers == 0


def check_kept(store: Store, wanted: dict[tuple[str, bytes, bytes], Verified]) -> None:
    for key, record in wanted.items():
        held = store.current(key)
        assert held is not None
        assert (held.header.is_delete, held.header.revision, held.id) >= record.rank


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(offers=OFFERS, batch=st.integers(1, 40))
def test_whatever_comes_the_bounds_hold_and_ones_own_and_kept_stay(
    offers: list[tuple[str | None, Verified]], batch: int
) -> None:
    store = opened()
    wanted: dict[tuple[str, bytes, bytes], Verified] = {}
    for begin in range(0, len(offers), batch):
        for bringer in (None, *BRINGERS):
            some = [record for by, record in offers[begin : begin + batch] if by == bringer]
            for record, outcome in zip(some, admit(store, some, bringer), strict=True):
                if record.header.author == OWN_SELLER.author:
                    assert outcome.is_kept or outcome is Admission.STALE
                is_ours = record.header.author in (OWN_SELLER.author, FRIEND.author)
                if is_ours and outcome is Admission.NEW:
                    wanted[record.header.thread_key] = record
            check_bounds(store)
            check_kept(store, wanted)
    assert store.check_views() == []
    store.close()


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(offers=OFFERS, seed=st.integers(0, 2**32))
def test_what_is_offered_again_and_again_comes_to_rest(
    offers: list[tuple[str | None, Verified]], seed: int
) -> None:
    """Every neighbour holds everything and offers it until all of it was judged without change."""
    store = opened()
    dice = random.Random(seed)  # noqa: S311  (repeatable)
    everything = [(by, record) for _, record in offers for by in BRINGERS]
    entered = 0
    while True:
        dice.shuffle(everything)
        outcomes = [admit(store, [record], by)[0] for by, record in everything]
        new = outcomes.count(Admission.NEW)
        if not new:
            break
        entered += new
        # Each record enters by another's leaving at most once for each share.
        assert entered <= 2 * (len(everything) + len(offers))
    check_bounds(store)
    store.close()


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    flood=st.lists(RECORDS, min_size=30, max_size=120),
    lengths=st.lists(st.sampled_from((0, 40, 150)), max_size=12),
    seed=st.integers(0, 2**32),
)
def test_a_flood_leaves_another_its_part(
    flood: list[Verified], lengths: list[int], seed: int
) -> None:
    """One bringer's many authors, over and over with all that they ever made; another's few."""
    strangers = [
        each for each in flood if each.header.author not in (OWN_SELLER.author, FRIEND.author)
    ]
    part = BYTES_MAX // 2 - 2 * THREAD_BYTES_MAX
    goods: list[Verified] = []
    for number, length in enumerate(lengths):
        good = made(100 + number, 1, 12, length, 1)
        if sum(len(each.raw) for each in goods) + len(good.raw) <= part:
            goods.append(good)
    store = opened()
    dice = random.Random(seed)  # noqa: S311  (repeatable)
    coming = [("fair", good) for good in goods] + [("flooder", each) for each in strangers * 2]
    dice.shuffle(coming)
    for bringer, record in coming:
        outcome = admit(store, [record], bringer)[0]
        assert bringer == "flooder" or outcome is Admission.NEW
    assert len(store.known(good.id for good in goods)) == len(goods)
    assert bucket_of(SALT, "fair") != bucket_of(SALT, "flooder")
    assert max(len(each.raw) for each in flood) * 2 <= 2 * THREAD_BYTES_MAX
    store.close()


def test_ten_thousand_fresh_keys_of_one_bringer_leave_anothers_goods_alone() -> None:
    store = Store.temporary(own_author=OWN_SELLER.author, records_bytes_max=200_000)
    with store.write(durable=False):
        store.salt_shares(SALT)
    goods = [made(100 + number, 1, 12, 150, 1) for number in range(200)]
    assert sum(len(each.raw) for each in goods) < 100_000
    assert set(admit(store, goods, "fair")) == {Admission.NEW}
    for begin in range(0, 10_000, 500):
        flood = [made(1000 + each, 1, 0, 0, 1) for each in range(begin, begin + 500)]
        admit(store, flood, "flooder")
    assert len(store.known(good.id for good in goods)) == len(goods)
    assert store.counts(NOW_MS).record_bytes <= 200_000
    assert store.check_views() == []
    store.close()
