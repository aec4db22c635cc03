"""Layers that networks share. Keras ops only: no backend is assumed."""

import keras
import numpy as np
from keras import ops

from sr_keras.resize import cubic


@keras.saving.register_keras_serializable("sr_keras")
class FixedUpsample(keras.layers.Layer):
    """MATLAB's bicubic upsampling by a whole factor, inside the graph.

    Every output phase is a fixed 5x5 filter on the input, so that one
    constant convolution and a depth-to-space do it: it works with any height
    and width, eagerly, in graphs, in exports and under every backend.

    Args:
        scale: int, the factor.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, images):
        """Upsample (N, H, W, C) to (N, scale*H, scale*W, C)."""
        channels = images.shape[-1]
        taps = ops.convert_to_tensor(_taps(self.scale, channels))
        taps = ops.cast(taps, images.dtype)
        images = pad_symmetric(images, _REACH)
        phases = ops.conv(images, taps, padding="valid")
        if self.scale == 1:
            return phases
        return ops.depth_to_space(phases, self.scale)

    def compute_output_shape(self, input_shape):
        """Shape (N, scale*H, scale*W, C)."""
        n, h, w, c = input_shape
        return (n, h and h * self.scale, w and w * self.scale, c)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}


def pad_symmetric(images, border):
    """Mirror the image about its edges, the edge pixels repeated.

    Unlike `ops.pad(mode="symmetric")` it is right under the Torch backend
    too, and with images smaller than the border.

    Args:
        images: tensor (N, H, W, C).
        border: int, the pixels to add on each side.

    Returns:
        Tensor (N, H + 2*border, W + 2*border, C).
    """
    for axis in (1, 2):
        size = ops.shape(images)[axis]
        index = ops.arange(-border, size + border) % (2 * size)
        index = ops.where(index < size, index, 2 * size - 1 - index)
        images = ops.take(images, index, axis=axis)
    return images


# An output pixel's centre lies within half an input pixel of its own input
# pixel, and Keys' kernel reaches two pixels further: five taps an axis.
_REACH = 2


def _taps(scale, channels):
    """Convolution weights (5, 5, C, scale*scale*C) of all output phases."""
    phase = (np.arange(scale) + 0.5) / scale - 0.5
    line = cubic(phase[:, None] - np.arange(-_REACH, _REACH + 1))
    plane = np.einsum("yh,xw->hwyx", line, line)
    taps = np.einsum("hwyx,cd->hwcyxd", plane, np.eye(channels))
    size = 2 * _REACH + 1
    return taps.reshape(size, size, channels, -1).astype("float32")
