"""A person's day at the command line, with no node running: transcripts of real commands."""

import base64
import json
import os
import pty
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest
import wcwidth

from tests.cli_runner import COMMAND, Person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    one = Person(tmp_path / "home")
    assert one.types("init", "--name", "은하").code == 0
    return one


def test_init_makes_an_identity_and_shows_the_words_to_programs_that_ask(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    made = person.json("init", "--name", "Hana").row
    assert len(made["words"].split()) == 24
    assert made["name"] == "Hana"
    assert made["home"] == str(person.home)
    assert re.fullmatch("[0-9a-f]{64}", made["author"])
    assert stat.S_IMODE(person.home.stat().st_mode) == 0o700
    assert person.json("whoami").row["author"] == made["author"]
    assert person.json("words").row["words"] == made["words"]
    again = person.json("init")
    assert again.code == 1
    assert again.error["code"] == "identity-exists"


def test_the_words_never_go_into_a_pipe(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    said = person.types("init")
    words = person.json("words").row["words"].split()
    assert f"{words[0]} " not in said.out + said.err
    assert "jangteo words" in said.err
    assert person.types("words").code == 1


def test_the_words_are_shown_in_a_terminal_with_what_they_are(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    shown = _in_terminal(person, "init")
    words = person.json("words").row["words"].split()
    assert re.findall(r"\d+\. ([a-z]+)", shown) == words
    assert "restore" in shown


def test_a_listing_goes_through_its_life(person: Person) -> None:
    sold = person.json(
        "sell", "로드 자전거", "--price", "95만원", "--category", "자전거", "--place", "망원역",
        "--condition", "good", "--tag", "시마노", "--quantity", "2", "--until", "30d",
    ).row  # fmt: skip
    assert sold["price"] == {"amount": "950000", "currency": "KRW"}
    assert (sold["title"], sold["status"], sold["tags"]) == ("로드 자전거", "active", ["시마노"])
    short = sold["id"][:8]
    edited = person.json("edit", short, "--price", "₩900,000", "--description", "3년 탔어요").row
    assert edited["id"] == sold["id"]
    assert edited["price"]["amount"] == "900000"
    for command, status in (
        ("reserve", "reserved"),
        ("sold", "sold"),
        ("relist", "active"),
        ("withdraw", "withdrawn"),
    ):
        assert person.json(command, short).row["status"] == status
    assert person.json("search", "자전거").rows == []
    assert person.json("show", short).row["status"] == "withdrawn"


def test_show_tells_the_history_of_a_price(person: Person) -> None:
    listing = person.sells("Desk", "100 USD")
    person.types("edit", listing["id"], "--price", "80 USD")
    shown = person.json("show", listing["id"]).row
    assert [one["price"]["amount"] for one in shown["revisions"]] == ["80.00", "100.00"]
    said = person.types("show", listing["id"][:8])
    assert "$80.00" in said.out and "$100.00" in said.out
    assert "held by nobody else yet" in said.out


def test_prices_stand_in_their_currencys_manner(person: Person) -> None:
    for title, price in (
        ("one", "950000 KRW"), ("two", "￥3,000"), ("three", "$80"), ("four", "나눔"),
        ("five", "ask"), ("six", "free"), ("seven", "1299 SAR"),
    ):  # fmt: skip
        person.sells(title, price, *(("--description", "x") if title == "one" else ()))
    out = person.types("search", "--limit", "50").out
    for told in ("₩950,000", "￥3,000", "$80.00", "free", "ask", "1,299.00 SAR"):
        assert told in out
    person.types("config", "set", "currency", "KRW")
    person.sells("eight", "free")
    assert "나눔" in person.types("search", "eight").out


def test_searching_pages_without_skipping_or_repeating(person: Person) -> None:
    for number in range(7):
        person.sells(f"chair {number}", f"{number + 1} USD")
    seen: list[str] = []
    cursor: list[str] = []
    while rows := person.json("search", "chair", "--limit", "3", *cursor).rows:
        seen += [row["title"] for row in rows]
        cursor = ["--after", rows[-1]["cursor"]]
    assert sorted(seen) == [f"chair {number}" for number in range(7)]
    said = person.types("search", "chair", "--limit", "3")
    more = re.search(r"more: jangteo (.*)", said.err)
    assert more is not None
    assert person.types(*more[1].replace("'", "").split()).code == 0
    cheap = person.json("search", "--max-price", "2", "--currency", "USD", "--sort", "price").rows
    assert [row["title"] for row in cheap] == ["chair 0", "chair 1"]


def test_facets_count_all_hits_below_the_page(person: Person) -> None:
    for number in range(3):
        person.sells(f"chair {number}", f"{number + 1} USD", "--place", "Seoul")
    out = person.types("search", "chair", "--limit", "1", "--facets").out
    assert "3 listings" in out and "at least" not in out
    assert re.search(r"place +Seoul 3", out) and re.search(r"currency +USD 3", out)
    *rows, last = person.json("search", "chair", "--facets").rows
    assert len(rows) == 3
    assert last["facets"]["hits"] == 3
    assert person.types("search", "sofa", "--facets").code == 0


def test_json_stands_before_or_after_the_command(person: Person) -> None:
    person.sells("Kettle")
    before = person.types("--json", "search").out
    assert json.loads(before)["title"] == "Kettle"
    assert person.types("search", "--json").out == before
    home = str(person.home)
    for words in (["--home", home, "whoami"], ["whoami", "--home", home]):
        assert "은하" in person.types(*words, JANGTEO_HOME="/nowhere").out


def test_nothing_that_others_wrote_can_act_on_the_terminal(person: Person) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07red\u202eevil\u200b\x9b31m"
    person.json("sell", f"lamp {evil}", "--description", f"two\nlines {evil}", "--price", "5 USD")
    listing_id = person.json("search", "lamp").row["id"]
    for words in (
        ["search"],
        ["show", listing_id],
        ["mine"],
        [],
        ["search", "--json"],
        ["show", listing_id, "--json"],
        ["export"],
    ):
        said = person.types(*words)
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e]", said.out + said.err
        )
    assert person.json("show", listing_id).row["description"] == f"two\nlines {evil}"


@pytest.mark.parametrize("cells", [40, 60, 80, 200])
def test_tables_and_listings_fit_the_terminal(person: Person, cells: int) -> None:
    person.sells(
        "아주 긴 제목의 중고 로드 자전거 팝니다 상태 좋아요 한강에서만 탔습니다",
        "1299 SAR", "--place", "서울특별시 마포구 망원동 근처", "--description", "설명 " * 200,
    )  # fmt: skip
    listing_id = person.json("mine").row["id"]
    for words in (["search"], ["mine"], ["show", listing_id[:8]], [], ["doctor"], ["config"]):
        said = person.types(*words, COLUMNS=str(cells))
        wide = [line for line in said.out.splitlines() if wcwidth.wcswidth(line) > cells]
        # An id or a command to type is never broken.
        assert all(re.search(r"[0-9a-f]{64}|jangteo|/", line) for line in wide), wide


def test_colours_are_for_terminals_that_want_them(person: Person) -> None:
    person.sells("Kettle")
    assert "\x1b" not in person.types("search").out
    assert "\x1b[" in _in_terminal(person, "search")
    assert "\x1b[" not in _in_terminal(person, "search", NO_COLOR="1")
    assert "\x1b[" not in _in_terminal(person, "search", TERM="dumb")


def test_the_home_screen_tells_what_is_here_and_what_to_type(person: Person) -> None:
    assert "jangteo up" in person.types().out
    person.sells("Kettle")
    said = person.types()
    assert "Kettle" in said.out and "은하" in said.out
    told = person.json().row
    assert told["running"] is False
    assert told["counts"]["own_active"] == 1


def test_a_backup_is_reminded_of_once_a_day(person: Person) -> None:
    first, second = (person.types("sell", title, "--price", "1 USD") for title in ("a", "b"))
    assert "backup" in first.err
    assert "backup" not in second.err


def test_a_backup_brings_identity_and_records_back(person: Person, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    secret = {"JANGTEO_PASSPHRASE_FILE": str(passphrase)}
    listing = person.sells("Kettle")
    file = tmp_path / "backup"
    assert person.json("backup", str(file), **secret).row["bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"Kettle" not in file.read_bytes()
    again = Person(tmp_path / "again")
    told = again.json("restore", str(file), "--wait", "0", **secret).row
    assert told["author"] == person.json("whoami").row["author"]
    assert again.json("mine").row["id"] == listing["id"]
    assert told["made"]
    once_more = again.types("restore", str(file), "--wait", "0", **secret)
    assert "made just now" in once_more.out
    assert "made after it are only with the other side" in once_more.err
    passphrase.write_text("wrong\n")
    third = Person(tmp_path / "third").json("restore", str(file), "--wait", "0", **secret)
    assert third.code == 1
    assert "does not open" in third.error["message"]
    assert not (tmp_path / "third" / "author.key").exists()


def test_the_24_words_bring_the_identity_back(person: Person, tmp_path: Path) -> None:
    words = person.json("words").row["words"]
    again = Person(tmp_path / "again")
    said = again.types("restore", "--wait", "0", "--json", stdin=words.upper().replace(" ", "\n"))
    assert said.row["author"] == person.json("whoami").row["author"]
    broken = words.replace(words.split()[3], "zebraa", 1)
    wrong = Person(tmp_path / "wrong").types("restore", "--wait", "0", stdin=broken)
    assert (wrong.code, "word 4" in wrong.err) == (2, True)
    file = tmp_path / "words.txt"
    file.write_text(words)
    third = Person(tmp_path / "third")
    assert third.json("restore", str(file), "--wait", "0").row["author"] == said.row["author"]


def test_a_sealed_key_is_asked_for_and_never_guessed(tmp_path: Path) -> None:
    person = Person(tmp_path / "home")
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    secret = {"JANGTEO_PASSPHRASE_FILE": str(passphrase)}
    assert person.types("init", "--passphrase", "--name", "은하", **secret).code == 0
    refused = person.json("sell", "x", "--price", "1 USD")
    assert (refused.code, refused.error["code"]) == (1, "passphrase")
    assert person.json("sell", "x", "--price", "1 USD", **secret).code == 0
    assert person.json("search").row["title"] == "x"
    assert person.json("passphrase", "--remove", **secret).row == {"sealed": False}
    assert person.json("sell", "y", "--price", "1 USD").code == 0


def test_a_file_of_goods_is_imported_with_its_problems_told_by_line(
    person: Person, tmp_path: Path
) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("title,price,currency\nLamp,20,USD\nDesk,abc,USD\nChair,,\n")
    dry = person.json("import", str(file), "--dry-run")
    assert dry.rows[-1]["dry_run"] is True
    assert person.json("mine").rows == []
    said = person.types("import", str(file))
    assert said.code == 0
    assert "line 3" in said.err and "Desk" in said.err
    assert "2 created, 1 failed" in said.out
    again = person.json("import", str(file)).rows
    assert again[-1]["event"] == "summary"
    assert (again[-1]["unchanged"], again[-1]["created"]) == (2, 0)


def test_what_is_exported_can_be_imported_elsewhere(person: Person, tmp_path: Path) -> None:
    person.sells("Lamp", "20 USD")
    file = tmp_path / "market.records"
    assert person.types("export", "--format", "records", "--output", str(file)).code == 0
    other = Person(tmp_path / "other")
    other.types("init")
    assert other.types("import", str(file)).code == 0
    assert other.json("search", "lamp").row["seller"] == "은하"
    pieces = person.json("export", "--format", "records").rows
    assert b"".join(base64.b64decode(one["base64"]) for one in pieces) == file.read_bytes()
    assert person.types("export", "--format", "csv").out.splitlines()[0].startswith("id,author,")
    assert json.loads(person.types("export", "--mine").out)["title"] == "Lamp"


def test_block_and_unblock_work_at_once(person: Person, tmp_path: Path) -> None:
    other = Person(tmp_path / "other")
    other.types("init", "--name", "Spam")
    other.sells("Watches")
    file = tmp_path / "spam"
    other.types("export", "--format", "records", "--output", str(file))
    person.types("import", str(file))
    assert person.json("search", "watches").rows
    blocked = person.json("block", "Spam").row
    assert blocked["forgotten"] >= 1
    assert person.json("search", "watches").rows == []
    assert person.json("block").row["author"] == blocked["author"]
    assert "Spam" in person.types("block").out
    assert person.types("block", "pam").code == 3
    person.types("import", str(file))
    assert person.json("search", "watches").rows == []
    assert person.json("unblock", "spam").row["changed"] is True
    person.types("import", str(file))
    assert person.json("search", "watches").rows


def test_unblocking_tells_how_what_was_dropped_comes_back(person: Person) -> None:
    stranger = "ab" * 32
    assert "0 records dropped" in person.types("block", stranger).out
    said = person.types("unblock", stranger)
    assert "no longer blocked" in said.out
    assert "asks its neighbours" in said.err
    assert "asks its neighbours" not in person.types("unblock", stranger).err


def test_two_sellers_of_one_name_are_told_apart_in_a_table(person: Person, tmp_path: Path) -> None:
    other = Person(tmp_path / "other")
    theirs = other.json("init", "--name", "은하").row["author"]
    other.sells("Lamp, mine is better")
    file = tmp_path / "theirs"
    other.types("export", "--format", "records", "--output", str(file))
    person.sells("Lamp")
    own = person.json("whoami").row["author"]
    assert own[:8] not in person.types("search", "lamp").out
    person.types("import", str(file))
    table = person.types("search", "lamp").out
    assert f"{own[:8]} 은하" in table
    assert f"{theirs[:8]} 은하" in table


def test_a_file_is_said_to_be_what_it_is(person: Person, tmp_path: Path) -> None:
    """A name that ends in .csv makes no CSV file."""
    person.sells("Lamp")
    file = tmp_path / "market.csv"
    assert "as jsonl" in person.types("export", "--output", str(file)).err
    assert "as csv" in person.types("export", "--output", str(file), "--format", "csv").err


def test_contacts_are_added_listed_and_removed(person: Person, tmp_path: Path) -> None:
    other = Person(tmp_path / "other")
    other.types("init", "--name", "Mina")
    other.sells("Bowls")
    file = tmp_path / "bowls"
    other.types("export", "--format", "records", "--output", str(file))
    person.types("import", str(file))
    assert person.json("contacts").rows == []
    added = person.json("contacts", "add", "Mina", "--note", "the potter").row
    assert (added["name"], added["note"], added["changed"]) == ("Mina", "the potter", True)
    assert person.json("contacts").row["author"] == added["author"]
    assert person.types("contacts", "list").out == person.types("contacts").out
    told = person.types("contacts").out
    assert "Mina" in told and "the potter" in told
    bowls = person.json("search", "bowls").row["id"]
    assert "a contact of yours" in person.types("show", bowls[:8]).out
    assert f"contacts remove {added['author'][:16]}" in person.types("contacts", "add", "Mina").err
    assert person.json("contacts", "remove", added["author"][:12]).row["changed"] is True
    assert person.types("contacts", "remove", "Mina").out == (
        f"Mina ({added['author'][:8]}) was no contact\n"
    )
    assert person.types("contacts", "add", "Nobody").code == 3
    assert "did you mean Mina" in person.types("contacts", "add", "min").err
    assert "at least 4 digits" in person.types("contacts", "add", added["author"][:2]).err
    person.types("contacts", "add", "mina", "--note", "the potter")
    assert "your note: the potter" in person.types("block", "Mina").err


def test_a_store_that_is_nearly_full_is_told_at_home_with_what_to_type(person: Person) -> None:
    assert "nearly full" not in person.types().out
    file = person.home.parent / "many.jsonl"
    row = {"price": "1 USD", "description": "x" * 4000}
    file.write_text("\n".join(json.dumps(row | {"title": f"thing {n}"}) for n in range(250)))
    person.types("import", str(file))
    person.types("config", "set", "record_store_mib", "1")
    said = person.types().out
    assert "the store is nearly full" in said
    assert "config set record_store_mib N`, N above 1" in said
    assert "N above 1" in person.types("doctor").out


def test_renewing_all_claims_nothing_of_who_holds_them(person: Person) -> None:
    person.sells("Lamp")
    (row,) = [line for line in person.types("renew", "--all").out.splitlines() if "Lamp" in line]
    assert " 0 " not in row


def test_settings_are_got_set_and_listed(person: Person) -> None:
    assert person.types("config", "set", "currency", "krw").out == "currency = KRW\n"
    assert person.types("config", "get", "currency").out == "KRW\n"
    assert person.json("sell", "x", "--price", "5000").row["price"]["currency"] == "KRW"
    over = person.json("config", "get", "currency", JANGTEO_CURRENCY="JPY").row
    assert over == {"key": "currency", "value": "JPY", "from": "environment"}
    listed = {row["key"]: row for row in person.json("config").rows}
    assert listed["currency"]["from"] == "file"
    assert all(row["help"] for row in listed.values())
    assert person.json("config", "unset", "currency").row["from"] == "default"


def test_verify_and_reindex_find_all_well(person: Person) -> None:
    person.sells("Lamp")
    assert person.json("verify").row["ok"] is True
    assert person.json("reindex").row == {"reindexed": True}
    assert person.json("search", "lamp").rows


def test_the_doctor_names_what_is_wrong(person: Person) -> None:
    checks = {row["check"]: row for row in person.json("doctor").rows}
    assert checks["home"]["verdict"] == "ok"
    assert checks["neighbours"]["advice"] == "`jangteo up`"
    assert "IP address" in checks["seen by others"]["found"]
    (person.home / "author.key").chmod(0o644)
    said = person.json("doctor")
    assert said.code == 1
    (home,) = [row for row in said.rows if row["check"] == "home"]
    assert home["verdict"] == "fail"
    assert "chmod 600" in home["advice"]


def test_a_home_open_to_others_is_refused_with_the_chmod_that_mends_it(person: Person) -> None:
    person.home.chmod(0o755)
    said = person.types("search")
    assert said.code == 1
    assert "chmod 700" in said.err


def test_a_reader_who_leaves_early_is_no_error(person: Person) -> None:
    file = person.home.parent / "many.jsonl"
    file.write_text("\n".join(f'{{"title": "thing {n}", "price": "1 USD"}}' for n in range(900)))
    person.types("import", str(file))
    with subprocess.Popen(
        [*COMMAND, "export"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=person.environ()
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_what_nobody_expected_is_one_line_and_a_log(person: Person) -> None:
    (person.home / "jangteo.db").unlink()
    (person.home / "jangteo.db").mkdir()
    said = person.types("search")
    assert said.code == 1
    assert len(said.err.splitlines()) <= 2
    assert "Traceback" not in said.err


def test_completion_knows_commands_and_own_listings(person: Person) -> None:
    listing = person.sells("Lamp", "20 USD", "--category", "lighting")
    for shell in ("bash", "zsh", "fish"):
        assert "_JANGTEO_COMPLETE" in person.types("completion", shell).out
    complete = {"_JANGTEO_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    assert "plain,search" in person.types(COMP_WORDS="jangteo sea", **complete).out
    complete["COMP_CWORD"] = "2"
    found = person.types(COMP_WORDS="jangteo show ", **complete).out
    assert found.strip() == f"plain,{listing['id'][:8]}"
    complete["COMP_CWORD"] = "3"
    assert "lighting" in person.types(COMP_WORDS="jangteo search --category ", **complete).out


def _in_terminal(person: Person, *words: str, **environment: str) -> str:
    """What a person at a terminal of 80 columns sees."""
    near, far = pty.openpty()
    env = person.environ() | {"TERM": "xterm", "COLUMNS": "80"} | environment
    with subprocess.Popen([*COMMAND, *words], stdin=far, stdout=far, stderr=far, env=env) as done:
        os.close(far)
        shown = b""
        while True:
            try:
                piece = os.read(near, 65536)
            except OSError:  # the other end has closed
                break
            if not piece:
                break
            shown += piece
    os.close(near)
    assert done.returncode == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n")


def test_records_of_others_are_to_be_found_and_not_one_s_own(
    person: Person, tmp_path: Path
) -> None:
    listing = person.sells("Lamp")
    file = tmp_path / "market.records"
    person.types("export", "--format", "records", "--output", str(file))
    other = Person(tmp_path / "other")
    other.types("init")
    assert "search`" in other.types("import", str(file)).err
    # Who carries it here is not known, but that somebody sells it is.
    assert "nobody" not in other.types("show", listing["id"]).out
    assert "held by nobody else yet" in person.types("show", listing["id"]).out


def test_what_needs_an_identity_says_so_before_anything_else(tmp_path: Path) -> None:
    nobody = Person(tmp_path / "home")
    for verb in ("words", "passphrase"):
        said = nobody.json(verb)
        assert (said.code, said.error["code"]) == (1, "no-identity")
    assert "no identity yet" in nobody.types("profile").err


def test_dash_h_alone_is_a_wish_for_help_also_where_words_may_begin_so(person: Person) -> None:
    assert person.types("search", "-h").out.startswith("Usage:")
    assert person.json("search", "-h", "x").rows == []
    assert person.types("devnet", "--seconds", "-4").code == 2


def test_a_file_that_is_none_is_told_from_one_that_is_not_there(
    person: Person, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in person.types("import", str(tmp_path / "pipe")).err
    assert "does not exist" in person.types("import", str(tmp_path / "none")).err


def test_what_was_taken_back_is_held_by_nobody_and_that_is_not_said(
    person: Person, tmp_path: Path
) -> None:
    listing = person.sells("Lamp")
    other = Person(tmp_path / "other")
    other.types("init")
    file = str(tmp_path / "market.records")
    for verb in ("show", "withdraw"):
        said = person.types(verb, listing["id"])
        assert ("held by" in said.out) == (verb == "show")
        person.types("export", "--format", "records", "--output", file)
        other.types("import", file)
    person.types("withdraw", listing["id"])
    assert "held by" not in person.types("show", listing["id"]).out


def test_names_that_are_no_text_are_refused_in_one_line(person: Person, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    try:
        Path(odd).write_text("title,price\nLamp,5 USD\n")
    except OSError:
        pytest.skip("this file system has no such names")
    for said in (person.types("import", odd), person.types("--home", odd, "sell", "x")):
        assert (said.code, "not UTF-8" in said.err) == (2, True)
    assert person.json("mine").rows == []


def test_an_import_that_is_interrupted_says_that_what_had_come_stays(
    person: Person, tmp_path: Path
) -> None:
    file = tmp_path / "goods.csv"
    rows = [f"Lamp {number},5 USD\n" for number in range(9_000)]
    file.write_text("title,price\nDesk,abc\n" + "".join(rows))
    with subprocess.Popen(
        [*COMMAND, "import", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=person.environ(),
        text=True,
    ) as importing:
        assert importing.stderr is not None
        assert "Desk" in importing.stderr.readline()
        importing.send_signal(signal.SIGINT)
        assert "what had come stays" in importing.stderr.read()
        assert importing.wait(30) == 130
    assert person.json("verify").row["ok"] is True
    again = person.json("import", str(file)).rows[-1]
    assert again["created"] + again["unchanged"] == 9_000
