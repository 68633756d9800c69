"""Settings: their order, their types, and one clear line for each wrong one."""

from pathlib import Path
from typing import Any

import pytest

from jangteo.node.config import (
    KEYS,
    LISTEN_MAX,
    PEERS_MAX,
    currency_of_language,
    read_config,
    set_value,
    unset_value,
)
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home
from jangteo.protocol import limits


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_without_a_file_everything_has_its_default_and_nothing_is_made(home: Home) -> None:
    config = read_config(home, language="C")
    assert config.markets == ["open"]
    assert config.auto_renew
    assert config.mdns
    assert config.currency is None
    assert config.record_store_bytes == limits.RECORD_STORE_BYTES_MAX
    assert set(config.sources.values()) == {"default"}
    assert not home.path.exists()


def test_a_flag_goes_before_the_environment_before_the_file(home: Home) -> None:
    set_value(home, "currency", "jpy")
    from_file = read_config(home)
    from_environment = read_config(home, environ={"JANGTEO_CURRENCY": "usd"})
    from_flag = read_config(home, flags={"currency": "KRW"}, environ={"JANGTEO_CURRENCY": "usd"})
    found = [config.currency for config in (from_file, from_environment, from_flag)]
    assert found == ["JPY", "USD", "KRW"]
    assert from_flag.sources["currency"] == "flag"


def test_a_flag_that_was_not_given_counts_for_nothing(home: Home) -> None:
    set_value(home, "mdns", "off")
    assert not read_config(home, flags={"mdns": None}).mdns


@pytest.mark.parametrize(
    ("language", "currency"),
    [
        ("ko_KR.UTF-8", "KRW"), ("ja_JP", "JPY"), ("de_AT@euro", "EUR"), ("en_US.UTF-8", "USD"),
        ("C.UTF-8", None), ("POSIX", None), ("", None), ("ko", None),
    ],
)  # fmt: skip
def test_the_language_of_the_system_tells_the_currency(
    home: Home, language: str, currency: str | None
) -> None:
    assert currency_of_language(language) == currency
    assert read_config(home, language=language).currency == currency


@pytest.mark.parametrize(
    ("name", "told", "value"),
    [
        ("currency", "krw", "KRW"),
        ("auto_renew", "No", False),
        ("auto-renew", "on", True),
        ("markets", "open, campus/hanyang", ["open", "campus/hanyang"]),
        ("markets", "commons open open", ["open"]),
        ("peers", "/ip4/10.0.0.2/tcp/4110", ["/ip4/10.0.0.2/tcp/4110"]),
        ("listen", "", []),
        ("port", " 4111 ", 4111),
        ("record_store_mib", "64", 64),
    ],
)
def test_what_is_set_is_there_when_read_again(home: Home, name: str, told: str, value: Any) -> None:
    assert set_value(home, name, told) == value
    key = name.replace("-", "_")
    config = read_config(home)
    assert (config.values[key], config.sources[key]) == (value, "file")
    assert unset_value(home, name)
    assert not unset_value(home, name)
    assert read_config(home, language="C").values[key] == KEYS[key].default


@pytest.mark.parametrize(
    ("name", "told", "message"),
    [
        ("currency", "won", "ISO 4217"),
        ("auto_renew", "maybe", "true or false"),
        ("markets", "Open", "a market is"),
        ("markets", " ".join(f"m{number}" for number in range(limits.MARKETS_JOINED_MAX + 1)),
         "at most 32 markets"),
        ("peers", "10.0.0.2:4110", "multiaddrs"),
        ("peers", ",".join(f"/ip4/10.0.0.1/tcp/{port}" for port in range(1, PEERS_MAX + 2)),
         "at most 64"),
        ("listen", ",".join(f"/ip4/10.0.0.1/tcp/{port}" for port in range(1, LISTEN_MAX + 2)),
         "at most 16"),
        ("port", "65536", "from 0 to 65,535"),
        ("port", "4110.5", "whole number"),
        ("record_store_mib", "0", "from 1"),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_line_that_says_what_is_allowed_and_changes_nothing(
    home: Home, name: str, told: str, message: str
) -> None:
    set_value(home, "mdns", "off")
    before = home.config_path.read_bytes()
    with pytest.raises(DeskError, match=message) as caught:
        set_value(home, name, told)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    assert home.config_path.read_bytes() == before


def test_an_unknown_setting_names_those_that_there_are(home: Home) -> None:
    with pytest.raises(DeskError, match=r"unknown setting 'colour'.*currency.*markets") as caught:
        set_value(home, "colour", "red")
    assert caught.value.exit_code == 2
    home.make()
    home.config_path.write_text("colour = 'red'\n")
    with pytest.raises(DeskError, match=r"unknown setting 'colour' in .*config\.toml"):
        read_config(home)


def test_a_value_of_a_wrong_type_says_where_it_stands(home: Home) -> None:
    home.make()
    home.config_path.write_text("port = 'x'\n")
    with pytest.raises(DeskError, match=r"port in .*config\.toml is a whole number"):
        read_config(home)
    with pytest.raises(DeskError, match="JANGTEO_PORT is a whole number"):
        read_config(home, environ={"JANGTEO_PORT": "many"})
    with pytest.raises(DeskError, match="--api-port is a whole number"):
        read_config(home, flags={"api_port": -1}, environ={"JANGTEO_PORT": "1"})


def test_a_file_that_is_no_toml_is_said(home: Home) -> None:
    home.make()
    home.config_path.write_text("currency = KRW\n")
    with pytest.raises(DeskError, match=r"config\.toml cannot be read"):
        read_config(home)


def test_a_bad_flag_is_told_by_the_name_that_it_has(home: Home) -> None:
    for name, flag in (("peers", "--peer"), ("markets", "--market"), ("listen", "--listen")):
        with pytest.raises(DeskError, match=f"^{flag} is .* not 'A B'$"):
            read_config(home, flags={name: ["A B"]})


def test_every_setting_has_a_help_text() -> None:
    assert all(key.help for key in KEYS.values())
