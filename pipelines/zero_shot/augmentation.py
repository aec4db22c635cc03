"""Fathers as ZSSR's authors draw them: warped as a whole.

github.com/assafshocher/ZSSR, utils.py, random_augment: rotated by any angle,
mirrored, scaled and sheared along both axes, with OpenCV's cubic (a = -0.75),
no antialiasing, black beyond the image's edge, and clipped.
"""

import math

import numpy as np

from sr_keras.imaging.kernels import steep_cubic

# Pixels before and behind a position that the cubic takes.
_TAPS = np.arange(-1, 3)


def warped_father(sources, augmentation, turning, rng, place, size):
    """Draw one view.

    Args:
        sources: as for `pairs.single_image`.
        augmentation: pairs.Augmentation.
        turning: bool, whether it may be rotated and mirrored.
        rng: numpy.random.Generator.
        place: float in [0, 1], where in the range of scales it lies.
        size: int, the crop's side; None for all of the father.

    Returns:
        float32 ndarray (h, w, C) in [0, 1].
    """
    kind = rng.random()
    as_is = kind < augmentation.as_is
    affine = kind >= augmentation.as_is + augmentation.no_interpolation
    low, high = augmentation.father_scale
    high *= min(sources[-1][1])
    scale = 1.0 if as_is else low + (high - low) * place
    image, base = next(s for s in sources if min(s[1]) > scale - 1e-6)
    own = scale / min(base) if affine else 1.0
    height, width = image.shape[:2]
    window = (size, size) if size else _sides(image, own)
    free = [
        max(own * n - side, 0) * rng.random()
        for n, side in zip((height, width), window, strict=True)
    ]
    middle = np.array([width, height]) / 2
    if not affine:  # whole pixels: no interpolation
        middle, free = np.round(middle), np.round(free)
    matrix = (
        _shift(middle - np.flip(free))
        @ _shape(augmentation, affine, turning and not as_is, own, rng)
        @ _shift(-middle)
    )
    return np.clip(warped(image, matrix, window), 0, 1)


def warped(image, matrix, size):
    """An image under an affine map, black where there is none.

    Args:
        image: ndarray (H, W, C), float32.
        matrix: ndarray (3, 3), from positions (x, y, 1) of the image to
            those of the result.
        size: pair (height, width) of the result.

    Returns:
        float32 ndarray (height, width, C).
    """
    rows, columns = np.indices(size)
    inverse = np.linalg.inv(matrix)
    x, y = (
        line[0] * columns + line[1] * rows + line[2] for line in inverse[:2]
    )
    down, own_rows = _weights(y, image.shape[0])
    across, own_columns = _weights(x, image.shape[1])
    pixels = image[own_rows[..., :, None], own_columns[..., None, :]]
    lines = np.einsum("hwijc,hwj->hwic", pixels, across)
    return np.einsum("hwic,hwi->hwc", lines, down)


def _weights(positions, length):
    """Weights and indices (h, w, 4) along one axis; 0 beyond the edge."""
    # A quarter turn leaves whole numbers short of themselves.
    positions = np.round(positions, 9)
    index = np.floor(positions).astype(int)[..., None] + _TAPS
    weights = steep_cubic(positions[..., None] - index)
    inside = (index >= 0) & (index < length)
    return (weights * inside).astype("float32"), np.clip(index, 0, length - 1)


def _sides(image, scale):
    return tuple(max(round(n * scale), 8) for n in image.shape[:2])


def _shift(by):
    matrix = np.eye(3)
    matrix[:2, 2] = by
    return matrix


def _shape(augmentation, affine, turning, scale, rng):
    """Shear, rotation, scales and mirror image, about the origin."""
    difference, shear_x, shear_y = np.multiply(
        rng.standard_normal(3) * affine,
        (augmentation.scale_difference, augmentation.shear, augmentation.shear),
    )
    angle = rng.random() * 4 if affine else rng.integers(4)
    angle = angle * turning * math.pi / 2
    mirror = -1 if turning and rng.random() < 0.5 else 1
    cos, sin = math.cos(angle), math.sin(angle)
    if not affine:
        cos, sin = round(cos), round(sin)
    scales = (mirror * (scale + difference / 2), scale - difference / 2)
    matrix = np.eye(3)
    matrix[:2, :2] = (
        np.array([[1, shear_x], [shear_y, 1]])
        @ np.array([[cos, sin], [-sin, cos]])
        @ np.diag(scales)
    )
    return matrix
