"""Templates to bytes, with everything a page may not do said in its headers.

Every text is escaped; a page loads from its own origin alone, runs no script of a text's, and
sends no one where it came from. Knows no data.
"""

import base64
import hashlib
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from ...protocol.told import Told
from ..safe_text import safe_text
from ..tongue import Tongue

HERE: Final = Path(__file__).parent
_FILES: Final = {
    "style.css": ("static", "text/css; charset=utf-8"),
    "poster.css": ("static", "text/css; charset=utf-8"),
    "app.js": ("static", "text/javascript; charset=utf-8"),
    "icon.svg": ("static", "image/svg+xml"),
    "htmx.min.js": ("vendor", "text/javascript; charset=utf-8"),
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_YEAR: Final = "private, max-age=31536000, immutable"


class Renderer:
    """One environment a language, made when it is first asked for."""

    def __init__(self) -> None:
        self._environments: dict[str, Environment] = {}
        self._files = {
            name: (HERE / folder / name).read_bytes() for name, (folder, _) in _FILES.items()
        }
        digest = hashlib.sha256(b"".join(self._files.values())).hexdigest()
        self._version = digest[:12]

    def page(
        self, template: str, tongue: Tongue, context: Mapping[str, Any], status: int = 200
    ) -> HTMLResponse:
        """The bytes of `template`. Nothing in it is kept by the browser: it may be private."""
        text = self.text(template, tongue, context)
        return HTMLResponse(text, status, {"cache-control": "no-store", "vary": "HX-Request"})

    def text(self, template: str, tongue: Tongue, context: Mapping[str, Any]) -> str:
        return self._environment(tongue).get_template(template).render(context)

    def source(self, name: str) -> str:
        """A style or a script, to stand within a page that is a file."""
        return self._files[name].decode()

    def file(self, version: str, name: str) -> Response | None:
        """A style, a script: by its version, so that it is asked for once."""
        known = _FILES.get(name)
        if known is None or version != self._version:
            return None
        return Response(self._files[name], media_type=known[1], headers={"cache-control": _YEAR})

    def _environment(self, tongue: Tongue) -> Environment:
        made = self._environments.get(tongue.code)
        if made is None:
            made = self._environments[tongue.code] = self._made(tongue)
        return made

    def _made(self, tongue: Tongue) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=partial(_shown, tongue),
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's
            tongue.gettext, tongue.ngettext, newstyle=True, pgettext=tongue.pgettext
        )
        environment.filters |= {
            "money": partial(_money, tongue),
            "number": tongue.number,
            "day": tongue.date,
            "moment": tongue.moment,
            "ago": lambda text: tongue.ago(text, time.time_ns() // 1_000_000) if text else "",
            "blur": blur_url,
            "lines": _lines,
        }
        environment.globals |= {
            "language": tongue.code,
            "asset": lambda name: f"/static/{self._version}/{name}",
        }
        return environment


def _money(tongue: Tongue, price: Mapping[str, str] | None) -> str:
    """As a tag on a card says it."""
    _ = tongue.gettext
    if price is None:
        return _("Ask for the price")
    return _("Free") if not price["amount"].strip("0.") else tongue.money(price)


def _shown(tongue: Tongue, value: Any) -> Any:
    """What is put into a template, wherever: strangers' texts cannot reverse a line or hide. What
    was escaped before has their texts within, and stays escaped; what the desk told is said in this
    language."""
    if not isinstance(value, str):
        return value
    if isinstance(value, Told):
        value = tongue.told(value)
    return Markup(safe_text(value)) if isinstance(value, Markup) else safe_text(value)  # noqa: S704


def _lines(text: str) -> list[str]:
    return text.splitlines() or [""]


@lru_cache(maxsize=4096)
def blur_url(blur: str) -> str:
    """The placeholder of a photo (4x4 RGB pixels in base64) as a picture of its own: a BMP, which
    needs no library; the browser smooths it as it grows."""
    pixels = base64.b64decode(blur)
    if len(pixels) != 48:
        return ""
    rows = [pixels[start : start + 12] for start in range(0, 48, 12)]
    turned = b"".join(
        bytes(row[at + channel] for at in range(0, 12, 3) for channel in (2, 1, 0))
        for row in reversed(rows)
    )
    size = 54 + len(turned)
    header = b"BM" + size.to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    shape = b"".join(number.to_bytes(4, "little") for number in (40, 4, 4))
    shape += (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    return "data:image/bmp;base64," + base64.b64encode(header + shape + turned).decode()
