"""The stream of a mail session (SPEC.md R12.5 to R12.7). Knows which frames go over it, and no
order of theirs."""

from typing import Final

from ..protocol import limits, mail_frame
from .frame_stream import Codec, FrameStream
from .frame_stream import PeerSaidBye as PeerSaidBye
from .transport import Stream

_CODEC: Final = Codec(
    mail_frame.encode_prefixed,
    mail_frame.decode_length,
    mail_frame.decode,
    mail_frame.LENGTH_BYTES,
    mail_frame.Bye,
    credit_rule="R12.14",
    order_rule="R12.7",
)


class MailStream(FrameStream[mail_frame.Frame]):
    def __init__(self, stream: Stream, wait_ms_max: int = limits.SYNC_ASKER_WAIT_MS_MAX) -> None:
        super().__init__(stream, _CODEC, wait_ms_max)
