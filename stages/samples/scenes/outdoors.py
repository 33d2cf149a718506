"""How plants, animals and what stands or moves outside are drawn. Each fills the unit box."""

import math

from stages.samples.scenes.brush import Brush
from stages.samples.scenes.colours import Colour, shade, trim

BARK: Colour = (112, 80, 54)
LEAF: Colour = (74, 138, 62)
GLASS: Colour = (188, 216, 230)
TYRE: Colour = (44, 44, 48)
EYE: Colour = (24, 22, 22)


def tree(brush: Brush, colour: Colour) -> None:
    """Its colour is the crown's."""
    brush.polygon([(0.44, 0.5), (0.56, 0.5), (0.6, 1.0), (0.4, 1.0)], BARK)
    if brush.chance.random() < 0.4:
        for top, half in ((0.36, 0.44), (0.17, 0.35), (0.0, 0.25)):
            brush.polygon([(0.5, top), (0.5 + half, top + 0.42), (0.5 - half, top + 0.42)], shade(colour, 1 - top / 3))
        return
    for _ in range(9):
        angle, reach = brush.chance.uniform(0, 2 * math.pi), brush.chance.uniform(0.1, 0.25)
        x, y = 0.5 + reach * math.cos(angle), 0.34 + 0.8 * reach * math.sin(angle)
        brush.disc(x, y, 0.2, shade(colour, 0.8 + 0.3 * (0.5 - y)))
    brush.disc(0.5, 0.36, 0.24, colour)
    for _ in range(16):
        x, y = brush.chance.gauss(0.5, 0.14), brush.chance.gauss(0.33, 0.11)
        brush.disc(x, y, 0.03, trim(colour, 0.84) if brush.chance.random() < 0.5 else shade(colour, 1.16))


def flower(brush: Brush, colour: Colour) -> None:
    """Its colour is the petals'."""
    brush.line([(0.5, 0.4), (0.47, 0.7), (0.51, 0.98)], 0.05, LEAF)
    brush.polygon([(0.49, 0.82), (0.66, 0.6), (0.8, 0.62), (0.7, 0.76)], LEAF)
    brush.polygon([(0.49, 0.92), (0.32, 0.7), (0.18, 0.72), (0.28, 0.86)], shade(LEAF, 0.85))
    petals = brush.chance.choice((5, 6, 7))
    for step in range(petals):
        angle = 2 * math.pi * step / petals
        brush.disc(
            0.5 + 0.2 * math.cos(angle), 0.3 + 0.2 * math.sin(angle), 0.13, shade(colour, 0.9 + 0.1 * (step % 2))
        )
    centre = (250, 214, 90) if colour[2] > 90 or colour[1] < 120 else (110, 66, 40)
    brush.disc(0.5, 0.3, 0.11, centre)


def house(brush: Brush, colour: Colour) -> None:
    """Its colour is the walls'."""
    roof = (150, 70, 56) if colour[2] > 70 or colour[0] < 150 else (84, 88, 100)
    brush.box(0.72, 0.06, 0.83, 0.34, shade(roof, 0.8))
    brush.box(0.08, 0.4, 0.92, 1.0, colour)
    for row in range(5):
        brush.line([(0.09, 0.5 + row * 0.1), (0.91, 0.5 + row * 0.1)], 0.012, trim(colour, 0.86))
    brush.polygon([(0.0, 0.44), (0.5, 0.02), (1.0, 0.44)], roof)
    brush.box(0.42, 0.64, 0.6, 1.0, (96, 62, 40), 0.02)
    for x in (0.16, 0.68):
        brush.box(x, 0.56, x + 0.18, 0.76, (250, 250, 246))
        brush.box(x + 0.02, 0.58, x + 0.16, 0.74, GLASS)
        brush.line([(x + 0.09, 0.58), (x + 0.09, 0.74)], 0.016, (250, 250, 246))


def car(brush: Brush, colour: Colour) -> None:
    brush.polygon([(0.18, 0.52), (0.32, 0.28), (0.68, 0.28), (0.84, 0.52)], shade(colour, 0.92))
    brush.polygon([(0.26, 0.51), (0.36, 0.34), (0.49, 0.34), (0.49, 0.51)], GLASS)
    brush.polygon([(0.53, 0.51), (0.53, 0.34), (0.65, 0.34), (0.75, 0.51)], GLASS)
    brush.box(0.0, 0.5, 1.0, 0.82, colour, 0.09)
    brush.line([(0.51, 0.52), (0.51, 0.78)], 0.014, trim(colour))
    brush.box(0.03, 0.7, 0.97, 0.76, trim(colour, 0.76))
    brush.oval(0.92, 0.56, 1.0, 0.66, (255, 240, 170))
    brush.oval(0.0, 0.56, 0.06, 0.66, (200, 60, 50))
    for x in (0.23, 0.77):
        brush.disc(x, 0.84, 0.14, TYRE)
        brush.disc(x, 0.84, 0.065, (186, 188, 194))


def boat(brush: Brush, colour: Colour) -> None:
    """Its colour is the hull's."""
    if brush.chance.random() < 0.6:  # a sail
        brush.line([(0.48, 0.02), (0.48, 0.7)], 0.035, BARK)
        brush.polygon([(0.52, 0.04), (0.52, 0.6), (0.88, 0.6)], (250, 246, 232))
        brush.polygon([(0.44, 0.14), (0.44, 0.6), (0.18, 0.6)], (234, 228, 210))
    else:
        brush.box(0.3, 0.4, 0.66, 0.7, (240, 238, 230), 0.03)
        brush.box(0.52, 0.18, 0.62, 0.44, (70, 72, 80))
        for x in (0.38, 0.48, 0.58):
            brush.disc(x, 0.54, 0.034, GLASS)
    brush.polygon([(0.0, 0.66), (1.0, 0.66), (0.82, 0.98), (0.16, 0.98)], colour)
    brush.polygon([(0.0, 0.66), (1.0, 0.66), (0.96, 0.73), (0.035, 0.73)], trim(colour, 0.74))


def fish(brush: Brush, colour: Colour) -> None:
    brush.polygon([(0.28, 0.55), (0.0, 0.3), (0.06, 0.55), (0.0, 0.8)], shade(colour, 0.8))
    brush.polygon([(0.42, 0.34), (0.6, 0.14), (0.76, 0.36)], shade(colour, 0.8))
    brush.oval(0.2, 0.28, 1.0, 0.82, colour)
    brush.polygon([(0.5, 0.6), (0.42, 0.84), (0.64, 0.66)], trim(colour, 0.78))
    for x in (0.4, 0.52, 0.64):
        brush.arc(x, 0.55, (0.06, 0.13), (-70, 70), 0.022, trim(colour, 0.76))
    brush.arc(0.78, 0.55, (0.05, 0.2), (110, 250), 0.024, trim(colour))
    brush.disc(0.87, 0.48, 0.055, (250, 250, 250))
    brush.disc(0.88, 0.48, 0.03, EYE)


def bird(brush: Brush, colour: Colour) -> None:
    for x in (0.44, 0.56):
        brush.line([(x, 0.78), (x, 0.96), (x + 0.06, 0.98)], 0.03, (214, 130, 40))
    brush.polygon([(0.26, 0.6), (0.0, 0.48), (0.02, 0.7), (0.24, 0.76)], shade(colour, 0.78))
    brush.oval(0.18, 0.36, 0.8, 0.86, colour)
    brush.disc(0.74, 0.3, 0.19, colour)
    brush.polygon([(0.9, 0.24), (1.0, 0.32), (0.89, 0.38)], (240, 160, 40) if colour[0] < 220 else (90, 84, 80))
    if brush.chance.random() < 0.5:
        brush.polygon([(0.34, 0.46), (0.64, 0.54), (0.5, 0.74), (0.16, 0.68)], trim(colour, 0.74))
    else:  # the wing raised
        brush.polygon([(0.32, 0.5), (0.6, 0.52), (0.42, 0.04), (0.22, 0.12)], trim(colour, 0.78))
    brush.disc(0.79, 0.26, 0.045, (250, 250, 250))
    brush.disc(0.8, 0.26, 0.025, EYE)


def cat(brush: Brush, colour: Colour) -> None:
    """Sitting, seen from the front: pointed ears, whiskers, the tail up."""
    brush.arc(0.78, 0.72, (0.16, 0.24), (-80, 110), 0.085, shade(colour, 0.85))
    brush.polygon([(0.34, 0.44), (0.62, 0.44), (0.78, 0.98), (0.2, 0.98)], colour)
    for x in (0.38, 0.58):
        brush.oval(x - 0.1, 0.86, x + 0.1, 1.0, shade(colour, 1.12))
    for x, inner in ((0.22, 0.44), (0.74, 0.52)):
        brush.polygon([(x, 0.0), (inner, 0.14), (x + (0.02 if x < 0.5 else -0.02), 0.34)], colour)
    brush.oval(0.18, 0.08, 0.78, 0.54, colour)
    for x in (0.37, 0.59):
        brush.oval(x - 0.055, 0.24, x + 0.055, 0.34, (214, 226, 120))
        brush.oval(x - 0.02, 0.24, x + 0.02, 0.34, EYE)
    brush.polygon([(0.44, 0.38), (0.52, 0.38), (0.48, 0.43)], (226, 120, 130))
    for dy in (-0.02, 0.03):
        brush.line([(0.36, 0.42), (0.12, 0.42 + 2 * dy)], 0.012, trim(colour, 0.5))
        brush.line([(0.6, 0.42), (0.84, 0.42 + 2 * dy)], 0.012, trim(colour, 0.5))
    for y in (0.62, 0.72) if brush.chance.random() < 0.5 else ():
        brush.line([(0.32, y), (0.44, y + 0.03)], 0.028, trim(colour, 0.74))
        brush.line([(0.64, y), (0.54, y + 0.03)], 0.028, trim(colour, 0.74))


def dog(brush: Brush, colour: Colour) -> None:
    """Standing, seen from the side: hanging ears, a long snout, a collar."""
    for x, front in ((0.2, False), (0.3, True), (0.56, False), (0.66, True)):
        brush.line([(x, 0.66), (x, 0.95)], 0.085, colour if front else shade(colour, 0.7))
    brush.arc(0.06, 0.34, (0.12, 0.22), (-40, 80), 0.06, colour)
    brush.box(0.12, 0.44, 0.74, 0.76, colour, 0.14)
    brush.polygon([(0.56, 0.5), (0.62, 0.26), (0.82, 0.34), (0.74, 0.62)], colour)
    brush.disc(0.73, 0.26, 0.16, colour)
    brush.box(0.74, 0.25, 1.0, 0.4, shade(colour, 1.1), 0.06)
    brush.oval(0.93, 0.22, 1.01, 0.3, EYE if sum(colour) > 160 else (96, 96, 100))
    brush.polygon([(0.6, 0.14), (0.72, 0.16), (0.68, 0.42), (0.56, 0.46)], trim(colour, 0.7))
    brush.line([(0.6, 0.47), (0.77, 0.44)], 0.04, (206, 60, 60) if colour[0] < 170 else (60, 80, 170))
    brush.disc(0.79, 0.23, 0.034, (250, 250, 250))
    brush.disc(0.795, 0.23, 0.022, EYE)
    if brush.chance.random() < 0.4:
        brush.oval(0.26, 0.48, 0.48, 0.64, trim(colour, 0.76))
