"""Room for pictures that come along: a flood of one author's, or of everybody's, has its bounds
(SPEC.md R16.11)."""

from collections.abc import Mapping, Sequence

from jangteo.node.blob_room import Claimant, Room
from jangteo.protocol import limits
from jangteo.store.blob_book import BlobsHeld

QUOTA = 160_000


def held(total: int = 0, thumbs: int = 0, authors: Mapping[bytes, int] | None = None) -> BlobsHeld:
    return BlobsHeld(total, thumbs, 10**9, authors or {})


def fitting(wanted: Sequence[Claimant], of: BlobsHeld) -> list[Claimant]:
    return Room(of, QUOTA).grant(wanted)


def thumbs(author: bytes, count: int, size: int = 1000) -> list[Claimant]:
    return [Claimant(b"%b%d" % (author, n), size, True, author) for n in range(count)]


def photos(author: bytes, count: int, size: int = 1000) -> list[Claimant]:
    return [Claimant(b"%b-%d" % (author, n), size, False, author) for n in range(count)]


def test_what_there_is_room_for_keeps_its_order() -> None:
    wanted = [*thumbs(b"a", 3), *photos(b"b", 3)]
    assert fitting(wanted, held()) == wanted


def test_a_flood_of_one_author_leaves_the_room_to_others() -> None:
    flood = thumbs(b"flood", 10_000)
    fit = fitting([*flood, *thumbs(b"ann", 2)], held())
    assert sum(one.size for one in fit if one.author == b"flood") == (
        QUOTA // limits.BLOB_AUTHOR_SHARE
    )
    assert fit[-2:] == thumbs(b"ann", 2)


def test_what_an_author_has_here_already_counts() -> None:
    has = held(9_500, 9_500, {b"ann": 9_500})
    assert fitting(thumbs(b"ann", 3), has) == []
    assert len(fitting(thumbs(b"ann", 3, 500), has)) == 1


def test_many_authors_thumbnails_leave_half_to_what_is_looked_at() -> None:
    wanted = [one for n in range(100) for one in thumbs(b"author %d" % n, 10)]
    fit = fitting(wanted, held())
    assert sum(one.size for one in fit) == QUOTA * limits.BLOB_THUMBS_PERCENT // 100


def test_full_photos_come_along_into_free_room_only() -> None:
    has = held(QUOTA - 2_500)
    assert len(fitting(photos(b"ann", 5), has)) == 2
    # Thumbnails displace photos, up to their half: what was looked at longest ago goes.
    assert len(fitting(thumbs(b"ann", 5), has)) == 5


def test_a_smaller_one_finds_room_where_a_greater_did_not() -> None:
    has = held(QUOTA - 500)
    wanted = [*photos(b"ann", 1, 600), *photos(b"bob", 1, 400)]
    assert fitting(wanted, has) == wanted[1:]


def test_what_came_takes_room_and_what_was_only_granted_does_not() -> None:
    room = Room(held(), QUOTA)
    most = QUOTA // limits.BLOB_AUTHOR_SHARE // 1000
    granted = room.grant(thumbs(b"ann", 20))
    assert len(granted) == most
    room.came(granted[0].hash, 1000)
    room.came(b"somebody looked at it", QUOTA)
    assert len(room.grant(thumbs(b"ann", 20)[1:])) == most - 1
    assert room.grant(photos(b"bob", 1)) == []
