"""Neighbours by mDNS: real multicast on loopback, and packets as other implementations write and
read them."""

import random
from typing import Any

import pytest
import trio
import trio.testing
from zeroconf import DNSIncoming, DNSOutgoing, DNSPointer, DNSText

from jangteo.node import mdns as mdns_module
from jangteo.node.mdns import Mdns, addresses_in, announce_and_browse
from jangteo.protocol.limits import (
    MDNS_ADDRESS_BYTES_MAX,
    MDNS_FOUND_MAX,
    MDNS_NEIGHBOURS_MAX,
    MDNS_PACKET_BYTES_MAX,
    PEER_ADDRESSES_MAX,
)

pytestmark = pytest.mark.trio

SERVICE = "_p2p._udp.local."
PATIENCE_S = 10


def loopback() -> list[str]:
    return ["127.0.0.1"]


def address_of(peer: str, port: int = 4110) -> str:
    return f"/ip4/127.0.0.1/tcp/{port}/p2p/{peer}"


def port_for(test: str) -> int:
    """A port that no mDNS of this machine speaks on, another for each test."""
    return 50_000 + random.Random(test).randrange(10_000)  # noqa: S311


def announcement(*addresses: str, name: str = "neighbour") -> bytes:
    """As js-libp2p announces: a PTR, and a TXT for each address, all of them answers."""
    out = DNSOutgoing(0x8400)
    out.add_answer_at_time(DNSPointer(SERVICE, 12, 1, 120, f"{name}.{SERVICE}"), 0)
    for address in addresses:
        text = b"dnsaddr=" + address.encode()
        record = DNSText(f"{name}.{SERVICE}", 16, 1, 120, bytes([len(text)]) + text)
        out.add_answer_at_time(record, 0)
    return bytes(out.packets()[0])


def mdns(peer: str = "me", addresses: Any = list) -> Mdns:
    return Mdns(peer, addresses, loopback, 5353)


async def test_two_nodes_find_each_other() -> None:
    port = port_for("two")
    with trio.fail_after(PATIENCE_S):
        async with (
            announce_and_browse(
                "ana", lambda: [address_of("ana")], interfaces=loopback, port=port
            ) as found_by_ana,
            announce_and_browse(
                "bo", lambda: [address_of("bo")], interfaces=loopback, port=port
            ) as found_by_bo,
        ):
            assert await found_by_ana.receive() == address_of("bo")
            assert await found_by_bo.receive() == address_of("ana")


async def test_a_changed_network_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdns_module, "INTERFACES_EVERY_S", 0.05)
    port = port_for("changed")
    here: list[str] = []
    with trio.fail_after(PATIENCE_S):
        async with (
            announce_and_browse(
                "ana", lambda: [address_of("ana")], interfaces=lambda: list(here), port=port
            ) as found_by_ana,
            announce_and_browse(
                "bo", lambda: [address_of("bo")], interfaces=loopback, port=port
            ) as found_by_bo,
        ):
            here.append("127.0.0.1")
            assert await found_by_ana.receive() == address_of("bo")
            assert await found_by_bo.receive() == address_of("ana")


async def test_a_network_that_cannot_be_used_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdns_module, "INTERFACES_EVERY_S", 0.01)
    tries = 0
    tried = trio.Event()

    async def fail(self: Mdns) -> Any:
        nonlocal tries
        tries += 1
        if tries == 3:
            tried.set()
        raise OSError("no network")

    monkeypatch.setattr(Mdns, "_open", fail)
    with trio.fail_after(PATIENCE_S):
        async with announce_and_browse("ana", list, interfaces=loopback):
            await tried.wait()


async def test_an_announcement_reads_as_others_expect_it() -> None:
    own = mdns("me", lambda: [address_of("me"), "/ip4/192.168.1.5/tcp/4110/p2p/me"])
    response = own._response("127.0.0.1")
    assert response is not None
    message = DNSIncoming(response.packets()[0])
    assert message.is_response()
    answers = message.answers()[: message.num_answers]
    pointers = [one for one in answers if isinstance(one, DNSPointer)]
    texts = [one for one in answers if isinstance(one, DNSText)]
    assert [one.name for one in pointers] == [SERVICE]
    assert pointers[0].alias == texts[0].name != f"me.{SERVICE}"
    assert addresses_in(texts[0].text) == [address_of("me")]
    assert message.num_additionals == 1  # where rust-libp2p looks
    assert own._response("192.168.1.5") is not None
    assert own._response("10.0.0.1") is None


async def test_an_address_too_long_for_a_record_is_left_out() -> None:
    long = "/ip4/127.0.0.1/tcp/4110/p2p/" + "x" * MDNS_ADDRESS_BYTES_MAX
    assert mdns("me", lambda: [long])._response("127.0.0.1") is None


async def test_another_implementations_announcement_is_heard() -> None:
    one = mdns()
    one._hear(announcement(address_of("bo"), address_of("bo", 4111)))
    assert one.found.receive_nowait() == address_of("bo")
    assert one.found.receive_nowait() == address_of("bo", 4111)


async def test_ones_own_voice_is_not_heard() -> None:
    one = mdns("me")
    one._hear(announcement(address_of("me")))
    with pytest.raises(trio.WouldBlock):
        one.found.receive_nowait()


async def test_an_address_comes_again_with_a_later_announcement(
    autojump_clock: trio.testing.MockClock,
) -> None:
    one = mdns()
    for _ in range(3):
        one._hear(announcement(address_of("bo")))
    assert one.found.receive_nowait() == address_of("bo")
    with pytest.raises(trio.WouldBlock):
        one.found.receive_nowait()
    await trio.sleep(mdns_module.REPEAT_AFTER_S + 0.1)
    one._hear(announcement(address_of("bo")))
    assert one.found.receive_nowait() == address_of("bo")


async def test_what_is_not_read_is_dropped_and_comes_again() -> None:
    one = mdns()
    for n in range(MDNS_FOUND_MAX + 3):
        one._hear(announcement(address_of(f"peer{n}")))
    assert one.dropped_count == 3
    assert one.found.receive_nowait() == address_of("peer0")
    one._hear(announcement(address_of(f"peer{MDNS_FOUND_MAX}")))
    assert one.dropped_count == 3


async def test_neighbours_are_remembered_up_to_a_bound() -> None:
    one = mdns()
    for n in range(MDNS_NEIGHBOURS_MAX + 10):
        one._hear(announcement(address_of(f"peer{n}")))
        one.found.receive_nowait()
    assert len(one._told_at) == MDNS_NEIGHBOURS_MAX


async def test_one_record_tells_so_many_addresses_and_no_more() -> None:
    entries = [b"dnsaddr=" + address_of(f"peer{n}").encode() for n in range(40)]
    text = b"".join(bytes([len(one)]) + one for one in entries)
    assert len(addresses_in(text)) == PEER_ADDRESSES_MAX


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x00",
        b"\xff",
        b"\x08dnsaddr=",
        b"\x0cdnsaddr=/ip4",
        b"\x40dnsaddr=/ip4/1.2.3.4/tcp/1/p2p/x",  # announces more than there is
        b"\x13dnsaddr=/p2p/\xff\xfe\xfd\xfc\xfb\xfa",
        b"\x13dnsaddr=x/p2p/peer1",
        b"\x13dnsaddr=/p2p/a\x1b[2Jb",
    ],
)
async def test_what_is_no_address_is_left_out(text: bytes) -> None:
    assert addresses_in(text) == []


async def test_any_packet_at_all_is_survived() -> None:
    dice = random.Random(2026)  # noqa: S311
    one = mdns()
    valid = announcement(address_of("bo"))
    for _ in range(2000):
        packet = bytearray(valid)
        for _ in range(dice.randint(1, 8)):
            packet[dice.randrange(len(packet))] = dice.randrange(256)
        one._hear(bytes(packet[: dice.randint(0, len(packet))]))
    one._hear(dice.randbytes(MDNS_PACKET_BYTES_MAX))


async def test_anothers_question_counts_as_asked() -> None:
    """RFC 6762, 7.3: a house full of nodes asks once, not once for each."""
    one = mdns()
    query = DNSOutgoing(0)
    query.add_question(mdns_module.DNSQuestion(SERVICE, 12, 1))
    one._hear(query.packets()[0])
    assert one._asked_at == trio.current_time() or one._asked_at > 0
    assert one._changed.is_set()
