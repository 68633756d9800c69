"""From files of anybody's to photos: what is shown stays, what stood beside it is gone, and what is
no photo is said in one line."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from jangteo.node import photo_press
from jangteo.node.desk_error import DeskError
from jangteo.node.photo_press import Pressed, press, press_file
from jangteo.protocol import limits

SECRET = b"37.5663N 126.9779E"


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Red above, blue below, its left third white: which way is up can be seen."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width, height // 2))
    image.paste("white", (0, 0, width // 3, height))
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunks(webp: bytes) -> list[bytes]:
    """The names of a WebP file's chunks (RFC 9649, 2.3)."""
    assert webp[:4] == b"RIFF" and webp[8:12] == b"WEBP"
    names, at = [], 12
    while at < len(webp):
        names.append(webp[at : at + 4])
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return names


def shown(pressed: Pressed) -> Image.Image:
    return Image.open(io.BytesIO(pressed.full)).convert("RGB")


def is_near(colour: object, other: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(one - two) < 60 for one, two in zip(colour, other, strict=True))


def exif(orientation: int = 1) -> bytes:
    told = Image.Exif()
    told[0x0112] = orientation
    told[0x010E] = SECRET.decode()
    told.get_ifd(0x8825)[29] = SECRET.decode()
    return told.tobytes()


def with_text() -> PngImagePlugin.PngInfo:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", SECRET.decode())
    told.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    return told


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoded(picture(), "JPEG", exif=exif(), comment=SECRET, icc_profile=SRGB),
        lambda: encoded(picture(), "JPEG", xmp=SECRET),
        lambda: encoded(picture(), "PNG", pnginfo=with_text(), exif=exif(), icc_profile=SRGB),
        lambda: encoded(picture(), "WEBP", exif=exif(), xmp=SECRET, icc_profile=SRGB),
        lambda: encoded(picture(), "GIF", comment=SECRET),
        lambda: encoded(picture(), "JPEG") + SECRET,
    ],
)  # fmt: skip
def test_nothing_but_pixels_is_left(make: Callable[[], bytes]) -> None:
    data = make()
    assert SECRET in data
    pressed = press(data, "photo")
    for file in (pressed.full, pressed.thumb):
        assert SECRET not in file
        assert set(chunks(file)) <= {b"VP8 ", b"VP8L"}
    assert pressed.photo.is_sound


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright(orientation: int) -> None:
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = picture()
    as_taken = image.transpose(turn[orientation]) if orientation in turn else image
    pressed = press(encoded(as_taken, "JPEG", quality=95, exif=exif(orientation)), "photo")
    assert (pressed.photo.width, pressed.photo.height) == (60, 40)
    upright = shown(pressed)
    assert is_near(upright.getpixel((5, 5)), (255, 255, 255))
    assert is_near(upright.getpixel((50, 5)), (255, 0, 0))
    assert is_near(upright.getpixel((50, 35)), (0, 0, 255))


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "JPEG"), ("RGBA", "PNG"), ("LA", "PNG"),
        ("P", "PNG"), ("1", "PNG"), ("I;16", "PNG"), ("RGBA", "WEBP"), ("P", "GIF"),
    ],
)  # fmt: skip
def test_each_kind_of_pixels_is_taken(mode: str, form: str) -> None:
    image = picture().convert("L").convert("I").convert("I;16") if mode == "I;16" else picture()
    pressed = press(encoded(image if mode == "I;16" else image.convert(mode), form), "photo")
    assert shown(pressed).size == (60, 40)


def test_what_is_seen_through_is_white() -> None:
    pressed = press(encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG"), "photo")
    assert is_near(shown(pressed).getpixel((9, 9)), (255, 255, 255))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_picture_the_first_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (16, 16), (number, 0, 0)) for number in range(2, 200)]
    first = Image.new("RGB", (16, 16), "lime")
    data = encoded(first, form, save_all=True, append_images=frames)
    assert is_near(shown(press(data, "photo")).getpixel((8, 8)), (0, 255, 0))


def test_it_is_made_small_enough() -> None:
    noise = Image.frombytes("RGB", (3000, 2000), random.Random(1).randbytes(18_000_000))  # noqa: S311
    pressed = press(encoded(noise, "JPEG", quality=95), "photo")
    photo = pressed.photo
    assert max(photo.width, photo.height) <= limits.PHOTO_SIDE_MAX
    assert len(pressed.full) == photo.size <= limits.PHOTO_BYTES_MAX
    assert len(pressed.thumb) == photo.thumb_size <= limits.THUMB_BYTES_MAX
    thumb = Image.open(io.BytesIO(pressed.thumb))
    assert max(thumb.size) <= limits.THUMB_SIDE_MAX


def test_the_same_file_is_the_same_photo() -> None:
    data = encoded(picture(), "JPEG")
    assert press(data, "a") == press(data, "b")


@pytest.mark.parametrize("size", [(1, 1), (20_000, 1), (1, 20_000)])
def test_the_thinnest_pictures_are_pictures(size: tuple[int, int]) -> None:
    assert press(encoded(Image.new("RGB", size), "PNG"), "photo").photo.is_sound


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG file that says it is so large."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"hello", "is no photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "is no photo"),
        (b"%PDF-1.7", "is no photo"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
        (png(60_000, 60_000, zlib.compress(b"")), "more than 40 megapixels"),
        (png(8000, 5001, zlib.compress(b"")), "more than 40 megapixels"),
        (png(500, 500, zlib.compress(bytes(30_000_000))[:200]), "is damaged"),
        (bytes(limits.PHOTO_SOURCE_BYTES_MAX + 1), "larger than 20 MiB"),
    ],
)
def test_what_is_no_photo_is_said(data: bytes, why: str) -> None:
    with pytest.raises(DeskError, match=why) as raised:
        press(data, "photo.jpg")
    assert raised.value.message.startswith("photo.jpg ") and "\n" not in raised.value.message


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_what_was_cut_off_is_said(form: str) -> None:
    whole = encoded(picture(300, 200), form)
    for part in (2, 3, 10):
        with pytest.raises(DeskError, match=r"is damaged|is no photo"):
            press(whole[: len(whole) // part], "photo")


def test_a_deflate_bomb_takes_no_more_than_its_pixels() -> None:
    bomb = png(100, 100, zlib.compress(bytes(200_000_000)))
    try:
        press(bomb, "photo")
    except DeskError as error:
        assert "is damaged" in error.message


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_changed_bytes_are_a_photo_or_a_line(form: str) -> None:
    dice = random.Random(form)  # noqa: S311
    whole = encoded(picture(), form)
    for _ in range(12):
        changed = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        try:
            assert press(bytes(changed), "photo").photo.is_sound
        except DeskError as error:
            assert error.code == "bad-value"


def test_one_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PHOTO_PRESS_MS_MAX", 1)
    with pytest.raises(DeskError, match="took too long"):
        press(encoded(picture(), "PNG"), "photo")


def test_one_that_needs_too_much_memory_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = {**photo_press._BOUNDS, "memory_max": 150 * limits.MIB}
    monkeypatch.setattr(photo_press, "_BOUNDS", bounds)
    big = encoded(Image.new("RGB", (6000, 6000)), "PNG")
    with pytest.raises(DeskError, match=r"too much memory|is damaged"):
        press(big, "photo")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jpg", tmp_path):
        with pytest.raises(DeskError, match="cannot read the photo"):
            press_file(path)
