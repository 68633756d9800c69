"""The people: they list, edit and take back, each at their own node, and remember every word that
was acknowledged. A price only ever grows, so that a listing tells which edit it shows.
"""

import random
from dataclasses import dataclass, field

from jangteo.node.client import NodeGone
from jangteo.node.desk_error import DeskError
from jangteo.store.store import Store
from tests.network.member import Member

THINGS = "자전거 의자 책상 中古テレビ 本棚 bicycle lamp guitar kettle tent".split()
LISTINGS_MAX = 40


@dataclass(slots=True)
class Owner:
    """`acknowledged`: the price that each listing has at least; `withdrawn` for good; `asked`: a
    withdrawal that nobody has answered."""

    member: Member
    dice: random.Random
    acknowledged: dict[str, int] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    words: int = 0
    unanswered: int = 0
    price: int = 1000

    def act(self) -> bool:
        """One thing of what people do; False for no answer."""
        held = sorted(self.acknowledged.keys() - self.asked)
        luck = self.dice.random()
        try:
            if not held or (luck < 0.3 and len(held) < LISTINGS_MAX):
                self.sell()
            elif luck < 0.9:
                self.edit(self.dice.choice(held))
            else:
                self.withdraw(self.dice.choice(held))
        except NodeGone:
            self.unanswered += 1
            return False
        except DeskError as error:
            if error.code != "node-gone":
                raise
            self.unanswered += 1
            return False
        self.words += 1
        return True

    def sell(self) -> None:
        self.price += 1
        title = f"{self.dice.choice(THINGS)} {self.price} {self.member.name}"
        listing = self.member.ask("sell", title=title, price=f"{self.price} KRW")["listing"]
        self.acknowledged[listing["id"]] = self.price

    def edit(self, listing_id: str) -> None:
        self.price += 1
        self.member.ask("edit", id=listing_id, price=f"{self.price} KRW")
        self.acknowledged[listing_id] = self.price

    def withdraw(self, listing_id: str) -> None:
        self.asked.add(listing_id)
        self.member.ask("withdraw", id=listing_id)
        self.asked.discard(listing_id)
        del self.acknowledged[listing_id]
        self.withdrawn.add(listing_id)

    def missed_by(self, store: Store) -> list[str]:
        """What was acknowledged and `store` does not show."""
        missed = []
        for listing_id, price in self.acknowledged.items():
            known = bytes.fromhex(listing_id)
            if listing_id in self.asked and store.withdrawal(known):
                continue
            row = store.listing(known)
            if row is None or row.listing.price is None:
                missed.append(f"{listing_id} of {self.member.name} is not there")
            elif row.listing.price.amount < price:
                missed.append(f"{listing_id} costs {row.listing.price.amount}, not {price}")
        for listing_id in self.withdrawn:
            if not store.withdrawal(bytes.fromhex(listing_id)):
                missed.append(f"{listing_id} of {self.member.name} is back")
        return missed
