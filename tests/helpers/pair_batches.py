"""Batches of pairs from one small image."""

import numpy as np
from checks import smooth

from pipelines.zero_shot.pairs import single_image

IMAGE = smooth(70, 60)
SOURCES = [(IMAGE, (1.0, 1.0))]
PLAIN = {"as_is": 1.0, "no_interpolation": 0.0}
AFFINE = {"as_is": 0.0, "no_interpolation": 0.0}


def batches(augmentation, count=1, sources=SOURCES, scale=(2, 2), **options):
    data = single_image(sources, scale, augmentation, **options)
    return list(data.take(count).as_numpy_iterator())


def crops_of(image, size):
    """All crops of an image, as bytes."""
    view = np.lib.stride_tricks.sliding_window_view(image, (size, size), (0, 1))
    crops = view.transpose(0, 1, 3, 4, 2).reshape(-1, size, size, 3)
    return {crop.tobytes() for crop in np.ascontiguousarray(crops)}
