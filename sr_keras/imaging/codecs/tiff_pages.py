"""The page of a TIFF file that is the picture."""

import tifffile

from sr_keras.imaging.codecs.decoded import only_first
from sr_keras.imaging.codecs.kinds import refuse_raw

_DNG_VERSION = 50706

# Values of the tag PhotometricInterpretation that only cameras' files have:
# the colours of the sensor's pixels, before and after a filter's pattern.
_RAW = {32803, 34892}

# Bits of the tag NewSubfileType: a smaller copy, and a mask.
_REDUCED, _MASK = 1, 4


def find_picture(
    tiff: tifffile.TiffFile,
) -> tuple[tifffile.TiffPage, tuple[str, ...]]:
    """Finds the first page that is no smaller copy and no mask.

    Pyramids and previews have smaller copies before or behind the picture, and
    some have the picture in a directory below that of a preview.

    Returns:
        The page, and notes on the other pictures.

    Raises:
        ImageError: the file is a camera's raw one.
    """
    pages = [page.aspage() for page in tiff.pages]
    below = [sub.aspage() for page in pages for sub in page.pages or ()]
    raw = any(page.photometric in _RAW for page in pages + below)
    if raw or _DNG_VERSION in pages[0].tags:
        refuse_raw()
    kinds = [int(page.subfiletype) for page in pages]
    pictures = [
        page
        for page, kind in zip(pages, kinds, strict=True)
        if not kind & (_REDUCED | _MASK)
    ]
    notes = only_first(len(pictures), "several pages: pages")
    if any(kind & _MASK and not kind & _REDUCED for kind in kinds):
        notes += ("its transparency mask is not used",)
    inner = [page for page in below if not int(page.subfiletype) & _REDUCED]
    return [*pictures, *inner, pages[0]][0], notes
