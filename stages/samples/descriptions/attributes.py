"""What a creature is like, which part of its name each attribute makes, and how three languages say it.

Elements are phrases for what it does, bodies are nouns, features are nouns with their article, colours, tempers and
stages are adjectives. Colour and temper don't enter the name. No wording holds its own syllable at a word's start.
"""

from dataclasses import dataclass

Words = tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """A value: its part of the name, then wordings in English, German and Korean.

    `other` is a second syllable that some lines have instead, as real names are never quite regular.
    """

    syllable: str
    english: Words
    german: Words
    korean: Words
    other: str = ""


# Verb phrases: "it ...s"; in German after "es", in Korean an attribute before a noun.
ELEMENTS: dict[str, Attribute] = {
    "fire": Attribute("pyr", ("breathes flames", "spits hot embers", "sets dry grass ablaze", "glows with inner fire"),
                      ("spuckt Feuer", "atmet heiße Flammen"), ("불을 뿜는", "뜨거운 불꽃을 내는"), "ign"),
    "water": Attribute("mar", ("sprays jets of water", "splashes through rivers", "shoots streams from its mouth",
                               "dives in deep lakes"),
                       ("spritzt mit Wasser", "taucht in tiefen Seen"), ("물을 쏘는", "깊은 호수에 잠기는")),
    "plant": Attribute("ver", ("grows leaves on its back", "feeds on sunlight like a plant", "scatters green seeds",
                               "makes meadows bloom"),
                       ("lässt Blätter wachsen", "streut grüne Samen"), ("잎을 키우는", "씨앗을 뿌리는")),
    "lightning": Attribute("vol", ("gives electric shocks", "hurls lightning", "crackles with sparks",
                                   "stores the current of thunderstorms"),
                           ("verteilt Stromschläge", "schleudert Blitze"), ("전기를 내는", "번개를 던지는"), "zap"),
    "ice": Attribute("krys", ("freezes the air", "covers everything with frost", "breathes icy mist",
                             "leaves snow wherever it walks"),
                     ("lässt die Luft gefrieren", "bedeckt alles mit Frost"), ("공기를 얼리는", "서리를 뿌리는")),
    "stone": Attribute("gran", ("throws rocks", "rolls boulders uphill", "crushes stones", "is as hard as a cliff"),
                       ("wirft mit Steinen", "zermalmt Felsen"), ("바위를 던지는", "돌을 부수는")),
    "wind": Attribute("zef", ("stirs up gales", "rides on the breeze", "whips up whirlwinds", "glides on gusts of air"),
                      ("entfacht Stürme", "reitet auf dem Wind"), ("바람을 일으키는", "폭풍을 부르는")),
    "shadow": Attribute("nok", ("hides in the dark", "melts into shadows", "drinks the light of lamps",
                                "walks only at midnight"),
                        ("verbirgt sich im Dunkeln", "wandert um Mitternacht"), ("어둠에 숨는", "그림자에 녹는"),
                        "umb"),
    "poison": Attribute("tox", ("drips with venom", "spreads foul fumes", "stings with a deadly brew",
                                "makes its foes sick with bad air"),
                        ("tropft vor Gift", "verbreitet üble Dämpfe"), ("독을 떨어뜨리는", "나쁜 연기를 퍼뜨리는")),
    "song": Attribute("lyr", ("sings sweet melodies", "hums old tunes", "lulls travellers to sleep with music",
                              "makes the air ring like a bell"),
                      ("singt süße Lieder", "summt alte Weisen"), ("노래를 부르는", "음악을 들려주는")),
}  # fmt: skip

# Nouns, with their German article.
BODIES: dict[str, Attribute] = {
    "cat": Attribute("fel", ("cat", "kitten", "tomcat"), ("eine Katze", "ein Kater"), ("고양이",)),
    "dog": Attribute("kan", ("dog", "hound", "puppy"), ("ein Hund", "ein Welpe"), ("개", "강아지"), "wuf"),
    "bird": Attribute("avi", ("bird", "songbird", "fowl"), ("ein Vogel", "ein Huhn"), ("새",)),
    "fish": Attribute("pis", ("fish", "carp", "trout"), ("ein Fisch", "ein Karpfen"), ("물고기",)),
    "snake": Attribute("ser", ("snake", "viper", "python"), ("eine Schlange", "eine Natter"), ("뱀",)),
    "turtle": Attribute("tes", ("tortoise", "terrapin", "sea turtle"), ("eine Schildkröte",), ("거북이",)),
    "frog": Attribute("ran", ("frog", "toad", "bullfrog"), ("ein Frosch", "eine Kröte"), ("개구리",)),
    "bear": Attribute("urs", ("bear", "grizzly", "bear cub"), ("ein Bär", "ein Braunbär"), ("곰",)),
    "beetle": Attribute("bet", ("insect", "bug", "scarab"), ("ein Käfer", "ein Insekt"), ("딱정벌레",), "kar"),
    "fox": Attribute("vul", ("fox", "vixen", "jackal"), ("ein Fuchs", "eine Füchsin"), ("여우",)),
    "rabbit": Attribute("lep", ("rabbit", "hare", "bunny"), ("ein Hase", "ein Kaninchen"), ("토끼",)),
    "horse": Attribute("kab", ("horse", "pony", "foal"), ("ein Pferd", "ein Pony"), ("말",)),
}  # fmt: skip

# Nouns with an article, after "with" and "has"; in German after "mit" (dative).
FEATURES: dict[str, Attribute] = {
    "horn": Attribute("or", ("a curved horn", "a pointed horn on its forehead", "one long antler"),
                      ("einem Horn", "einem spitzen Horn"), ("뿔",)),
    "wings": Attribute("al", ("a pair of wings", "broad wings", "two feathered wings"),
                       ("Flügeln", "zwei breiten Flügeln"), ("날개",)),
    "tail": Attribute("ud", ("a long tail", "a bushy tail", "a tail that sweeps the ground"),
                      ("einem langen Schwanz", "einem buschigen Schwanz"), ("긴 꼬리",)),
    "crest": Attribute("is", ("a proud crest", "a tuft of feathers on its head", "a comb on its crown"),
                       ("einem Kamm", "einem Federbusch"), ("볏",)),
    "shell": Attribute("on", ("a hard shell", "plates of armour", "a thick shield on its back"),
                       ("einem harten Panzer", "einem Schild"), ("단단한 껍데기",)),
    "fangs": Attribute("ad", ("sharp fangs", "huge teeth", "two tusks"),
                       ("scharfen Zähnen", "zwei Hauern"), ("날카로운 이빨",)),
    "claws": Attribute("un", ("long claws", "hooked talons", "nails like knives"),
                       ("langen Krallen", "scharfen Klauen"), ("긴 발톱",)),
    "eyes": Attribute("ok", ("glowing eyes", "big round eyes", "a piercing stare"),
                      ("leuchtenden Augen", "großen Augen"), ("빛나는 눈",)),
    "mane": Attribute("ub", ("a shaggy mane", "flowing hair on its neck", "a thick ruff"),
                      ("einer Mähne", "einem dichten Fell am Hals"), ("갈기",)),
    "spikes": Attribute("ix", ("rows of spikes", "a spine full of thorns", "prickly quills"),
                        ("vielen Stacheln", "spitzen Dornen"), ("가시",)),
    "whiskers": Attribute("im", ("fine whiskers", "a long moustache", "trailing feelers"),
                          ("feinen Schnurrhaaren", "einem langen Schnurrbart"), ("수염",)),
}  # fmt: skip

# Stage 1 adds nothing to the name, the others an ending.
STAGES: dict[int, Attribute] = {
    1: Attribute("", ("small", "tiny", "newly hatched", "very young"), ("kleines", "junges"), ("작은", "어린")),
    2: Attribute("a", ("half-grown", "medium-sized", "adolescent"),
                 ("halbwüchsiges", "mittelgroßes"), ("중간 크기의",)),
    3: Attribute("us", ("enormous", "towering", "fully grown", "mighty"),
                 ("riesiges", "gewaltiges"), ("거대한", "커다란")),
}  # fmt: skip

COLOURS: dict[str, Attribute] = {
    "red": Attribute("", ("red", "crimson", "scarlet"), ("rotes",), ("빨간",)),
    "blue": Attribute("", ("blue", "azure", "navy"), ("blaues",), ("파란",)),
    "green": Attribute("", ("green", "emerald", "olive"), ("grünes",), ("초록색",)),
    "yellow": Attribute("", ("yellow", "golden", "lemon-coloured"), ("gelbes",), ("노란",)),
    "black": Attribute("", ("black", "jet-black", "sooty"), ("schwarzes",), ("검은",)),
    "white": Attribute("", ("white", "snow-white", "pale"), ("weißes",), ("하얀",)),
    "brown": Attribute("", ("brown", "chestnut", "tan"), ("braunes",), ("갈색",)),
    "purple": Attribute("", ("purple", "violet", "lilac"), ("violettes",), ("보라색",)),
}  # fmt: skip

TEMPERS: dict[str, Attribute] = {
    "shy": Attribute("", ("shy", "timid", "bashful"), ("scheu",), ("수줍은",)),
    "brave": Attribute("", ("brave", "fearless", "bold"), ("mutig",), ("용감한",)),
    "lazy": Attribute("", ("lazy", "sleepy", "sluggish"), ("faul",), ("게으른",)),
    "fierce": Attribute("", ("fierce", "hot-headed", "savage"), ("wild",), ("사나운",)),
    "gentle": Attribute("", ("gentle", "kind", "mild"), ("sanft",), ("온순한",)),
    "curious": Attribute("", ("curious", "nosy", "inquisitive"), ("neugierig",), ("호기심 많은",)),
    "proud": Attribute("", ("proud", "vain", "haughty"), ("stolz",), ("거만한",)),
    "playful": Attribute("", ("playful", "cheerful", "mischievous"), ("verspielt",), ("장난스러운",)),
}  # fmt: skip
