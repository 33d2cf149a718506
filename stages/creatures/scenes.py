"""The twelve sceneries. Each leaves its horizon, shapes and shades to chance, so no two pictures share a ground."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from stages.creatures.chance import Chance
from stages.creatures.geometry import curve, ellipse, loop, ribbon, star
from stages.creatures.painter import mixed
from stages.creatures.scenery import Ground, clouds, fir, hills, palm, tree


def paint_scene(name: str, image: Image.Image, horizon: int, chance: Chance) -> None:
    """Fills the square picture with a scenery whose ground begins at row `horizon`."""
    SCENES[name](Ground(image, ImageDraw.Draw(image, "RGBA"), image.width, horizon, chance))


def _plain(ground: Ground) -> None:
    light = ground.chance.pick(
        ((238, 226, 204), (214, 228, 238), (226, 216, 236), (218, 234, 214), (240, 240, 238), (112, 118, 132))
    )
    ground.pen.rectangle((0, 0, ground.side, ground.side), fill=ground.shade(light, 12))


def _gradient(ground: Ground) -> None:
    tints = (
        (250, 214, 196),
        (176, 206, 240),
        (204, 236, 206),
        (222, 200, 240),
        (252, 240, 196),
        (96, 104, 136),
        (240, 196, 210),
    )
    corners = Image.new("RGB", (2, 2))
    corners.putdata([ground.shade(tint) for tint in ground.chance.shuffled(tints)[:4]])
    ground.image.paste(corners.resize(ground.image.size, Image.Resampling.BICUBIC))


def _studio(ground: Ground) -> None:
    chance = ground.chance
    wall = ground.shade(chance.pick(((188, 192, 200), (206, 196, 186), (150, 158, 172), (222, 220, 216))))
    ground.fade(mixed(wall, (40, 40, 60), chance.between(0, 0.35)), wall, 0, ground.horizon)
    ground.fade(mixed(wall, (30, 26, 40), 0.42), mixed(wall, (255, 255, 255), 0.35), ground.horizon, ground.side)
    x, y = chance.between(0.1, 0.9), chance.between(0.05, 0.5)
    for step in range(7):
        ground.fill(ellipse(x, y, 0.5 - step * 0.065, 0.42 - step * 0.055), (255, 255, 255, 22))
    if chance.happens(0.6):
        left = chance.between(0.02, 0.7)
        ground.fill(
            ((left, -0.1), (left + 0.26, -0.1), (left + 0.18, ground.level), (left + 0.06, ground.level)),
            (30, 26, 44, 60),
        )


def _meadow(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((140, 196, 240)), (226, 240, 246), 0, ground.horizon)
    clouds(ground, chance.whole(1, 4), (255, 255, 255, 210))
    hills(ground, ground.shade((146, 190, 136)), 0.16)
    ground.fade(ground.shade((172, 212, 116)), ground.shade((112, 168, 84)), ground.horizon, ground.side)
    for _ in range(chance.whole(12, 30)):
        x, y = chance.between(0, 1), chance.between(ground.level + 0.02, 1)
        size = 0.01 + 0.022 * (y - ground.level)
        petals = chance.pick(((255, 255, 255), (255, 226, 110), (240, 150, 170), (206, 170, 240)))
        ground.fill(star(x, y, size * 1.6, 0.6), petals)
    if chance.happens(0.5):
        tree(ground, chance.between(0.05, 0.95), ground.level + 0.04, chance.between(0.22, 0.42), (96, 152, 90))


def _forest(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((196, 220, 188)), (156, 190, 156), 0, ground.horizon)
    for x in sorted(chance.between(-0.05, 1.05) for _ in range(chance.whole(4, 8))):
        half, lean = chance.between(0.015, 0.06), chance.between(-0.06, 0.06)
        bark = mixed((112, 92, 78), (178, 200, 172), 0.65 - half * 8)
        ground.fill(ribbon([(x + lean, -0.05), (x, ground.level + 0.02)], [half * 0.8, half]), bark)
    for _ in range(chance.whole(4, 8)):
        ground.fill(
            ellipse(chance.between(0, 1), chance.between(-0.1, 0.12), 0.22, 0.13), (*ground.shade((92, 146, 88)), 230)
        )
    ground.fade(ground.shade((148, 160, 100)), ground.shade((98, 112, 70)), ground.horizon, ground.side)
    for _ in range(chance.whole(3, 7)):
        x, y = chance.between(0, 1), chance.between(ground.level, 1)
        for lean in (-0.07, -0.03, 0.03, 0.07):
            ground.fill(ribbon([(x, y), (x + lean, y - 0.1)], [0.012, 0.002]), (72, 118, 66))


def _beach(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((150, 206, 240)), (236, 244, 246), 0, ground.horizon)
    sea = ground.horizon - int(ground.side * chance.between(0.08, 0.22))
    ground.fade(ground.shade((50, 140, 180)), (140, 208, 214), max(0, sea), ground.horizon)
    x, y = chance.between(0.08, 0.92), chance.between(0.04, 0.3)
    ground.fill(ellipse(x, y, 0.07, 0.07), (255, 248, 200))
    clouds(ground, chance.whole(0, 3), (255, 255, 255, 190))
    ground.fade(ground.shade((246, 228, 180)), ground.shade((218, 190, 136)), ground.horizon, ground.side)
    shore = [
        (step / 8, ground.level + 0.012 * (-1 if step % 2 else 1) + chance.between(-0.01, 0.02))
        for step in range(-1, 10)
    ]
    ground.fill(ribbon(shore, [0.016, 0.016]), (255, 255, 255, 230))
    if chance.happens(0.6):
        palm(ground, chance.pick((chance.between(0.02, 0.25), chance.between(0.75, 0.98))))
    for _ in range(chance.whole(2, 6)):
        ground.fill(star(chance.between(0, 1), chance.between(ground.level + 0.05, 1), 0.025), (236, 150, 110))


def _night(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((30, 36, 84)), ground.shade((92, 88, 146)), 0, ground.horizon)
    for _ in range(chance.whole(20, 50)):
        ground.fill(
            star(chance.between(0, 1), chance.between(0, ground.level), chance.between(0.004, 0.013), 0.5, 4),
            (255, 250, 220),
        )
    x, y, radius = chance.between(0.1, 0.9), chance.between(0.08, 0.35), chance.between(0.06, 0.12)
    ground.fill(ellipse(x, y, radius * 1.6, radius * 1.6), (255, 250, 210, 36))
    ground.fill(ellipse(x, y, radius, radius), (250, 242, 206))
    hills(ground, ground.shade((66, 66, 116)), 0.2)
    ground.fade(ground.shade((88, 112, 122)), ground.shade((52, 66, 92)), ground.horizon, ground.side)


def _underwater(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((148, 226, 232)), ground.shade((36, 112, 164)), 0, ground.side)
    for _ in range(chance.whole(2, 5)):
        x, width, lean = chance.between(-0.1, 1), chance.between(0.04, 0.14), chance.between(-0.3, 0.3)
        ground.fill(((x, 0), (x + width, 0), (x + width * 1.8 + lean, 0.95), (x + lean, 0.95)), (255, 255, 255, 48))
    floor = chance.between(0.84, 0.93)
    bed = loop(
        [
            (-0.1, 1.2),
            (-0.1, floor),
            (0.3, floor + chance.between(-0.05, 0.05)),
            (0.7, floor + chance.between(-0.05, 0.05)),
            (1.1, floor),
            (1.1, 1.2),
        ]
    )
    ground.fill(bed, ground.shade((206, 198, 158)))
    for _ in range(chance.whole(3, 8)):
        x, height, sway = chance.between(0, 1), chance.between(0.12, 0.4), chance.between(0.01, 0.04)
        blade = [(x + (sway if step % 2 else -sway), floor + 0.06 - height * step / 6) for step in range(7)]
        ground.fill(ribbon(curve(blade, 3), [0.018, 0.004]), ground.shade((54, 132, 104)))
    for _ in range(chance.whole(8, 20)):
        x, y, radius = chance.between(0, 1), chance.between(0, 0.9), chance.between(0.006, 0.022)
        ground.fill(ellipse(x, y, radius, radius), (255, 255, 255, 120))


def _desert(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((170, 208, 226)), (250, 236, 206), 0, ground.horizon)
    x, y = chance.between(0.08, 0.92), chance.between(0.06, 0.3)
    ground.fill(ellipse(x, y, 0.08, 0.08), (255, 240, 170))
    hills(ground, ground.shade((220, 168, 124)), 0.22)
    ground.fade(ground.shade((240, 206, 150)), ground.shade((216, 166, 108)), ground.horizon, ground.side)
    for _ in range(chance.whole(1, 3)):
        y = chance.between(ground.level + 0.1, 1.05)
        ridge = loop([(-0.2, y), (chance.between(0.1, 0.9), y - chance.between(0.04, 0.12)), (1.2, y), (0.5, y + 0.08)])
        ground.fill(ridge, (*ground.shade((204, 150, 96)), 130))
    for _ in range(chance.whole(1, 3)):
        x, y, tall = chance.between(0.03, 0.97), ground.level + chance.between(0.0, 0.06), chance.between(0.12, 0.28)
        ground.fill(ribbon([(x, y), (x, y - tall)], [0.028, 0.026]), (96, 150, 98))
        ground.fill(
            ribbon([(x, y - tall * 0.4), (x + 0.075, y - tall * 0.42), (x + 0.078, y - tall * 0.75)], [0.016, 0.016]),
            (96, 150, 98),
        )
        ground.fill(
            ribbon([(x, y - tall * 0.5), (x - 0.07, y - tall * 0.52), (x - 0.074, y - tall * 0.9)], [0.016, 0.016]),
            (96, 150, 98),
        )


def _snow(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((148, 172, 202)), (218, 228, 238), 0, ground.horizon)
    for _ in range(chance.whole(1, 3)):
        x, height, half = chance.between(0, 1), chance.between(0.15, 0.4), chance.between(0.2, 0.4)
        peak = ground.level - height
        ground.fill(
            ((x - half, ground.level + 0.02), (x, peak), (x + half, ground.level + 0.02)), ground.shade((122, 138, 166))
        )
        ground.fill(
            (
                (x - half * 0.36, peak + height * 0.36),
                (x, peak),
                (x + half * 0.36, peak + height * 0.36),
                (x + half * 0.08, peak + height * 0.24),
            ),
            (250, 252, 255),
        )
    ground.fade((246, 250, 255), ground.shade((196, 212, 232)), ground.horizon, ground.side)
    for _ in range(chance.whole(0, 3)):
        fir(ground, chance.between(0, 1), ground.level + chance.between(0, 0.05), chance.between(0.15, 0.35))
    for _ in range(chance.whole(20, 50)):
        x, y, radius = chance.between(0, 1), chance.between(0, 1), chance.between(0.003, 0.01)
        ground.fill(ellipse(x, y, radius, radius), (255, 255, 255, 220))


def _sunset(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((124, 96, 158)), (252, 190, 132), 0, ground.horizon)
    x, radius = chance.between(0.12, 0.88), chance.between(0.09, 0.2)
    ground.fill(ellipse(x, ground.level - chance.between(0, 0.1), radius, radius), (255, 232, 150))
    for _ in range(chance.whole(2, 5)):
        y, left = chance.between(0.03, ground.level), chance.between(-0.2, 0.8)
        ground.fill(ellipse(left, y, chance.between(0.15, 0.35), chance.between(0.01, 0.028)), (250, 170, 160, 170))
    hills(ground, ground.shade((116, 84, 124)), 0.18)
    ground.fade(ground.shade((170, 124, 124)), ground.shade((110, 82, 104)), ground.horizon, ground.side)


def _cave(ground: Ground) -> None:
    chance = ground.chance
    ground.fade(ground.shade((120, 114, 124)), ground.shade((164, 156, 158)), 0, ground.horizon)
    mouth_x, mouth_y = chance.between(0.15, 0.85), ground.level - chance.between(0.12, 0.3)
    opening = loop(
        [
            (mouth_x + dx, mouth_y + dy)
            for dx, dy in ((-0.22, 0.1), (-0.16, -0.14), (0.04, -0.2), (0.2, -0.1), (0.22, 0.12), (0, 0.2))
        ]
    )
    ground.fill(opening, (232, 238, 220))
    ground.fade(ground.shade((148, 138, 134)), ground.shade((96, 88, 94)), ground.horizon, ground.side)
    for _ in range(chance.whole(4, 9)):
        x, half, long = chance.between(0, 1), chance.between(0.025, 0.08), chance.between(0.1, 0.38)
        ground.fill(((x - half, -0.02), (x + half, -0.02), (x + half * 0.2, long)), ground.shade((84, 78, 90)))
    for _ in range(chance.whole(1, 4)):
        x, y, half = chance.between(0, 1), chance.between(ground.level, ground.level + 0.1), chance.between(0.03, 0.1)
        ground.fill(((x - half, y), (x + half, y), (x - half * 0.1, y - half * 2.6)), ground.shade((98, 92, 102)))


SCENES: dict[str, Callable[[Ground], None]] = {
    "plain": _plain, "gradient": _gradient, "studio": _studio, "meadow": _meadow, "forest": _forest, "beach": _beach,
    "night": _night, "underwater": _underwater, "desert": _desert, "snow": _snow, "sunset": _sunset, "cave": _cave,
}  # fmt: skip
