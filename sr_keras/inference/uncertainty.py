"""Where a result can be trusted, told from the result alone.

Two signs of error: views of the same photo that do not agree with each other,
and a result that, made smaller again, is not the photo.
"""

import numpy as np
from scipy import ndimage

# The blur of the signs, in pixels of the result, and how far all of it looks
# in pixels of the photo.
_SIGMA = 1.0
REACH = 8

# What the disagreement with the photo counts beside that of the views.
_WEIGHT = 1.0

# The doubt, as a share of white, that a map shows brightest.
FULL = 0.08

# From sure to doubtful: dark blue, purple, orange, pale yellow. Brighter all
# the way, so that the map tells the same in grey.
_COLOURS = np.array(
    [[0.05, 0.05, 0.35], [0.55, 0.1, 0.5], [0.95, 0.45, 0.2], [1, 0.95, 0.6]]
)


def doubt(views, sr, lr, plane):
    """How far a result may be from the truth.

    Args:
        views: list of float32 ndarray (h, w, C), results of the photo in each
            of its turns.
        sr: float32 ndarray (h, w, C), the result.
        lr: float32 ndarray (H, W, C), the photo.
        plane: tiles.Plane, the maps between the two.

    Returns:
        float32 ndarray (h, w, 1), from 0 up: of no unit, larger where the
        error is likely to be larger.
    """
    spread = np.std(views, axis=0).mean(-1, keepdims=True)
    lacking = np.abs(lr - plane.down(sr)).mean(-1, keepdims=True)
    signs = spread + _WEIGHT * plane.up(lacking).clip(0)
    sigma = (_SIGMA, _SIGMA, 0)
    return ndimage.gaussian_filter(signs, sigma, mode="nearest", truncate=3)


def shown(values):
    """A heat map.

    Args:
        values: float32 ndarray (h, w, 1), as `doubt` returns it.

    Returns:
        float32 ndarray (h, w, 3): from dark blue, sure, to pale
            yellow, brighter all the way.
    """
    # The root, as most doubts are small and yet differ.
    share = np.sqrt(np.clip(values[..., 0] / FULL, 0, 1))
    at = share * (len(_COLOURS) - 1)
    known = np.arange(len(_COLOURS))
    colours = [np.interp(at, known, line) for line in _COLOURS.T]
    return np.stack(colours, axis=-1).astype("float32")
