"""BT.601 YCbCr, as MATLAB's `rgb2ycbcr` has it, and the luma of YIQ.

Each function takes a NumPy array, and then computes and returns float64, or a
tensor of the Keras backend, and then keeps its dtype. The sums are written
out rather than made with a matrix product, which GPUs round to 10 bits.

Sources: ITU-R BT.601-7 section 2.5 for the colour difference signals; the
digits are those of MATLAB's `rgb2ycbcr`, after Poynton, "A Technical
Introduction to Digital Video", 1996, chapter 9.
"""

import numpy as np

# Rows Y, Cb, Cr; columns R, G, B; for R, G, B in [0, 1] and codes in 0..255.
YCBCR = np.array(
    [
        [65.481, 128.553, 24.966],
        [-37.797, -74.203, 112.0],
        [112.0, -93.786, -18.214],
    ]
)
RGB = np.linalg.inv(YCBCR)
_OFFSETS = (16.0, 128.0, 128.0)

# Rows X, Y, Z; columns R, G, B of sRGB.
_XYZ = np.array(
    [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
)

# Added before the digits behind the point are cut off. Y of 8-bit images is a
# multiple of 1/85000: a half is rounded up, whatever the error of the sums.
_HALF = 0.5 + 1e-6

# NTSC 1953; the rounded digits that BT.601 and everyone else use.
_YIQ_LUMA = (0.299, 0.587, 0.114)


def luma(rgb):
    """The studio-swing luma Y of BT.601, 16 for black and 235 for white.

    Args:
        rgb: array or tensor (..., 3), or (..., 1) for grey, which is taken
            as three equal channels; floating, in [0, 1].

    Returns:
        Array or tensor (..., 1), in [16/255, 235/255].

    Raises:
        ValueError: for another number of channels.
        TypeError: for integers.
    """
    r, g, b = _channels(rgb)
    return _weigh(YCBCR[0], r, g, b) / 255 + _OFFSETS[0] / 255


def luma8(rgb):
    """The luma of 8-bit images as MATLAB's `rgb2ycbcr` gives it: 8 bits too.

    MATLAB scripts do not convert grey images: they stay as they are.

    Args:
        rgb: as in `luma`, whole multiples of 1/255.

    Returns:
        Array or tensor (..., 1), whole multiples of 1/255.

    Raises:
        ValueError: for another number of channels.
        TypeError: for integers.
    """
    if rgb.shape[-1] == 1:
        return rgb
    return _floor(luma(rgb) * 255 + _HALF) / 255


def yiq_luma(rgb):
    """The full-range luma Y of YIQ, 0 for black and 1 for white.

    Args:
        rgb: as in `luma`.

    Returns:
        Array or tensor (..., 1), in [0, 1].

    Raises:
        ValueError: for another number of channels.
        TypeError: for integers.
    """
    return _weigh(_YIQ_LUMA, *_channels(rgb))


def rgb_to_ycbcr(rgb):
    """Convert RGB to BT.601 YCbCr.

    Args:
        rgb: as in `luma`.

    Returns:
        Array or tensor (..., 3): Y in [16/255, 235/255], Cb and Cr in
        [16/255, 240/255] with 128/255 for grey.

    Raises:
        ValueError: for another number of channels.
        TypeError: for integers.
    """
    channels = _channels(rgb)
    return _joined(
        [
            _weigh(row, *channels) / 255 + offset / 255
            for row, offset in zip(YCBCR, _OFFSETS, strict=True)
        ]
    )


def ycbcr_to_rgb(ycbcr):
    """Convert BT.601 YCbCr to RGB: the inverse of `rgb_to_ycbcr`.

    Args:
        ycbcr: array or tensor (..., 3), floating, in [0, 1].

    Returns:
        Array or tensor (..., 3). Colours that RGB cannot show are outside
        [0, 1]: nothing is clipped.

    Raises:
        ValueError: for another number of channels.
        TypeError: for integers.
    """
    if ycbcr.shape[-1] != 3:
        raise ValueError(
            f"YCbCr has 3 channels, last; got shape {tuple(ycbcr.shape)}"
        )
    codes = [
        channel * 255 - offset
        for channel, offset in zip(_channels(ycbcr), _OFFSETS, strict=True)
    ]
    return _joined([_weigh(row, *codes) for row in RGB])


def lab(rgb):
    """CIE 1976 L*a*b* of sRGB, for differences between colours.

    IEC 61966-2-1 for sRGB and its white, D65; CIE 15 for the rest.

    Args:
        rgb: ndarray (..., 3) or (..., 1), floating, in [0, 1].

    Returns:
        float64 ndarray (..., 3): L in 0..100.
    """
    rgb = np.concatenate(_channels(np.asarray(rgb)), axis=-1)
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    xyz = linear @ (_XYZ / _XYZ.sum(1, keepdims=True)).T
    f = np.where(
        xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29
    )
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _channels(x):
    """Split (..., 3) or (..., 1) into three of (..., 1)."""
    if "float" not in str(x.dtype):
        raise TypeError(
            f"colours are floating, in [0, 1], not {x.dtype}: divide them by "
            "255 first"
        )
    if isinstance(x, np.ndarray):
        x = x.astype(np.float64)
    if x.shape[-1] == 1:
        return x, x, x
    if x.shape[-1] == 3:
        return x[..., 0:1], x[..., 1:2], x[..., 2:3]
    raise ValueError(
        "an image has 3 channels, or 1 for grey, last; got shape "
        f"{tuple(x.shape)}"
    )


def _weigh(weights, a, b, c):
    # Python floats, which take on the dtype of the tensor; NumPy's do not.
    p, q, r = (float(w) for w in weights)
    return p * a + q * b + r * c


def _floor(x):
    if isinstance(x, np.ndarray):
        return np.floor(x)
    from keras import ops

    return ops.floor(x)


def _joined(channels):
    if isinstance(channels[0], np.ndarray):
        return np.concatenate(channels, axis=-1)
    from keras import ops

    return ops.concatenate(channels, axis=-1)
