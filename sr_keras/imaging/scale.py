"""Scales and sizes: reading them, and what follows from them."""

import math
import re

import numpy as np

from sr_keras.imaging.arrays import check_numbers

MAX_FACTOR = 16


def parse_scale(value, limit: float = MAX_FACTOR) -> tuple[float, float]:
    """Read an enlargement factor.

    Args:
        value: number, pair (sy, sx), or str: "2", "2.37", or "1.5x2", which
            is width by height, as in 1920x1080.
        limit: largest factor allowed; the smallest is 1.

    Returns:
        Pair of floats (sy, sx): the height's factor, then the width's.

    Raises:
        ValueError: for anything else.
    """
    rule = (
        f"the scale has to be a number from 1 to {limit:g} or two of them, "
        "width by height, as in 1.5x2"
    )
    try:
        if isinstance(value, str):
            parts = re.split("[xX×]", value.strip())[::-1]
        else:
            parts = np.ravel(value).tolist()
        factors = [float(part) for part in parts]
    except (TypeError, ValueError):
        raise ValueError(f"{rule}; got {value!r}") from None
    if len(factors) not in (1, 2) or not all(1 <= f <= limit for f in factors):
        raise ValueError(f"{rule}; got {value!r}")
    return factors[0], factors[-1]


def output_size(shape, scale):
    """The size MATLAB gives an image that is resized by a scale.

    Args:
        shape: (H, W, ...).
        scale: pair (sy, sx), output over input.

    Returns:
        Pair of ints (ceil(H * sy), ceil(W * sx)). A product that is whole
        but for its rounding, 3 * (1/3 + 1e-16), counts as whole.
    """
    lengths = (m * s for m, s in zip(shape, scale, strict=False))
    return tuple(max(math.ceil(n * (1 - 1e-12)), 1) for n in lengths)


def geometry(shape, scale, size):
    """Complete what the caller of `resize.imresize` gave.

    Args:
        shape: pair (H, W) of the input.
        scale: number, pair (sy, sx) or None.
        size: pair (height, width) or None.

    Returns:
        The pair of scales, and the output's (height, width).

    Raises:
        ValueError: for values that cannot be used, or neither.
        TypeError: for something else than numbers.
    """
    check_numbers(scale, "scale")
    check_numbers(size, "size")
    if scale is None and size is None:
        raise ValueError("give scale, size or both to say how much to resize")
    if scale is not None and np.size(scale) not in (1, 2):
        raise ValueError(f"scale has two values at most; got {scale}")
    if size is not None:
        if np.size(size) != 2:
            raise ValueError(f"size is (height, width); got {size}")
        size = check_size(tuple(size))
    if scale is None:
        return tuple(n / m for n, m in zip(size, shape, strict=True)), size
    scale = check_scale(np.ravel(scale).tolist())
    scale = (scale[0], scale[-1])
    if size is None:
        size = output_size(shape, scale)
    return scale, size


def check_scale(scale):
    """Check scales, a sequence; a tuple of floats, or ValueError."""
    if not all(math.isfinite(s) and s > 0 for s in scale):
        raise ValueError(f"a scale is positive and finite; got {scale}")
    return tuple(float(s) for s in scale)


def check_size(size):
    """Check lengths, a sequence; a tuple of ints, or ValueError."""
    if not all(math.isfinite(s) and s >= 1 and s == int(s) for s in size):
        raise ValueError(f"sizes are whole numbers from 1 up; got {size}")
    return tuple(int(s) for s in size)
