"""Fuzz targets for photos: what is made of a picture file of anybody's, where decoders work.

Run here without the bounds of a process of its own: a decoder may fail with any exception, which
that process answers for. What it makes in spite of all has nothing beside its pixels.
"""

import io
import random
from collections.abc import Iterator
from functools import cache

from PIL import Image, ImageCms, PngImagePlugin

from jangteo.node.photo_process import make
from tests.faults.fuzz.target import Target
from tests.faults.fuzz.value_mutation import mutated_bytes

BOUNDS = {
    "pixels_max": 100_000,
    "side_max": 64,
    "bytes_max": 16_384,
    "thumb_side_max": 16,
    "thumb_bytes_max": 4096,
}
MARK = b"where it was taken"
_HEADS = (
    b"\xff\xd8", b"\xff\xe1", b"\xff\xc0", b"IHDR", b"IDAT", b"acTL", b"VP8 ", b"VP8X", b"ANMF",
    b"EXIF", b"GIF89a", b"\x2c\0\0", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff", b"II*\0",
)  # fmt: skip


def run_photo(data: bytes) -> None:
    try:
        told, full, thumb = make(data, BOUNDS)
    except Exception:  # as photo_process.main: whatever a decoder fails with
        return
    blur = bytes.fromhex(told["blur"])
    assert len(blur) == 48
    assert 1 <= told["width"] <= BOUNDS["side_max"] and 1 <= told["height"] <= BOUNDS["side_max"]
    assert len(full) == told["size"] <= BOUNDS["bytes_max"]
    assert len(thumb) == told["thumb_size"] <= BOUNDS["thumb_bytes_max"]
    for file in (full, thumb):
        assert MARK not in file
        assert set(chunks(file)) <= {b"VP8 ", b"VP8L"}


def chunks(webp: bytes) -> Iterator[bytes]:
    """The names of a WebP file's chunks (RFC 9649, 2.3)."""
    assert webp[:4] == b"RIFF" and webp[8:12] == b"WEBP"
    at = 12
    while at < len(webp):
        yield webp[at : at + 4]
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


@cache
def photos() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = MARK.decode()
    comment = PngImagePlugin.PngInfo()
    comment.add_text("Comment", MARK.decode())
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.linear_gradient("L").resize((24, 16)).convert("RGB")
    more = [Image.new("RGB", (24, 16), (number, 0, 0)) for number in (9, 90, 250)]
    return (
        encoded(image, "JPEG", exif=exif, comment=MARK),
        encoded(image, "JPEG", progressive=True, xmp=MARK, icc_profile=icc),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image, "PNG", pnginfo=comment, exif=exif),
        encoded(image.convert("P"), "PNG", transparency=3),
        encoded(image, "PNG", save_all=True, append_images=more),
        encoded(image.convert("RGBA"), "WEBP", exif=exif, xmp=MARK),
        encoded(image, "WEBP", lossless=True),
        encoded(image, "WEBP", save_all=True, append_images=more),
        encoded(image, "GIF", save_all=True, append_images=more, comment=MARK),
    )


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def mutate_photo(dice: random.Random, data: bytes) -> bytes:
    """Now and then a mark that decoders look for stands where none was."""
    data = mutated_bytes(dice, data)
    if dice.random() < 0.3:
        at = dice.randrange(len(data) + 1)
        head = dice.choice(_HEADS)
        data = data[:at] + head + data[at + len(head) * dice.randrange(2) :]
    return data


TARGETS = [Target("photo", run_photo, photos, mutate_photo)]
