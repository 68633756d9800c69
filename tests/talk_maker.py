"""Makes people who talk, for tests: desks whose records and letters are carried by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jangteo.node.postman import Postman
from jangteo.node.publisher import Publisher
from jangteo.protocol.letter import Letter, parse_letter
from jangteo.store.mail_book import MailAdmission
from tests.desk_maker import Stall


class Talker(Stall):
    """One person's desk, whose mail is opened when it is told to."""

    def pen(self) -> Publisher:
        return self.desk._clerk.pen()

    def post(self) -> Postman:
        return self.desk._clerk.post()

    def tend(self) -> list[dict[str, Any]]:
        """Keys and what is owed; what is told of it."""
        return list(self.desk.call("mail-tend", {})["happenings"])

    def letters(self) -> list[Letter]:
        """All that are here."""
        return [parse_letter(raw) for _, raw in self.store.mail.after(0, 100_000)]

    def gets(self, letters: list[Letter]) -> list[MailAdmission]:
        """They are put here by somebody."""
        with self.store.write(durable=True):
            return self.store.mail.put(letters, self.moment(), "somebody")

    def opens(self) -> list[dict[str, Any]]:
        """What is told of what came."""
        happenings: list[dict[str, Any]] = []
        while True:
            result = self.desk.call("mail-open", {})
            happenings += result["happenings"]
            if not result["more"]:
                return happenings

    def says(self, to: str, text: str) -> dict[str, Any]:
        return dict(self.call("send", to=to, text=text)["message"])

    def texts(self, to: str) -> list[str]:
        """What was said in a room, oldest first."""
        return [m["text"] for m in self.call("room", to=to, limit=500)["messages"] if "text" in m]

    def last(self, to: str) -> dict[str, Any]:
        return dict(self.call("room", to=to, limit=1)["messages"][-1])


@contextmanager
def talkers(folder: Path, *names: str) -> Iterator[list[Talker]]:
    """People who have met: each knows the others' profiles and box keys."""
    made = [Talker(folder, name) for name in names]
    try:
        for each, name in zip(made, names, strict=True):
            each.call("profile", name=name)
            each.tend()
        introduce(*made)
        yield made
    finally:
        for each in made:
            each.close()


def introduce(*people: Talker) -> None:
    """What each has published since comes to all others."""
    for each in people:
        records = each.desk.take_published()
        for other in people:
            if other is not each:
                each.give(other, records)


def meet(*people: Talker) -> dict[str, list[dict[str, Any]]]:
    """Records and letters come to everybody until there is nothing new: what each was told."""
    told: dict[str, list[dict[str, Any]]] = {each.home.path.name: [] for each in people}
    while True:
        introduce(*people)
        is_new = False
        for each in people:
            for other in people:
                if other is not each:
                    outcomes = other.gets(each.letters())
                    is_new |= MailAdmission.NEW in outcomes
        for each in people:
            told[each.home.path.name] += each.opens()
        if not is_new:
            return told
