"""Makes one's own records and puts them into the store: build, sign, append.

Knows revisions, times and the acknowledgement of a commit; nothing of verbs or of the network.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol import limits
from ..protocol.envelope import Header, ThreadKey, Verified, author_record
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell, told_by
from ..protocol.verdict import Admission
from .desk_error import DeskError, bad_value

if TYPE_CHECKING:
    from ..crypto.keys import AuthorKey
    from ..store.store import Store


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be: `last` is the header of the one that it follows in its thread, if any."""

    kind: int
    thread_key: ThreadKey
    body: dict[str, Any] | None
    last: Header | None


class Publisher:
    """Signs as one author. What was committed waits in `take_published` for the network."""

    def __init__(
        self,
        store: "Store",
        key: "AuthorKey",
        now_ms: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._key = key
        self._now_ms = now_ms
        self._entropy = entropy
        self._pending: list[Verified] = []
        self._published: list[Verified] = []

    @property
    def author(self) -> bytes:
        return self._key.public

    def fresh_thread(self, market: str) -> ThreadKey:
        return (market, self.author, self._entropy(limits.THREAD_BYTES))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable transaction: what is published in it is acknowledged when it ends, or was
        never there."""
        self._pending = []
        try:
            with self._store.write(durable=True):
                yield
            self._published += self._pending
        finally:
            self._pending = []

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the open transaction: after an exception within it was never there."""
        count = len(self._pending)
        try:
            with self._store.attempt():
                yield
        except BaseException:
            del self._pending[count:]
            raise

    def sign(self, draft: Draft) -> Verified:
        """The record of `draft`; DeskError where it could not be valid.

        Its revision passes the last one and the clock's seconds, so that a restored backup or a
        second device does not collide; its time never goes back within a thread, else it would
        expire before what it replaces.
        """
        now_ms = self._now_ms()
        revision, ts_ms = now_ms // 1000, now_ms
        if draft.last is not None:
            revision = max(draft.last.revision + 1, revision)
            ts_ms = max(draft.last.ts_ms, ts_ms)
        market, _, thread = draft.thread_key
        header = Header(
            draft.kind, self.author, ts_ms, market, thread, revision, draft.body is None
        )
        try:
            return author_record(self._key, header, draft.body)
        except LocalProtocolError as error:
            raise bad_value(told_by(error)) from None

    def publish(self, draft: Draft) -> Verified:
        """Signs and appends, inside of `transaction`. DeskError, and nothing is kept of the whole
        transaction, where it cannot be."""
        (outcome,) = self.publish_each([draft])
        if isinstance(outcome, DeskError):
            raise outcome
        return outcome

    def publish_each(self, drafts: Sequence[Draft]) -> list[Verified | DeskError]:
        """As `publish`, for many at once: one that cannot be published says why in its place, and
        the others are published all the same. A new thread takes a place that is free: it pushes
        none of one's own out, as anyone else's store would let it."""
        outcomes: list[Verified | DeskError] = []
        places: dict[str, int] = {}
        for draft in drafts:
            market = draft.thread_key[0]
            if draft.last is None and market not in places:
                places[market] = self._store.places(self.author, market)
            if draft.last is None and not places[market]:
                outcomes.append(_crowded())
                continue
            try:
                outcomes.append(self.sign(draft))
            except DeskError as error:
                outcomes.append(error)
            else:
                if draft.last is None:
                    places[market] -= 1
        records = [one for one in outcomes if not isinstance(one, DeskError)]
        admissions = iter(self._store.admit(records, self._now_ms()))
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, DeskError):
                continue
            admission = next(admissions)
            if admission.is_kept:
                self._pending.append(outcome)
            else:
                outcomes[index] = _declined(admission, outcome)
        return outcomes

    def carry(self, records: Sequence[Verified]) -> list[Admission]:
        """Admits others' records, inside of `transaction`; the new ones go to the network too."""
        admissions = self._store.admit(records, self._now_ms())
        for record, admission in zip(records, admissions, strict=True):
            if admission is Admission.NEW:
                self._pending.append(record)
        return admissions

    def take_published(self) -> list[Verified]:
        """What was committed since the last call, in order."""
        published, self._published = self._published, []
        return published


def not_joined(market: str) -> DeskError:
    return bad_value(
        tell("this home is not in the market {market!r}", market=market),
        tell("join it with `jangteo join {market}`", market=market),
    )


def _declined(admission: Admission, record: Verified) -> DeskError:
    if admission is Admission.FOREIGN:
        return not_joined(record.header.market)
    if admission is Admission.FUTURE:
        return DeskError(
            "clock",
            tell(
                "this machine's clock is behind the listing's last change: "
                "neighbours would refuse it"
            ),
            tell("set the clock and try again"),
        )
    if admission is Admission.CROWDED:
        return _crowded()
    return DeskError("declined", tell("the store did not take it: {value}", value=admission.value))


def _crowded() -> DeskError:
    return DeskError(
        "crowded",
        tell(
            "an author has at most {threads_per_author_max:,} listings in a market, "
            "and those sold or withdrawn keep their places until they are over",
            threads_per_author_max=limits.THREADS_PER_AUTHOR_MAX,
        ),
    )
