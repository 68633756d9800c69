"""Putting something up, and changing what is up: one form for both, with photos and a preview."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import trio
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ...protocol import limits
from ...protocol.listing import CONDITIONS
from ...protocol.money import EXPONENTS
from ..blob_folder import BlobFolder
from ..desk_error import DeskError
from ..live_node import JsonObject
from ..photo_bring import put
from ..photo_press import press
from .browse import default_currency
from .upload import Sent, check_length, sent_form, whole
from .visit import Routes, Visit

_TEXTS: Final = ("title", "category", "condition", "place", "description", "quantity", "market")
_CURRENCIES: Final = ("KRW", "JPY", "USD", "EUR", "GBP", "CNY", "TWD")
_NAME_CHARS_MAX: Final = 100
_UPLOAD_BYTES_MAX: Final = (
    limits.PHOTOS_MAX * limits.PHOTO_SOURCE_BYTES_MAX + limits.PAGE_FORM_BYTES_MAX
)


@dataclass(slots=True)
class Goods:
    """What the form holds: as it was typed, whether it can be published or not."""

    title: str = ""
    side: str = "sell"
    kind: str = "price"
    """price, free or ask"""
    amount: str = ""
    currency: str = ""
    category: str = ""
    condition: str = ""
    place: str = ""
    description: str = ""
    quantity: str = "1"
    tags: str = ""
    market: str = ""
    photos: list[JsonObject] = field(default_factory=list)

    @classmethod
    def of_listing(cls, item: Mapping[str, Any]) -> "Goods":
        price = item["price"]
        kind = "ask" if price is None else "price" if price["amount"].strip("0.") else "free"
        return cls(
            title=item["title"],
            side=item["side"],
            kind=kind,
            amount=price["amount"] if kind == "price" else "",
            currency=price["currency"] if kind == "price" else "",
            category=item["category"],
            condition=item["condition"],
            place=item["place"],
            description=item["description"],
            quantity=str(item["quantity"]),
            tags=", ".join(item["tags"]),
            market=item["market"],
            photos=list(item["photos"]),
        )

    @classmethod
    def of_form(cls, sent: Sent) -> "Goods":
        goods = cls()
        for name in _TEXTS:
            setattr(goods, name, sent.word(name))
        goods.side = "want" if sent.word("side") == "want" else "sell"
        goods.kind = sent.word("kind") if sent.word("kind") in ("free", "ask") else "price"
        goods.amount, goods.currency = sent.word("amount"), sent.word("currency")
        goods.tags = sent.word("tags")
        goods.description = goods.description.replace("\r\n", "\n")
        goods.photos = [
            photo for told in sent.fields.get("photo", ()) if (photo := _photo(told)) is not None
        ]
        return goods

    @property
    def price(self) -> str:
        """As the desk reads prices."""
        if self.kind != "price" or not self.amount:
            return "free" if self.kind == "free" else "ask"
        is_bare = self.currency and all(one.isdigit() or one in "., " for one in self.amount)
        return f"{self.amount} {self.currency}" if is_bare else self.amount

    def arguments(self) -> dict[str, Any]:
        """As `sell` and `edit` take them, all but the side and the market."""
        return {
            "title": self.title,
            "price": self.price,
            "description": self.description,
            "category": self.category,
            "condition": self.condition,
            "place": self.place,
            "quantity": self.quantity or "1",
            "tags": [tag.strip().lstrip("#") for tag in self.tags.split(",") if tag.strip()],
            "photos": self.photos,
        }


def _photo(told: str) -> JsonObject | None:
    """What the desk looks at again."""
    try:
        photo = json.loads(told)
    except (ValueError, RecursionError):
        return None
    return photo if isinstance(photo, dict) else None


# --- a new one ------------------------------------------------------------------------------------


async def sell(visit: Visit) -> Response:
    goods = Goods(side="want" if visit.words("side") == "want" else "sell")
    mine = await visit.ask("listings", limit=1)
    if mine["rows"]:
        goods.place = mine["rows"][0]["place"]  # most sell from one place
        goods.market = mine["rows"][0]["market"]
    return await _form(visit, goods)


async def put_up(visit: Visit) -> Response:
    async with sent_form(visit.request, _UPLOAD_BYTES_MAX) as sent:
        goods = Goods.of_form(sent)
        if told := await _take_files(visit, sent, goods):
            return await _form(visit, goods, why=told)
    if "preview" in sent.fields:
        return await _form(visit, goods, is_preview=True)
    try:
        result = await visit.ways.desk.call(
            "sell",
            goods.arguments() | {"wanted": goods.side == "want", "market": goods.market or None},
        )
    except DeskError as error:
        return await _form(visit, goods, why=visit.why(error))
    return visit.go(f"/listing/{result['listing']['id']}", _done(visit, result["listing"]))


def _done(visit: Visit, item: Mapping[str, Any]) -> str:
    _, count = visit.tongue.gettext, item["held_by"]
    if not count:
        return _("It is up, and signed. Neighbours get it as soon as one is connected.")
    return visit.tongue.ngettext(
        "It is up: {count} neighbour holds it already.",
        "It is up: {count} neighbours hold it already.",
        count,
    ).format(count=visit.tongue.number(count))


# --- one that is up -------------------------------------------------------------------------------


async def edit(visit: Visit) -> Response:
    item = await _own(visit)
    return await _form(visit, Goods.of_listing(item), item=item)


async def change(visit: Visit) -> Response:
    item = await _own(visit)
    async with sent_form(visit.request, _UPLOAD_BYTES_MAX) as sent:
        goods = Goods.of_form(sent)
        if told := await _take_files(visit, sent, goods):
            return await _form(visit, goods, item=item, why=told)
    if "preview" in sent.fields:
        return await _form(visit, goods, item=item, is_preview=True)
    try:
        result = await visit.ways.desk.call("edit", {"id": item["id"]} | goods.arguments())
    except DeskError as error:
        return await _form(visit, goods, item=item, why=visit.why(error))
    _ = visit.tongue.gettext
    done = _("Changed.") if result["changed"] else _("It was so already: nothing changed.")
    return visit.go(f"/listing/{item['id']}", done)


async def _own(visit: Visit) -> JsonObject:
    shown = await visit.ask("show", id=str(visit.request.path_params["id"]))
    item: JsonObject = shown["listing"]
    if not item["mine"]:
        raise HTTPException(404)
    return item


async def _form(
    visit: Visit,
    goods: Goods,
    *,
    item: JsonObject | None = None,
    why: str = "",
    is_preview: bool = False,
) -> Response:
    found = await visit.ask("search", limit=1, facets=True)
    status = await visit.ask("status-local")
    default = await default_currency(visit)
    chosen = goods.currency or default
    return await visit.show(
        "sell.html",
        422 if why else 200,
        goods=goods,
        item=item,
        why=why,
        is_preview=is_preview,
        shown=_shown(goods, chosen) | {"title": goods.title or visit.tongue.gettext("Title")},
        conditions=CONDITIONS,
        currencies=list(dict.fromkeys([chosen, default, *_CURRENCIES])),
        categories=[one["value"] for one in found["facets"]["category"] if one["value"]],
        places=[one["value"] for one in found["facets"]["place"] if one["value"]],
        markets=[one["market"] for one in status["markets"] if one["market"] != "commons"],
        most=limits,
    )


def _shown(goods: Goods, currency: str) -> JsonObject:
    """As a card shows it, before it is one."""
    digits = "".join(one for one in goods.amount if one.isdigit() or one == ".")
    price = None if goods.kind == "ask" else {"amount": "0", "currency": currency}
    if goods.kind == "price":
        is_plain = digits.replace(".", "", 1).isdigit() and currency in EXPONENTS
        price = {"amount": digits, "currency": currency} if is_plain else None
    return {
        "id": "c",
        "title": goods.title,
        "price": price,
        "place": goods.place,
        "photos": goods.photos,
        "status": "active",
        "side": goods.side,
        "updated_at": "",
    }


# --- photos ---------------------------------------------------------------------------------------


async def photos(visit: Visit) -> Response:
    """One photo, as a script sends it while the form is filled in: its tile, or why it is none."""
    check_length(visit.request, limits.PHOTO_SOURCE_BYTES_MAX)
    data = await visit.request.body()
    name = visit.words("name", _NAME_CHARS_MAX) or "photo"
    try:
        photo = await pressed(visit, data, name)
    except DeskError as error:
        return visit.part("photo_failed.html", why=visit.why(error))
    return visit.part("photo_tile.html", one=photo)


async def pressed(visit: Visit, data: bytes, name: str) -> JsonObject:
    """The photo, its files on the disk. Few at once: each may take much memory."""
    work = partial(_press, visit.ways.folder, data, name)
    return await trio.to_thread.run_sync(work, limiter=visit.ways.presses)


def _press(folder: BlobFolder, data: bytes, name: str) -> JsonObject:
    return put(folder, press(data, name))


async def _take_files(visit: Visit, sent: Sent, goods: Goods) -> str:
    """Files that came with the form itself, where no script sent them before: "" if all are photos
    now, else why one is none."""
    _ = visit.tongue.gettext
    files: Sequence[Any] = sent.files
    if len(files) + len(goods.photos) > limits.PHOTOS_MAX:
        return _("At most {most} photos.").format(most=limits.PHOTOS_MAX)
    for file in files:
        data = await whole(file, limits.PHOTO_SOURCE_BYTES_MAX)
        try:
            photo = await pressed(visit, data, (file.filename or "photo")[:_NAME_CHARS_MAX])
        except DeskError as error:
            return visit.why(error)
        if all(photo["hash"] != other["hash"] for other in goods.photos):
            goods.photos.append(photo)
    return ""


ROUTES: Final[Routes] = (
    ("GET", "/sell", sell),
    ("POST", "/sell", put_up),
    ("POST", "/photos", photos),
    ("GET", "/listing/{id}/edit", edit),
    ("POST", "/listing/{id}/edit", change),
)
