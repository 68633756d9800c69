"""Sample goods to go out with, to wear and to play with, drawn as those of a home are."""

from .sample_pen import INK, LEAF, METAL, PAPER, RED, WHITE, WOOD, Pen, dark, mixed, pale

# --- on wheels ------------------------------------------------------------------------------------


def bike(p: Pen, *, wheel: float = 15.0, is_road: bool = False) -> None:
    y = 80 - wheel
    back, front, pedal = (28.0, y), (72.0, y), (46.0, y + 1)
    for x, _ in (back, front):
        for dx, dy in ((0, 1), (0.87, 0.5), (0.87, -0.5)):
            reach = wheel - 1
            p.line(
                [(x - dx * reach, y - dy * reach), (x + dx * reach, y + dy * reach)], METAL, 0.35
            )
        p.ring(x, y, wheel - 1.2, INK, 2.4)
        p.disc(x, y, 1.8, dark(METAL))
    seat, head = (38.0, y - 22), (63.0, y - 23)
    p.line([back, pedal, head, seat, back], p.main, 2.6)
    p.line([pedal, seat, (37.0, y - 27)], p.main, 2.6)
    p.line([front, head, (61.5, y - 29)], p.main, 2.6)
    p.line([(32.5, y - 28), (42, y - 28)], INK, 3.2)
    if is_road:
        p.line([(61.5, y - 29), (67, y - 29)], INK, 2)
        p.arc(67, y - 25.5, 3.5, -90, 110, INK, 2)
    else:
        p.line([(61.5, y - 29), (60, y - 34), (55, y - 34)], INK, 2)
        p.shape([(66, y - 30), (80, y - 30), (77.5, y - 19), (68, y - 19)], p.accent)
        for each in (70, 73, 76):
            p.line([(each, y - 29), (each, y - 20)], pale(p.accent), 0.6)
    p.disc(*pedal, 4, dark(METAL))
    p.disc(*pedal, 2.4, METAL)
    p.line([pedal, (50, y + 8)], INK, 1.3)
    p.line([(48, y + 8.5), (53, y + 8.5)], INK, 1.8)


def road_bike(p: Pen) -> None:
    bike(p, is_road=True)


def small_bike(p: Pen) -> None:
    bike(p, wheel=11)


def stroller(p: Pen) -> None:
    p.line([(33, 64), (62, 42), (74, 27)], INK, 2)
    p.line([(38, 42), (64, 70)], INK, 2)
    p.shape([(28, 46), (64, 46), (58, 61), (38, 62)], dark(p.main))
    p.arc(46, 46, 9, 180, 270, p.main, 18)
    p.shape([(28, 46), (46, 46), (46, 28), (36, 31), (30, 38)], p.main)
    p.line([(46, 46), (46, 28)], pale(p.main), 1)
    p.line([(71, 26), (78, 26)], dark(INK, 0), 3)
    for x in (36, 65):
        p.disc(x, 74, 6.4, INK)
        p.disc(x, 74, 3, pale(METAL))


def tyres(p: Pen) -> None:
    for x, y in ((36, 66), (64, 66), (50, 42)):
        p.disc(x, y, 14, INK)
        p.ring(x, y, 12.4, dark(METAL, 0.65), 1)
        p.disc(x, y, 8.2, METAL)
        p.disc(x, y, 6.6, pale(METAL, 0.5))
        p.disc(x, y, 2, dark(METAL))
        for dx, dy in ((0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31)):
            p.line([(x, y), (x + 6.5 * dx, y + 6.5 * dy)], dark(METAL, 0.15), 1.2)


# --- music, light, images -------------------------------------------------------------------------


def guitar(p: Pen, *, body: tuple[int, int, int] = (222, 160, 88), grow: float = 1.0) -> None:
    p.box(47.6, 12, 52.4, 52, dark(WOOD, 0.5))
    p.box(46, 6, 54, 15, dark(WOOD, 0.65), 1.5)
    for y in (8, 11, 14):
        p.disc(44.8, y, 1.1, METAL)
        p.disc(55.2, y, 1.1, METAL)
    edge = dark(body, 0.35)
    for inset, colour in ((0.0, edge), (1.1, body)):
        p.oval(50, 48.5, 27 * grow - 2 * inset, 23 - 2 * inset, colour)
        p.oval(50, 66, 38 * grow - 2 * inset, 30 - 2 * inset, colour)
        p.shape(
            [(38.5 + inset, 52), (61.5 - inset, 52), (64 - inset, 60), (36 + inset, 60)], colour
        )
    p.disc(50, 54, 5.6, dark(body, 0.5))
    p.ring(50, 54, 6.2, p.main, 1.1)
    p.box(42, 67.5, 58, 70.5, dark(WOOD, 0.6), 0.8)
    p.box(48, 15, 52, 50, dark(WOOD, 0.55))
    for x in (48.7, 49.6, 50.4, 51.3):
        p.line([(x, 12), (x, 68.5)], PAPER, 0.25)


def cello(p: Pen) -> None:
    p.line([(50, 76), (50, 81)], METAL, 1)
    guitar(p, body=(176, 88, 52), grow=0.86)
    p.disc(50, 54, 7, (176, 88, 52))
    for x, start in ((43, 100), (57, -80)):
        p.arc(x, 58, 3.6, start, start + 160, INK, 0.9)
    p.box(48.4, 15, 51.6, 56, INK)
    p.line([(68, 18), (82, 78)], dark(WOOD, 0.3), 1)
    p.line([(69.4, 20), (82.6, 76)], PAPER, 0.4)


def lens(p: Pen) -> None:
    p.box(22, 40, 60, 76, INK, 3)
    p.box(30, 34, 46, 42, INK, 2)
    p.box(22, 48, 60, 68, dark(p.main, 0.3))
    p.disc(54, 58, 19, dark(METAL, 0.7))
    p.disc(54, 58, 16.4, INK)
    p.ring(54, 58, 14.2, p.accent, 0.8)
    p.disc(54, 58, 12, (48, 66, 104))
    p.disc(54, 58, 7.6, (30, 40, 70))
    p.disc(49.6, 53.4, 3, (170, 200, 236))
    p.disc(58.4, 62, 1.3, (190, 150, 220))
    p.disc(29, 45, 1.8, RED)


# --- to wear --------------------------------------------------------------------------------------


def coat(p: Pen) -> None:
    p.arc(50, 15, 3, -180, 90, dark(METAL), 1)
    p.line([(50, 18), (50, 21)], dark(METAL), 1)
    p.shape([(38, 24), (27, 30), (18, 64), (27, 67), (35, 44)], dark(p.main, 0.15))
    p.shape([(62, 24), (73, 30), (82, 64), (73, 67), (65, 44)], dark(p.main, 0.15))
    p.shape([(36, 24), (64, 24), (70, 32), (71, 78), (29, 78), (30, 32)], p.main)
    for y in (38, 48, 58, 68):
        p.line([(30.4, y), (69.8, y)], dark(p.main, 0.14), 0.9)
    p.line([(50, 28), (50, 78)], dark(p.main, 0.45), 1.1)
    p.shape([(36, 24), (50, 34), (44, 20)], p.accent)
    p.shape([(64, 24), (50, 34), (56, 20)], p.accent)
    p.oval(50, 22.5, 15, 6, dark(p.accent, 0.3))
    p.line([(36, 62), (42, 60)], dark(p.main, 0.45), 1.2)
    p.line([(64, 62), (58, 60)], dark(p.main, 0.45), 1.2)


def kimono(p: Pen) -> None:
    p.line([(10, 22), (90, 22)], dark(WOOD, 0.3), 2)
    p.line([(50, 22), (50, 14)], dark(WOOD, 0.3), 1.4)
    p.shape([(13, 22), (87, 22), (87, 52), (66, 52), (66, 80), (34, 80), (34, 52), (13, 52)],
            p.main)  # fmt: skip
    for x0, x1 in ((34, 34.8), (65.2, 66)):
        p.box(x0, 30, x1, 52, dark(p.main, 0.3))
    dots = ((18, 30), (26, 38), (20, 46), (30, 48), (82, 30), (74, 38), (80, 46), (70, 48),
            (39, 72), (47, 66), (58, 70), (62, 76), (42, 36), (59, 38))  # fmt: skip
    for x, y in dots:
        for dx, dy in ((0, -1.3), (1.2, -0.4), (0.8, 1.1), (-0.8, 1.1), (-1.2, -0.4)):
            p.disc(x + dx, y + dy, 1, pale(p.main, 0.65))
        p.disc(x, y, 0.6, p.accent)
    p.shape([(43, 22), (57, 22), (50, 42)], dark(p.wall, 0.06))
    p.line([(43, 22), (54, 52)], PAPER, 2.4)
    p.line([(57, 22), (46, 52)], PAPER, 2.4)
    p.box(34, 50, 66, 60, p.accent)
    p.box(34, 54, 66, 56.4, pale(p.accent, 0.5))


def boots(p: Pen) -> None:
    for x, colour in ((12, dark(p.main, 0.2)), (42, p.main)):
        p.shape([(x + 8, 36), (x + 25, 36), (x + 26, 56), (x + 40, 62), (x + 44, 70),
                 (x + 44, 75), (x + 8, 75)], colour)  # fmt: skip
        p.disc(x + 38.5, 68, 5.6, colour)
        p.box(x + 6, 74, x + 45.5, 80, INK, 1.5)
        p.box(x + 7, 33, x + 26, 39, p.accent, 2.4)
        p.line([(x + 26, 56), (x + 38, 62)], dark(colour, 0.4), 0.8)
        for step in range(4):
            y = 43 + step * 4.4
            p.line([(x + 17, y), (x + 25.6, y + 1.6)], PAPER, 1)
            p.disc(x + 17, y, 0.9, METAL)


def helmet(p: Pen) -> None:
    p.line([(30, 60), (44, 79), (62, 60)], INK, 1.3)
    p.box(41, 76, 48, 80, INK, 1)
    p.half(50, 60, 32, p.main)
    p.shape([(17, 58), (84, 58), (90, 64), (19, 65)], dark(p.main, 0.3))
    for x, lean in ((36, -5), (50, 0), (64, 5)):
        p.line([(x + lean * 0.2, 34 + abs(lean)), (x + lean, 50)], dark(p.main, 0.55), 4)
    p.box(18.6, 51, 81.4, 53.4, p.accent)


# --- outside --------------------------------------------------------------------------------------


def tent(p: Pen) -> None:
    p.disc(74, 26, 7, mixed(p.wall, (255, 214, 120), 0.8))
    for x, height in ((12, 26), (22, 20), (88, 24)):
        p.shape([(x - 8, 74), (x + 8, 74), (x, 74 - height)], mixed(LEAF, p.wall, 0.35))
    p.shape([(50, 26), (86, 80), (14, 80)], p.main)
    p.shape([(50, 26), (86, 80), (66, 80)], dark(p.main, 0.2))
    p.shape([(50, 38), (63, 80), (37, 80)], dark(p.main, 0.6))
    p.shape([(50, 38), (37, 80), (30, 80), (44, 58)], p.accent)
    p.line([(50, 26), (47.6, 22)], dark(WOOD, 0.3), 1)
    p.line([(86, 80), (93, 81.5)], PAPER, 0.7)
    p.line([(14, 80), (7, 81.5)], PAPER, 0.7)


def backpack(p: Pen) -> None:
    p.arc(50, 20, 5, 180, 360, dark(p.main, 0.4), 2)
    p.box(22, 46, 78, 74, dark(p.main, 0.3), 6)
    p.box(29, 22, 71, 80, p.main, 10)
    p.box(29, 20, 71, 40, dark(p.main, 0.18), 9)
    p.box(35, 52, 65, 75, p.accent, 4)
    p.line([(38, 58), (62, 58)], dark(p.accent, 0.35), 1)
    for x in (39, 61):
        p.line([(x, 34), (x, 48)], PAPER, 1.8)
        p.box(x - 2.2, 43, x + 2.2, 47, INK, 0.6)
    p.oval(50, 17.5, 46, 9, pale(p.accent, 0.35))
    p.oval(29, 17.5, 5, 9, p.accent)


def snowboard(p: Pen) -> None:
    p.shape([(31, 16), (43, 12), (70, 78), (58, 83)], p.main)
    p.disc(37, 14.2, 6.4, p.main)
    p.disc(64, 80, 6.4, p.main)
    p.shape([(36, 28), (47.6, 24), (49.6, 29), (38, 33)], p.accent)
    p.shape([(53, 66), (64.4, 62), (66, 66), (54.6, 70)], p.accent)
    for x, y in ((45, 40), (55, 62 - 7)):
        p.shape([(x - 8, y - 1), (x + 7, y - 6.4), (x + 10, y), (x - 5.4, y + 5.6)], INK)
        p.line([(x - 4, y + 1), (x + 6.4, y - 3)], METAL, 1.6)
    for x, y in ((16, 24), (80, 20), (84, 46), (18, 52), (74, 62), (26, 70)):
        for dx, dy in ((2.6, 0), (1.3, 2.25), (1.3, -2.25)):
            p.line([(x - dx, y - dy), (x + dx, y + dy)], WHITE, 0.8)


def ping_pong(p: Pen) -> None:
    for x in (24, 72):
        p.line([(x, 56), (x - 2, 80)], INK, 1.8)
        p.line([(x + 4, 56), (x + 6, 80)], INK, 1.8)
    p.shape([(22, 44), (78, 44), (92, 58), (8, 58)], p.main)
    p.shape([(49.6, 44), (50.4, 44), (50.7, 58), (49.3, 58)], PAPER)
    p.box(8, 57.4, 92, 60, dark(p.main, 0.35), 0.6)
    p.box(13, 43.6, 87, 51, mixed(p.wall, INK, 0.35))
    p.box(13, 42.4, 87, 44, PAPER)
    p.disc(68, 27, 9, RED)
    p.line([(61.6, 33.4), (56, 39)], WOOD, 3.4)
    p.disc(40, 30, 2.8, WHITE)


def plant(p: Pen, *, slim: float = 0.42, count: int = 9, reach: float = 34.0) -> None:
    for number in range(count):
        angle = -90 + (number - (count - 1) / 2) * 150 / count
        length = reach * (1 - 0.012 * abs(angle + 90) / 3)
        p.leaf(50, 56, length, angle, LEAF if number % 2 else pale(LEAF, 0.22), slim)
        p.leaf(50, 56, length * 0.86, angle, pale(LEAF, 0.4) if number % 2 else LEAF, slim * 0.12)
    p.shape([(34, 56), (66, 56), (62, 80), (38, 80)], p.main)
    p.box(32, 53, 68, 60, dark(p.main, 0.15), 1.5)


def spider_plant(p: Pen) -> None:
    plant(p, slim=0.16, count=15, reach=38)


def monstera(p: Pen) -> None:
    for x, y, size in ((32, 34, 15), (66, 30, 16), (50, 20, 12), (24, 52, 10), (76, 50, 11)):
        p.line([(50, 58), (x, y)], dark(LEAF), 1.2)
        green = LEAF if x < 50 else pale(LEAF, 0.15)
        p.oval(x, y, size * 1.5, size * 1.3, green)
        side = 1 if x >= 50 else -1
        for step in (-0.42, 0, 0.42):
            p.leaf(x + side * size * 0.86, y + step * size, size * 0.6,
                   180 if side > 0 else 0, pale(p.wall, 0.5), 0.32)  # fmt: skip
        p.line([(x - side * size * 0.6, y), (x + side * size * 0.4, y)], pale(green, 0.35), 0.7)
    p.shape([(32, 56), (68, 56), (63, 80), (37, 80)], p.main)
    p.box(30, 53, 70, 60, dark(p.main, 0.15), 1.5)


# --- animals, children, the rest ------------------------------------------------------------------


def _cat(p: Pen, x: float, y: float, fur: tuple[int, int, int]) -> None:
    """Its head."""
    for side in (-1, 1):
        p.shape([(x + side * 7, y - 3), (x + side * 6.4, y - 11), (x + side * 1.4, y - 6)], fur)
        p.disc(x + side * 3.2, y - 0.6, 1.2, INK)
        p.line([(x + side * 5, y + 3), (x + side * 10, y + 2)], INK, 0.35)
    p.oval(x, y, 15, 13, fur)
    for side in (-1, 1):
        p.disc(x + side * 3.2, y - 0.6, 1.2, INK)
        p.line([(x + side * 4.6, y + 2.6), (x + side * 9.6, y + 1.8)], INK, 0.35)
    p.oval(x, y + 2.2, 2.2, 1.5, (224, 140, 140))


def cat_tower(p: Pen) -> None:
    p.box(22, 76, 78, 80, dark(p.main, 0.2), 1)
    p.box(32, 34, 38, 76, pale(WOOD, 0.3))
    p.box(60, 50, 66, 76, pale(WOOD, 0.3))
    for y in range(37, 76, 3):
        p.line([(32.4, y), (37.6, y - 1)], dark(WOOD, 0.1), 0.5)
    for y in range(53, 76, 3):
        p.line([(60.4, y), (65.6, y - 1)], dark(WOOD, 0.1), 0.5)
    p.box(48, 30, 78, 52, p.main, 3)
    p.disc(63, 42, 7.6, dark(p.main, 0.6))
    _cat(p, 63, 43, (236, 178, 106))
    p.box(20, 28, 50, 34, p.main, 2.5)
    p.box(24, 56, 50, 60, p.main, 2)
    p.line([(27, 60), (27, 66)], INK, 0.5)
    p.disc(27, 68, 2.4, p.accent)


def cat_carrier(p: Pen) -> None:
    p.arc(50, 33, 9, 180, 360, INK, 3.4)
    p.box(18, 33, 82, 80, p.main, 9)
    p.box(18, 54, 82, 59, dark(p.main, 0.35))
    p.box(30, 42, 70, 75, dark(p.main, 0.6), 5)
    _cat(p, 50, 60, (150, 150, 158))
    for x in (36, 43, 50, 57, 64):
        p.line([(x, 43), (x, 74)], pale(METAL, 0.4), 0.9)
    for y in (50, 67):
        p.line([(31, y), (69, y)], pale(METAL, 0.4), 0.9)


def baby_carrier(p: Pen) -> None:
    for side in (-1, 1):
        p.line([(50 + side * 14, 34), (50 + side * 20, 22), (50 + side * 8, 16)], dark(p.main), 4.4)
        p.line([(50 + side * 17, 66), (50 + side * 34, 68)], dark(p.main), 4.4)
        p.box(50 + side * 30 - 3, 65, 50 + side * 30 + 3, 71, INK, 1)
    p.box(31, 28, 69, 78, p.main, 12)
    p.box(36, 33, 64, 52, pale(p.main, 0.25), 6)
    p.shape([(31, 58), (69, 58), (66, 74), (34, 74)], dark(p.main, 0.16))
    for x, y in ((42, 42), (50, 42), (58, 42)):
        p.disc(x, y, 2, p.accent)


def boxes(p: Pen) -> None:
    card = (207, 162, 112)
    for x, y, width, height in ((14, 52, 36, 28), (52, 56, 34, 24), (24, 26, 32, 26)):
        p.box(x, y, x + width, y + height, card)
        p.box(x, y, x + width, y + 3.4, dark(card, 0.16))
        p.box(x + width / 2 - 2.4, y, x + width / 2 + 2.4, y + height * 0.5, pale(card, 0.4))
        p.box(x + 3, y + height - 8, x + 11, y + height - 3, p.main, 0.6)
    p.shape([(56, 56), (50, 47), (66, 47), (69, 56)], dark(card, 0.08))
    p.shape([(82, 56), (89, 48), (76, 47), (69, 56)], dark(card, 0.2))
    p.leaf(72, 56, 18, -100, LEAF)
    p.leaf(72, 56, 15, -65, pale(LEAF, 0.2))


def books(p: Pen) -> None:
    colours = (p.main, p.accent, dark(p.main, 0.3), PAPER, pale(p.accent, 0.2))
    y = 80.0
    for number, (x, width, height) in enumerate(
        ((20, 60, 8.5), (25, 54, 7.5), (18, 58, 9), (27, 50, 7), (23, 52, 8))
    ):
        y -= height
        colour = colours[number]
        p.box(x, y, x + width, y + height, colour, 1)
        p.box(x + width - 5, y + 1.2, x + width + 0.4, y + height - 1.2, mixed(PAPER, WOOD, 0.12))
        p.line([(x + 8, y + height / 2), (x + 22, y + height / 2)], mixed(colour, INK, 0.35), 1)
    p.shape([(36, y), (50, y - 4), (50, y - 19), (33, y - 15)], PAPER)
    p.shape([(64, y), (50, y - 4), (50, y - 19), (67, y - 15)], dark(PAPER, 0.07))
    for step in (4, 7, 10):
        p.line([(37, y - step - 1), (47, y - step - 4)], METAL, 0.6)
        p.line([(63, y - step - 1), (53, y - step - 4)], METAL, 0.6)


def blackboard(p: Pen) -> None:
    p.box(12, 16, 88, 66, WOOD, 1.5)
    p.box(15, 19, 85, 63, (58, 92, 80), 0.5)
    chalk = (236, 240, 232)
    p.line([(24, 55), (24, 26)], chalk, 0.8)
    p.line([(20, 51), (52, 51)], chalk, 0.8)
    points = [(24 + step, 51 - (step - 12) ** 2 / 8) for step in range(0, 25, 2)]
    p.line([(x, min(51.0, y + 4)) for x, y in points], pale(p.accent, 0.3), 1)
    for y, end in ((30, 78), (38, 72), (46, 75)):
        p.line([(60, y), (end, y)], chalk, 1)
        p.line([(58, y + 3), (56, y - 3)], chalk, 0.8)
    p.box(20, 66, 80, 69, dark(WOOD, 0.2), 0.6)
    for x, colour in ((30, chalk), (37, p.accent), (60, chalk)):
        p.box(x, 64.6, x + 5, 66.2, colour, 0.6)
    p.line([(24, 69), (18, 80)], dark(WOOD, 0.25), 2)
    p.line([(76, 69), (82, 80)], dark(WOOD, 0.25), 2)
