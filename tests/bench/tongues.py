"""The words that made-up listings are of: three languages, commonest first, and names of makes that
nobody has. Knows no record.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final


@dataclass(frozen=True, slots=True)
class Tongue:
    """`density`: characters that say what one of English does."""

    name: str
    space: str
    density: float
    currency: str
    price_step: int
    things: tuple[str, ...]
    words: tuple[str, ...]
    categories: tuple[str, ...]
    places: tuple[str, ...]


def _woven(*lists: tuple[str, ...]) -> tuple[str, ...]:
    """The lists' words in turn, so that each has some that are common and some that are rare."""
    longest = max(map(len, lists))
    woven = [words[at] for at in range(longest) for words in lists if at < len(words)]
    return tuple(dict.fromkeys(woven))


def _brands() -> tuple[str, ...]:
    """Makes and models: what makes the vocabulary of a market so large."""
    heads = "bo ka lun mer no pra ri sol tan ve zu hal dor fi gri jo".split()
    tails = "da kko len mi nex ra sta to vi wen xo bri cel fon".split()
    names = [f"{head}{tail}".capitalize() for tail, head in product(tails, heads)]
    models = [
        f"{name[:2].upper()}{number}" for number, name in product(range(10, 900, 37), names[:90])
    ]
    return (*names, *dict.fromkeys(models))


BRAND_WORDS: Final = _brands()

_KO_THINGS: Final = tuple(
    "자전거 책상 의자 냉장고 세탁기 노트북 모니터 기타 카메라 유모차 소파 침대 화분 텐트 선풍기 "
    "전기밥솥 청소기 운동화 코트 가방 시계 이어폰 키보드 스탠드 책장 식탁 그릇 냄비 오븐 에어컨 "
    "캠핑의자 피아노 바이올린 스피커 프린터 태블릿 휴대폰 충전기 게임기 인형 블록 동화책 만화책 "
    "앨범 액자 거울 커튼 이불 베개 매트 아령 러닝머신 등산화 낚싯대 골프채 스케이트 헬멧 드릴 "
    "공구함 사다리 어항 캣타워 강아지집 카시트 아기침대 보행기 젖병소독기".split()
)
_KO_NOUNS: Final = tuple(
    "상태 사용 구매 거래 직거래 택배 가격 제품 박스 구성품 색상 사이즈 설명서 배터리 흠집 세척 "
    "보관 이사 선물 정품 영수증 보증 기간 화면 소리 바퀴 손잡이 다리 뚜껑 커버 전원 버튼 높이 "
    "무게 너비 나무 가죽 유리 철제 천 학생 아이 엄마 "
    "친구 사무실 거실 주방 베란다 창고 아파트 역 정문 "
    "주말 저녁 아침 오늘 내일 작년 여름 겨울 문의 채팅 연락 답장 예약 계좌 현금 할인 네고".split()
)
_KO_ENDINGS: Final = tuple(
    "입니다 합니다 있어요 없어요 좋아요 깨끗해요 드려요 가능합니다 했습니다 팝니다 원해요 주세요 "
    "됩니다 같아요 않아요 보여요 남았어요 샀어요 썼어요 바랍니다 환영해요 어려워요 쉬워요".split()
)
_KO_PARTICLES: Final = ("", "은", "는", "이", "가", "을", "를", "도", "에", "에서", "으로", "까지")
_KO_GLUE: Final = tuple(
    "거의 새것 정말 아주 조금 많이 그리고 그래서 하지만 바로 직접 한번 두번 모두 함께 그냥 빨리 "
    "천천히 잘 못 안 더 꼭 가끔 자주 약간 완전 새 헌 큰 작은 예쁜 편한 가벼운 튼튼한".split()
)

_JA_THINGS: Final = tuple(
    "自転車 机 椅子 冷蔵庫 洗濯機 パソコン モニター ギター カメラ ベビーカー ソファ ベッド 植木鉢 "
    "テント 扇風機 炊飯器 掃除機 スニーカー コート 鞄 腕時計 イヤホン キーボード 照明 本棚 食卓 皿 "
    "鍋 オーブン エアコン ピアノ バイオリン スピーカー プリンター タブレット 携帯電話 充電器 "
    "ゲーム機 人形 積み木 絵本 漫画 アルバム 額縁 鏡 カーテン 布団 枕 マット 釣り竿 登山靴 "
    "ヘルメット 電動ドリル 工具箱 脚立 水槽 着物 浴衣 茶碗 急須 盆栽 畳 風呂敷".split()
)
_JA_NOUNS: Final = tuple(
    "状態 使用 購入 取引 手渡し 発送 価格 商品 箱 付属品 色 サイズ 説明書 電池 傷 汚れ 保管 引越し "
    "贈り物 正規品 領収書 保証 期間 画面 音 車輪 取っ手 脚 蓋 カバー 電源 高さ 重さ 幅 木製 革 "
    "硝子 鉄 布 学生 子供 友人 事務所 居間 台所 倉庫 "
    "駅 週末 夕方 朝 今日 明日 昨年 夏 冬 質問 連絡 "
    "返信 予約 現金 値引き 未開封 中古 新品 美品".split()
)
_JA_ENDINGS: Final = tuple(
    "です。 ます。 あります。 ありません。 できます。 しました。 お願いします。 良いです。 "
    "売ります。 探しています。 ください。 でした。 綺麗です。 "
    "可能です。 不要です。 歓迎します。".split()
)
_JA_PARTICLES: Final = ("は", "が", "を", "に", "で", "の", "と", "も", "へ", "から", "まで", "")
_JA_GLUE: Final = tuple(
    "とても 少し ほとんど そして しかし すぐに 直接 一度 全部 一緒に 早く よく もっと 必ず "
    "時々 新しい 古い 大きな 小さな 可愛い 軽い 丈夫な".split()
)

_EN_THINGS: Final = tuple(
    "bicycle desk chair fridge washer laptop monitor guitar camera stroller sofa bed planter tent "
    "fan rice-cooker vacuum sneakers coat bag watch earphones keyboard lamp bookshelf table bowl "
    "pot oven heater piano violin speaker printer tablet phone charger console doll blocks novel "
    "comics album frame mirror curtain blanket pillow mat dumbbell boots rod skates helmet drill "
    "toolbox ladder aquarium crib kettle teapot rug jacket scarf necklace ring earrings".split()
)
_EN_GLUE: Final = tuple(
    "the and a for in with of is to it this on from you all our not as are or your be at that was "
    "has have only very some can one by but will more any too just been new well so no out up used "
    "good like also them good-as-new still after before never always both each most other".split()
)
_EN_WORDS: Final = tuple(
    "condition bought price works box original size colour scratch clean pick-up cash delivery "
    "included perfect comfortable wooden leather glass steel cotton vintage handmade classic soft "
    "heavy light small large wide tall warm bright quiet fast strong simple modern natural little "
    "home kitchen garden office school child friend weekend evening morning summer winter moving "
    "storage battery screen sound wheel handle leg lid cover power button height weight width "
    "manual receipt warranty month year hour set pair piece spare part repair replace fit adjust "
    "fold carry ship message reply hold reserve offer discount smoke-free pet-free tested "
    "unopened sealed beautiful elegant stylish durable practical rare genuine complete "
    "collection design style pattern fabric finish detail edge corner surface drawer shelf seat "
    "back arm hook zip pocket strap buckle lens tripod cable adapter plug memory card drive "
    "speaker string pedal saddle brake chain tyre pump lock bell basket rack".split()
)


def _inflected(words: tuple[str, ...], endings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word + ending for ending, word in product(endings, words))


TONGUES: Final = (
    Tongue(
        "ko", " ", 0.6, "KRW", 1000, _KO_THINGS,
        _woven(_KO_ENDINGS, _KO_GLUE, _inflected(_KO_NOUNS, _KO_PARTICLES),
               _inflected(_KO_THINGS, _KO_PARTICLES)),
        ("가전", "가구", "자전거/레저", "의류", "유아동", "도서", "디지털", ""),
        ("서울 성수동", "부산 해운대", "대구 수성구", "제주 노형동", "인천 송도", "망원동", ""),
    ),
    Tongue(
        "ja", "", 0.5, "JPY", 100, _JA_THINGS,
        _woven(_JA_PARTICLES[:-1], _JA_ENDINGS, _JA_GLUE, _inflected(_JA_NOUNS, _JA_PARTICLES),
               _inflected(_JA_THINGS, _JA_PARTICLES)),
        ("家電", "家具", "自転車", "衣類", "ベビー用品", "本", "カメラ", ""),
        ("東京 渋谷", "大阪 梅田", "京都 左京区", "札幌", "福岡 博多", "横浜", ""),
    ),
    Tongue(
        "en", " ", 1.0, "USD", 100, _EN_THINGS,
        _woven(_EN_GLUE, _EN_WORDS, _EN_THINGS, _inflected(_EN_WORDS, ("s", "ed", "ing", "ly"))),
        ("Electronics > Cameras", "Furniture", "Sports", "Clothing", "Kids", "Books", "Rings", ""),
        ("Brooklyn", "Lagos", "Berlin Mitte", "Austin, TX", "Leeds", "Toronto", ""),
    ),
)  # fmt: skip
