"""What an author may say in a listing, and what becomes of an import's that says too much."""

import pytest

from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.listing import Listing, fit


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        (Listing(title="  "), "needs a title"),
        (Listing(title="가" * 5000), "title has 5,000 characters: at most 120"),
        (Listing(title="a", description="가" * 4001), "at most 4,000"),
        (Listing(title="a", description="🚲" * 3500), "14,000 bytes: at most 12,000"),
        (Listing(title="a", tags=tuple("abcdefghijk")), "11 tags: at most 10"),
        (Listing(title="a", tags=("가" * 33,)), "at most 32"),
        (Listing(title="a", quantity=-1), "quantity is from 0"),
        (Listing(title="a", quantity=limits.QUANTITY_MAX + 1), "quantity is from 0"),
        (Listing(title="a", condition="mint"), "not one of new, like-new"),  # type: ignore[arg-type]
        (Listing(title="a", url="javascript:alert(1)"), "http:// or https://"),
        (Listing(title="a", url="example.org"), "http:// or https://"),
        (Listing(title="a", url="https://"), "http:// or https://"),
        (Listing(title="a", url="https://a b"), "http:// or https://"),
    ],
)
def test_what_cannot_be_published_gets_one_line(listing: Listing, told: str) -> None:
    with pytest.raises(LocalProtocolError, match=told) as caught:
        listing.authored()
    assert "\n" not in str(caught.value)


def test_authored_text_is_composed_and_trimmed() -> None:
    listing = Listing(title=" 자  전거 ", tags=(" a ", "a", ""), place=" x ")
    clean = listing.authored()
    assert (clean.title, clean.tags, clean.place) == ("자 전거", ("a",), "x")


def test_an_import_is_cut_visibly_and_every_cut_is_told() -> None:
    long = Listing(
        title="가" * 200,
        description="🚲" * 4500,
        tags=tuple(f"{number}" * 40 for number in range(12)),
        url="ftp://example.org",
        quantity=-5,
    )
    cut, warnings = fit(long)
    assert cut.title == "가" * 119 + "…"
    assert len(cut.description.encode()) <= limits.DESCRIPTION_BYTES_MAX
    assert (len(cut.tags), cut.url, cut.quantity) == (10, "", 0)
    assert len(warnings) == 7
    assert cut.authored() == cut
