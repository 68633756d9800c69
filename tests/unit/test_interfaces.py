"""This machine's addresses and ports."""

import errno
import socket

import pytest

from jangteo.node.interfaces import (
    NoFreePort,
    free_port,
    ipv4_addresses,
    is_loopback,
    own_addresses,
)
from jangteo.protocol.limits import PORT_PROBES_MAX


def test_loopback_comes_last() -> None:
    found = ipv4_addresses()
    assert found[-1].startswith("127.")
    assert [is_loopback(one) for one in found] == sorted(is_loopback(one) for one in found)


def test_own_addresses_are_those_of_all_interfaces_without_scopes() -> None:
    assert set(ipv4_addresses()) <= own_addresses()
    assert not any("%" in one for one in own_addresses())


def test_interfaces_that_cannot_be_read_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """getifaddrs needs a file descriptor, and a node that has none left is to go on."""

    def get_adapters() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    before = ipv4_addresses(), own_addresses()
    monkeypatch.setattr("ifaddr.get_adapters", get_adapters)
    assert (ipv4_addresses(), own_addresses()) == before


def test_what_is_no_address_is_not_loopback() -> None:
    assert not is_loopback("localhost")
    assert is_loopback("::1")


def test_a_taken_port_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert port < free_port(port, "127.0.0.1") <= port + PORT_PROBES_MAX


def test_a_port_shared_by_another_is_taken_too() -> None:
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", 0))
        shared.listen()
        port = shared.getsockname()[1]
        assert free_port(port, "127.0.0.1") != port


def test_a_free_port_is_taken_as_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert free_port(port, "127.0.0.1") == port


def test_the_search_for_a_port_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    class Taken(socket.socket):
        def bind(self, address: object) -> None:
            assert isinstance(address, tuple)
            tried.append(address[1])
            raise OSError("taken")

    monkeypatch.setattr(socket, "socket", Taken)
    with pytest.raises(NoFreePort):
        free_port(4110)
    assert tried == list(range(4110, 4110 + PORT_PROBES_MAX + 1))
    with pytest.raises(NoFreePort):
        free_port(65_530)
    assert max(tried) == 65_535
