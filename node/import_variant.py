"""Variants of one product (sizes, colours): how a listing tells of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..protocol import limits
from ..protocol.money import Price
from ..protocol.told import tell

_SHOWN_MAX: Final = 40
_VALUE_CHARS_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant. `options` are (name, value) such as ("Size", "Large"); `line` is its row's."""

    line: int
    options: tuple[tuple[str, str], ...]
    price: Price | None
    quantity: int = 0
    image: str = ""

    @property
    def name(self) -> str:
        """ "Large / Red"."""
        return " / ".join(value[:_VALUE_CHARS_MAX] for _, value in self.options)


def prices_differ(variants: Sequence[Variant]) -> bool:
    return len({variant.price for variant in variants}) > 1


def variant_title(title: str, variant: Variant) -> str:
    """ "Clay pot - Large": the variant stays whole where the title must be cut."""
    if not variant.name:
        return title
    tail = f" - {variant.name}"
    room = limits.TITLE_CHARS_MAX - len(tail)
    if room < 8 or len(title) <= room:
        return title + tail
    return title[: room - 1].rstrip() + "…" + tail


def with_variants(description: str, variants: Sequence[Variant]) -> tuple[str, tuple[str, ...]]:
    """A description that ends in what there is to choose, and warnings where it had to be cut.

    Prices stand beside the variants where they differ: the listing itself has the first one's.
    """
    lines = _price_lines(variants) if prices_differ(variants) else _option_lines(variants)
    if not lines:
        return description, ()
    tail = "\n".join(lines)
    if not description:
        return tail, ()
    room = limits.DESCRIPTION_CHARS_MAX - len(tail) - 2
    room_bytes = limits.DESCRIPTION_BYTES_MAX - len(tail.encode()) - 2
    if len(description) <= room and len(description.encode()) <= room_bytes:
        return f"{description}\n\n{tail}", ()
    cut = description[: max(0, room - 1)].encode()[: max(0, room_bytes - 3)].decode(errors="ignore")
    warning = tell(
        "description cut from {count} to {count2} characters",
        count=len(description),
        count2=len(cut),
    )
    return f"{cut.rstrip()}…\n\n{tail}", (warning,)


def _price_lines(variants: Sequence[Variant]) -> list[str]:
    names = list(dict.fromkeys(name for variant in variants for name, _ in variant.options if name))
    lines = [" / ".join(names)] if names else []
    for variant in variants[:_SHOWN_MAX]:
        if variant.name:
            price = f": {variant.price.shown}" if variant.price is not None else ""
            lines.append(f"- {variant.name}{price}")
    if len(variants) > _SHOWN_MAX:
        lines.append("- …")
    return lines


def _option_lines(variants: Sequence[Variant]) -> list[str]:
    """ "Size: Small, Medium, Large", an option a line."""
    values_of: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name, value in variant.options:
            values_of.setdefault(name, {})[value[:_VALUE_CHARS_MAX]] = None
    lines = []
    for name, values in values_of.items():
        shown = list(values)[:_SHOWN_MAX]
        text = ", ".join(shown) + (", …" if len(values) > _SHOWN_MAX else "")
        lines.append(f"{name}: {text}" if name else text)
    return lines
