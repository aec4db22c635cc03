"""Keeping a result from colours that its photo does not have."""

import threading

import numpy as np
from scipy import ndimage

from sr_keras.imaging import color

# What the guard takes for low frequencies: the blur's standard deviation, and
# its radius, in LR pixels.
_GUARD_SIGMA = 2.0
GUARD_REACH = 6

# BT.601; any weights that sum to 1 would keep grey grey.
_RED, _BLUE = np.float32(0.299), np.float32(0.114)


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
    result[..., :3] = _luma(sr[..., :3]) + _chroma(kept)
    return result


def guarded(sr, lr, tile, scale, plane):
    """Give a result the low frequencies of its photo.

    What the result, made smaller, lacks of the photo is blurred, so that no
    detail is in it, and added. A pixel of the result is white where the photo
    is white all around.

    Args:
        sr: float32 ndarray (h, w, C), colours without alpha.
        lr: float32 ndarray (H, W, C).
        tile: pair of (first window, last window), as in `keep_colours`.
        scale: pair (y, x) of factors.
        plane: tiles.Plane, the maps between the two.

    Returns:
        float32 ndarray (h, w, C).
    """
    lacking = lr - plane.down(sr)
    sigma = (_GUARD_SIGMA, _GUARD_SIGMA, 0)
    blurred = ndimage.gaussian_filter(
        lacking, sigma, mode="nearest", radius=(GUARD_REACH, GUARD_REACH, 0)
    )
    result = sr + plane.up(blurred)
    white = ndimage.minimum_filter(lr.min(-1), 3, mode="nearest") >= 1
    if white.any():
        rows, columns = (
            _nearest(small, large, factor)
            for small, large, factor in zip(*tile, scale, strict=True)
        )
        result[white[np.ix_(rows, columns)]] = 1
    return result


class Measured:
    """The mean colour difference from the photo, before and after a guard.

    Attributes:
        before: float, CIE 1976 delta E of the result made smaller.
        after: float, the same after the guard.
    """

    def __init__(self):
        self._sums, self._count = np.zeros(2), 0
        self._lock = threading.Lock()

    @property
    def before(self):
        """The mean without the guard."""
        return self._sums[0] / max(self._count, 1)

    @property
    def after(self):
        """The mean with it."""
        return self._sums[1] / max(self._count, 1)

    def add(self, before, after, lr):
        """Count in a part.

        Args:
            before: float32 ndarray (H, W, C), in [0, 1] but for overshoots.
            after: the same.
            lr: float32 ndarray (H, W, C), the photo.
        """
        own = color.lab(lr)
        found = [color.lab(np.clip(x, 0, 1)) for x in (before, after)]
        sums = [np.sqrt(((x - own) ** 2).sum(-1)).sum() for x in found]
        with self._lock:
            self._sums += sums
            self._count += lr.shape[0] * lr.shape[1]


def _luma(rgb):
    """(h, w, 1); of grey the grey itself, to the last bit."""
    red, green, blue = (rgb[..., i : i + 1] for i in range(3))
    return green + _RED * (red - green) + _BLUE * (blue - green)


def _chroma(rgb):
    return rgb - _luma(rgb)


def _nearest(small, large, factor):
    """The LR pixel that each pixel of the result lies in."""
    index = (np.arange(large.start, large.stop) + 0.5) / factor
    index = index.astype(int) - small.start
    return index.clip(0, small.stop - small.start - 1)
