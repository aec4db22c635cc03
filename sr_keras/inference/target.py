"""The part of a photo that is enlarged, and the size that it gets."""

import math

from sr_keras.imaging import resize


def region(text, shape):
    """The part of an image that --crop asks for.

    Args:
        text: str "x,y,w,h"; None for all of it.
        shape: (H, W, ...).

    Returns:
        Pair of slices.

    Raises:
        ValueError: it is no such text, or not within the image.
    """
    height, width = shape[:2]
    if not text:
        return slice(0, height), slice(0, width)
    try:
        x, y, w, h = (int(part) for part in str(text).split(","))
    except ValueError:
        raise ValueError(
            f"--crop takes X,Y,W,H in whole pixels, not {text!r}"
        ) from None
    if min(x, y) < 0 or min(w, h) < 1 or x + w > width or y + h > height:
        raise ValueError(
            f"--crop {text} does not lie within the photo's {width}x{height}"
        )
    return slice(y, y + h), slice(x, x + w)


def target(job, shape):
    """What --scale, --width and --height ask for.

    Args:
        job: dict with these; one, or both of the last two, is not None.
        shape: (H, W, ...) of the image.

    Returns:
        The pair of factors and the size of the result.

    Raises:
        ValueError: what is asked for is not an enlargement.
    """
    if job["scale"] is not None:
        scale = resize.parse_scale(job["scale"])
        if max(scale) <= 1:
            raise ValueError(
                f"--scale {job['scale']} leaves nothing to do: give more than 1"
            )
        return scale, resize.output_size(shape, scale)
    factors = [
        _factor_to(flag, job[flag], own)
        for flag, own in zip(("height", "width"), shape, strict=False)
        if job[flag] is not None
    ]
    if max(factors) <= 1:
        raise ValueError(
            f"{_asked(job)} leaves nothing to do: the photo has "
            f"{shape[1]}x{shape[0]}"
        )
    if len(factors) == 2:
        return tuple(factors), (job["height"], job["width"])
    factor = factors[0]
    return (factor, factor), tuple(
        max(math.floor(n * factor + 0.5), 1) for n in shape[:2]
    )


def label(scale):
    """What a factor is called in file names.

    Args:
        scale: pair (y, x).

    Returns:
        str: x2, x2.37, x1.5x2.
    """
    y, x = (f"{s:.4g}" for s in scale)
    return f"x{x}" if x == y else f"x{x}x{y}"


def _factor_to(flag, wanted, own):
    if not own <= wanted <= own * resize.MAX_FACTOR:
        raise ValueError(
            f"--{flag} {wanted} must not be less than the photo's {own}, and "
            f"at most {resize.MAX_FACTOR} times that"
        )
    return wanted / own


def _asked(job):
    flags = ("width", "height")
    return " ".join(f"--{f} {job[f]}" for f in flags if job[f] is not None)
