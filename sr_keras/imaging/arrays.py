"""Checks of the images and numbers that Python functions are given."""

import numbers

import numpy as np

# Networks overshoot [0, 1] by less than its width. What goes further has
# another range: -1 to 1, or the integers of a file.
_BELOW, _ABOVE = -1, 2

# A side that no image has, and all images with the channels first have.
_CHANNELS, _SIDE = (1, 3, 4), 16


def check_image(image, name="the image"):
    """Check one image.

    Args:
        image: array (H, W, C), floating.
        name: str, for the messages.

    Returns:
        The same as float32 ndarray.

    Raises:
        TypeError: it is not floating.
        ValueError: it has another shape, NaN, or another range.
    """
    image = np.asarray(image)
    if image.dtype.kind != "f":
        raise TypeError(
            f"{name} has to be floating, in [0, 1], not {image.dtype}: "
            "divide it by 255 (8 bits) or 65535 (16), or read it with "
            "sr_keras.imaging.images"
        )
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(
            f"{name} has to have the shape (height, width, channels), not "
            f"{image.shape}: give one image, grey as (height, width, 1)"
        )
    check_range(image, name)
    return image.astype("float32", copy=False)


def check_range(array, name):
    """Check that numbers are those of an image, but for overshoot.

    Args:
        array: floating ndarray, not empty.
        name: str, for the messages.

    Raises:
        ValueError: NaN, infinity, or a range that is far from [0, 1].
    """
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"{name} has {count} values that are not finite, NaN or infinity: "
            "replace them, or mend what made them"
        )
    if low > _BELOW and high < _ABOVE:
        return
    raise ValueError(
        f"{name} has to be in [0, 1]; its values go from {low:g} to {high:g}: "
        f"{_way_to_range(low, high)}"
    )


def check_axes(image, channels, name="the image"):
    """Refuse an image whose channels come first.

    Args:
        image: ndarray (H, W, C).
        channels: int, of the network that is to see it.
        name: str, for the messages.

    Raises:
        ValueError: it seems to be (C, H, W).
    """
    first, *others = image.shape
    if first in _CHANNELS and min(others) >= _SIDE and others[-1] != channels:
        raise ValueError(
            f"{name} has the shape {image.shape}, which looks like (channels, "
            "height, width): the channels come last; use "
            "numpy.moveaxis(image, 0, -1)"
        )


def check_number(value, name, least):
    """Check a whole number.

    Args:
        value: int.
        name: str, for the messages.
        least: int, the smallest allowed.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is too small.
    """
    if not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} takes a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} takes {least} or more, not {value}")


def check_numbers(value, name):
    """Check that something is a number, or made of numbers.

    Args:
        value: number, pair of numbers, or None.
        name: str, for the message.

    Raises:
        TypeError: it is something else.
    """
    if value is None:
        return
    parts = np.ravel(value).tolist()
    if not all(isinstance(x, numbers.Real) for x in parts):
        raise TypeError(
            f"{name} takes a number or a pair of them, not {value!r}"
        )


def check_type(value, kind, advice):
    """Check the type of an argument.

    Args:
        value: anything.
        kind: class.
        advice: str, what to do, for the message.

    Raises:
        TypeError: it is of another type.
    """
    if not isinstance(value, kind):
        raise TypeError(
            f"{type(value).__name__} is no {kind.__name__}: {advice}"
        )


def _way_to_range(low, high):
    for white in (255, 65535):
        if low >= 0 and high <= white:
            return f"divide by {white}"
    if low >= -1 and high <= 1:
        return "add 1 and divide by 2"
    return "bring them to that range"
