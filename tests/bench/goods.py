"""Records as a market has them, for benches: listings in Korean, Japanese and English and the small
records around them, of many authors. Seeded: the same seed and clock give the same bytes.

Lengths and word frequencies follow figures taken from real shops' exports (quantiles, and how much
of a text its commonest words make up); no text of theirs is here. Knows no store and no network.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, Literal

from jangteo.protocol.envelope import Verified
from jangteo.protocol.kind import LISTING, QUESTION
from jangteo.protocol.listing import CONDITIONS, Listing
from jangteo.protocol.money import Price
from jangteo.protocol.remark import Remark
from tests.bench.tongues import BRAND_WORDS, TONGUES, Tongue
from tests.market_maker import NOW_MS, Seller

Mix = Literal["mixed", "listings"]
MIXES: Final = {
    "mixed": "a third listings; the rest small: 70 % questions, 20 % unknown, 10 % withdrawals",
    "listings": "all listings",
}
AGE_MS_MAX: Final = 80 * 86_400_000
SELLERS: Final = 200
SMALL_KINDS: Final = ((QUESTION, 70), (100, 20), (LISTING, 10))
"""With their weights. A LISTING is a withdrawal, 100 a kind that no program knows yet, as the next
version will have."""

# (share of listings, characters): straight lines between. Of 73 products of four real exports.
TITLE_CHARS: Final = ((0.0, 9), (0.1, 12), (0.25, 15), (0.5, 18), (0.75, 21), (0.9, 25), (1.0, 60))
BODY_CHARS: Final = (
    (0.0, 18), (0.1, 27), (0.25, 39), (0.5, 57), (0.75, 119), (0.9, 242), (0.99, 1223), (1.0, 3000),
)  # fmt: skip
TAG_COUNTS: Final = ((0.0, 0), (0.1, 1), (0.25, 1), (0.5, 2), (0.75, 2), (0.9, 4), (1.0, 9))
SMALL_CHARS: Final = ((0.0, 4), (0.5, 25), (0.9, 80), (1.0, 250))
ZIPF_EXPONENT: Final = 0.75
"""With it the ten commonest words are 18 % of an English text, as in the real ones."""
_WORDS_AT_ONCE: Final = 4096


@dataclass(slots=True)
class _Mouth:
    """Speaks one tongue: words in Zipf's proportion, drawn many at a time."""

    tongue: Tongue
    dice: random.Random
    vocabulary: Sequence[str]
    weights: Sequence[float]
    drawn: list[str]

    @classmethod
    def of(cls, tongue: Tongue, dice: random.Random) -> "_Mouth":
        vocabulary = [*tongue.words, *BRAND_WORDS]
        ranks = range(1, len(vocabulary) + 1)
        weights = list(accumulate(rank**-ZIPF_EXPONENT for rank in ranks))
        return cls(tongue, dice, vocabulary, weights, [])

    def words(self, chars: int) -> str:
        """Words up to about `chars` characters of English; fewer where characters say more."""
        room = max(2.0, chars * self.tongue.density)
        said: list[str] = []
        gap = len(self.tongue.space)
        while room > 0:
            if not self.drawn:
                self.drawn = self.dice.choices(
                    self.vocabulary, cum_weights=self.weights, k=_WORDS_AT_ONCE
                )
            word = self.drawn.pop()
            said.append(word)
            room -= len(word) + gap
        return self.tongue.space.join(said)


class Goods:
    """Listings and records without end. `now_ms` is what their times lead up to."""

    def __init__(
        self, seed: int = 1, *, sellers_count: int = SELLERS, now_ms: int = NOW_MS
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311 — goods, not secrets
        self._mouths = [_Mouth.of(tongue, self._dice) for tongue in TONGUES]
        self.sellers = [Seller.named(f"seller {seed}.{number}") for number in range(sellers_count)]
        self._now_ms = now_ms
        self._age_ms_max = AGE_MS_MAX

    def listing(self, created_ms: int | None = None) -> Listing:
        dice = self._dice
        mouth = dice.choice(self._mouths)
        tongue = mouth.tongue
        thing = dice.choice(tongue.things)
        rest = self._of(TITLE_CHARS) - round(len(thing) / tongue.density)
        title = tongue.space.join((thing, mouth.words(rest)))
        pick = dice.random()
        price = (
            None if pick < 0.05
            else Price(0 if pick < 0.1 else dice.randint(1, 2000) * tongue.price_step,
                       tongue.currency)
        )  # fmt: skip
        return Listing(
            title=title[:120],
            side="want" if dice.random() < 0.1 else "sell",
            description=mouth.words(self._of(BODY_CHARS))[:4000],
            price=price,
            category=dice.choice(tongue.categories),
            condition=dice.choice(CONDITIONS),  # type: ignore[arg-type]
            place=dice.choice(tongue.places),
            tags=tuple(dict.fromkeys(dice.choices(tongue.things, k=self._of(TAG_COUNTS)))),
            created_ms=self._moment() if created_ms is None else created_ms,
        )

    def records(self, count: int, mix: Mix = "mixed", *, start: int = 0) -> Iterator[Verified]:
        """`count` signed records, each of a thread of its own, numbered from `start`."""
        for number in range(start, start + count):
            is_listing = mix == "listings" or self._dice.random() < 1 / 3
            yield self.offer(number) if is_listing else self.small(number)

    def newest(self, count: int, mix: Mix = "mixed", *, start: int) -> Iterator[Verified]:
        """As `records`, all of the last second."""
        age_ms_max, self._age_ms_max = self._age_ms_max, 1000
        yield from self.records(count, mix, start=start)
        self._age_ms_max = age_ms_max

    def offer(self, number: int) -> Verified:
        """A signed listing."""
        ts_ms = self._moment()
        return self._seller().lists(number, self.listing(ts_ms), ts_ms=ts_ms)

    def small(self, number: int) -> Verified:
        """A signed question, something unknown, or a withdrawal."""
        kinds, weights = zip(*SMALL_KINDS, strict=True)
        (kind,) = self._dice.choices(kinds, weights=weights)
        if kind == LISTING:
            return self._seller().withdraws(number, ts_ms=self._moment(), revision=2)
        text = self._dice.choice(self._mouths).words(self._of(SMALL_CHARS))
        listing = self._dice.randbytes(32)
        body = (
            Remark(listing, text).to_body()
            if kind == QUESTION
            else {"about": listing, "text": text}
        )
        return self._seller().publishes(kind, number, body, ts_ms=self._moment())

    def _of(self, curve: Sequence[tuple[float, int]]) -> int:
        """A draw from a distribution that is given by its quantiles."""
        share = self._dice.random()
        for (low, least), (high, most) in pairwise(curve):
            if share <= high:
                return round(least + (most - least) * (share - low) / (high - low))
        return curve[-1][1]

    def _moment(self) -> int:
        return self._now_ms - self._dice.randrange(self._age_ms_max)

    def _seller(self) -> Seller:
        return self._dice.choice(self.sellers)
