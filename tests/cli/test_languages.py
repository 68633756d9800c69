"""The command line in Korean and Japanese: transcripts, and what stays as it is in any language."""

import json
from pathlib import Path

import pytest

from jangteo.cli import cells
from tests.cli.test_running_node import running
from tests.cli_runner import Person

KOREAN = {"LANG": "ko_KR.UTF-8"}
JAPANESE = {"LANG": "ja_JP.UTF-8"}
BOTH = pytest.mark.parametrize("language", [KOREAN, JAPANESE], ids=["ko", "ja"])


@pytest.fixture
def mina(tmp_path: Path) -> Person:
    person = Person(tmp_path / "mina")
    assert person.types("init", "--name", "미나").code == 0
    return person


@pytest.fixture
def haru(tmp_path: Path, mina: Person) -> Person:
    """Somebody who has what Mina sells."""
    mina.sells("로드 자전거", "950000 KRW", "--place", "망원동", "--condition", "good")
    person = Person(tmp_path / "haru")
    assert person.types("init", "--name", "하루").code == 0
    path = str(tmp_path / "stick.records")
    assert mina.types("export", "--format", "records", "--output", path).code == 0
    assert person.types("import", path).code == 0
    return person


@pytest.mark.parametrize(
    ("language", "welcome", "made", "next_step"),
    [
        (KOREAN, "중개인 없는 장터", "나는 ", "다음: `jangteo up`으로 이웃을 만나세요"),
        (
            JAPANESE,
            "仲介のいないマーケット",
            "あなたは ",
            "次は: `jangteo up` でご近所とつながります",
        ),
    ],
    ids=["ko", "ja"],
)
def test_a_newcomer_is_met_in_their_language(
    tmp_path: Path, language: dict[str, str], welcome: str, made: str, next_step: str
) -> None:
    person = Person(tmp_path / "home")
    assert welcome in person.types(**language).out
    said = person.types("init", "--name", "Hana", **language)
    assert said.out.startswith(made)
    assert "Hana" in said.out.splitlines()[0]
    assert next_step.replace("jangteo", "") in said.err.replace("jangteo", "")


def test_selling_and_finding_in_korean(mina: Person) -> None:
    sold = mina.types(
        "sell", "로드 자전거", "--price", "95만원", "--condition", "good", "--place", "망원동",
        **KOREAN,
    )  # fmt: skip
    first, *rest = sold.out.splitlines()
    assert first.endswith("  로드 자전거")
    assert rest[:2] == [
        "  950,000원 · 좋음 · 망원동",
        "  거래 가능 · 90일 뒤 종료 · 아직 보관하는 이웃이 없어요",
    ]
    assert "노드가 꺼져 있어요" in sold.err
    gift = mina.types("sell", "의자", "--price", "나눔", **KOREAN)
    assert gift.out.splitlines()[1] == "  나눔"
    found = mina.types("search", "자전거", **KOREAN).out.splitlines()
    assert found[0].split() == ["ID", "가격", "제목", "동네", "판매자", "언제"]
    assert found[1].split()[1:] == ["950,000원", "로드", "자전거", "망원동", "미나", "방금"]
    assert found[0].startswith("ID  ")
    place = found[0].index("가격")
    assert cells.width(found[0][: place + 2]) == cells.width(found[1].split("원")[0] + "원")
    nothing = mina.types("search", "피아노", "의자", **KOREAN)
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err == "찾은 것이 없어요. 낱말을 줄이면 더 나올 수 있어요\n"
    short = first.split()[0]
    shown = mina.types("show", short, **KOREAN).out
    assert "\n  내가 올림\n" in shown and "\n  방금 올림 · id " in shown
    reserved = mina.types("reserve", short, **KOREAN)
    assert "예약 중 · " in reserved.out and "되돌리기: `" in reserved.err
    home = mina.types(**KOREAN).out
    assert "여기 거래 가능한 매물 1개, 그중 내 것 1개" in home
    assert "내 매물(예약 중, 거래완료, 기한 지난 것 포함)" in home


def test_selling_and_finding_in_japanese(mina: Person) -> None:
    sold = mina.types("sell", "椅子", "--price", "8000円", "--condition", "like-new", **JAPANESE)
    assert sold.out.splitlines()[1:3] == [
        "  8,000円 · 未使用に近い",
        "  掲載中 · 終了: 90日後 · まだ誰も持っていません",
    ]
    found = mina.types("search", "椅子", **JAPANESE).out.splitlines()
    assert found[0].split() == ["ID", "価格", "タイトル", "出品者", "いつ"]
    nothing = mina.types("search", "ピアノ", **JAPANESE)
    assert nothing.err == "見つかりませんでした\n"
    wanted = mina.types("sell", "ギター", "--wanted", "--price", "ask", **JAPANESE)
    assert "【求む】ギター" in wanted.out and "応相談" in wanted.out


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            KOREAN,
            [
                "미나 ({key}) 님에게: 900,000원에 제안해요 (여기서 대기 중)",
                "제안함 · 상대 차례",
                "내 제안이에요. 상대가 답할 차례예요",
                "`jangteo retract",
                "로 거둬요",
                "거래",
                "차례",
                "상대",
            ],
        ),
        (
            JAPANESE,
            [
                "미나 ({key}) さんへ: ₩900,000 でオファーしました (ここで待機中)",
                "オファー中 · 相手の番",
                "自分のオファーです。答えるのは相手です",
                "`jangteo retract",
                "で取り消せます",
                "取引",
                "誰の番",
                "相手",
            ],
        ),
    ],
    ids=["ko", "ja"],
)
def test_haggling_in_each_language(
    mina: Person, haru: Person, language: dict[str, str], lines: list[str]
) -> None:
    bike = haru.json("search", "자전거").row
    said, state, own, retract, how, *head = lines
    offered = haru.types("offer", bike["id"], "900000", **language)
    assert said.format(key=bike["author"][:8]) in offered.out
    assert state in offered.out
    refused = haru.types("accept", bike["id"], **language)
    assert refused.code == 2
    assert own in refused.err and how in refused.err
    assert "retract" in refused.err and retract.split()[0].strip("`") in refused.err
    table = haru.types("deals", **language).out.splitlines()
    assert set(head) <= set(table[0].split())
    talk = haru.types("talk", bike["id"], stdin="/nothing\n/help\n", **language)
    assert talk.code == 2
    assert "/offer PRICE" in talk.err and "answer an offer" not in talk.err
    assert haru.json("deals").row["shown"] == "offered"


@pytest.mark.parametrize(
    ("words", "korean", "japanese"),
    [
        (["frobnicate"], "명령은 없어요", "コマンド 'frobnicate' はありません"),
        (["serach"], "혹시 search?", "search のことですか"),
        (["sell"], "'TITLE' 값이 빠졌어요", "'TITLE' がありません"),
        (["show", "a", "b"], "필요 없는 값이 있어요(b)", "余分な引数があります(b)"),
        (["mine", "--limit"], "'--limit' 옵션에는 값이 필요해요", "オプション '--limit' には値"),
        (["mine", "--frob"], "'--frob' 옵션은 없어요. 혹시 ", "オプション '--frob' はありません。"),
        (["search", "--frob"], "'--frob' 옵션은 없어요", "オプション '--frob' はありません"),
        (["sell", "x", "--price", "lots"], "'lots'은(는) 가격이 아니에요", "'lots' は価格では"),
        (["show", "0000"], "시작하는 매물이 없어요", "'0000' で始まる商品はありません"),
        (["status"], "실행 중인 노드가 필요", "動いているノードが必要"),
        (["config", "set", "mdns", "x"], "true 또는 false", "true か false"),
        (["import", "none.csv"], "none.csv 파일이 없어요", "none.csv はありません"),
        (["devnet", "--nodes", "x"], "'x'은(는) 정수가 아니에요", "'x' は整数ではありません"),
    ],
)
def test_what_is_wrong_is_said_in_the_language(
    mina: Person, words: list[str], korean: str, japanese: str
) -> None:
    english = mina.types(*words)
    for language, said in ((KOREAN, korean), (JAPANESE, japanese)):
        told = mina.types(*words, **language)
        assert told.code == english.code
        assert said in told.err
        assert len(told.err.splitlines()) == len(english.err.splitlines())
    error = mina.types("--json", *words, **KOREAN).error
    assert english.err.startswith(f"jangteo: {error['message']}\n")


@BOTH
def test_json_is_the_same_in_every_language(mina: Person, language: dict[str, str]) -> None:
    bike = mina.sells("로드 자전거", "950000 KRW")
    for words in (
        ("search", "자전거"),
        ("show", bike["id"]),
        ("config", "list"),
        ("mine",),
        ("deals",),
        ("whoami",),
        ("doctor",),
    ):
        one, other = (mina.json(*words, **each).rows for each in ({}, language))
        steady = [
            [row for row in rows if row.get("check") not in ("disk", "clock")]
            for rows in (one, other)
        ]
        if words == ("config", "list"):
            steady = [[row for row in rows if row["key"] != "currency"] for rows in steady]
        assert steady[0] == steady[1], words


@BOTH
@pytest.mark.parametrize("width", ["30", "80", "200"])
def test_help_fits_the_terminal_in_every_language(
    tmp_path: Path, language: dict[str, str], width: str
) -> None:
    person = Person(tmp_path / "home")
    for words in ((), ("search",), ("config",), ("sell",), ("talk",), ("config", "set")):
        page = person.types(*words, "--help", COLUMNS=width, **language).out
        english = person.types(*words, "--help", COLUMNS=width).out
        assert page.splitlines()[0] != english.splitlines()[0]
        if width == "30":
            continue  # an option or an example may be longer than that by itself
        told = [line for line in page.splitlines() if not line.lstrip().startswith("jangteo")]
        assert max(cells.width(line) for line in told) <= 92
        assert not [line for line in told if line.lstrip()[:1] in ("。", "、", ")")]


def test_japanese_fills_its_lines_and_begins_none_with_a_point() -> None:
    text = "設定は config.toml にあります。JANGTEO_CURRENCY のような環境変数が優先されます(後で)。"
    for room in range(16, 80):
        lines = cells.flow(text, room)
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert max(map(cells.width, lines)) <= room
        assert not [line for line in lines if line[0] in "。)"]
        assert all(line == line.strip() for line in lines)
    assert len(cells.flow("あ" * 100, 20)) == 10
    assert cells.flow("매물을 올려요. 팔거나, 나누거나", 16) == [
        "매물을 올려요.",
        "팔거나, 나누거나",
    ]
    assert cells.flow("", 10) == [""]
    assert cells.flow("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_a_language_that_is_set_goes_before_the_environment(mina: Person) -> None:
    assert mina.types("config", "set", "language", "ko").code == 0
    assert mina.types("search", "x", **JAPANESE).err == "찾은 것이 없어요\n"
    assert mina.types("search", "x", JANGTEO_LANGUAGE="ja").err == "見つかりませんでした\n"
    assert mina.types("config", "set", "language", "en").code == 0
    assert mina.types("search", "x", **KOREAN).err == "nothing found\n"
    assert mina.types("config", "unset", "language").code == 0
    assert mina.types("search", "x", **KOREAN).err == "찾은 것이 없어요\n"
    assert mina.types("search", "x", LC_ALL="C", **KOREAN).err == "nothing found\n"
    assert mina.types("search", "x").err == "nothing found\n"
    refused = mina.json("config", "set", "language", "de")
    assert (refused.code, refused.error["code"]) == (2, "bad-value")


def test_a_home_that_is_named_speaks_its_own_language(mina: Person, tmp_path: Path) -> None:
    other = Person(tmp_path / "other")
    assert other.types("init").code == 0
    assert other.types("config", "set", "language", "ko").code == 0
    said = mina.types("search", "x", "--home", str(other.home))
    assert said.err == "찾은 것이 없어요\n"


def test_settings_that_cannot_be_read_are_told_in_the_environments_language(mina: Person) -> None:
    (mina.home / "config.toml").write_text("language = [")
    said = mina.types("search", "x", **KOREAN)
    assert said.code != 0
    assert "config.toml 파일을 읽을 수 없어요" in said.err


def test_what_a_running_node_refuses_is_said_in_the_language_of_who_asked(mina: Person) -> None:
    with running(mina):
        refused = mina.types("sell", "x", "--price", "5 KRW", "--condition", "odd", **KOREAN)
        assert refused.code == 2
        assert "쓸 수 없어요: " in refused.err
        english = mina.json("sell", "x", "--price", "5 KRW", "--condition", "odd", **KOREAN)
        assert english.error["message"].startswith("condition 'odd' is ")
        assert "said" not in json.dumps(english.error)
        notice = mina.types("sell", "x", "--price", "5 KRW", **JAPANESE).err
        assert "アイデンティティはこのディスクにしかありません" in notice
        assert "ご近所" in mina.types("status", **JAPANESE).out
