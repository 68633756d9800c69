"""The words that listing files use, in English, Korean and Japanese: column names, conditions,
sides, statuses. Tables only; every word is written as `column_key` leaves it."""

from typing import Final, TypeVar

from ..protocol.listing import Condition, Side, Status
from .import_table import column_key

_T = TypeVar("_T")

_COLUMN_WORDS: Final[dict[str, str]] = {
    # Of several columns for one field, the one whose word stands earlier here is taken.
    "title": """
        title 제목 상품명 제품명 물품명 품명 품목명 글제목 商品名 タイトル 商品タイトル 品名
        件名 name productname producttitle itemname itemtitle product item listing 이름 품목
        물건 상품 제품 물품 名前 商品 製品名 品物 もの subject
    """,
    "price": """
        price 가격 판매가 판매가격 판매금액 희망가격 희망가 금액 価格 値段 販売価格 希望価格
        金額 売値 amount sellingprice unitprice askingprice regularprice listprice 정가 단가
        通常価格 単価 定価 cost
    """,
    "sale_price": """
        saleprice 할인가 할인가격 세일가 セール価格 特価
    """,
    "currency": """
        currency currencycode pricecurrency 통화 화폐 화폐단위 통화코드 通貨 通貨コード 貨幣
    """,
    "description": """
        description 설명 상세설명 상품설명 제품설명 상세내용 내용 説明 商品説明 商品の説明
        説明文 詳細 内容 details desc body text content 본문 本文 longdescription
        shortdescription memo 메모 비고 備考 メモ note notes
    """,
    "category": """
        category 카테고리 분류 상품분류 품목분류 カテゴリ カテゴリー 分類 categories
        productcategory producttype 종류 種類 種別 ジャンル type
    """,
    "condition": """
        condition 상품상태 제품상태 물품상태 商品の状態 商品状態 コンディション itemcondition
        상태 状態
    """,
    "place": """
        place 장소 거래장소 거래지역 직거래장소 만날장소 場所 取引場所 受け渡し場所 受渡場所
        location 위치 지역 동네 地域 エリア 所在地 発送元の地域 発送元 city region area pickup
    """,
    "quantity": """
        quantity 수량 재고수량 재고 갯수 개수 数量 個数 在庫数 在庫 qty stock inventory
        stockquantity inventoryquantity count
    """,
    "url": """
        url 링크 상품링크 상품url 홈페이지 リンク 商品url 商品ページ ホームページ link
        producturl productlink website webpage webaddress
    """,
    "image": """
        image imageurl imagesrc imagelink images photo photos picture 이미지 사진 대표이미지
        画像 写真 画像url 商品画像
    """,
    "tags": """
        tags 태그 해시태그 키워드 タグ ハッシュタグ キーワード tag keywords hashtags labels
    """,
    "side": """
        side 거래구분 거래유형 거래종류 구분 取引区分 売買区分 区分 売買 listingtype buysell
        sellorwant
    """,
    "wanted": """
        wanted want iswanted 구함 구해요 삽니다 求む 買います 募集
    """,
    "status": """
        status 거래상태 판매상태 진행상태 ステータス 取引状況 販売状況 取引状態 state
    """,
    "sku": """
        sku 상품코드 제품코드 판매자상품코드 관리번호 商品コード 管理番号 商品管理番号 品番
        itemcode productcode productid 상품번호 商品番号 商品id
    """,
    "id": "id",
    "author": "author",
    "market": "market 마켓 マーケット",
    "ref": "ref",
}

_CONDITIONS: Final[dict[Condition, str]] = {
    "new": """
        new brandnew newwithtags bnwt nwt bnib sealed unopened unused neverused newcondition
        새상품 새제품 새것 새거 신품 신상 신상품 미개봉 미사용 미사용신품 미개봉새상품
        새상품미사용 新品 新品未使用 未使用 未開封 新品未開封 新古品
    """,
    "like-new": """
        likenew asnew usedlikenew openbox mint nearmint nearlynew excellent newother 거의새것
        거의새거 거의새상품 새것같음 새거같음 새상품급 최상 최상급 s급 사용감없음 특a급
        未使用に近い ほぼ新品 新品同様 美品 極美品 超美品
    """,
    "good": """
        good used usedgood verygood usedverygood usedcondition preowned preloved secondhand
        refurbished refurbishedcondition certifiedrefurbished renewed 중고 중고품 중고상품 좋음
        양호 상급 상태좋음 상태양호 a급 b급 사용감적음 리퍼 리퍼비시 中古 中古品 良い 良好 良品
        目立った傷や汚れなし 非常に良い 再生品 整備済み
    """,
    "fair": """
        fair usedfair acceptable usedacceptable worn wellused wellworn okay ok poor 보통 무난
        사용감있음 사용감많음 하자있음 하급 c급 낡음 可 並品 やや傷や汚れあり 傷や汚れあり
        傷あり 使用感あり 全体的に状態が悪い 状態が悪い
    """,
    "parts": """
        parts forparts partsonly forpartsornotworking broken notworking spares sparesorrepair
        defective damaged damagedcondition faulty junk asis 고장 고장품 파손 고장파손
        고장파손상품 부품용 부품 수리필요 불량 정크 ジャンク ジャンク品 故障 故障品 部品取り
        部品 難あり 動作不良 不動品
    """,
}
_SIDES: Final[dict[Side, str]] = {
    "sell": """
        sell selling sale forsale offer offered 판매 팝니다 팔아요 판매함 판매중 나눔 販売
        売ります 売る 出品 譲ります
    """,
    "want": """
        want wanted buy buying wtb 구매 구매희망 삽니다 사요 구함 구해요 구합니다 매입 買います
        買う 求む 求めます 購入 購入希望 募集 探しています
    """,
}
_STATUSES: Final[dict[str, str]] = {
    "active": """
        active available onsale forsale open live published selling 판매중 판매 거래가능 구매중
        모집중 販売中 出品中 公開中 取引可能 募集中
    """,
    "reserved": """
        reserved pending onhold hold 예약중 예약 거래중 予約済み 予約済 予約中 取引中 商談中
    """,
    "sold": """
        sold soldout done closed outofstock 판매완료 거래완료 품절 완료 나눔완료 구매완료
        売り切れ 売切れ 売切 売却済み 売却済 販売済み 販売済 取引完了 完売 終了
    """,
    "withdrawn": """
        withdrawn deleted removed draft archived unpublished hidden 삭제 숨김 취소 비공개 削除
        取り下げ 非公開 下書き 出品停止中
    """,
    "expired": """
        expired ended 만료 기간만료 마감 期限切れ 掲載終了
    """,
}
_YES: Final = frozenset(
    "1 true yes y t on o v x ✓ ✔ ○ ◯ 예 네 참 はい 是 有 あり 公開 publish published active".split()
)
_NO: Final = frozenset(
    "0 -1 false no n f off ✗ ✕ × 아니오 아니요 거짓 いいえ 無 なし draft archived private".split()
)


COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    field: tuple(words.split()) for field, words in _COLUMN_WORDS.items()
}


def _by_word(table: dict[_T, str]) -> dict[str, _T]:
    return {word: meaning for meaning, words in table.items() for word in words.split()}


_CONDITION_OF: Final = _by_word(_CONDITIONS)
_SIDE_OF: Final = _by_word(_SIDES)
_STATUS_OF: Final = _by_word(_STATUSES)


def condition_of(text: str) -> Condition | None:
    """The condition that a cell names, also "https://schema.org/NewCondition"; None if unknown."""
    return _found(_CONDITION_OF, text.rsplit("/", 1)[-1] if "://" in text else text)


def side_of(text: str) -> Side | None:
    return _found(_SIDE_OF, text)


def status_of(text: str) -> Status | str | None:
    """A status of ours, or "withdrawn" or "expired"; None if unknown."""
    return _found(_STATUS_OF, text)


def is_yes(text: str, *, default: bool) -> bool:
    """Whether a cell says yes ("TRUE", "1", "예", "はい"); `default` where it says neither."""
    word = text.strip().casefold()
    if word in _YES:
        return True
    return False if word in _NO else default


def _found(table: dict[str, _T], text: str) -> _T | None:
    key = column_key(text)
    found = table.get(key)
    if found is None and any(bracket in text for bracket in "(（[【"):
        # "새 상품(미사용)": column_key drops the remark; "(used)" is nothing but one.
        for bracket in "()（）[]【】":
            text = text.replace(bracket, " ")
        found = table.get(column_key(text))
    return found
