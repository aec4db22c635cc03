"""Photos: to compare on, and patches to take the ranges of features from."""

from pathlib import Path

import numpy as np

from sr_keras.imaging import color, images
from sr_keras.imaging.resize import imresize

# The photo that comes with the package.
PHOTO = Path(__file__).parent.parent / "data" / "photo.png"

# Patches that ranges are taken from, and their side where any is taken.
_COUNT = 100
_SIDE = 64

_SEED = 0


def photos(folder=None):
    """The HR photos to compare on.

    Args:
        folder: str or Path, as `find.find` takes it; the photo that comes
            with the package when None.

    Returns:
        List of pairs of a name and a Path.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it has no images.
        OSError: a folder in it cannot be read.
    """
    if folder is None:
        return [("the photo of the package", PHOTO)]
    inner = Path(folder) / "HR"
    found = images.find(inner if inner.is_dir() else folder)
    if found.unreadable:
        raise OSError(found.unreadable[0])
    return [(relative.as_posix(), path) for path, relative in found]


def read(path):
    """A photo's pixels as the file has them.

    Args:
        path: Path.

    Returns:
        uint8 or uint16 ndarray (H, W, C).
    """
    image = images.read(path)
    return images.quantize(image.on_white(), image.bits)


def pair(path, picture):
    """LR, made of a photo as papers do, and that photo.

    Args:
        path: Path.
        picture: graph.Picture.

    Returns:
        Tuple of float32 ndarray (h, w, C) in [0, 1], of the channels of the
        photo, and HR, uint8 or uint16, of the size that LR is enlarged to.

    Raises:
        ValueError: the photo is smaller than one pixel of LR.
    """
    hr, scale = read(path), picture.scale
    size = [n // scale for n in hr.shape[:2]]
    if min(size) < 1:
        raise ValueError(
            f"{path} is too small for x{scale}: {hr.shape[1]}x{hr.shape[0]}"
        )
    hr = hr[: size[0] * scale, : size[1] * scale]
    lr = imresize(hr, 1 / scale, size)
    return lr / np.float32(np.iinfo(lr.dtype).max), hr


def fitted(image, picture):
    """An image as a file takes it.

    Args:
        image: float32 ndarray (h, w, C), grey or RGB.
        picture: graph.Picture.

    Returns:
        float32 ndarray (h, w, channels).
    """
    count = picture.channels
    if image.shape[-1] in (2, 4):
        image = image[..., :-1]
    if count in (1, 2):
        read_luma = color.luma if picture.on_luma else color.yiq_luma
        colours = read_luma(image)
    else:
        colours = np.repeat(image, 3 // image.shape[-1], -1)
    more = np.ones((*image.shape[:2], count - colours.shape[-1]))
    return np.concatenate([colours, more], -1).astype("float32")


def patches(folder, picture, size=None):
    """Patches of LR photos.

    All are of the same size; the last two are black and white, so that the
    range of the input is that of its integers.

    Args:
        folder: str or Path.
        picture: graph.Picture.
        size: pair (height, width).

    Returns:
        List of float32 ndarray (1, height, width, channels).

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no photo in it is large enough.
    """
    size = size or (_SIDE, _SIDE)
    rng = np.random.default_rng(_SEED)
    found, result = photos(folder)[:_COUNT], []
    for _, path in found:
        lr = _large_enough(path, picture, size)
        for _ in range(0 if lr is None else -(-_COUNT // len(found))):
            y, x = (
                rng.integers(n - m + 1)
                for n, m in zip(lr.shape[:2], size, strict=False)
            )
            patch = lr[None, y : y + size[0], x : x + size[1]]
            result.append(np.ascontiguousarray(patch))
    if not result:
        raise ValueError(
            f"{folder} has no photo of {size[1]}x{size[0]} pixels or more to "
            "take ranges from"
        )
    blank = np.zeros_like(result[0])
    return [*result, blank, blank + 1]


def _large_enough(path, picture, size):
    """LR of a photo, or the photo where LR is too small; None where both."""
    lr, hr = pair(path, picture)
    whole = hr / np.float32(np.iinfo(hr.dtype).max)
    for image in (lr, whole):
        if min(n - m for n, m in zip(image.shape, size, strict=False)) >= 0:
            return fitted(image, picture)
    return None
