"""What descriptions are made of: groups of kinds, and for each quality its values with several ways to say them."""

KINDS: dict[str, tuple[str, ...]] = {
    "things": (
        "tower", "house", "bridge", "boat", "lamp", "cup", "chair", "clock", "bell", "kite", "wagon", "drum", "ring",
        "key", "coat", "hat", "book", "table", "door", "mill", "rocket", "ladder", "basket", "mirror", "statue", "box",
    ),
    "places": (
        "valley", "lake", "island", "village", "garden", "castle", "market", "cave", "road", "town", "square", "camp",
        "park", "station", "inn", "school",
    ),
    "animals": (
        "cat", "dog", "fox", "horse", "mouse", "bird", "duck", "owl", "fish", "whale", "snake", "worm", "snail",
        "turtle", "beetle", "bee", "frog", "crab", "bear", "wolf", "sheep", "goat", "hare", "bat", "squirrel", "lizard",
        "spider", "swan", "seal", "butterfly",
    ),
    "people": (
        "baker", "farmer", "teacher", "sailor", "doctor", "singer", "painter", "gardener", "girl", "boy", "king",
        "queen", "child", "woman", "man", "driver", "hunter", "cook", "smith", "student",
    ),
}  # fmt: skip

# How a quality stands in a sentence: an adjective, a phrase behind the noun ("made of stone"), a part that
# it has ("a bent roof"), or something it does ("sleeps all day").
FORMS: dict[str, str] = {
    "size": "adjective", "colour": "adjective", "shape": "adjective", "age": "adjective", "mood": "adjective",
    "material": "phrase", "place": "phrase", "part": "part", "limb": "part", "clothes": "part", "deed": "deed",
    "use": "deed",
}  # fmt: skip
QUALITIES: dict[str, tuple[str, ...]] = {
    "things": ("size", "colour", "shape", "age", "material", "place", "part", "use"),
    "places": ("size", "shape", "age", "place", "part", "use"),
    "animals": ("size", "colour", "mood", "place", "limb", "deed"),
    "people": ("size", "age", "mood", "place", "clothes", "deed"),
}  # fmt: skip

Values = dict[str, tuple[str, ...]]
SAID: dict[str, Values] = {
    "size": {
        "tiny": ("tiny", "minute"), "small": ("small", "little"), "large": ("large", "big"),
        "huge": ("huge", "enormous", "giant"), "tall": ("tall", "high"), "low": ("low", "short"),
    },
    "colour": {
        "red": ("red", "crimson", "scarlet"), "orange": ("orange",), "yellow": ("yellow", "golden"),
        "green": ("green", "emerald"), "blue": ("blue", "azure"), "purple": ("purple", "violet"), "pink": ("pink",),
        "brown": ("brown", "chestnut"), "grey": ("grey", "silver"), "white": ("white", "snowy"), "black": ("black",),
    },
    "shape": {
        "round": ("round", "circular"), "square": ("square", "four-cornered"), "flat": ("flat", "level"),
        "long": ("long", "stretched"), "narrow": ("narrow", "slim"), "wide": ("wide", "broad"),
        "crooked": ("crooked", "bent"), "pointed": ("pointed", "sharp"),
    },
    "age": {"new": ("new", "fresh"), "old": ("old", "ancient"), "young": ("young", "recent")},
    "mood": {
        "calm": ("calm", "peaceful"), "shy": ("shy", "timid"), "proud": ("proud", "vain"), "angry": ("angry", "cross"),
        "happy": ("happy", "cheerful"), "lazy": ("lazy", "sleepy"), "brave": ("brave", "bold"),
        "gentle": ("gentle", "kind"), "clever": ("clever", "wise"), "playful": ("playful", "lively"),
    },
    "material": {
        "wood": ("made of wood", "of planks", "carved from oak"), "stone": ("made of stone", "built of rock"),
        "glass": ("made of glass", "of clear glass"), "iron": ("made of iron", "of black metal", "forged of steel"),
        "clay": ("made of clay", "of baked earth"), "paper": ("made of paper", "folded from paper"),
        "wool": ("made of wool", "knitted from yarn"), "gold": ("made of gold", "covered with gold"),
        "ice": ("made of ice", "cut from frozen water"), "straw": ("made of straw", "of dry grass"),
        "leather": ("made of leather", "of thick hide"), "salt": ("made of salt", "of white salt"),
    },
    "place": {
        "harbour": ("by the harbour", "near the ships"), "hill": ("on a hill", "above the valley"),
        "forest": ("in a forest", "among the trees", "deep in the woods"), "lake": ("by a lake", "beside still water"),
        "market": ("at the market", "between the stalls"), "desert": ("in the desert", "among sand dunes"),
        "river": ("at a river", "near the stream"), "snow": ("in the snow", "in the frozen north"),
        "cave": ("in a cave", "under the ground"), "field": ("in a field", "on the meadow"),
        "sea": ("at the sea", "on the beach", "near the waves"), "mountain": ("in the mountains", "on a high peak"),
    },
    "part": {
        "door": ("a heavy door", "a door that creaks"), "window": ("a window", "many windows"),
        "wheel": ("a wheel", "two wheels"), "handle": ("a handle", "a worn handle"), "roof": ("a roof", "a steep roof"),
        "rope": ("a rope", "ropes on its side"), "flag": ("a flag", "a flag on top"),
        "lid": ("a lid", "a lid that shuts"), "chain": ("a chain", "a rusty chain"), "step": ("steps", "worn steps"),
    },
    "limb": {
        "tail": ("a long tail", "a bushy tail", "a tail that curls"), "ears": ("pointed ears", "floppy ears"),
        "horns": ("two horns", "curved horns"), "wings": ("wide wings", "small wings"),
        "claws": ("claws", "sharp claws"), "teeth": ("strong teeth", "long teeth"), "shell": ("a shell", "a hard back"),
        "fur": ("thick fur", "a warm coat"), "scales": ("scales", "shiny scales"), "legs": ("long legs", "many legs"),
        "beak": ("a beak", "a curved beak"), "eyes": ("large eyes", "bright eyes"),
    },
    "clothes": {
        "hat": ("a hat", "a straw hat"), "coat": ("a coat", "a long coat"), "boots": ("boots", "muddy boots"),
        "scarf": ("a scarf", "a woollen scarf"), "apron": ("an apron", "a clean apron"),
        "gloves": ("gloves", "thick gloves"), "bag": ("a bag", "a full bag"), "stick": ("a stick", "a walking stick"),
    },
    "deed": {
        "sleep": ("sleeps all day", "likes to sleep"), "run": ("runs fast", "runs every morning"),
        "sing": ("sings at dawn", "sings loudly"), "dig": ("digs holes", "digs in the earth"),
        "swim": ("swims well", "swims in the evening"), "climb": ("climbs trees", "climbs on rocks"),
        "eat": ("eats berries", "eats bread and lemons"), "hide": ("hides at night", "hides from the rain"),
        "wait": ("waits for friends", "waits quietly"), "play": ("plays with leaves", "plays in the wind"),
    },
    "use": {
        "light": ("gives light", "shines in the dark"), "warm": ("keeps people warm", "warms the hands"),
        "sound": ("makes a sound", "rings in the wind"), "store": ("holds grain", "stores food"),
        "guard": ("guards the way", "keeps thieves out"), "float": ("floats on water", "never sinks"),
        "turn": ("turns slowly", "spins in a storm"), "smoke": ("smells of smoke", "smokes in winter"),
    },
}  # fmt: skip
ASKED: dict[str, tuple[str, ...]] = {
    "size": ("How big is it?", "What size is it?"), "colour": ("What colour is it?", "Which colour does it have?"),
    "shape": ("What shape is it?", "How is it shaped?"), "age": ("How old is it?", "What is its age?"),
    "mood": ("What is its mood?", "How does it feel?"), "material": ("What is it made of?", "Of which material?"),
    "place": ("Where is it?", "In which place?"), "part": ("Which part does it have?", "What has it got?"),
    "limb": ("Which limb is told of?", "What has its body got?"), "clothes": ("What does this one carry or wear?",),
    "deed": ("What does it do?", "How does it spend time?"), "use": ("What is it good for?", "What happens with it?"),
}  # fmt: skip
FILLERS = (
    "People speak of it often.", "Nobody knows why.", "That has been so for years.", "You can see it from afar.",
    "Many come to look.", "It is well known here.", "Some say that it is rare.", "In winter all is quiet.",
    "When it rains, few come by.", "The old folk tell stories about that.", "It was drawn in a book once.",
)  # fmt: skip

GERMAN: dict[str, dict[str, str]] = {
    "kind": {
        "tower": "Der Turm", "bridge": "Die Brücke", "house": "Das Haus", "lamp": "Die Lampe", "boat": "Das Boot",
        "clock": "Die Uhr", "dog": "Der Hund", "cat": "Die Katze", "bird": "Der Vogel", "fish": "Der Fisch",
        "bear": "Der Bär", "girl": "Das Mädchen", "king": "Der König", "village": "Das Dorf", "garden": "Der Garten",
    },
    "size": {"tiny": "winzig", "small": "klein", "large": "groß", "huge": "riesig", "tall": "hoch", "low": "niedrig"},
    "colour": {
        "red": "rot", "orange": "orange", "yellow": "gelb", "green": "grün", "blue": "blau", "purple": "lila",
        "pink": "rosa", "brown": "braun", "grey": "grau", "white": "weiß", "black": "schwarz",
    },
    "place": {
        "harbour": "am Hafen", "hill": "auf dem Hügel", "forest": "im Wald", "lake": "am See",
        "market": "auf dem Markt", "desert": "in der Wüste", "river": "am Fluss", "snow": "im Schnee",
        "cave": "in der Höhle", "field": "auf dem Feld", "sea": "am Meer", "mountain": "in den Bergen",
    },
}  # fmt: skip
KOREAN: dict[str, dict[str, str]] = {
    "kind": {
        "tower": "탑", "bridge": "다리", "house": "집", "lamp": "등불", "boat": "배", "clock": "시계", "dog": "개",
        "cat": "고양이", "bird": "새", "fish": "물고기", "bear": "곰", "girl": "소녀", "king": "왕", "village": "마을",
        "garden": "정원", "rocket": "로켓", "apple": "사과", "lemon": "레몬", "grape": "포도", "food": "음식",
    },
    "size": {"tiny": "아주 작은", "small": "작은", "large": "큰", "huge": "거대한", "tall": "높은", "low": "낮은"},
    "colour": {
        "red": "빨간", "orange": "주황", "yellow": "노란", "green": "초록", "blue": "파란", "purple": "보라",
        "pink": "분홍", "brown": "갈색", "grey": "회색", "white": "하얀", "black": "검은",
    },
    "place": {
        "harbour": "항구에", "hill": "언덕에", "forest": "숲에", "lake": "호수에",
        "market": "시장에", "desert": "사막에", "river": "강에", "snow": "눈 속에",
        "cave": "동굴에", "field": "들판에", "sea": "바다에", "mountain": "산에",
    },
}  # fmt: skip
