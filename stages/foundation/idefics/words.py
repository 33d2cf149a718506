"""The words of the scenes, and the colours that they stand for."""

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (204, 44, 44), "orange": (236, 134, 38), "yellow": (240, 212, 64), "green": (62, 156, 74),
    "blue": (52, 96, 200), "purple": (132, 70, 170), "pink": (238, 140, 178), "brown": (122, 80, 48),
    "black": (34, 34, 38), "white": (244, 244, 244), "grey": (140, 142, 148),
}  # fmt: skip
SKIN: tuple[Colour, ...] = ((246, 214, 182), (222, 176, 136), (176, 124, 86), (112, 74, 52))

# How a person stands in each of the surroundings, and a thing.
PLACES = {
    "grass": "on the grass", "water": "in the water", "snow": "in the snow", "sand": "on the sand",
    "road": "on the road", "hall": "in a hall", "ice": "on the ice", "sky": "in the sky", "mat": "on a mat",
    "forest": "in a forest",
}  # fmt: skip
LIGHTS = {
    "even": (1.0, 1.0, 1.0), "bright": (1.1, 1.1, 1.08), "warm": (1.07, 0.98, 0.86), "cool": (0.88, 0.97, 1.07),
    "dim": (0.7, 0.7, 0.74),
}  # fmt: skip

# Angles in degrees from straight down, forwards positive: lean of the trunk; thigh and shin of either leg.
POSES: dict[str, tuple[float, ...]] = {
    "standing": (2, 8, 5, -8, -9), "walking": (5, 27, 8, -20, -36), "running": (17, 66, -12, -28, -84),
    "jumping": (6, 72, -22, 38, -58), "striding": (0, 38, 38, -38, -38), "sitting": (-4, 88, 4, 78, -4),
    "kneeling": (2, 86, 0, 0, -92), "crouching": (34, 104, -34, 92, -42), "bending": (78, 6, -3, -5, -8),
    "lunging": (18, 74, -4, -46, -52), "leaning back": (-34, 22, 12, 6, 0), "kicking": (-14, 78, 64, -4, -8),
    "balancing": (30, 6, 2, -64, -70), "lying": (0, 5, 2, -5, -8), "upside down": (0, 7, 3, -7, -5),
}  # fmt: skip
ROLLED = {"lying": 90.0, "upside down": 180.0}  # the whole figure, in degrees
LIFTED = {"jumping": (0.05, 0.22), "upside down": (0.0, 0.25)}  # off the ground, in shares of the picture
# Upper arm and forearm of either arm, measured as above.
ARMS: dict[str, tuple[float, float, float, float]] = {
    "down": (10, 16, -8, -2), "up": (165, 172, -168, -176), "forward": (84, 90, 72, 80), "out": (88, 92, -90, -92),
    "on the hips": (-42, 48, 44, -46), "one up": (164, 172, -6, 8), "back": (-58, -46, -48, -40),
    "folded": (38, 128, 22, 112), "low forward": (40, 46, 30, 38), "swinging": (44, 76, -50, 24),
}  # fmt: skip
HATS = ("none", "cap", "helmet")
RELATIONS = ("left", "right", "above", "below")
NUMBERS = ("zero", "one", "two", "three", "four", "five")
BALLS = ("plain", "striped", "dotted", "checked")
