"""Sample goods of a home, drawn: one function a motif, each on the floor at y = 80.

Knows shapes; colours are the pen's, pixels too.
"""

from .sample_pen import (
    CLAY,
    GREEN,
    INK,
    LEAF,
    METAL,
    PAPER,
    RED,
    SKY,
    WHITE,
    WOOD,
    Pen,
    dark,
    mixed,
    pale,
)

# --- furniture ------------------------------------------------------------------------------------


def table(p: Pen) -> None:
    for x in (22, 72):
        p.shape([(x, 50), (x + 6, 50), (x + 4.5, 80), (x + 1.5, 80)], dark(WOOD))
    p.box(24, 52, 76, 57, dark(WOOD, 0.15))
    p.box(15, 46, 85, 52, WOOD, 1.5)
    p.box(45, 36, 55, 46, p.main, 2)
    for angle, length in ((-90, 16), (-60, 13), (-120, 13)):
        p.leaf(50, 37, length, angle, LEAF)
    p.disc(34, 43, 3, p.accent)
    p.disc(38, 43.2, 2.8, dark(p.accent, 0.1))


def desk(p: Pen) -> None:
    for x in (17, 79):
        p.box(x, 48, x + 3.5, 80, dark(METAL, 0.4))
    p.box(13, 44, 87, 48.5, WOOD, 1)
    p.box(56, 48.5, 77, 64, pale(WOOD, 0.3), 1)
    for y in (52.5, 60):
        p.line([(64, y), (69, y)], dark(WOOD, 0.4), 1)
    p.line([(56, 56.2), (77, 56.2)], dark(WOOD, 0.1), 0.7)
    # A chair before it.
    p.box(26, 46, 44, 60, p.main, 3)
    p.box(25, 62, 45, 66, dark(p.main, 0.15), 2)
    p.line([(28, 66), (27, 80)], INK, 1.6)
    p.line([(42, 66), (43, 80)], INK, 1.6)
    for x, height in ((60, 11), (64, 14), (68, 9.5)):
        p.box(x, 44 - height, x + 3.4, 44, p.accent if x == 64 else dark(p.main, 0.1), 0.5)


def desk_frame(p: Pen) -> None:
    for x in (24, 70):
        p.box(x, 40, x + 6, 78, dark(METAL, 0.55), 0.5)
        p.box(x - 7, 77, x + 13, 80, INK, 1)
        p.box(x + 1, 30, x + 5, 42, METAL)
    p.box(22, 38, 78, 42, INK, 0.5)
    p.box(12, 27, 88, 31.5, p.main, 1)
    p.line([(50, 70), (50, 56)], p.accent, 2)
    p.shape([(45.5, 57), (54.5, 57), (50, 50)], p.accent)


def low_table(p: Pen) -> None:
    p.shape([(12, 62), (88, 62), (95, 81), (5, 81)], p.main)
    for x in (22, 40, 60, 78):
        p.shape([(x, 62), (x + 5, 62), (x + 5 + (x - 48) / 6, 81), (x + (x - 50) / 6, 81)],
                dark(p.main, 0.14))  # fmt: skip
    p.box(18, 56, 82, 62, WOOD, 1.5)
    p.box(18, 60, 82, 62, dark(WOOD), 0.5)
    p.oval(50, 54.5, 22, 5, pale(CLAY, 0.3))
    for left, top in ((44, 50.5), (52, 50), (48, 46.5), (56.5, 51)):
        p.disc(left, top, 3.6, (238, 150, 50))
        p.disc(left - 1, top - 1, 0.9, (250, 190, 110))
    p.box(68, 50, 74, 56, p.accent, 1.2)


def bookshelf(p: Pen) -> None:
    p.box(27, 13, 73, 80, dark(WOOD, 0.2), 1)
    for row in range(5):
        top = 16 + row * 12.6
        p.box(30, top, 70, top + 10.4, dark(WOOD, 0.5))
        x, number = 31.0, row
        while x < 62 - 5 * (row % 3):
            colour = (p.main, p.accent, PAPER, pale(p.main), dark(p.accent, 0.3))[number % 5]
            height = 7 + (number * 5 + row * 3) % 4 * 0.8
            width = 2.4 + (number * 7 + row) % 3 * 0.6
            p.box(x, top + 10.4 - height, x + width, top + 10.4, colour, 0.3)
            x, number = x + width + 0.4, number + 1
        if row % 3:
            p.box(62, top + 5.4, 67, top + 10.4, CLAY, 1)
            p.leaf(64.5, top + 6, 5, -90, LEAF)


def crib(p: Pen) -> None:
    for x in (18, 78):
        p.box(x, 30, x + 4, 80, WOOD, 1.5)
    p.box(20, 34, 80, 38, WOOD, 1)
    for x in range(25, 78, 6):
        p.line([(x, 38), (x, 70)], pale(WOOD, 0.25), 1.5)
    p.box(20, 55, 80, 64, WHITE, 2)
    p.box(44, 54, 80, 64, p.main, 2)
    p.box(24, 50.5, 36, 57, p.accent, 3)
    p.box(20, 66, 80, 70, WOOD, 1)
    p.line([(50, 10), (50, 18)], INK, 0.8)
    p.line([(38, 18), (62, 18)], INK, 0.8)
    for x, colour in ((38, p.main), (50, p.accent), (62, pale(p.main))):
        p.line([(x, 18), (x, 23)], INK, 0.5)
        p.disc(x, 25, 2.6, colour)


def camp_chairs(p: Pen) -> None:
    for x, colour in ((20, p.main), (53, p.accent)):
        for one, other in (((x, 80), (x + 25, 56)), ((x + 27, 80), (x + 2, 56))):
            p.line([one, other], INK, 1.6)
        p.line([(x + 2, 56), (x + 1, 30)], INK, 1.6)
        p.line([(x + 25, 56), (x + 26, 30)], INK, 1.6)
        p.shape([(x + 0.5, 30), (x + 26.5, 30), (x + 25, 50), (x + 2, 50)], colour)
        p.shape([(x + 2, 50), (x + 25, 50), (x + 27, 61), (x, 61)], dark(colour, 0.18))
        p.line([(x - 2, 47), (x + 4, 47)], INK, 2)
        p.line([(x + 23, 47), (x + 29, 47)], INK, 2)


def lamp(p: Pen) -> None:
    glow = mixed(p.wall, (255, 238, 170), 0.75)
    p.shape([(38, 36), (66, 36), (82, 74), (22, 74)], glow)
    p.oval(52, 79, 30, 5, dark(WOOD, 0.1))
    p.box(38, 76, 62, 79.5, (196, 154, 72), 1.5)
    p.line([(50, 76), (40, 52), (52, 30)], (196, 154, 72), 2)
    p.disc(40, 52, 2.2, (168, 128, 54))
    p.disc(52, 36, 4.5, (255, 246, 205))
    p.shape([(44, 20), (60, 20), (68, 36), (36, 36)], p.main)
    p.box(47, 16, 57, 21, dark(p.main), 1)


# --- kitchen --------------------------------------------------------------------------------------


def rice_cooker(p: Pen) -> None:
    p.box(26, 74, 74, 80, INK, 2)
    body = (232, 231, 232)
    p.box(22, 42, 78, 77, body, 12)
    p.oval(50, 46, 56, 30, body)
    p.oval(50, 44, 44, 18, dark(body, 0.08))
    p.box(22, 48, 78, 53, p.main)
    p.box(44, 30, 56, 36, INK, 2)
    p.box(38, 58, 62, 71, INK, 2)
    p.box(41, 60.5, 53, 66, SKY, 0.8)
    p.disc(57.5, 63, 2, p.accent)
    for x in (43, 47, 51):
        p.disc(x, 68.6, 0.9, METAL)
    for x in (42, 50, 58):
        p.arc(x - 1.2, 21, 2.4, 90, 270, pale(p.floor, 0.6), 1)
        p.arc(x - 1.2, 25.8, 2.4, -90, 90, pale(p.floor, 0.6), 1)


def espresso(p: Pen) -> None:
    p.box(26, 30, 74, 80, p.main, 4)
    p.box(31, 48, 69, 74, dark(p.main, 0.45), 2)
    p.box(28, 74, 72, 80, METAL, 1)
    p.box(24, 24, 76, 34, dark(p.main, 0.2), 3)
    p.disc(36, 41, 3, PAPER)
    p.line([(36, 41), (37.4, 39.4)], RED, 0.6)
    for x in (58, 65):
        p.disc(x, 41, 1.9, p.accent)
    p.box(42, 48, 58, 53, METAL, 1)
    p.line([(57, 51), (71, 53)], INK, 2.6)
    p.line([(50, 53), (50, 64)], (112, 72, 46), 1)
    p.box(44, 63, 56, 74, WHITE, 2)
    p.ring(57, 68, 2.4, WHITE, 1.2)
    for x in (34, 44, 54):
        p.box(x, 17, x + 8, 24, WHITE if x != 44 else p.accent, 1.5)


def basin(p: Pen) -> None:
    for x, y in ((33, 44), (44, 40), (56, 41), (67, 45)):
        for turn in (-130, -90, -50):
            p.leaf(x, y + 12, 20, turn, pale(GREEN, 0.25) if turn == -90 else GREEN, 0.5)
        p.leaf(x, y + 13, 13, -90, pale(GREEN, 0.7), 0.5)
    p.shape([(14, 52), (86, 52), (76, 80), (24, 80)], p.main)
    p.box(11, 50, 89, 55.5, dark(p.main, 0.12), 2.5)
    p.shape([(20, 58), (26, 58), (30, 76), (27, 76)], pale(p.main, 0.35))


def jar(p: Pen) -> None:
    p.box(33, 30, 67, 80, mixed(SKY, WHITE, 0.65), 6)
    p.box(35.5, 47, 64.5, 77.5, (240, 222, 186), 4)
    p.oval(50, 47, 29, 7, (247, 234, 206))
    for x, y, r in ((42, 56, 2.2), (55, 61, 2.8), (46, 68, 1.8), (58, 71, 1.6), (50, 52, 1.4)):
        p.disc(x, y, r, (226, 202, 160))
    p.box(31, 23, 69, 32, p.main, 2)
    p.shape([(31, 32), (36, 40), (43, 33), (50, 41), (57, 33), (64, 40), (69, 32)], p.main)
    p.box(40, 57, 60, 67, PAPER, 1)
    p.line([(43, 60.5), (57, 60.5)], p.accent, 1)
    p.line([(43, 63.7), (53, 63.7)], METAL, 0.8)


def plums(p: Pen) -> None:
    for x, y in ((35, 52), (45, 47), (56, 47), (66, 52), (40, 57), (50, 55), (60, 57)):
        p.disc(x, y, 7, (152, 178, 74))
        p.disc(x - 2.2, y - 2.4, 2, (190, 208, 120))
        p.arc(x + 3, y, 6, 130, 230, (128, 152, 60), 0.7)
    for x, turn in ((45, -60), (63, -110)):
        p.leaf(x, 41, 11, turn, LEAF)
    p.shape([(18, 56), (82, 56), (74, 80), (26, 80)], WOOD)
    for y in (61, 66, 71, 76):
        inset = (y - 56) / 3
        for step in range(9):
            left = 19 + inset + step * (62 - 2 * inset) / 9
            colour = dark(WOOD, 0.22) if (step + y) % 2 else pale(WOOD, 0.15)
            p.box(left, y - 2, left + (62 - 2 * inset) / 9 - 0.8, y + 1.4, colour, 0.8)
    p.box(15, 53, 85, 59, dark(WOOD, 0.15), 2.5)


def vegetables(p: Pen) -> None:
    for x, y, r in ((38, 47, 15), (26, 54, 9), (50, 54, 9), (38, 36, 9), (29, 43, 9), (47, 43, 9)):
        p.disc(x, y, r, GREEN if r > 9 else pale(GREEN, 0.18))
    for x, y in ((38, 40), (32, 50), (44, 50)):
        p.disc(x, y, 6, pale(GREEN, 0.42))
    for x, y, colour in ((60, 32, RED), (66, 35, GREEN), (72, 30, RED), (78, 37, RED)):
        p.leaf(x, y, 24, 96, colour, 0.3)
        p.line([(x, y + 1), (x - 1.5, y - 4)], dark(LEAF), 1.4)
    p.box(16, 54, 84, 80, WOOD, 1)
    for y in (54, 63, 72):
        p.box(14, y, 86, y + 7, pale(WOOD, 0.2), 1)
    for x in (17, 83):
        for middle in (57.5, 66.5, 75.5):
            p.disc(x, middle, 0.8, dark(WOOD, 0.5))


# --- machines -------------------------------------------------------------------------------------


def laptop(p: Pen) -> None:
    p.box(24, 34, 76, 70, INK, 2.5)
    p.box(26.5, 36.5, 73.5, 67, p.main, 0.6)
    p.disc(63, 46, 5, pale(p.main, 0.6))
    p.shape([(26.5, 67), (26.5, 60), (38, 50), (48, 60), (56, 54), (73.5, 66), (73.5, 67)],
            dark(p.main, 0.2))  # fmt: skip
    p.shape([(24, 70), (76, 70), (87, 78), (13, 78)], METAL)
    p.shape([(29, 71.3), (71, 71.3), (75, 74.6), (25, 74.6)], dark(METAL, 0.45))
    p.box(13, 77.4, 87, 80, dark(METAL, 0.2), 1.2)


def monitor(p: Pen) -> None:
    p.shape([(44, 62), (56, 62), (59, 78), (41, 78)], dark(METAL, 0.3))
    p.box(34, 77, 66, 80, INK, 1.2)
    p.box(13, 21, 87, 64, INK, 2.5)
    p.box(15.5, 23.5, 84.5, 60, pale(p.main, 0.15), 0.6)
    p.disc(66, 35, 7, pale(p.accent, 0.3))
    p.shape([(15.5, 60), (15.5, 50), (36, 33), (52, 50), (62, 42), (84.5, 58), (84.5, 60)],
            dark(p.main, 0.25))  # fmt: skip
    p.shape([(30.5, 38), (36, 33), (41, 38.5), (36, 40.5)], WHITE)


def tablet(p: Pen) -> None:
    p.shape([(60, 79), (76, 79), (63, 50)], dark(METAL, 0.2))
    p.box(27, 18, 71, 80, INK, 4)
    p.box(30, 22, 68, 76, pale(p.main, 0.2), 1.5)
    for row in range(4):
        for column in range(3):
            colours = (p.accent, PAPER, dark(p.main), pale(p.accent), SKY, p.main)
            x, y = 34.5 + column * 11, 27 + row * 12
            p.box(x, y, x + 7.4, y + 7.4, colours[(row * 3 + column * 2) % 6], 2)


def console(p: Pen) -> None:
    p.box(20, 38, 80, 66, INK, 3)
    p.box(14, 38, 28, 66, p.accent, 7)
    p.box(72, 38, 86, 66, p.main, 7)
    p.box(24, 38, 30, 66, p.accent)
    p.box(70, 38, 76, 66, p.main)
    p.box(31, 41, 69, 63, mixed(SKY, WHITE, 0.2), 0.6)
    p.box(31, 57, 69, 63, GREEN)
    for x in (36, 41, 58):
        p.box(x, 49, x + 4, 53, (226, 170, 70), 0.5)
    p.disc(50, 54.8, 2.6, RED)
    for x, y in ((21, 46), (79, 58)):
        p.disc(x, y, 3, INK)
    for dx, dy in ((0, -3.2), (0, 3.2), (-3.2, 0), (3.2, 0)):
        p.disc(79 + dx, 46 + dy, 1.4, INK)
        p.disc(21 + dx, 58 + dy, 1.4, INK)
    for x in (30, 56):
        p.box(x, 71, x + 14, 80, PAPER, 1)
        p.box(x + 1.5, 72.5, x + 12.5, 77, p.main if x == 30 else p.accent, 0.5)


def record_player(p: Pen) -> None:
    p.shape([(16, 50), (84, 50), (88, 72), (12, 72)], WOOD)
    p.box(12, 71, 88, 79, dark(WOOD, 0.3), 1)
    p.oval(43, 60.5, 50, 17, INK)
    p.oval(43, 60.5, 38, 12.5, dark(METAL, 0.6))
    p.oval(43, 60.5, 36.4, 11.8, INK)
    p.oval(43, 60.5, 18, 6.2, p.main)
    p.oval(43, 60.5, 2.4, 1, PAPER)
    p.disc(76, 55, 3, METAL)
    p.line([(76, 55), (73, 65), (61, 63)], pale(METAL), 1.3)
    p.disc(76, 67, 1.8, p.accent)
    p.shape([(18, 50), (82, 50), (78, 22), (22, 22)], mixed(p.wall, SKY, 0.45))
    p.line([(28, 46), (44, 26)], WHITE, 1.2)
    p.line([(34, 47), (46, 32)], WHITE, 0.8)


def keyboard(p: Pen) -> None:
    for x, lean in ((24, 52), (76, -52)):
        p.line([(x, 80), (x + lean, 54)], dark(METAL, 0.55), 2)
    p.box(8, 40, 92, 57, INK, 2)
    p.box(10, 42, 90, 45, p.main, 0.5)
    for number in range(20):
        x = 10 + number * 4
        p.box(x + 0.2, 46, x + 3.8, 56, PAPER, 0.5)
    for number in range(19):
        if number % 7 not in (2, 6):
            left = 12.8 + number * 4
            p.box(left, 46, left + 2.4, 52, INK, 0.3)
    p.shape([(38, 39), (62, 39), (60, 22), (40, 22)], PAPER)
    for y in (26, 30, 34):
        p.line([(43, y), (57, y)], METAL, 0.6)
    for x, y in ((45, 26), (50, 29), (54, 33)):
        p.disc(x, y, 1, INK)


def sewing(p: Pen) -> None:
    p.box(18, 72, 82, 80, dark(p.main, 0.3), 2)
    p.box(62, 34, 78, 74, p.main, 3)
    p.box(22, 30, 78, 46, p.main, 6)
    p.box(22, 40, 34, 60, p.main, 3)
    p.line([(28, 60), (28, 71)], METAL, 1.2)
    p.box(24, 69.6, 33, 71, dark(METAL), 0.5)
    p.disc(80, 43, 6, dark(p.main, 0.4))
    p.disc(80, 43, 2.6, METAL)
    p.box(44, 21, 51, 31, p.accent, 1)
    p.box(43, 20, 52, 22, PAPER, 0.5)
    p.line([(47, 24), (28, 28), (28, 60)], p.accent, 0.5)
    p.disc(70, 54, 3, PAPER)
    p.line([(38, 38), (56, 38)], pale(p.main, 0.5), 1.4)
    p.shape([(20, 70), (56, 70), (60, 75), (16, 75)], pale(p.accent, 0.3))


def drill(p: Pen) -> None:
    p.shape([(58, 48), (72, 48), (78, 72), (64, 72)], dark(p.main, 0.15))
    p.box(59, 70, 84, 80, INK, 2)
    p.box(40, 32, 80, 52, p.main, 5)
    p.shape([(28, 36), (42, 34), (42, 50), (28, 48)], INK)
    p.box(22, 39, 29, 45, dark(METAL), 1)
    p.line([(22, 42), (8, 42)], METAL, 1.8)
    for x in (11, 14.5, 18):
        p.line([(x, 41), (x + 1.6, 43)], dark(METAL, 0.4), 0.7)
    p.box(54, 52, 59, 60, INK, 1.5)
    for x in (64, 68, 72):
        p.line([(x, 37), (x, 45)], dark(p.main, 0.4), 1.2)
    p.box(62, 73.5, 81, 76, p.accent, 0.8)


def treadmill(p: Pen) -> None:
    p.shape([(10, 76), (76, 66), (82, 72), (82, 77), (12, 80)], INK)
    p.shape([(16, 76), (72, 67.6), (77, 71), (24, 77.8)], dark(METAL, 0.35))
    p.line([(77, 72), (68, 30)], p.main, 4)
    p.line([(68, 42), (50, 46)], INK, 2.6)
    p.shape([(56, 22), (74, 26), (71, 36), (54, 31)], INK)
    p.shape([(58.4, 24.6), (71.2, 27.6), (69.6, 33), (57.2, 29.6)], SKY)
    p.line([(60, 28.6), (63, 27), (65, 30.6), (68.5, 29.4)], RED, 0.8)
    p.disc(20, 78, 2.4, METAL)
