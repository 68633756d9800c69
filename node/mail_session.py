"""A mail session that this node opened: it asks, the other side answers (SPEC.md R12.7 on).

Hello both ways; where the two sets differ, fetch what is lacking and put what the other side lacks;
then hello again, until both are even or nothing moves. Knows which frame follows which; the other
side's half is mail_responder.py.
"""

from collections.abc import Collection, Sequence
from functools import partial

from ..crypto.digest import LIFT_BITS, sha256
from ..protocol import limits, mail_frame
from ..protocol.errors import RemoteProtocolError
from ..protocol.mail_frame import Bye, Get, Hello, Letters, Put, Recon, Stored
from ..protocol.reconcile import Reconciliation, Step
from ..store.store import Store
from .mail_shared import MailItems, MailReport, MailShared
from .mail_stream import MailStream, PeerSaidBye
from .transport import TransportError


class MailSession:
    """`run` it once. Its own identity is what it claims ids with."""

    def __init__(self, shared: MailShared, stream: MailStream) -> None:
        self._shared = shared
        self.stream = stream
        self._peer = stream.peer
        self._put_ids: set[bytes] = set()
        self.report = MailReport(stream.peer)

    async def run(self) -> MailReport:
        """From its first hello to the end of the stream.

        What the network does ends up in the report's `error`; RemoteProtocolError is raised, for
        its caller to count.
        """
        try:
            await self._even_out()
            await self.stream.send(Bye(""))
            await self.stream.close()
        except (TransportError, PeerSaidBye) as error:
            self.report.error = str(error) or "the peer has ended the session"
        finally:
            self._shared.claims.release_all(self)
            if self.report.error:
                await self.stream.reset()
        return self.report

    async def _even_out(self) -> None:
        for _ in range(limits.MAIL_PASSES_MAX):
            state = await self._shared.state(self._peer)
            await self.stream.send(state.hello())
            hello = await self.stream.receive_a(Hello)
            self.report.is_even = await self._shared.note_even(self._peer, state, hello)
            if self.report.is_even or not await self._reconcile() or self.report.later:
                return

    async def _reconcile(self) -> bool:
        """Whether anything moved, so that another hello is worth its while."""
        items = self._shared.items(self._peer)
        machine = Reconciliation(
            items,
            lift_bits=LIFT_BITS,
            frame_bytes_max=limits.RECON_MESSAGE_BYTES_MAX,
            initiator=True,
        )
        need: list[bytes] = []
        give: list[bytes] = []
        has_moved = False
        message: bytes | None = await self._shared.writer.call(partial(_initiate, machine, items))
        while message is not None:
            await self.stream.send(Recon(message))
            reply = await self.stream.receive_a(Recon)
            step, known = await self._shared.writer.call(
                partial(_handle, machine, items, reply.message)
            )
            self._shared.declined.drop(
                self._peer, [each for each in step.have if each not in known]
            )
            give += [each for each in step.have if each in known]
            need += [each for each in step.need if each not in known]
            if len(need) >= limits.SYNC_NEED_IDS_MAX:
                has_moved |= await self._fetch(need)
                need = []
            message = step.reply
        has_moved |= await self._fetch(need)
        return await self._put(give) or has_moved

    async def _fetch(self, need: Sequence[bytes]) -> bool:
        """What of `need` nobody else fetches; waits for the rest. Whether that may have helped."""
        if self._shared.declined.is_paused(self._peer, self._shared.now_ms()):
            return False
        need = [
            each for each in dict.fromkeys(need) if not self._shared.declined.has(self._peer, each)
        ]
        claims = self._shared.claims
        ids = claims.take(self, need)
        claimed = set(ids)
        elsewhere = [each for each in need if each not in claimed]
        count = await self._get(ids)
        if elsewhere and not await claims.wait_ids(elsewhere):
            # Whoever promised them does not send them: asked for here too, claimed or not.
            known = await self._shared.writer.call(lambda store: store.mail.known(elsewhere))
            count += await self._get([each for each in elsewhere if each not in known])
        return bool(count or elsewhere)

    async def _get(self, ids: Sequence[bytes]) -> int:
        """How many of `ids` came; no more than the peer's budget are asked for (R12.13)."""
        count = 0
        for begin in range(0, len(ids), limits.MAIL_IDS_MAX):
            chunk = ids[begin : begin + limits.MAIL_IDS_MAX]
            allowed = chunk[: self._shared.allowed(self._peer, len(chunk))]
            if allowed:
                await self.stream.send(Get(tuple(allowed)))
                count += await self._receive_got(allowed)
            if len(allowed) < len(chunk):
                self.report.later += len(ids) - begin - len(allowed)
                self._shared.claims.release(self, ids[begin:])
                break
        return count

    async def _receive_got(self, ids: Sequence[bytes]) -> int:
        wanted = set(ids)
        more = True
        while more:
            frame = await self.stream.receive_a(Letters)
            more = frame.more
            if more and not frame.raws:
                raise RemoteProtocolError("R12.8", "an empty frame with more to come")
            taken = await self._shared.take(self._peer, frame.raws, wanted)
            self.report.received += taken.new
            self.report.declined += taken.declined
            self.stream.earn(taken.new)
            self._shared.claims.earn(self, taken.new)
        self._shared.claims.release(self, ids)
        return len(ids) - len(wanted)

    async def _put(self, ids: Sequence[bytes]) -> bool:
        """Puts what the other side lacks, each once in a session. Whether it keeps any of it."""
        if len(ids) > limits.MAIL_PUT_LETTERS_MAX:
            # All neighbours of a newcomer would put the same: it asks for itself, once (R12.9).
            self.report.left = len(ids)
            return False
        fresh = [each for each in dict.fromkeys(ids) if each not in self._put_ids]
        self._put_ids.update(fresh)
        raws: Sequence[bytes] = await self._shared.lacked(self._peer, fresh)
        if len(raws) < len(fresh):
            await self._shared.drop_absent(self._peer, fresh)
        has_moved = False
        while raws:
            count = max(1, mail_frame.fitting(raws))
            await self.stream.send(Put(tuple(raws[:count])))
            stored = (await self.stream.receive_a(Stored)).ids
            if not set(stored) <= {sha256(raw) for raw in raws[:count]}:
                raise RemoteProtocolError("R12.9", "a receipt for what was not put")
            await self._shared.note_held(self._peer, stored)
            self.report.sent += len(stored)
            has_moved |= bool(stored)
            raws = raws[count:]
        return has_moved


def _initiate(machine: Reconciliation, items: MailItems, store: Store) -> bytes:
    items.refresh(store.mail)
    return machine.initiate()


def _handle(
    machine: Reconciliation, items: MailItems, message: bytes, store: Store
) -> tuple[Step, Collection[bytes]]:
    """The machine's step, and which of its ids are here."""
    items.refresh(store.mail)
    step = machine.handle(message)
    return step, store.mail.known([*step.have, *step.need])
