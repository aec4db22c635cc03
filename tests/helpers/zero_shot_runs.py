"""Runs on one small image, for the tests of what trains on one."""

import keras
import numpy as np
from checks import smooth

from pipelines.zero_shot.pairs import Augmentation
from sr_keras.imaging.resize import output_size
from sr_keras.inference.refine import Finish
from sr_keras.models.zssr import ZSSR
from sr_keras.training.zero_shot.settings import Learning
from sr_keras.training.zero_shot.trainer import ZeroShot

IMAGE = smooth(40, 36)


def run_of(
    image=IMAGE, scale=(2, 2), seed=0, finish=None, size=None, **learning
):
    """A short run with a small network, not started."""
    network = learning.pop("network", None)
    watch, deadline = (learning.pop(k, None) for k in ("watch", "deadline"))
    augmentation = learning.pop("augmentation", {"crop_sizes": (16,)})
    keras.utils.set_random_seed(seed)
    if network is None:
        network = ZSSR(
            scale, num_layers=3, num_filters=8, channels=image.shape[-1]
        )
    learning = {"max_steps": 6, "batch_size": 2, **learning}
    return ZeroShot(
        network,
        image,
        scale,
        size or output_size(image.shape, scale),
        Augmentation(**augmentation),
        Learning(seed=seed, **learning),
        finish or Finish(back_projection=1),
        deadline,
        watch,
    )


def trained(**options):
    run = run_of(**options)
    run.train()
    return run


def weights_of(run):
    return run.network.get_weights()


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(first, second):
    return any(
        not np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )


def averages(weights, momentum=0.98):
    """The moving average of a list of weights, from the first on."""
    total = [np.float64(w) for w in weights[0]]
    for step in weights[1:]:
        total = [
            momentum * t + (1 - momentum) * w
            for t, w in zip(total, step, strict=True)
        ]
    return total
