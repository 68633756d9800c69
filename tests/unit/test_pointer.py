"""Texts that point at a listing or a market (R9.10 to R9.12): written, read, and refused."""

import pytest

from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.pointer import Pointer, is_place, is_pointer

ID = "3fa9" * 16
PEER = "12D3KooWAXBTgGPh6Uqy6ePJEhi87BY2Ae15cgDNDSChyp3kSjSX"
PLACES = (f"/ip4/192.168.0.12/tcp/4110/p2p/{PEER}", "/dns4/market.example/tcp/65535")


@pytest.mark.parametrize(
    "pointer",
    [
        Pointer("listing", ID),
        Pointer("listing", ID, PLACES),
        Pointer("market", "campus/hanyang", ("/ip6/fe80::1/tcp/1",)),
        Pointer("market", "open"),
    ],
)
def test_what_is_written_is_read(pointer: Pointer) -> None:
    assert Pointer.from_text(pointer.to_text()) == pointer
    assert Pointer.from_text(f"  {pointer.to_text()}\n") == pointer
    assert Pointer.from_text(pointer.to_text().replace("jangteo:", "JANGTEO://", 1)) == pointer


def test_the_form_is_the_one_of_the_spec() -> None:
    assert Pointer("listing", ID, PLACES).to_text() == (
        f"jangteo:listing/{ID}?at={PLACES[0]}&at={PLACES[1]}"
    )


def test_what_later_versions_add_is_passed_over() -> None:
    told = f"jangteo:listing/{ID}?seen=1&at=/quic/9&at={PLACES[0]}&at={PLACES[0]}&at"
    assert Pointer.from_text(told) == Pointer("listing", ID, PLACES[:1])


def test_addresses_beyond_the_bound_are_passed_over() -> None:
    many = tuple(f"/ip4/10.0.0.{n}/tcp/4110" for n in range(limits.POINTER_ADDRESSES_MAX + 1))
    told = f"jangteo:listing/{ID}?" + "&".join(f"at={one}" for one in many)
    assert Pointer.from_text(told).at == many[:-1]
    with pytest.raises(LocalProtocolError):
        Pointer("listing", ID, many)


@pytest.mark.parametrize(
    "told",
    [
        "",
        "jangteo:",
        "jangteo:listing/",
        "jangteo:listing/3fa9",
        f"jangteo:listing/{ID.upper()}",
        f"jangteo:listing/{ID}0",
        f"jangteo:listing/{ID} x",
        f"jangteo:listing/{ID}#x",
        f"jangteo:listing/{ID}?at=a b",
        f"jangteo:person/{ID}",
        f"jangteo:///listing/{ID}",
        f"javascript:listing/{ID}",
        f"http://listing/{ID}",
        "jangteo:market/Upper",
        "jangteo:market/" + "a" * (limits.MARKET_CHARS_MAX + 1),
        "jangteo:market/%6fpen",
        "jangteo:market/장터",
        f"jangteo:listing/{ID}?x=" + "a" * limits.POINTER_CHARS_MAX,
    ],
)
def test_anything_else_is_refused_in_one_line(told: str) -> None:
    with pytest.raises(LocalProtocolError) as refused:
        Pointer.from_text(told)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "/ip4/192.168.0.12/tcp/0",
        "/ip4/192.168.0.12/tcp/65536",
        "/ip4/192.168.0.12/udp/4110",
        "/ip4/192.168.0.12/tcp/4110/p2p/O0Il",
        "/ip4/192.168.0.12/tcp/4110/http",
        "/unix/etc/passwd",
        "/dns4/" + "a" * limits.POINTER_ADDRESS_CHARS_MAX + "/tcp/1",
        "192.168.0.12:4110",
        "/ip4/192.168.0.12/tcp/4110\n",
        "/ip4/192.168.0.12/tcp/٤",
    ],
)
def test_no_place_a_node_could_not_be_at(address: str) -> None:
    assert not is_place(address)
    with pytest.raises(LocalProtocolError):
        Pointer("listing", ID, (address,))


def test_what_somebody_means_as_one_is_known_by_its_beginning() -> None:
    assert is_pointer(" Jangteo:whatever")
    assert not is_pointer("jangteo bicycle")
