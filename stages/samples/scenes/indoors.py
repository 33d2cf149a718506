"""How things are drawn that people keep at home. Each fills the unit box and has the colour that it is called by."""

import math

from stages.samples.scenes.brush import Brush
from stages.samples.scenes.colours import Colour, shade, trim

STEEL: Colour = (168, 172, 180)
PAPER: Colour = (246, 241, 226)


def ball(brush: Brush, colour: Colour) -> None:
    brush.disc(0.5, 0.55, 0.45, colour)
    if brush.chance.random() < 0.5:  # two seams
        brush.arc(0.1, 0.55, (0.36, 0.42), (-62, 62), 0.03, trim(colour))
        brush.arc(0.9, 0.55, (0.36, 0.42), (118, 242), 0.03, trim(colour))
    else:
        brush.arc(0.5, 0.4, (0.4, 0.2), (20, 160), 0.035, trim(colour))
        brush.arc(0.5, 0.62, (0.43, 0.2), (14, 166), 0.035, trim(colour))
    brush.oval(0.27, 0.2, 0.45, 0.34, shade(colour, 1.55))


def box(brush: Brush, colour: Colour) -> None:
    brush.polygon([(0.04, 0.32), (0.3, 0.1), (0.98, 0.1), (0.72, 0.32)], shade(colour, 1.22))
    brush.polygon([(0.72, 0.32), (0.98, 0.1), (0.98, 0.76), (0.72, 1.0)], shade(colour, 0.68))
    brush.box(0.04, 0.32, 0.72, 1.0, colour)
    if brush.chance.random() < 0.5:  # tape
        brush.box(0.33, 0.32, 0.43, 1.0, trim(colour, 0.82))
        brush.polygon([(0.33, 0.32), (0.59, 0.1), (0.69, 0.1), (0.43, 0.32)], trim(colour, 0.86))
    else:
        for y in (0.54, 0.77):
            brush.line([(0.06, y), (0.7, y)], 0.02, trim(colour, 0.78))
    brush.line([(0.72, 0.32), (0.72, 0.99)], 0.015, trim(colour))


def cup(brush: Brush, colour: Colour) -> None:
    brush.arc(0.74, 0.52, (0.2, 0.2), (-100, 100), 0.085, shade(colour, 0.85))
    brush.polygon([(0.06, 0.2), (0.78, 0.2), (0.7, 0.94), (0.62, 1.0), (0.22, 1.0), (0.14, 0.94)], colour)
    brush.oval(0.06, 0.1, 0.78, 0.3, shade(colour, 1.3))
    brush.oval(0.12, 0.135, 0.72, 0.27, (82, 52, 34) if sum(colour) > 300 else (196, 170, 140))
    if brush.chance.random() < 0.5:
        brush.polygon([(0.1, 0.52), (0.745, 0.52), (0.73, 0.64), (0.115, 0.64)], trim(colour, 0.78))


def book(brush: Brush, colour: Colour) -> None:
    if brush.chance.random() < 0.6:  # standing, its front shown
        brush.polygon([(0.16, 0.06), (0.9, 0.0), (0.94, 0.96), (0.2, 1.0)], PAPER)
        brush.polygon([(0.14, 0.04), (0.82, 0.0), (0.82, 0.97), (0.14, 1.0)], colour)
        brush.polygon([(0.14, 0.04), (0.24, 0.034), (0.24, 0.99), (0.14, 1.0)], trim(colour, 0.7))
        brush.box(0.36, 0.2, 0.7, 0.34, PAPER if sum(colour) < 600 else STEEL, 0.02)
        brush.line([(0.4, 0.46), (0.66, 0.45)], 0.03, trim(colour))
        return
    brush.polygon([(0.76, 0.62), (0.97, 0.38), (0.97, 0.7), (0.76, 0.96)], shade(PAPER, 0.84))  # lying
    brush.box(0.06, 0.64, 0.76, 0.96, PAPER)
    for y in (0.76, 0.82):
        brush.line([(0.12, y), (0.74, y)], 0.014, (196, 190, 174))
    brush.polygon([(0.02, 0.6), (0.24, 0.34), (1.0, 0.34), (0.78, 0.6)], shade(colour, 1.1))
    brush.box(0.02, 0.58, 0.78, 0.7, colour, 0.02)
    brush.polygon([(0.78, 0.6), (1.0, 0.34), (1.0, 0.44), (0.78, 0.7)], trim(colour, 0.75))
    brush.box(0.02, 0.88, 0.78, 1.0, colour, 0.02)
    brush.polygon([(0.78, 0.9), (1.0, 0.64), (1.0, 0.74), (0.78, 1.0)], trim(colour, 0.75))
    brush.box(0.02, 0.58, 0.12, 1.0, trim(colour, 0.8), 0.03)


def chair(brush: Brush, colour: Colour) -> None:
    for x in (0.26, 0.66):
        brush.line([(x + 0.08, 0.6), (x + 0.08, 0.9)], 0.06, shade(colour, 0.62))
    brush.box(0.17, 0.0, 0.29, 0.98, colour, 0.03)
    brush.box(0.67, 0.0, 0.79, 0.64, colour, 0.03)
    slats = 3 if brush.chance.random() < 0.5 else 2
    for step in range(slats):
        y = 0.07 + step * 0.36 / slats
        brush.box(0.2, y, 0.76, y + 0.24 / slats + 0.02, shade(colour, 0.88), 0.03)
    brush.polygon([(0.14, 0.52), (0.76, 0.52), (0.9, 0.66), (0.2, 0.66)], shade(colour, 1.18))
    brush.polygon([(0.2, 0.66), (0.9, 0.66), (0.9, 0.74), (0.2, 0.74)], shade(colour, 0.8))
    for x in (0.25, 0.86):
        brush.line([(x, 0.7), (x, 0.97)], 0.08, colour)


def table(brush: Brush, colour: Colour) -> None:
    for x in (0.24, 0.76):
        brush.line([(x, 0.4), (x, 0.8)], 0.06, shade(colour, 0.6))
    brush.polygon([(0.14, 0.28), (0.86, 0.28), (1.0, 0.44), (0.0, 0.44)], shade(colour, 1.16))
    brush.box(0.0, 0.43, 1.0, 0.54, shade(colour, 0.85))
    for x in (0.07, 0.93):
        brush.line([(x, 0.5), (x, 0.97)], 0.085, colour)
    if brush.chance.random() < 0.5:
        brush.box(0.34, 0.54, 0.66, 0.66, shade(colour, 0.72))
        brush.disc(0.5, 0.6, 0.025, STEEL)
    else:
        brush.line([(0.1, 0.8), (0.9, 0.8)], 0.05, shade(colour, 0.72))


def lamp(brush: Brush, colour: Colour) -> None:
    brush.oval(0.24, 0.88, 0.76, 1.0, STEEL)
    brush.line([(0.5, 0.4), (0.5, 0.93)], 0.07, STEEL)
    brush.oval(0.36, 0.36, 0.64, 0.58, (255, 244, 190))
    if brush.chance.random() < 0.5:
        brush.polygon([(0.3, 0.02), (0.7, 0.02), (0.96, 0.5), (0.04, 0.5)], colour)
        brush.polygon([(0.04, 0.5), (0.96, 0.5), (0.93, 0.43), (0.07, 0.43)], trim(colour, 0.78))
    else:  # a dome
        points = [(0.5 - 0.46 * math.cos(math.pi * k / 20), 0.5 - 0.48 * math.sin(math.pi * k / 20)) for k in range(21)]
        brush.polygon(points, colour)
        brush.line([(0.06, 0.49), (0.94, 0.49)], 0.05, trim(colour, 0.78))


def star(brush: Brush, colour: Colour) -> None:
    turn = brush.chance.uniform(-0.15, 0.15)
    inner = brush.chance.uniform(0.2, 0.25)
    tips = []
    for step in range(10):
        angle, radius = turn - math.pi / 2 + math.pi * step / 5, (0.5, inner)[step % 2]
        tips.append((0.5 + radius * math.cos(angle), 0.52 + radius * math.sin(angle)))
    brush.polygon(tips, colour)
    for step in range(0, 10, 2):
        facet = shade(colour, 0.84) if sum(colour) > 180 else shade(colour, 1.16)
        brush.polygon([(0.5, 0.52), tips[step], tips[(step + 1) % 10]], facet)


def kite(brush: Brush, colour: Colour) -> None:
    brush.polygon([(0.44, 0.0), (0.8, 0.26), (0.44, 0.72), (0.1, 0.26)], colour)
    brush.polygon([(0.44, 0.0), (0.8, 0.26), (0.44, 0.26)], shade(colour, 0.78) if sum(colour) > 180 else (70, 70, 74))
    brush.polygon([(0.44, 0.72), (0.1, 0.26), (0.44, 0.26)], shade(colour, 0.84) if sum(colour) > 180 else (60, 60, 64))
    brush.line([(0.44, 0.01), (0.44, 0.71)], 0.02, trim(colour, 0.5))
    tail = [(0.44, 0.72), (0.52, 0.8), (0.5, 0.88), (0.64, 0.92), (0.74, 0.99)]
    brush.line(tail, 0.022, trim(colour, 0.5))
    for x, y in (tail[1], tail[3]):
        brush.polygon([(x - 0.07, y - 0.04), (x, y), (x - 0.07, y + 0.04)], colour)
        brush.polygon([(x + 0.07, y - 0.04), (x, y), (x + 0.07, y + 0.04)], colour)
