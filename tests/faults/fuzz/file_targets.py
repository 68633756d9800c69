"""Fuzz targets for what people bring and keep: files of listings and of records, key files,
backups, settings, the small files of a home, what its node answers, words, prices, HTML."""

import http.client
import io
import json
import random
import tempfile
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jangteo.crypto import keyfile
from jangteo.crypto.digest import sha256
from jangteo.crypto.phrase import seed_from_words, words_from_seed
from jangteo.node import backup
from jangteo.node.backup import restore_file
from jangteo.node.client import Client, NodeGone
from jangteo.node.config import read_config, write_file
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home, NodeFace
from jangteo.node.html_text import is_markup, readable
from jangteo.node.identity import load_peer_seed
from jangteo.node.import_file import FORMATS, open_listing_file, read_rows
from jangteo.node.record_file import read_records, record_chunks
from jangteo.protocol import canonical, limits
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.money import Price, parse_price
from tests.faults.fuzz.target import Target, folder
from tests.faults.fuzz.value_mutation import mutated, mutated_bytes
from tests.faults.fuzz.wire_targets import records
from tests.market_maker import NOW_MS

# --- files ----------------------------------------------------------------------------------------


def run_listings(data: bytes) -> None:
    """The first byte: the format asked for, and whether each variant is a listing."""
    if not data:
        return
    formats = ("auto", *FORMATS)
    path = folder() / "listings"
    path.write_bytes(data[1:])
    try:
        file = open_listing_file(path, formats[data[0] % len(formats)])
        rows = read_rows(file, currency="KRW", per_variant=bool(data[0] & 64), now_ms=NOW_MS)
        for row in rows:
            assert row.result in ("ready", "failed", "skipped")
            if row.listing is not None:
                assert row.listing == row.listing.authored()
                canonical.encode(row.listing.to_body())
            else:
                assert row.error or row.result == "skipped", row
    except LocalProtocolError as error:
        assert str(error).isprintable() or "\n" not in str(error)


def seeds_listings() -> Iterator[bytes]:
    yield b"\0title,price\nlamp,5000\n"
    yield '\0제목;가격;설명\n"의자, 나무";￦5,000;"두 줄\n설명"\n'.encode("cp949")
    yield "\0商品名\t価格\n椅子\t￥500\n".encode("cp932")
    yield "\0title,price\rlamp,5\r".encode("utf-16")
    yield (
        b"\1Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,"
        b"Variant SKU,Variant Inventory Qty,Variant Price,Status\n"
        b'lamp,Lamp,<p>Nice &amp; <b>new</b></p>,V,Home,"a, b",true,Size,S,1,3,5.00,active\n'
        b"lamp,,,,,,,,L,2,0,6.00,\n"
    )
    yield (
        b"\2ID,Type,SKU,Name,Published,Short description,Description,Regular price,Sale price,"
        b"Categories,Tags,Stock,In stock?,Parent,Attribute 1 name,Attribute 1 value(s)\n"
        b"1,variable,a,Cake,1,<p>x</p>,<ul><li>y</li></ul>,10,8,Food > Cakes,sweet,5,1,,Size,"
        b'"S, L"\n'
        b"2,variation,b,Cake - S,1,,,9,,,,2,1,id:1,Size,S\n"
    )
    listing = {"title": "lamp", "price": {"amount": "5.00", "currency": "USD"}, "tags": ["a"]}
    yield b"\4" + json.dumps(listing).encode() + b'\n{"title": "x", "price": 5, "quantity": "2"}\n'
    yield b"\5" + b"".join(record_chunks(record.raw for record in records()))


def run_records(data: bytes) -> None:
    raws = []
    try:
        for raw in read_records(io.BytesIO(data)):
            raws.append(raw)
    except (LocalProtocolError, RemoteProtocolError):
        return
    assert b"".join(record_chunks(raws)) == data


# --- secrets --------------------------------------------------------------------------------------

PASSPHRASE = "grenadine"  # noqa: S105
RESTORED_OF_256 = 128
_stretch = keyfile._stretch


def cheap_stretch(passphrase: str, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
    """The library takes the same parameters, and must like them; less is computed."""
    keyfile.Argon2id(  # type: ignore[attr-defined]
        salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib
    )
    return _stretch(passphrase, salt, 8, 1, 1)


@contextmanager
def cheaply() -> Iterator[None]:
    keyfile._stretch = cheap_stretch
    try:
        yield
    finally:
        keyfile._stretch = _stretch


def run_keyfile(data: bytes) -> None:
    for passphrase in (None, PASSPHRASE):
        try:
            with cheaply():
                secret = keyfile.open_secret(data, passphrase)
        except ValueError:
            continue
        assert isinstance(secret, bytes)
        keyfile.is_sealed(data)


def sealed(secret: bytes) -> bytes:
    with cheaply():
        return keyfile.seal_secret(secret, PASSPHRASE, bytes(16), bytes(12))


def seeds_keyfile() -> Iterator[bytes]:
    yield keyfile.seal_secret(bytes(32), None, b"", b"")
    yield sealed(bytes(32))


def run_backup(data: bytes) -> None:
    """`data`: what is inside the seal (JSON); the rest of the file is always right."""
    file = sealed(zlib.compress(data, 1))
    try:
        with cheaply():
            backup._opened(file, PASSPHRASE)
            if sha256(data)[0] < RESTORED_OF_256:  # a store for each takes its time
                with tempfile.TemporaryDirectory(dir=folder()) as home:
                    restore_file(Home(Path(home)), file, PASSPHRASE, now_ms=NOW_MS, environ={})
    except DeskError as error:
        assert error.message


def backup_json() -> dict[str, Any]:
    return {
        "jangteo_backup": 1,
        "made_ms": NOW_MS,
        "seed": b64encode(bytes(range(32))).decode(),
        "records": [b64encode(record.raw).decode() for record in records()],
        "config": {"currency": "KRW", "markets": ["open"]},
        "markets": ["open", "campus/hanyang"],
        "blocked": ["ab" * 32],
        "imports": [{"number": 1, "name": "shop", "market": "open", "refs": ["cd" * 32]}],
    }


def by_json(dice: random.Random, data: bytes) -> bytes:
    if dice.random() < 0.3:
        return mutated_bytes(dice, data)
    try:
        changed = json.dumps(mutated(dice, json.loads(data)), default=lambda value: value.hex())
    except (ValueError, TypeError, AttributeError, RecursionError):
        return mutated_bytes(dice, data)
    return changed.encode()


# --- settings, words, prices ----------------------------------------------------------------------


@cache
def settings_home() -> Home:
    home = Home(folder() / "settings")
    home.make()
    return home


def run_config(data: bytes) -> None:
    home = settings_home()
    home.config_path.write_bytes(data)
    try:
        config = read_config(home, environ={}, language="ko_KR")
    except DeskError as error:
        assert error.message
        return
    told = {name: value for name, value in config.values.items() if value is not None}
    write_file(home, told)
    again = read_config(home, environ={}, language="ko_KR")
    assert again.values == config.values


def seeds_config() -> Iterator[bytes]:
    yield b'currency = "KRW"\nmarkets = ["open", "campus/hanyang"]\n'
    yield b"port = 4110\nauto_renew = false\nrecord_store_mib = 512\n"
    yield b'peers = ["/ip4/1.2.3.4/tcp/4110"]\nlisten = "/ip4/0.0.0.0/tcp/0"\n'


def run_home(data: bytes) -> None:
    """The first byte: which small file of a home; the rest is what stands in it."""
    if not data:
        return
    home = settings_home()
    files = (home.node_path, home.lock_path, home.owner.path, home.author_path, home.peer_key_path)
    path = files[data[0] % len(files)]
    path.write_bytes(data[1:])
    path.chmod(0o600)
    try:
        assert home.node() is None
        home._lock_holder()
        for told in (home.owner.seen_ms(), home.owner.backed_up_ms(), home.owner.reminded_ms()):
            assert told is None or type(told) is int
        author = home.author()
        assert author is None or len(author) == 32
        if path == home.peer_key_path:
            assert len(load_peer_seed(home)) == 32
    except DeskError as error:
        assert error.message
    finally:
        path.unlink()


def seeds_home() -> Iterator[bytes]:
    yield b'\0{"api": "http://127.0.0.1:1", "token": "t", "pid": 1}'
    yield b'\1{"pid": 1, "holder": "node"}'
    yield b'\2{"seen_ms": 1760000000000, "backed_up_ms": 1}'
    yield b"\3" + b"ab" * 32 + b"\n"
    yield b"\4" + keyfile.seal_secret(bytes(32), None, b"", b"")


def mutate_home(dice: random.Random, data: bytes) -> bytes:
    return data[:1] + by_json(dice, data[1:])


def run_answer(data: bytes) -> None:
    """What a command is answered by the node of its home: status line, headers and body."""
    face = NodeFace("http://127.0.0.1:1", "token", 1)
    for kind in ("call", "stream", "events"):
        client = AnsweredClient(face, data)
        try:
            if kind == "call":
                client.call("search", {})
            else:
                told = client.events() if kind == "events" else client.stream("search", {})
                for item in islice(told, 1000):
                    assert isinstance(item, dict)
        except DeskError as error:
            assert error.message


class AnsweredClient(Client):
    """A client in whose connection the answer stands already."""

    def __init__(self, face: NodeFace, data: bytes) -> None:
        super().__init__(face)
        self._face_told, self._data = face, data

    def _request(
        self, method: str, path: str, args: Mapping[str, Any] | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1")
        response = http.client.HTTPResponse(Answer(self._data))  # type: ignore[arg-type]
        try:
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            raise NodeGone(self._face_told, error, was_asked=True) from None
        return connection, response


class Answer:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


def seeds_answer() -> Iterator[bytes]:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
    whole = head + b"Content-Length: %d\r\n\r\n%s"
    for status, body in (
        (b"200 OK", b'{"result": {"rows": [], "has_more": false}}'),
        (b"404 Not Found", b'{"error": {"code": "no", "message": "m", "hint": null, "exit": 3}}'),
        (b"200 OK", b'{"event": "row", "a": 1}\n{"event": "end"}\n'),
        (b"200 OK", b'{"error": {"code": "x", "message": "y", "exit": 1}}\n'),
    ):
        yield whole % (status, len(body), body)
    yield head % b"200 OK" + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}\n{}\r\n0\r\n\r\n"


def run_phrase(data: bytes) -> None:
    try:
        seed = seed_from_words(data.decode(errors="replace"))
    except ValueError as error:
        assert str(error)
        return
    assert seed_from_words(words_from_seed(seed)) == seed


def run_price(data: bytes) -> None:
    text = data[1:].decode(errors="replace")
    currency = (None, "KRW", "USD", "BHD", "CNY", "AUD")[data[0] % 6] if data else None
    try:
        price = parse_price(text, currency)
    except LocalProtocolError as error:
        assert str(error)
        return
    if price is not None:
        assert 0 <= price.amount <= limits.INTEGER_MAX
        assert Price(price.amount, price.currency) == price
        if not price.is_gift:
            assert parse_price(price.shown, price.currency) == price


def seeds_price() -> Iterator[bytes]:
    texts = (
        "950000 KRW|₩950,000|95만원|$80.50|1억 2천만원|1.299,50 €|free|ask|¥500|1,00,000 INR|US$ 5"
    )
    for text in texts.split("|"):
        yield b"\1" + text.encode()


def run_html(data: bytes) -> None:
    text = data.decode(errors="replace")
    is_markup(text)
    told = readable(text)
    assert len(told) <= 8 * len(text) + 64


def seeds_html() -> Iterator[bytes]:
    yield b"<p>Nice &amp; <b>new</b></p><ul><li>one<li>two</ul><table><tr><td>a<td>b</table>"
    yield b"<!-- x --><script>if (a < b) {}</script>&#x41;&#65;&eacute;&nosuch; <a href='x>y'>z</a>"
    yield "plain\n\ntext < 5 & more\n한글".encode()


TARGETS = [
    Target("listings", run_listings, seeds_listings, bytes_max=8192),
    Target(
        "records",
        run_records,
        lambda: [b"".join(record_chunks(one.raw for one in islice(records(), n))) for n in (0, 3)],
    ),
    Target("keyfile", run_keyfile, seeds_keyfile, by_json, 2048),
    Target("backup", run_backup, lambda: [json.dumps(backup_json()).encode()], by_json),
    Target("config", run_config, seeds_config, bytes_max=2048),
    Target("home", run_home, seeds_home, mutate_home, 2048),
    Target("answer", run_answer, seeds_answer, bytes_max=4096),
    Target("phrase", run_phrase, lambda: [words_from_seed(bytes(range(32))).encode()]),
    Target("price", run_price, seeds_price, bytes_max=128),
    Target("html", run_html, seeds_html),
]
