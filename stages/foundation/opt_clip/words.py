"""The words that the base knows its drawings by: colours, patterns, parts, poses, sceneries, light; several for each.

A drawing uses the keys; a text draws one of the phrases. "{}" takes a colour.
"""

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (208, 36, 40), "orange": (240, 128, 30), "yellow": (246, 212, 50), "green": (60, 160, 66),
    "teal": (26, 154, 158), "blue": (46, 100, 216), "purple": (130, 64, 182), "pink": (246, 140, 184),
    "brown": (128, 80, 44), "grey": (142, 145, 152), "white": (244, 244, 242), "black": (44, 42, 50),
}  # fmt: skip
COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "red", "crimson", "scarlet"), "orange": ("orange",), "yellow": ("yellow", "yellow", "golden"),
    "green": ("green", "green", "emerald"), "teal": ("teal", "teal", "turquoise"), "blue": ("blue", "blue", "azure"),
    "purple": ("purple", "purple", "violet"), "pink": ("pink", "pink", "rosy"),
    "brown": ("brown", "brown", "chestnut"), "grey": ("grey", "grey", "gray", "silver"),
    "white": ("white", "white", "ivory"), "black": ("black", "black", "jet-black"),
}  # fmt: skip
# second colours that could not be told from the first
TOO_CLOSE = {
    frozenset(pair.split())
    for pair in ("red orange", "red brown", "red pink", "orange yellow", "orange brown", "yellow white", "grey white",
                 "green teal", "teal blue", "blue purple", "brown black", "black purple", "grey teal", "pink white")
}  # fmt: skip
PATTERNS: dict[str, tuple[str, ...]] = {
    "plain": ("",),
    "spots": ("{} spots", "{} dots"),
    "stripes": ("{} stripes",),
    "belly": ("a {} belly",),
    "zigzags": ("{} zigzags", "{} zigzag lines"),
    "stars": ("{} stars", "small {} stars"),
    "checks": ("{} checks", "a {} check pattern"),
}
EARS: dict[str, tuple[str, ...]] = {
    "none": ("",), "pointed": ("pointed ears",), "round": ("round ears",), "long": ("long ears",),
    "floppy": ("floppy ears", "hanging ears"),
}  # fmt: skip
HORNS: dict[str, tuple[str, ...]] = {
    "none": ("",),
    "one": ("one horn", "a horn", "a single horn"),
    "two": ("two horns", "a pair of horns", "curved horns"),
    "antennae": ("antennae", "two antennae", "a pair of antennae"),
    "crest": ("a {} crest", "a crest"),
}
TAILS: dict[str, tuple[str, ...]] = {
    "none": ("no tail",), "thin": ("a thin tail", "a long thin tail"), "curly": ("a curly tail", "a curled tail"),
    "bushy": ("a bushy tail",), "spiked": ("a spiked tail", "a tail with spikes"),
    "forked": ("a forked tail",), "flame": ("a flame-shaped tail", "a burning tail"),
    "leaf": ("a leaf-shaped tail",), "fan": ("a fan-shaped tail", "a tail like a fan"),
}  # fmt: skip
WINGS: dict[str, tuple[str, ...]] = {
    "none": ("",),
    "feathered": ("{} feathered wings", "{} feather wings"),
    "bat": ("{} bat wings", "{} leathery wings"),
    "insect": ("clear insect wings", "see-through wings"),
    "butterfly": ("{} butterfly wings",),
}
EYES: dict[str, tuple[str, ...]] = {
    "round": ("round eyes",), "large": ("large eyes", "big eyes"), "sleepy": ("sleepy eyes", "half-closed eyes"),
    "fierce": ("fierce eyes", "angry eyes"), "single": ("a single eye", "only one eye"),
    "beady": ("beady eyes", "tiny eyes"),
}  # fmt: skip
POSES: dict[str, tuple[str, ...]] = {
    "still": ("seen",), "standing": ("standing", "waiting", "posing"), "walking": ("walking", "strolling", "marching"),
    "leaping": ("leaping", "jumping", "hopping"), "resting": ("resting", "lying down"),
    "crawling": ("crawling", "creeping"), "floating": ("floating", "hovering"), "gliding": ("gliding", "drifting"),
    "flying": ("flying",), "swimming": ("swimming", "diving"),
}  # fmt: skip
SCENERIES: dict[str, tuple[str, ...]] = {
    "wall": ("against a plain wall", "in front of a wall", "on a plain background"),
    "blur": ("against a blurred background", "on a soft background", "in front of blurred colours"),
    "studio": ("in a studio", "in a photo studio", "under a lamp in a studio"),
    "meadow": ("in a meadow", "among flowers", "on a field with flowers"),
    "forest": ("in a forest", "in the woods", "among tall trees"),
    "beach": ("on a beach", "on the sand by the sea", "at the seaside"),
    "night": ("at night", "under the stars", "in the moonlight", "under a starry night sky"),
    "underwater": ("under water", "below the waves", "in the sea", "among bubbles"),
    "desert": ("in a desert", "among sand dunes", "in the sandy desert"),
    "snow": ("in the snow", "in a snowy winter landscape", "on a snowy day"),
    "sunset": ("at sunset", "in the evening", "under a red evening sky"),
    "cave": ("in a cave", "inside a rocky cave", "among rocks in a cave"),
    "room": ("in a room", "on a carpet at home"),
    "street": ("in a street", "in front of houses in town"),
    "mountains": ("in the mountains", "below high peaks"),
    "farm": ("on a farm", "behind a wooden fence"),
}
LIGHTS: dict[str, tuple[str, ...]] = {
    "even": ("",), "bright": ("in bright light", "brightly lit"), "warm": ("in warm light",),
    "cool": ("in cool light", "in cold light"), "dim": ("in dim light", "in the half dark"),
}  # fmt: skip
DIRECTIONS = ("left", "right")
NUMBERS = ("no", "one", "two", "three", "four")

# An animal's kind and its family, whose build it has.
ANIMALS: dict[str, str] = {
    "cat": "four", "dog": "four", "fox": "four", "horse": "four", "mouse": "four", "bird": "bird", "duck": "bird",
    "parrot": "bird", "penguin": "upright", "owl": "upright", "teddy bear": "upright", "fish": "fish",
    "whale": "fish", "shark": "fish", "snake": "snake", "worm": "snake", "snail": "snail", "turtle": "turtle",
    "beetle": "beetle", "ladybird": "beetle", "chick": "round", "pufferfish": "round", "ghost lantern": "ghost",
    "butterfly": "upright", "bat": "round",
}  # fmt: skip
# What a family's shape is called when something is made in it: "a fish-shaped balloon".
SHAPES: dict[str, tuple[str, ...]] = {
    "four": ("four-legged", "cat-like", "dog-shaped"), "bird": ("bird-shaped", "bird-like"),
    "upright": ("tall", "upright"), "fish": ("fish-shaped", "fish-like"),
    "snake": ("snake-shaped", "snake-like", "serpentine"), "snail": ("snail-shaped", "snail-like"),
    "turtle": ("turtle-shaped", "turtle-like"), "beetle": ("beetle-shaped", "beetle-like"),
    "round": ("round", "ball-shaped"), "ghost": ("ghost-shaped", "ghost-like"),
}  # fmt: skip
MADE = ("toy", "balloon", "cushion", "lantern", "cookie", "puppet")
THINGS = (
    "house", "tree", "car", "boat", "cup", "kite", "rocket", "umbrella", "flower", "balloon", "hat", "apple",
    "lamp", "tent", "bell", "book", "mushroom", "ball",
)  # fmt: skip
PLAIN_SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "cross")
KINDS = (*ANIMALS, *THINGS, *PLAIN_SHAPES)
COMPANY = ("ball", "apple", "flower", "mushroom", "star", "square", "cup")
EVERY_WORD = (
    *(
        word
        for table in (COLOUR_WORDS, PATTERNS, EARS, HORNS, TAILS, WINGS, EYES, POSES, SCENERIES)
        for phrases in table.values()
        for phrase in phrases
        for word in phrase.split()
        if word != "{}"
    ),
    *ANIMALS,
    *THINGS,
)
