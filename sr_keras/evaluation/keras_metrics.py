"""PSNR and SSIM as Keras metrics, for following a training."""

import keras
from keras import ops

from sr_keras.evaluation.metrics import (
    check_window,
    planes,
    psnr_of,
    ssim_of,
    window,
)
from sr_keras.models.protocols import DEFAULT, update

# Float64 where there is one: sums of squares of 0..255 lose the fourth
# decimal of an SSIM in float32.
_WIDE = "float32" if keras.backend.backend() == "jax" else "float64"


class _ImageMetric(keras.metrics.Metric):
    """The mean over images of a value that each image has."""

    def __init__(self, protocol=DEFAULT, scale=2, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.protocol = protocol
        self.scale = scale
        planes(ops.zeros((64, 64, 3), _WIDE), protocol, scale)  # checks both
        self._total = self._counter("total")
        self._count = self._counter("count")

    def _counter(self, name):
        return self.add_variable(
            (), initializer="zeros", dtype=_WIDE, aggregation="sum", name=name
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: HR images, tensor (N, H, W, C), C 1 or 3; floating in
                [0, 1] or uint8.
            y_pred: SR images, the same shape.
            sample_weight: how much each image counts, tensor (N,).
        """
        pair = (
            planes(_codes(x), self.protocol, self.scale)
            for x in (y_pred, y_true)
        )
        values = self._values(*pair)
        weight = ops.ones_like(values)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, _WIDE), (-1,))
        self._total.assign_add(ops.sum(values * weight))
        self._count.assign_add(ops.sum(weight))

    def result(self):
        """The mean so far; 0 before the first image."""
        return ops.divide_no_nan(self._total, self._count)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        return {**config, "protocol": self.protocol, "scale": self.scale}

    @classmethod
    def from_config(cls, config):
        """Build the metric that `get_config` described."""
        return cls(**update(config))

    def _values(self, a, b):
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="sr_keras")
class PSNR(_ImageMetric):
    """The mean over images of `sr_keras.metrics.psnr`, in decibels.

    One pair of equal images makes the mean infinite.

    Args:
        protocol: a name in `sr_keras.metrics.PROTOCOLS`.
        scale: the enlargement, number or pair (sy, sx): it sets the border.
        name: the metric's name.
        dtype: as in every Keras metric; sums are kept in float64 anyway.

    Raises:
        ValueError: for an unknown protocol or a scale that is none.
    """

    def __init__(self, protocol=DEFAULT, scale=2, name="psnr", dtype=None):
        super().__init__(protocol, scale, name, dtype)

    def _values(self, a, b):
        return psnr_of(a, b, ops)


@keras.saving.register_keras_serializable(package="sr_keras")
class SSIM(_ImageMetric):
    """The mean over images of `sr_keras.metrics.ssim`.

    Args:
        protocol: a name in `sr_keras.metrics.PROTOCOLS`.
        scale: the enlargement, number or pair (sy, sx): it sets the border.
        name: the metric's name.
        dtype: as in every Keras metric; sums are kept in float64 anyway.

    Raises:
        ValueError: for an unknown protocol or a scale that is none.
    """

    def __init__(self, protocol=DEFAULT, scale=2, name="ssim", dtype=None):
        super().__init__(protocol, scale, name, dtype)

    def _values(self, a, b):
        check_window(a.shape)
        return ssim_of(a, b, _blur, ops)[0]


def _codes(images):
    """The 8-bit codes of images, in a wide dtype."""
    dtype = keras.backend.standardize_dtype(images.dtype)
    wide = ops.cast(images, _WIDE)
    if dtype == "uint8":
        return wide
    if "float" not in dtype:
        raise TypeError(f"images are floating or uint8, not {dtype}")
    return ops.floor(ops.clip(wide, 0, 1) * 255 + 0.5)


def _blur(x):
    line = [float(w) for w in window()]
    last = len(line) - 1
    down = sum(w * x[:, k : k - last or None] for k, w in enumerate(line))
    return sum(w * down[:, :, k : k - last or None] for k, w in enumerate(line))
