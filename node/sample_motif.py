"""Which motifs there are for sample goods, and what stands behind all of them."""

from collections.abc import Callable, Mapping
from typing import Final

from . import sample_indoors as indoors
from . import sample_outdoors as outdoors
from .sample_pen import Pen, dark, pale


def scene(p: Pen) -> None:
    """The wall, the floor, and light behind what stands there."""
    p.disc(50, 46, 37, pale(p.wall, 0.5))
    p.box(-1, 74, 101, 101, p.floor)
    p.oval(50, 81, 66, 7, dark(p.floor, 0.14))


MOTIFS: Final[Mapping[str, Callable[[Pen], None]]] = {
    motif.__name__: motif
    for motif in (
        indoors.table,
        indoors.desk,
        indoors.desk_frame,
        indoors.low_table,
        indoors.bookshelf,
        indoors.crib,
        indoors.camp_chairs,
        indoors.lamp,
        indoors.rice_cooker,
        indoors.espresso,
        indoors.basin,
        indoors.jar,
        indoors.plums,
        indoors.vegetables,
        indoors.laptop,
        indoors.monitor,
        indoors.tablet,
        indoors.console,
        indoors.record_player,
        indoors.keyboard,
        indoors.sewing,
        indoors.drill,
        indoors.treadmill,
        outdoors.road_bike,
        outdoors.small_bike,
        outdoors.bike,
        outdoors.stroller,
        outdoors.tyres,
        outdoors.guitar,
        outdoors.cello,
        outdoors.lens,
        outdoors.coat,
        outdoors.kimono,
        outdoors.boots,
        outdoors.helmet,
        outdoors.tent,
        outdoors.backpack,
        outdoors.snowboard,
        outdoors.ping_pong,
        outdoors.plant,
        outdoors.spider_plant,
        outdoors.monstera,
        outdoors.cat_tower,
        outdoors.cat_carrier,
        outdoors.baby_carrier,
        outdoors.boxes,
        outdoors.books,
        outdoors.blackboard,
    )
}
