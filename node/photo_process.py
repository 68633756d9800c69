"""A process that makes two pictures of one: `python -I -m jangteo.node.photo_process LIMITS`.

Decoders of pictures are the widest door there is, so they work in a process that may take little
memory and time, write nothing but its answer, and open nothing. It reads a file on stdin and
answers on stdout: a line of JSON, then the photo and the thumbnail as WebP, made from pixels alone
so that nothing that stood beside them in the file is left: no place, no camera, no comment.
"""

import io
import json
import resource
import sys
from contextlib import suppress
from typing import Any, Final

from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
_QUALITIES: Final = (82, 74, 64, 52, 40, 28)
_THUMB_QUALITIES: Final = (76, 64, 50, 36, 22)
_SMALLER: Final = 0.8
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
_ENOUGH: Final = 2
"""Times the wanted side: a JPEG is decoded no larger, which saves most of its time."""


class Unfit(Exception):
    """Why this is no photo; the text is one of the words that photo_press.py knows."""


def make(data: bytes, bounds: dict[str, int]) -> tuple[dict[str, Any], bytes, bytes]:
    """(what is told of it, the photo, the thumbnail)."""
    with _opened(data, bounds["pixels_max"]) as source:
        picture = _as_shown(source, bounds["side_max"])
    full, full_bytes = _within(picture, bounds["side_max"], bounds["bytes_max"], _QUALITIES)
    _, thumb_bytes = _within(
        full, bounds["thumb_side_max"], bounds["thumb_bytes_max"], _THUMB_QUALITIES
    )
    blur = full.resize((4, 4), Image.Resampling.BOX).tobytes()
    told = {
        "width": full.width,
        "height": full.height,
        "blur": blur.hex(),
        "size": len(full_bytes),
        "thumb_size": len(thumb_bytes),
    }
    return told, full_bytes, thumb_bytes


def _opened(data: bytes, pixels_max: int) -> Image.Image:
    """By what is in it, whatever its name says."""
    with suppress(ImportError):
        import pillow_heif  # type: ignore[import-not-found,unused-ignore]  # where it is installed

        pillow_heif.register_heif_opener(thumbnails=False)
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = None  # looked at here, before anything is decoded
    try:
        image = Image.open(io.BytesIO(data), formats=[each for each in FORMATS if _is_known(each)])
    except UnidentifiedImageError:
        raise Unfit("heic" if data[4:8] == b"ftyp" else "unknown") from None
    if image.width * image.height > pixels_max:
        raise Unfit("pixels")
    if not image.width or not image.height:
        raise Unfit("damaged")
    return image


def _is_known(name: str) -> bool:
    Image.init()
    return name in Image.OPEN


def _as_shown(image: Image.Image, side_max: int) -> Image.Image:
    """Its first frame as a viewer shows it: upright, in sRGB, on white."""
    orientation = _orientation(image)
    icc = image.info.get("icc_profile")
    image.draft("RGB", (_ENOUGH * side_max, _ENOUGH * side_max))
    image.load()
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        image = image.point(lambda value: value / 256).convert("L")
    has_alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    image = image.convert("RGBA") if has_alpha else image
    image = _in_srgb(image, icc)
    if has_alpha:
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    image = image.convert("RGB")
    if max(image.size) > side_max:
        image.thumbnail((side_max, side_max), Image.Resampling.LANCZOS, reducing_gap=3)
    for turn in _TURNS.get(orientation, ()):
        image = image.transpose(turn)
    # From its pixels: what else it carried stays behind.
    return Image.frombytes("RGB", image.size, image.tobytes())


def _orientation(image: Image.Image) -> int:
    with suppress(ValueError, SyntaxError, KeyError, TypeError, OSError, IndexError, EOFError):
        told = image.getexif().get(_ORIENTATION, 1)
        return told if isinstance(told, int) else 1
    return 1  # what cannot be read turns nothing


def _in_srgb(image: Image.Image, icc: object) -> Image.Image:
    if not isinstance(icc, bytes) or not icc or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        turned = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode=mode
        )
        if turned is not None:
            return turned
    return image  # a profile that is none


def _within(
    image: Image.Image, side_max: int, bytes_max: int, qualities: tuple[int, ...]
) -> tuple[Image.Image, bytes]:
    """`image` and its file within both bounds, as good as they allow."""
    side = min(side_max, max(image.size))
    while True:
        smaller = image.copy()
        if side < max(image.size):
            smaller.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in qualities:
            file = io.BytesIO()
            smaller.save(file, "WEBP", quality=quality, method=4)
            if file.tell() <= bytes_max:
                return smaller, file.getvalue()
        side = int(side * _SMALLER)


def _confine(bounds: dict[str, int]) -> None:
    wanted = {
        resource.RLIMIT_AS: bounds["memory_max"],
        resource.RLIMIT_CPU: bounds["cpu_seconds"],
        resource.RLIMIT_FSIZE: bounds["bytes_max"] + bounds["thumb_bytes_max"] + 4096,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in wanted.items():
        with suppress(ValueError, OSError):  # a system without it
            resource.setrlimit(what, (most, most))
    _rehearse(bounds)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _rehearse(bounds: dict[str, int]) -> None:
    """Makes a picture of each format, so that whatever is loaded late is loaded before no file can
    be opened any more."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name in FORMATS:
        if _is_known(name) and name in Image.SAVE:
            for mode in ("RGB", "P", "RGBA"):
                file = io.BytesIO()
                with suppress(OSError, ValueError):  # not every format has every mode
                    Image.new(mode, (2, 2)).save(file, name, icc_profile=profile)
                    make(file.getvalue(), bounds)


def main() -> int:
    bounds = json.loads(sys.argv[1])
    data = sys.stdin.buffer.read(bounds["source_max"] + 1)
    if len(data) > bounds["source_max"]:
        return _answer({"error": "bytes"})
    try:
        _confine(bounds)
        told, full, thumb = make(data, bounds)
    except Unfit as error:
        return _answer({"error": str(error)})
    except MemoryError:
        return _answer({"error": "memory"})
    except Exception as error:  # a decoder may fail with anything
        return _answer({"error": "damaged", "detail": f"{type(error).__name__}: {error}"[:200]})
    return _answer(told, full, thumb)


def _answer(told: dict[str, Any], *files: bytes) -> int:
    out = sys.stdout.buffer
    out.write(json.dumps(told).encode() + b"\n" + b"".join(files))
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
