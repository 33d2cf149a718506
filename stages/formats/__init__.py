"""Captioned pictures in other tools' formats, in and out."""

FORMATS = ("imagefolder", "cc3m", "coco", "flickr30k", "label_studio", "sheet", "llava", "trl")
