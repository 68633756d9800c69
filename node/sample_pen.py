"""A pen for flat pictures: shapes on a square of 100 by 100, whatever its pixels are.

Drawn twice as large and made smaller, so that edges are smooth. Knows no motif.
"""

import io
import math
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

SIDE: Final = 640
_FINER: Final = 2
_QUALITY: Final = 80
_METHOD: Final = 1
"""Of WebP's seven the second quickest: what is flat is small at any."""

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

WHITE: Final = (255, 255, 255)
INK: Final = (46, 52, 64)
METAL: Final = (172, 180, 190)
WOOD: Final = (196, 146, 97)
LEAF: Final = (79, 143, 88)
PAPER: Final = (250, 246, 238)
SKY: Final = (157, 198, 224)
RED: Final = (209, 84, 74)
GREEN: Final = (108, 158, 84)
CLAY: Final = (198, 112, 79)


def mixed(one: Colour, other: Colour, part: float) -> Colour:
    """`one` with so large a part of `other` in it."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


def dark(colour: Colour, part: float = 0.25) -> Colour:
    return mixed(colour, INK, part)


def pale(colour: Colour, part: float = 0.4) -> Colour:
    return mixed(colour, WHITE, part)


class Pen:
    """`main` and `accent` are the colours of what is drawn; `wall` and `floor` of what is behind
    it."""

    def __init__(self, wall: Colour, floor: Colour, main: Colour, accent: Colour) -> None:
        self.wall, self.floor, self.main, self.accent = wall, floor, main, accent
        self._scale = SIDE * _FINER / 100
        side = SIDE * _FINER
        self._image = Image.new("RGB", (side, side), wall)
        self._draw = ImageDraw.Draw(self._image)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, fill: Colour, round_by: float = 0
    ) -> None:
        corners = [value * self._scale for value in (x0, y0, x1, y1)]
        self._draw.rounded_rectangle(corners, round_by * self._scale, fill)

    def oval(self, x: float, y: float, width: float, height: float, fill: Colour) -> None:
        """Around its middle."""
        half, tall = width / 2, height / 2
        corners = [value * self._scale for value in (x - half, y - tall, x + half, y + tall)]
        self._draw.ellipse(corners, fill)

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        self.oval(x, y, 2 * radius, 2 * radius, fill)

    def half(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """The upper half of a disc."""
        corners = [v * self._scale for v in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.pieslice(corners, 180, 360, fill)

    def ring(self, x: float, y: float, radius: float, fill: Colour, width: float) -> None:
        self.arc(x, y, radius, 0, 360, fill, width)

    def arc(
        self,
        x: float,
        y: float,
        radius: float,
        start: float,
        end: float,
        fill: Colour,
        width: float,
    ) -> None:
        """Degrees from three o'clock, clockwise."""
        outer = radius + width / 2
        corners = [v * self._scale for v in (x - outer, y - outer, x + outer, y + outer)]
        self._draw.arc(corners, start, end, fill, round(width * self._scale))
        if end - start < 360:
            for angle in (start, end):
                turn = math.radians(angle)
                at = (x + radius * math.cos(turn), y + radius * math.sin(turn))
                self.disc(*at, width / 2, fill)

    def shape(self, points: Points, fill: Colour) -> None:
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill)

    def line(self, points: Points, fill: Colour, width: float) -> None:
        """With round ends and corners."""
        ends = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.line(ends, fill, round(width * self._scale))
        for x, y in points:
            self.disc(x, y, width / 2, fill)

    def leaf(
        self, x: float, y: float, length: float, angle: float, fill: Colour, slim: float = 0.4
    ) -> None:
        """From its stalk at (x, y); degrees as `arc` has them."""
        turn = math.radians(angle)
        ahead, aside = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
        points = []
        for step in range(25):
            along = step / 12 if step <= 12 else 2 - step / 12
            bulge = slim * math.sin(math.pi * along**0.8) * (0.5 if step <= 12 else -0.5)
            points.append(
                (
                    x + length * (ahead[0] * along + aside[0] * bulge),
                    y + length * (ahead[1] * along + aside[1] * bulge),
                )
            )
        self.shape(points, fill)

    def picture(self, *, is_turned: bool = False, near: float = 1.0) -> Image.Image:
        """What was drawn; `near` times as close, and as a mirror shows it if `is_turned`."""
        image = self._image
        if near > 1:
            width = round(image.width / near)
            left, top = (image.width - width) // 2, round((image.height - width) * 0.6)
            image = image.resize((SIDE, SIDE), box=(left, top, left + width, top + width))
        else:
            image = image.reduce(_FINER)
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_turned else image


def files(image: Image.Image) -> tuple[bytes, bytes, bytes]:
    """(photo, thumbnail, blur) of a picture, as Photo has them."""
    small = image.reduce(_FINER)
    return _webp(image), _webp(small), small.resize((4, 4), Image.Resampling.BOX).tobytes()


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=_QUALITY, method=_METHOD)
    return file.getvalue()
