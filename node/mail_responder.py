"""A mail session that a peer opened: this side only answers (SPEC.md R12.7 on).

Which frames may come is a table; any other ends the session. Knows nothing of when sessions are
opened; the asking half is mail_session.py.
"""

from collections.abc import Sequence
from functools import partial

from ..crypto.digest import LIFT_BITS
from ..protocol import limits, mail_frame
from ..protocol.errors import RemoteProtocolError
from ..protocol.mail_frame import Bye, Get, Hello, Letters, Put, Recon, Stored
from ..protocol.reconcile import Reconciliation
from ..store.store import Store
from .mail_shared import MailItems, MailReport, MailShared
from .mail_stream import MailStream, PeerSaidBye
from .transport import StreamEnded, TransportError


class MailResponder:
    """`run` it once, on a stream that a peer opened."""

    def __init__(self, shared: MailShared, stream: MailStream) -> None:
        self._shared = shared
        self.stream = stream
        self._peer = stream.peer
        self._machine: tuple[Reconciliation, MailItems] | None = None
        self._served = 0
        self._served_max = 0
        self.report = MailReport(stream.peer)

    async def run(self) -> MailReport:
        """Until the peer says bye. The network's doing ends up in the report's `error`;
        RemoteProtocolError is raised, for its caller to count."""
        try:
            await self._answer_hello(await self.stream.receive_a(Hello))
            while not isinstance(frame := await self.stream.receive(), Bye):
                await self._answer(frame)
            await self.stream.close()
        except (StreamEnded, PeerSaidBye):
            await self.stream.close()
        except TransportError as error:
            self.report.error = str(error)
            await self.stream.reset()
        return self.report

    async def _answer(self, frame: mail_frame.Frame) -> None:
        match frame:
            case Hello():
                await self._answer_hello(frame)
            case Recon(message):
                await self._answer_recon(message)
            case Get(ids):
                await self._answer_get(ids)
            case Put(raws):
                await self._answer_put(raws)
            case _:
                raise RemoteProtocolError(
                    "R12.7", f"a {type(frame).__name__} from the side that asks"
                )

    async def _answer_hello(self, hello: Hello) -> None:
        state = await self._shared.asked_state(self._peer)
        self._machine = None
        self.report.is_even = await self._shared.note_even(self._peer, state, hello)
        self._served_max = max(
            self._served_max, 2 * state.held_count + limits.MAIL_SERVED_LETTERS_SLACK
        )
        await self.stream.send(state.hello())

    async def _answer_recon(self, message: bytes) -> None:
        if self._machine is None:
            items = self._shared.items(self._peer)
            machine = Reconciliation(
                items,
                lift_bits=LIFT_BITS,
                frame_bytes_max=limits.RECON_MESSAGE_BYTES_MAX,
                initiator=False,
            )
            self._machine = (machine, items)
        machine, items = self._machine
        reply = await self._shared.call(self._peer, partial(_handle, machine, items, message))
        await self.stream.send(Recon(reply))

    async def _answer_get(self, ids: Sequence[bytes]) -> None:
        raws: Sequence[bytes] = await self._shared.call(
            self._peer, lambda store: store.mail.raws(ids)
        )
        self._count_served(len(ids), len(raws))
        if len(raws) < len(ids):
            await self._shared.drop_absent(self._peer, ids)
        while True:
            count = mail_frame.fitting(raws)
            await self.stream.send(Letters(tuple(raws[:count]), more=count < len(raws)))
            raws = raws[count:]
            if not raws:
                return

    async def _answer_put(self, raws: Sequence[bytes]) -> None:
        # What is over the payer's budget is not looked at: it is offered again (R12.13).
        taken = await self._shared.take(
            self._peer, raws[: self._shared.allowed(self._peer, len(raws))]
        )
        self.report.received += taken.new
        self.report.declined += taken.declined
        self.stream.earn(taken.new)
        await self.stream.send(Stored(taken.kept))

    def _count_served(self, asked_count: int, found_count: int) -> None:
        """Everything twice over is enough for one session (R12.14)."""
        self.stream.earn_time(found_count)
        self._served += asked_count
        if self._served > self._served_max:
            raise RemoteProtocolError("R12.14", "asked for everything again and again", penalty=5)


def _handle(machine: Reconciliation, items: MailItems, message: bytes, store: Store) -> bytes:
    items.refresh(store.mail)
    return machine.handle(message).reply or b""  # a responder always answers
