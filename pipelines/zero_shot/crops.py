"""Fathers: scaled and sheared windows of an image.

Only the window's own pixels are computed, whatever the image's size. Shrinking
is antialiased like MATLAB's `imresize`, and beyond the edge the image is
mirrored, so that a father may be smaller than its window.
"""

import math

import numpy as np

from sr_keras.imaging.kernels import cubic, steep_cubic


def window_of(shape, scale, size, rng):
    """A random window of the image scaled by `scale`.

    Args:
        shape: the image's, (H, W, ...).
        scale: pair (y, x) of the father's size over the image's.
        size: int, the window's side; None for all of the father.
        rng: numpy.random.Generator.

    Returns:
        Tuple (top, left, height, width) of ints, in father pixels.
    """
    full = [max(round(n * s), 8) for n, s in zip(shape, scale, strict=False)]
    if size is None:
        return 0, 0, *full
    # A father smaller than the window lies in its middle.
    corner = [
        rng.integers(n - size + 1) if n >= size else (n - size) // 2
        for n in full
    ]
    return int(corner[0]), int(corner[1]), size, size


def detail(image, scale, window):
    """How much there is to see in a window, to compare windows by.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of the father's size over the image's.
        window: tuple (top, left, height, width), in father pixels.

    Returns:
        float, the mean absolute difference of neighbouring pixels.
    """
    top, left, height, width = window
    rows = slice(max(int(top / scale[0]), 0), int((top + height) / scale[0]))
    columns = slice(
        max(int(left / scale[1]), 0), int((left + width) / scale[1])
    )
    part = image[rows, columns, 0]
    # An image of one row or column has no neighbours along it.
    return float(
        sum(np.abs(np.diff(part, axis=axis)).sum() for axis in (0, 1))
        / max(part.size, 1)
    )


def detailed_part(image, side):
    """The part of an image, at most `side` wide, with the most edges.

    Args:
        image: ndarray (H, W, C).
        side: int.

    Returns:
        ndarray (h, w, C); the image itself where it is no larger.
    """
    if max(image.shape[:2]) <= side:
        return image
    height, width = (min(n, side) for n in image.shape[:2])
    parts = [
        image[top : top + height, left : left + width]
        for top in _starts(image.shape[0], height)
        for left in _starts(image.shape[1], width)
    ]
    return max(
        parts,
        key=lambda p: (
            np.abs(np.diff(p, axis=0)).mean()
            + np.abs(np.diff(p, axis=1)).mean()
        ),
    )


def father_view(image, scale, shear, window, antialias=True):
    """Scale and shear the image, in one window of the result.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of the result's size over the image's.
        shear: float, the columns a row is shifted by, for each row that it
            lies below the window's middle.
        window: tuple (top, left, height, width), in the result's pixels.
        antialias: bool; without it OpenCV's bicubic (a = -0.75).

    Returns:
        float32 ndarray (height, width, C).
    """
    top, left, height, width = window
    rows = top + np.arange(height)
    columns = left + np.arange(width)
    if tuple(scale) == (1, 1) and not shear:  # no interpolation at all
        rows, columns = (
            _mirrored(x, n)
            for x, n in zip((rows, columns), image.shape, strict=False)
        )
        return image[rows[:, None], columns]
    if shear:
        slant = shear * (np.arange(height) - (height - 1) / 2)
        columns = columns[None] + slant[:, None]
    taps = _taps if antialias else _sharp_taps
    index, weights = taps(image.shape[1], columns, scale[1])
    first, last = index.min(), index.max() + 1
    index -= first
    own = taps(image.shape[0], rows, scale[0])
    view = _sampled(image[:, first:last], *own)
    if not shear:
        return np.einsum("hntc,nt->hnc", view[:, index], weights)
    pixels = view[np.arange(height)[:, None, None], index]
    return np.einsum("hwtc,hwt->hwc", pixels, weights)


def _sampled(image, index, weights):
    """The sums of weighted pixels along the first axis."""
    flat = image[index].reshape(*index.shape, -1)
    return np.einsum("ntk,nt->nk", flat, weights).reshape(
        len(index), *image.shape[1:]
    )


def _taps(length, positions, scale):
    """Indices and weights, (..., taps), of MATLAB's antialiased cubic."""
    shrink = min(scale, 1.0)
    centre = (positions + 0.5) / scale - 0.5
    taps = int(np.ceil(4 / shrink)) + 1
    first = np.floor(centre - 2 / shrink).astype(int) + 1
    index = first[..., None] + np.arange(taps)
    weights = cubic((centre[..., None] - index) * shrink)
    weights /= weights.sum(-1, keepdims=True)
    return _mirrored(index, length), weights.astype("float32")


def _sharp_taps(length, positions, scale):
    """Indices and weights of OpenCV's bicubic, which repeats the edge.

    What lies beyond the father, where its window is larger, is mirrored.
    """
    full = max(round(length * scale), 1)
    centre = (_mirrored(positions, full) + 0.5) / scale - 0.5
    index = np.floor(centre).astype(int)[..., None] + np.arange(-1, 3)
    weights = steep_cubic(centre[..., None] - index)
    return np.clip(index, 0, length - 1), weights.astype("float32")


def _mirrored(index, length):
    index = np.asarray(index) % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def _starts(length, part):
    count = math.ceil(length / part)
    return np.linspace(0, length - part, count).astype(int)
