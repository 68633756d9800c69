"""Photos of the sample goods, drawn by this program itself: nobody else's pictures are needed to
see a market that lives.

The same goods have the same photos. Knows which colours go together.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

from ..protocol.photo import Photo
from .photo_press import Pressed
from .sample_motif import MOTIFS, scene
from .sample_pen import SIDE, Colour, Pen, files

# The wall, the floor, the thing, and what is beside it.
_PALETTES: Final[tuple[tuple[Colour, Colour, Colour, Colour], ...]] = (
    ((246, 231, 215), (233, 209, 186), (217, 105, 74), (47, 93, 98)),
    ((220, 235, 230), (193, 219, 210), (47, 127, 121), (233, 162, 59)),
    ((227, 230, 245), (201, 208, 235), (75, 95, 176), (240, 136, 94)),
    ((251, 229, 226), (240, 203, 200), (193, 77, 98), (62, 110, 142)),
    ((246, 240, 211), (232, 220, 170), (217, 154, 43), (76, 107, 79)),
    ((222, 235, 244), (193, 216, 232), (59, 126, 166), (228, 115, 79)),
    ((234, 226, 241), (212, 198, 226), (122, 90, 160), (224, 163, 62)),
    ((229, 237, 216), (205, 219, 184), (95, 138, 74), (198, 91, 74)),
)
_COUNTS: Final = (1, 1, 1, 1, 1, 2, 2, 3)
_VIEWS: Final = ((False, 1.0), (True, 1.45), (False, 1.8))
"""How one thing is seen from further on: mirrored or not, and from how near."""


def photos_of(motif: str, title: str) -> Iterator[Pressed]:
    """From one to three of `title`."""
    dice = hashlib.sha256(title.encode()).digest()
    pen = Pen(*_PALETTES[dice[0] % len(_PALETTES)])
    scene(pen)
    MOTIFS[motif](pen)
    is_turned = dice[1] % 2 == 1
    for turns, near in _VIEWS[: _COUNTS[dice[2] % len(_COUNTS)]]:
        full, thumb, blur = files(pen.picture(is_turned=is_turned != turns, near=near))
        photo = Photo(
            hashlib.sha256(full).digest(), len(full), SIDE, SIDE,
            hashlib.sha256(thumb).digest(), len(thumb), blur,
        )  # fmt: skip
        yield Pressed(photo, full, thumb)
