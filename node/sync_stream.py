"""The stream of a sync session (SPEC.md R6.9, R6.21, R6.28). Knows which frames go over it, and no
order of theirs."""

from typing import Final

from ..protocol import limits, sync_frame
from .frame_stream import Codec, FrameStream
from .frame_stream import PeerSaidBye as PeerSaidBye
from .transport import Stream

_CODEC: Final = Codec(
    sync_frame.encode_prefixed,
    sync_frame.decode_length,
    sync_frame.decode,
    sync_frame.LENGTH_BYTES,
    sync_frame.Bye,
    credit_rule="R6.28",
    order_rule="R6.21",
)


class SyncStream(FrameStream[sync_frame.Frame]):
    def __init__(self, stream: Stream, wait_ms_max: int = limits.SYNC_ASKER_WAIT_MS_MAX) -> None:
        super().__init__(stream, _CODEC, wait_ms_max)
