"""QR codes (ISO/IEC 18004) of short texts: as a picture for a page, as characters for a terminal.

Dark on light whatever the surroundings, since cameras read no other. Knows no texts.
"""

import io

import segno


def qr_svg(text: str) -> bytes:
    """A picture that scales, with the quiet zone that a camera needs."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False, boost_error=False).save(
        out, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True
    )
    return out.getvalue()


def qr_lines(text: str) -> list[str]:
    """Two rows of it in a line of half blocks, painted black on white."""
    out = io.StringIO()
    segno.make(text, error="l", micro=False, boost_error=False).terminal(
        out, border=2, compact=True
    )
    return out.getvalue().splitlines()
