"""From a picture of any size to the square view that the model is given, before normalisation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.params import UserError

if TYPE_CHECKING:
    from PIL import Image

How = Literal["squeeze", "pad", "crop"]
GREY = (123, 117, 104)  # about the mean colour that CLIP's and IDEFICS's pictures are centred on


@dataclass(frozen=True)
class Fit:
    """Side in pixels, Pillow's filter, and what becomes of a picture that is no square.

    `squeeze` is the processor's own fitting; `pad` adds grey on both sides, `crop` cuts the longer side.
    """

    side: int
    resample: int
    how: How

    @classmethod
    def of(cls, processor: Any, how: How) -> "Fit":
        """The fit of a base's image processor; UserError when it does more than fit to a square."""
        images = processor.image_processor
        height, width = getattr(images.size, "height", None), getattr(images.size, "width", None)
        if not (images.do_resize and height and height == width) or getattr(images, "do_center_crop", False):
            raise UserError(
                f"the base's image processor fits pictures in a way not known here (size {images.size}); "
                "a processor that resizes to a square is needed."
            )
        return cls(height, int(images.resample), how)

    def __call__(self, picture: "Image.Image") -> "Image.Image":
        """RGB, `side` x `side`."""
        from PIL import Image, ImageOps

        picture, resample = picture.convert("RGB"), Image.Resampling(self.resample)
        size = (self.side, self.side)
        if self.how == "pad":
            return ImageOps.pad(picture, size, resample, color=GREY)
        if self.how == "crop":
            return ImageOps.fit(picture, size, resample)
        return picture.resize(size, resample)
