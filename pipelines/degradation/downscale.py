"""The ways to shrink an image: MATLAB's, and those that are taken for it.

The papers' LR images are made by MATLAB's `imresize`. OpenCV and Pillow call
other things bicubic, and a network that was trained on one of them is decibels
worse on another. They are here to be learned from on purpose, and to be
recognised.
"""

import numpy as np

from sr_keras.imaging.quantize import quantize
from sr_keras.imaging.resize import imresize, output_size

# MATLAB's, by our name: the name in `resize.imresize`.
MATLAB = {
    "bicubic": "cubic",
    "bilinear": "linear",
    "box": "box",
    "lanczos": "lanczos3",
}
_PILLOW = {"bicubic-pillow": "BICUBIC"}
_OPENCV = {
    "bicubic-opencv": "INTER_CUBIC",
    "area": "INTER_AREA",
    "nearest": "INTER_NEAREST",
}

# Name -> what it is.
SHRINKERS = {
    "bicubic": "MATLAB's imresize, the papers' LR images",
    "bilinear": "MATLAB's imresize with 'bilinear'",
    "box": "MATLAB's imresize with 'box'",
    "lanczos": "MATLAB's imresize with 'lanczos3'",
    "bicubic-pillow": "Pillow's resize with BICUBIC",
    "bicubic-opencv": "cv2.resize with INTER_CUBIC: no antialiasing",
    "area": "cv2.resize with INTER_AREA: the mean of a block",
    "nearest": "cv2.resize with INTER_NEAREST: one pixel of a block",
}


def shrink(image: np.ndarray, scale, name="bicubic") -> np.ndarray:
    """The image a factor smaller.

    Args:
        image: (H, W, C), uint8, or float32 in [0, 1].
        scale: number or pair (y, x) of factors, at least 1.
        name: one of SHRINKERS.

    Returns:
        Array (ceil(H/y), ceil(W/x), C) of the same dtype. Floats are not
        clipped; integers are rounded as the program in question rounds.

    Raises:
        ValueError: there is no such name.
        ModuleNotFoundError: OpenCV is needed and missing.
    """
    y, x = np.broadcast_to(scale, 2).tolist()
    down = (1 / y, 1 / x)
    size = output_size(image.shape, down)
    if name in MATLAB:
        return imresize(image, scale=down, size=size, kernel=MATLAB[name])
    if name in _PILLOW:
        return _by_pillow(image, size, _PILLOW[name])
    if name in _OPENCV:
        return _by_opencv(image, size, _OPENCV[name])
    raise ValueError(f"no {name!r}: choose one of {', '.join(SHRINKERS)}")


def _by_pillow(image, size, name):
    from PIL import Image

    how = {"size": size[::-1], "resample": Image.Resampling[name]}
    # A channel at a time: to Pillow a fourth one would be alpha, and floats
    # come one at a time only.
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(**how))
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack(planes, axis=-1)


def _by_opencv(image, size, name):
    import cv2

    # A channel at a time, as OpenCV takes four at most.
    planes = [
        cv2.resize(
            np.ascontiguousarray(plane),
            size[::-1],
            interpolation=getattr(cv2, name),
        )
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack(planes, axis=-1)


def by_kernel(image: np.ndarray, scale, kernel: np.ndarray) -> np.ndarray:
    """Blur with a kernel and take every `scale`-th pixel, in place.

    Args:
        image: (H, W, C), uint8, or float32 in [0, 1].
        scale: number or pair (y, x) of factors, at least 1.
        kernel: (h, w), both odd, that sums to 1.

    Returns:
        Array (ceil(H/y), ceil(W/x), C) of the same dtype.
    """
    y, x = np.broadcast_to(scale, 2).tolist()
    down = (1 / y, 1 / x)
    size = output_size(image.shape, down)
    return imresize(image, scale=down, size=size, kernel=kernel)


def as_float(image: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [0, 1]; floats as they are."""
    if image.dtype == np.uint8:
        return np.divide(image, 255, dtype=np.float32)
    return image


def as_before(image: np.ndarray, dtype) -> np.ndarray:
    """A float image back to uint8, rounded, or to another dtype."""
    return quantize(image, 8) if dtype == np.uint8 else image.astype(dtype)
