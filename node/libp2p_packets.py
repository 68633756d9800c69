"""Noise's packets between a connection's socket and its muxer, without the five layers, three locks
and seven waits for each that stand between them in the library.

Knows lengths and ciphers, and nothing of what is in the packets.
"""

from typing import Any

import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.security.noise.io import MAX_PLAINTEXT_LENGTH, NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession

READ_BYTES = 64 * 1024
_HEAD_BYTES = 2


class Packets:
    """Stands for a secured connection once its handshakes are over."""

    def __init__(self, session: SecureSession, noise: NoiseTransportReadWriter) -> None:
        self._session = session
        self._stream: trio.SocketStream = noise.read_writer.read_write_closer.stream.stream
        self._socket = self._stream.socket
        ciphers = noise.noise_state.noise_protocol
        self._seal = ciphers.cipher_state_encrypt.encrypt_with_ad
        self._unseal = ciphers.cipher_state_decrypt.decrypt_with_ad
        self._left: bytes = session._drain(None)
        self._sealed = bytearray()
        self._may_have_more = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def read(self) -> bytes:
        """What was in the packets that have come whole, at least one; ConnectionClosedError for an
        end, or for an empty packet."""
        if self._left:
            left, self._left = self._left, b""
            return left
        while True:
            plain = self._open_whole()
            if plain is not None:
                if not plain:
                    raise ConnectionClosedError("an empty packet")
                return plain
            self._sealed += await self._receive()

    def _open_whole(self) -> bytes | None:
        """Of all packets that are there whole; None if none is."""
        sealed = self._sealed
        plain: list[bytes] = []
        at = 0
        while len(sealed) - at >= _HEAD_BYTES:
            begin = at + _HEAD_BYTES
            end = begin + (sealed[at] << 8 | sealed[at + 1])
            if end > len(sealed):
                break
            plain.append(self._unseal(None, bytes(sealed[begin:end])))
            at = end
            if not plain[-1]:
                break
        if not at:
            return None
        del sealed[:at]
        return b"".join(plain) if plain[-1] else b""

    async def _receive(self) -> bytes:
        try:
            while True:
                if self._socket.fileno() < 0:  # which trio would keep as waited for
                    raise trio.ClosedResourceError
                if self._may_have_more:
                    await trio.lowlevel.checkpoint()
                else:
                    await trio.lowlevel.wait_readable(self._socket)
                try:
                    data = self._socket._sock.recv(READ_BYTES)
                except BlockingIOError:
                    self._may_have_more = False
                    continue
                self._may_have_more = len(data) == READ_BYTES
                if not data:
                    raise ConnectionClosedError("the connection has ended")
                return bytes(data)
        except (OSError, trio.ClosedResourceError) as error:
            raise ConnectionClosedError(f"the connection is gone: {error!r}") from error

    async def write(self, data: bytes) -> None:
        """All of it, or an error: then nothing can follow. Waits only if the socket is full. One at
        a time: the muxer sees to that."""
        sealed = bytearray()
        for at in range(0, len(data), MAX_PLAINTEXT_LENGTH):
            packet = self._seal(None, data[at : at + MAX_PLAINTEXT_LENGTH])
            sealed += len(packet).to_bytes(_HEAD_BYTES, "big")
            sealed += packet
        try:
            try:
                sent = self._socket._sock.send(sealed)
            except BlockingIOError:
                sent = 0
            if sent < len(sealed):
                await self._stream.send_all(memoryview(sealed)[sent:])
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionClosedError(f"the connection is gone: {error!r}") from error


def packets_of(session: Any) -> Any:
    """Packets in the place of a session over Noise and TCP; any other as it is."""
    noise = getattr(session, "conn", None)
    if isinstance(session, SecureSession) and isinstance(noise, NoiseTransportReadWriter):
        return Packets(session, noise)
    return session
