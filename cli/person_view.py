"""A person as people read it: what their profile says besides the name.

Takes JSON whose texts may come from anywhere: nothing here is safe for a terminal yet.
"""

from collections.abc import Mapping
from typing import Any


def place_text(profile: Mapping[str, Any]) -> str:
    """Where somebody is and which languages they understand: "Yeonnam-dong · ko, en"."""
    languages = ", ".join(map(str, profile.get("languages") or ()))
    return " · ".join(filter(None, (str(profile.get("place") or ""), languages)))
