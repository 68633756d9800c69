"""`--photo FILE`: the files that were named, as photos that a listing can have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .call import Call
from .progress import Progress
from .tongue import _


def bring_photos(call: Call, files: Sequence[str]) -> list[dict[str, Any]]:
    """[] without an identity, since then the verb says what is missing."""
    if not files or not call.home.has_identity:
        return []
    from ..node.photo_bring import bring

    brought = []
    with Progress(call.screen, _("photos"), len(files)) as progress:
        for photo in bring(call.home, [Path(file) for file in files]):
            brought.append(photo)
            progress.step()
    unique = {photo["hash"]: photo for photo in brought}
    if len(unique) < len(brought):
        call.screen.talk(_("  the same photo was named twice: it is there once"))
    return list(unique.values())
