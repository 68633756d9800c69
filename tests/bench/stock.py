"""A market's worth of records for benches: many sellers, three languages, always the same."""

import random

from jangteo.protocol.envelope import Verified
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price
from tests.market_maker import NOW_MS, Seller

_THINGS = (
    "자전거", "냉장고", "책상", "의자", "노트북", "아이폰 13", "유모차", "기타", "카메라", "모니터",
    "自転車", "冷蔵庫", "カメラ", "ソファ", "本棚",
    "bicycle", "desk lamp", "guitar", "sofa", "monitor",
)  # fmt: skip
_MANNERS = (
    "중고", "거의 새것", "상태 좋은", "나눔", "中古", "新品",
    "used", "vintage", "like new", "cheap",
)  # fmt: skip
_PLACES = ("서울 성수동", "부산 해운대", "東京 渋谷", "Brooklyn", "제주", "")
_CATEGORIES = ("가전", "가구", "Electronics > Cameras", "Furniture", "자전거/레저", "")
_SENTENCES = (
    "몇 번 사용하지 않아 깨끗합니다.", "직거래만 가능해요.", "네고 조금 가능합니다.",
    "It works fine and comes with the original box.", "Pick up only, cash preferred.",
    "数回しか使っていません。", "手渡しでお願いします。",
    "흠집이 조금 있지만 사용에 문제 없어요 🙂",
)  # fmt: skip
_CURRENCIES = (("KRW", 1000), ("JPY", 100), ("USD", 100))


def stock(count: int, *, sellers_count: int = 200, seed: int = 1) -> list[Verified]:
    """`count` listings of `sellers_count` sellers."""
    dice = random.Random(seed)  # noqa: S311 — goods, not secrets
    sellers = [Seller.named(f"seller {number}") for number in range(sellers_count)]
    records = []
    for number in range(count):
        currency, step = dice.choice(_CURRENCIES)
        ts_ms = NOW_MS - dice.randrange(80 * 86_400_000)
        listing = Listing(
            title=f"{dice.choice(_MANNERS)} {dice.choice(_THINGS)} {number}",
            description=" ".join(dice.choices(_SENTENCES, k=dice.randint(1, 6))),
            price=dice.choice((None, Price(0, currency), *[Price(1, currency)] * 8))
            and Price(dice.randint(1, 2000) * step, currency),
            category=dice.choice(_CATEGORIES),
            place=dice.choice(_PLACES),
            tags=("tag", dice.choice(_THINGS)),
            created_ms=ts_ms,
        )
        records.append(dice.choice(sellers).lists(number, listing, revision=1, ts_ms=ts_ms))
    return records
