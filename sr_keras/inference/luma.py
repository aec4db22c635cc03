"""RGB images through networks for luma, on the processor's caches.

What `channels.enlarged` does for such networks, for NumPy arrays: a graph goes
through memory once for every sum and every product in it, which took a fifth
of the time of a small network. Here they are made in blocks that stay in the
cache. Products and sums are rounded one by one, so that a pixel is the same
wherever it lies in its block.
"""

import numpy as np

from sr_keras.imaging import color
from sr_keras.imaging.quantize import BELOW_HALF

# Pixels of the result that are worked on at a time: 1/4 MB for an array.
_BLOCK = 1 << 16

# The weights of BT.601, rows Y, Cb, Cr, and the way back, rows R, G, B.
_TO, _BACK = color.YCBCR.astype("float32"), color.RGB

# What a unit of Y adds to each of R, G and B; what Cb adds to B, and Cr to R.
_GAIN = float(_BACK[0, 0])
_TO_BLUE, _TO_RED = float(_BACK[2, 1]), float(_BACK[0, 2])

# What they add to G, for what they add to B and R.
_OF_BLUE = np.float32(_BACK[1, 1] / _TO_BLUE)
_OF_RED = np.float32(_BACK[1, 2] / _TO_RED)


def enlarged(image, forward, taps, bits=None):
    """Enlarge an RGB image: luma by a network, colours by interpolation.

    Args:
        image: float32 ndarray (H, W, 3), in [0, 1].
        forward: function that enlarges luma, float32 (H, W) in [16/255,
            235/255].
        taps: ndarray (s, 2r + 1), the weights of each of the s pixels that a
            pixel becomes along an axis.
        bits: int, 8 or 16 for what `quantize.quantize` makes of it; 0 or
            None for float32, not clipped.

    Returns:
        ndarray (s*H, s*W, 3).
    """
    planes = [np.ascontiguousarray(image[..., i]) for i in range(3)]
    luma = _weighed(_TO[0] / 255, planes)
    luma += np.float32(16 / 255)
    blue = _weighed(np.float32(_TO_BLUE) * _TO[1], planes)
    red = _weighed(np.float32(_TO_RED) * _TO[2], planes)
    found = forward(luma)
    dtype = f"uint{bits}" if bits else "float32"
    result = np.empty((*found.shape, 3), dtype)
    scale, reach = len(taps), taps.shape[1] // 2
    padded = [np.pad(x, reach, "symmetric") for x in (blue, red)]
    step = max(_BLOCK // (scale * scale * image.shape[1]), 1)
    for top in range(0, len(image), step):
        end = min(top + step, len(image))
        part = slice(top * scale, end * scale)
        colours = [_spread(x[top : end + 2 * reach], taps) for x in padded]
        _joined(found[part], *colours, result[part], bits)
    return result


def _weighed(weights, planes):
    total = weights[0] * planes[0]
    for weight, plane in zip(weights[1:], planes[1:], strict=True):
        total += weight * plane
    return total


def _spread(part, taps):
    """Interpolate rows with their borders: (h + 2r, w + 2r) to (s*h, s*w)."""
    scale, border = len(taps), taps.shape[1] - 1
    height, width = (n - border for n in part.shape)
    rows = np.empty((height * scale, width + border), "float32")
    _phases(part, taps, rows.reshape(height, scale, -1).swapaxes(0, 1))
    result = np.empty((height * scale, width * scale), "float32")
    columns = result.reshape(height * scale, width, scale)
    _phases(rows.T, taps, columns.transpose(2, 1, 0))
    return result


def _phases(x, taps, out):
    """Weigh the neighbours along the first axis, for each of `out`."""
    scaled, count = {}, out.shape[1]
    for line, target in zip(taps, out, strict=True):
        terms = []
        for k, weight in enumerate(line):
            if weight and weight not in scaled:
                scaled[weight] = np.float32(weight) * x
            if weight:
                terms.append(scaled[weight][k : k + count])
        if len(terms) == 1:
            target[:] = terms[0]
            continue
        total = terms[0] + terms[1]
        for term in terms[2:-1]:
            total += term
        if len(terms) == 2:
            target[:] = total
        else:
            np.add(total, terms[-1], out=target)


def _joined(luma, blue, red, out, bits):
    """R, G and B of Y, and of what Cb adds to B and Cr to R."""
    grey = np.float32(255 * _GAIN) * luma
    grey -= np.float32(16 * _GAIN)
    green = _OF_BLUE * blue
    green += _OF_RED * red
    for i, colour in enumerate((red, green, blue)):
        colour += grey
        if bits:
            np.clip(colour, 0, 1, out=colour)
            colour *= np.float32((1 << bits) - 1)
            colour += np.float32(BELOW_HALF)
        np.copyto(out[..., i], colour, casting="unsafe")
