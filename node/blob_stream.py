"""The stream of a blob session (SPEC.md R16.1 to R16.3). Knows which frames go over it, and what
they cost and earn; no order of theirs."""

from collections.abc import Sequence
from typing import Final

from ..protocol import blob_frame, limits
from .frame_stream import Codec, FrameStream
from .frame_stream import PeerSaidBye as PeerSaidBye
from .transport import Stream

_CODEC: Final = Codec(
    blob_frame.encode_prefixed,
    blob_frame.decode_length,
    blob_frame.decode,
    blob_frame.LENGTH_BYTES,
    blob_frame.Bye,
    credit_rule="R16.9",
    order_rule="R16.3",
)


class BlobStream(FrameStream[blob_frame.Frame]):
    def __init__(self, stream: Stream, wait_ms_max: int = limits.SYNC_ASKER_WAIT_MS_MAX) -> None:
        super().__init__(stream, _CODEC, wait_ms_max)

    async def send_gathered(self, frames: Sequence[blob_frame.Frame]) -> None:
        """As `send` for each, in as few writes as chunks are worth: small answers would cost the
        other side more than they bring (R11.9)."""
        await self.send_bytes(b"".join(map(blob_frame.encode_prefixed, frames)))

    def earn_bytes(self, count: int) -> None:
        """So many bytes came that were asked for, or went to who asked for them."""
        self.earn_transfer(
            count + limits.SYNC_CREDIT_BYTES_PER_FRAME, count / limits.BLOB_BYTES_PER_SECOND_MIN
        )
