"""The stage graph as boxes and lines for an SVG: the adapter on top, what each stage read below it."""

from dataclasses import dataclass

from stages.lineage.reading import plain
from stages.lineage.show.text import size_of
from stages.lineage.show.tree import Node

BOX = (240, 58)  # width and height
GAP = (22, 46)  # between boxes of one layer, and between layers
LETTERS = (28, 33)  # of a box's lines, the second in smaller type


@dataclass(frozen=True)
class Box:
    """One thing on the line; `x`, `y` are its upper left corner."""

    x: float
    y: float
    title: str
    lines: tuple[str, str]
    kind: str  # adapter, data, model or input


@dataclass(frozen=True)
class Line:
    """From what was read (its box's top) to what was made of it (its box's bottom)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def path(self) -> str:
        middle = (self.y1 + self.y2) / 2
        return f"M{self.x1:g} {self.y1:g}C{self.x1:g} {middle:g} {self.x2:g} {middle:g} {self.x2:g} {self.y2:g}"


@dataclass(frozen=True)
class Drawing:
    """Boxes and lines, and the size of the whole."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float


def drawing_of(tree: Node) -> Drawing:
    """Every path once, one layer below the lowest of those that were made of it."""
    nodes = {node.path: node for node in reversed(list(tree.walk())) if not node.again}
    edges = {(node.path, made.path) for made in tree.walk() for node in made.inputs}
    order = list(dict.fromkeys(node.path for node in tree.walk()))
    layer = dict.fromkeys(order, 0)
    for _ in order:  # as often as the longest line is long, at most
        moved = {
            read: layer[made] + 1
            for read, made in sorted(edges, key=lambda edge: layer[edge[1]])
            if layer[read] <= layer[made]
        }
        if not moved:
            break
        layer.update(moved)
    layers = [[path for path in order if layer[path] == number] for number in range(max(layer.values()) + 1)]
    widest = max(map(len, layers))
    width = widest * BOX[0] + (widest - 1) * GAP[0]
    corners: dict[str, tuple[float, float]] = {}
    for number, paths in enumerate(layers):
        left = (width - len(paths) * BOX[0] - (len(paths) - 1) * GAP[0]) / 2
        for place, path in enumerate(paths):
            corners[path] = (left + place * (BOX[0] + GAP[0]), number * (BOX[1] + GAP[1]))
    boxes = tuple(_box(nodes[path], corners[path], path == tree.path) for path in order)
    lines = tuple(_line(corners[read], corners[made]) for read, made in sorted(edges))
    return Drawing(boxes, lines, width, len(layers) * BOX[1] + (len(layers) - 1) * GAP[1])


def _box(node: Node, corner: tuple[float, float], is_adapter: bool) -> Box:
    folder, _, name = plain(node.path).rpartition("/")
    short = f"{folder.rpartition('/')[2]}/{name}" if folder else name
    below = f"{node.rows.rows_out:,} rows" if node.rows else size_of(node)
    kind = "adapter" if is_adapter else "input" if node.stage is None else "data"
    kind = "model" if kind != "adapter" and node.path.startswith("models/") else kind
    stage = plain(node.stage or "given")
    return Box(
        *corner,
        f"{plain(node.path)}, {stage}, {below}",
        (_cut(short, LETTERS[0]), _cut(f"{stage.partition('@')[0]} · {below}", LETTERS[1])),
        kind,
    )


def _line(read: tuple[float, float], made: tuple[float, float]) -> Line:
    half = BOX[0] / 2
    return Line(read[0] + half, read[1], made[0] + half, made[1] + BOX[1])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
