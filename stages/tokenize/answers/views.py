"""From a picture of any size to the view that the model is given, before normalisation.

The fitting is the image processor's own (its size and its filter, through Pillow), preceded by a
trim to the ink: a processor squeezes any picture to its size, and paper carries no letters.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.answers.recipe import Tokenize
from stages.params import UserError

if TYPE_CHECKING:
    from PIL import Image

INK = 24  # levels by which a channel must differ from the paper to count as ink


@dataclass(frozen=True)
class Fit:
    """Height and width in pixels, Pillow's filter, and the trim. Plain numbers: workers need no transformers."""

    height: int
    width: int
    resample: int
    trim: bool
    margin: int
    aspect: float

    @classmethod
    def of(cls, processor: Any, params: Tokenize) -> "Fit":
        """The fit of a base's image processor; UserError when it does more than fit to a size."""
        images = processor.image_processor
        size = images.size
        height, width = getattr(size, "height", None), getattr(size, "width", None)
        if not (images.do_resize and height and width) or getattr(images, "do_center_crop", False):
            raise UserError(
                f"the base's image processor fits pictures in a way not known here (size {size}); "
                "a processor that resizes to a fixed height and width is needed."
            )
        return cls(height, width, int(images.resample), params.trim, params.trim_margin, params.trim_aspect)

    def __call__(self, picture: "Image.Image") -> "Image.Image":
        """RGB, `width` x `height`."""
        from PIL import Image

        picture = picture.convert("RGB")
        if self.trim:
            picture = trim_to_ink(picture, self.margin, self.aspect)
        return picture.resize((self.width, self.height), Image.Resampling(self.resample))


def trim_to_ink(picture: "Image.Image", margin: int, aspect: float) -> "Image.Image":
    """Cut away the paper around the ink, `margin` pixels excepted; an empty picture stays as it is.

    Paper is added left and right, in equal parts, up to `aspect` (width over height), so that the
    letters of short and long words come out at one size.
    """
    from PIL import Image, ImageChops

    paper = _paper(picture)
    differs = ImageChops.difference(picture, Image.new("RGB", picture.size, paper))
    rough = differs.getbbox()  # cheap, and small where the paper has no noise
    ink = ([0] * INK + [255] * (256 - INK)) * 3
    box = differs.crop(rough).point(ink).getbbox() if rough else None
    if rough is None or box is None:
        return picture
    left, top = rough[0] + box[0] - margin, rough[1] + box[1] - margin
    right, bottom = rough[0] + box[2] + margin, rough[1] + box[3] + margin
    lack = max(0, round(aspect * (bottom - top)) - (right - left))
    cut = Image.new("RGB", (right - left + lack, bottom - top), paper)
    cut.paste(picture, (lack // 2 - left, -top))
    return cut


def _paper(picture: "Image.Image") -> tuple[int, int, int]:
    """The commonest colour of the four corners."""
    right, bottom = picture.width - 1, picture.height - 1
    corners: list[Any] = [picture.getpixel(spot) for spot in ((0, 0), (right, 0), (0, bottom), (right, bottom))]
    return max(corners, key=corners.count)  # type: ignore[no-any-return]
