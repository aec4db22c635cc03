"""What spoils a picture beside its size: blur, noise, JPEG, a Bayer mosaic.

Every function takes a float32 image (H, W, C) in [0, 1] and a NumPy random
generator, then numbers, and returns a float32 image of the same shape. Beyond
its border an image is mirrored, the edge pixel repeated.
"""

import io
import math

import numpy as np
from scipy import ndimage

from sr_keras.imaging.quantize import quantize

# Where a blur is cut off, in standard deviations.
_TRUNCATE = 4.0

# Demosaicing by bilinear interpolation: the weights of the known pixels.
_GREEN = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
_RED_BLUE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4


def gaussian(image, rng, sigma):
    """Isotropic Gaussian blur; sigma in pixels."""
    blurred = image
    for axis in (0, 1):
        blurred = ndimage.gaussian_filter1d(
            blurred, sigma, axis, mode="reflect", truncate=_TRUNCATE
        )
    return blurred


def anisotropic(image, rng, along, across, degrees):
    """Gaussian blur with two standard deviations, the first one turned."""
    return _correlated(image, anisotropic_kernel(along, across, degrees))


def motion(image, rng, length, degrees):
    """The blur of a movement: `length` pixels in a direction."""
    return _correlated(image, motion_kernel(length, degrees))


def noise(image, rng, levels):
    """Gaussian noise; the standard deviation in 8-bit levels."""
    field = rng.standard_normal(image.shape, np.float32)
    return image + field * np.float32(levels / 255)


def poisson(image, rng, photons):
    """The noise of counting: white is that many photons."""
    counts = rng.poisson(np.clip(image, 0, 1).astype(np.float64) * photons)
    return (counts / photons).astype(np.float32)


def jpeg(image, rng, quality):
    """A JPEG file and back; 4:2:0 below quality 90, as in `images.write`.

    Channels beyond three are stored as grey pictures.
    """
    from PIL import Image

    samples = quantize(image, 8)
    channels = samples.shape[-1]
    colour = 3 if channels >= 3 else 0
    parts = [samples[..., :3]] if colour else []
    parts += [samples[..., c] for c in range(colour, channels)]
    quality = round(float(quality))
    decoded = []
    for part in parts:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(part)).save(
            buffer,
            "JPEG",
            quality=quality,
            subsampling=0 if quality >= 90 else 2,
        )
        decoded.append(np.atleast_3d(np.asarray(Image.open(buffer))))
    whole = np.concatenate(decoded, axis=-1)
    return np.divide(whole, 255, dtype=np.float32)


def bayer(image, rng):
    """One colour a pixel, RGGB, and the others interpolated linearly.

    Grey stays as it is; so does alpha.
    """
    if image.shape[-1] < 3:
        return image
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    red, blue = (y % 2 == 0) & (x % 2 == 0), (y % 2 == 1) & (x % 2 == 1)
    filters = (
        (red, _RED_BLUE),
        (~(red | blue), _GREEN),
        (blue, _RED_BLUE),
    )
    result = np.array(image, np.float32)
    for c, (seen, weights) in enumerate(filters):
        # Normalised, so that borders and lone pixels are right as well.
        known = seen.astype(np.float32)
        total = ndimage.correlate(image[..., c] * known, weights, mode="mirror")
        share = ndimage.correlate(known, weights, mode="mirror")
        guess = total / np.maximum(share, 1e-6)
        result[..., c] = np.where(seen, image[..., c], guess)
    return result


def anisotropic_kernel(along, across, degrees):
    """The kernel of `anisotropic`.

    Args:
        along: standard deviation in pixels, in the direction of `degrees`.
        across: standard deviation at right angles to it.
        degrees: from the x axis, anticlockwise.

    Returns:
        float64 array (n, n), n odd, that sums to 1.
    """
    radius = max(math.ceil(_TRUNCATE * max(along, across)), 1)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    angle = math.radians(degrees)
    u = x * math.cos(angle) - y * math.sin(angle)
    v = x * math.sin(angle) + y * math.cos(angle)
    kernel = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    return kernel / kernel.sum()


def motion_kernel(length, degrees):
    """The kernel of `motion`: a line one pixel wide, with soft ends.

    Args:
        length: in pixels, at least 1.
        degrees: from the x axis, anticlockwise.

    Returns:
        float64 array (n, n), n odd, that sums to 1.
    """
    radius = math.ceil((length + 1) / 2)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    angle = math.radians(degrees)
    u = np.abs(x * math.cos(angle) - y * math.sin(angle))
    v = np.abs(x * math.sin(angle) + y * math.cos(angle))
    line = np.clip((length + 1) / 2 - u, 0, 1) * np.clip(1 - v, 0, 1)
    return line / line.sum()


def gaussian_reach(sigma):
    """Pixels that `gaussian` looks at on each side."""
    return math.ceil(_TRUNCATE * sigma) + 1


def motion_reach(length, degrees):
    """Pixels that `motion` looks at on each side."""
    return math.ceil((length + 1) / 2)


def anisotropic_reach(along, across, degrees):
    """Pixels that `anisotropic` looks at on each side."""
    return gaussian_reach(max(along, across))


def _correlated(image, kernel):
    planes = [
        ndimage.correlate(plane, kernel, mode="reflect", output=np.float32)
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack(planes, axis=-1)
