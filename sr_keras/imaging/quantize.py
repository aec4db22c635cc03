"""The one place where images leave float for the integers of files."""

import numpy as np

# Rows that are rounded at a time.
_BLOCK = 256

# Added before the digits behind the point are cut off: with the float below a
# half, no sum rounds up what is below one.
BELOW_HALF = float(np.nextafter(np.float32(0.5), np.float32(0)))


def quantize(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Leaves float: clips to [0, 1] and rounds half away from zero.

    Args:
        pixels: floats of any shape.
        bits: 8, 16, or 32, which stays float and is only clipped.

    Returns:
        uint8, uint16 or float32 of the same shape.

    Raises:
        ValueError: the bits are others, or a pixel is not a number.
        TypeError: the pixels are integers.
    """
    if bits not in (8, 16, 32):
        raise ValueError(f"bits must be 8, 16 or 32, not {bits}")
    pixels = np.asarray(pixels)
    if pixels.dtype.kind in "biu":
        raise TypeError(f"pixels must be floats in [0, 1], not {pixels.dtype}")
    dtype = {8: np.uint8, 16: np.uint16, 32: np.float32}[bits]
    result = np.empty(pixels.shape, dtype)
    # In blocks: the temporaries of a large image would be many times it.
    for start in range(0, len(pixels), _BLOCK):
        block = slice(start, start + _BLOCK)
        result[block] = _rounded(pixels[block], bits)
    return result


def quantized(pixels, bits: int):
    """The same as `quantize` in a graph, for 8 and 16 bits.

    What becomes of NaN is not defined: the caller has to look for it.

    Args:
        pixels: float32 tensor.
        bits: 8 or 16.

    Returns:
        uint8 or uint16 tensor of the same shape.
    """
    from keras import ops

    scaled = ops.clip(pixels, 0.0, 1.0) * float((1 << bits) - 1)
    return ops.cast(scaled + BELOW_HALF, f"uint{bits}")


def _rounded(pixels: np.ndarray, bits: int) -> np.ndarray:
    # At least 32 bits: 65535 is infinite in half precision.
    pixels = pixels.astype(np.promote_types(pixels.dtype, np.float32))
    pixels = pixels.clip(0, 1)
    if np.isnan(pixels).any():
        text = "the image has NaN pixels: compute in float32, or train again"
        raise ValueError(text)
    if bits == 32:
        return pixels
    scaled = pixels * ((1 << bits) - 1)
    # Not floor(x + 0.5): that sum rounds up the float just below a half.
    whole = np.floor(scaled)
    whole += scaled - whole >= 0.5
    return whole
