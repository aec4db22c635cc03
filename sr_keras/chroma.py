"""Keeping a result from colours that its photo does not have."""

import numpy as np
from scipy import ndimage

# BT.601; any weights that sum to 1 would keep grey grey.
_LUMA = np.array([0.299, 0.587, 0.114], "float32")


def keep_colours(sr, lr, tile, scale):
    """Clip the colour differences of a result to those around it in the LR.

    A network that learned from coloured edges puts a little colour on grey
    ones. The distance of R, G and B from luma is limited to what the LR image
    has within one pixel; luma, which has the detail, is left alone. Where the
    photo is grey the result is, exactly.

    Args:
        sr: float32 ndarray (h, w, C), C at least 3; what follows the three
            colours (alpha) is not changed.
        lr: float32 ndarray (H, W, C).
        tile: pair of (first window, last window), pairs of slices that say
            which part of their images `lr` and `sr` are.
        scale: pair (y, x) of factors.

    Returns:
        float32 ndarray (h, w, C).
    """
    chroma = _chroma(lr[..., :3])
    rows, columns = (
        _nearest(small, large, factor)
        for small, large, factor in zip(*tile, scale, strict=True)
    )
    around = (3, 3, 1)
    low = ndimage.minimum_filter(chroma, around, mode="nearest")
    high = ndimage.maximum_filter(chroma, around, mode="nearest")
    place = np.ix_(rows, columns)
    kept = _chroma(sr[..., :3]).clip(low[place], high[place])
    result = sr.copy()
    result[..., :3] = (sr[..., :3] @ _LUMA)[..., None] + _chroma(kept)
    return result


def _chroma(rgb):
    return rgb - (rgb @ _LUMA)[..., None]


def _nearest(small, large, factor):
    """The LR pixel that each pixel of the result lies in."""
    index = (np.arange(large.start, large.stop) + 0.5) / factor
    index = index.astype(int) - small.start
    return index.clip(0, small.stop - small.start - 1)
