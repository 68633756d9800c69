"""The link that lets a browser in to a running node's page, made of the API's token of its start.

Loads nothing of the page itself: a command that opens it is to be quick.
"""

import hashlib
import hmac
from typing import Final

ENTER: Final = "/enter"


def page_key(token: str) -> str:
    """What the link to the page carries, of the API's token of this start."""
    return made_of(token, "page")


def page_link(url: str, token: str) -> str:
    """The link that lets a browser in; `url` is where the API answers."""
    return f"{url}{ENTER}?key={page_key(token)}"


def made_of(token: str, purpose: str) -> str:
    """A secret of its own for each purpose; none of them tells the token."""
    return hmac.new(token.encode(), f"jangteo/{purpose}/1".encode(), hashlib.sha256).hexdigest()
