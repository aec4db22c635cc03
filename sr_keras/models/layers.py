"""Layers that networks share. Keras ops only: no backend is assumed."""

import keras
import numpy as np
from keras import ops

from sr_keras.imaging.kernels import cubic, steep_cubic

# The axis of channels, for operations that would ask Keras's settings.
_LAST = "channels_last"

# For layers that add images or give them: under mixed precision images keep all
# their digits, whatever the features are computed in. bfloat16 has 8 of them.
EXACT = {"dtype": "float32"}


class ImageLayer(keras.layers.Layer):
    """A layer of images, exact under mixed precision too.

    Args:
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**EXACT, **kwargs})


@keras.saving.register_keras_serializable("sr_keras")
class FixedUpsample(ImageLayer):
    """Bicubic upsampling by a whole factor, inside the graph.

    Every output phase is a fixed 5x5 filter on the input, so that one
    constant convolution and a depth-to-space do it: it works with any height
    and width, eagerly, in graphs, in exports and under every backend.

    Args:
        scale: int, the factor.
        like: str, "matlab" for imresize (a = -0.5, mirrored borders) or
            "pytorch" for its interpolate (a = -0.75, repeated borders).
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, scale, like="matlab", **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.like = like

    def call(self, images):
        """Upsample (N, H, W, C) to (N, scale*H, scale*W, C)."""
        channels = images.shape[-1]
        kernel, pad = {
            "matlab": (cubic, pad_symmetric),
            "pytorch": (steep_cubic, pad_edge),
        }[self.like]
        taps = ops.convert_to_tensor(_taps(self.scale, channels, kernel))
        taps = ops.cast(taps, images.dtype)
        phases = ops.conv(
            pad(images, _REACH), taps, padding="valid", data_format=_LAST
        )
        if self.scale == 1:
            return phases
        return ops.depth_to_space(phases, self.scale, _LAST)

    def compute_output_shape(self, input_shape):
        """Shape (N, scale*H, scale*W, C)."""
        n, h, w, c = input_shape
        return (n, h and h * self.scale, w and w * self.scale, c)

    def get_config(self):
        """Return the constructor's arguments."""
        config = super().get_config()
        return {**config, "scale": self.scale, "like": self.like}


@keras.saving.register_keras_serializable("sr_keras")
class PixelShuffle(keras.layers.Layer):
    """Depth to space: scale*scale groups of channels become one plane.

    The sub-pixel convolution of Shi et al. 2016 is a convolution and this.
    Its channels are in TensorFlow's order, all of the first phase first;
    PyTorch's has all phases of the first channel first.

    Args:
        scale: int, the factor.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, features):
        """Turn (N, H, W, scale*scale*C) into (N, scale*H, scale*W, C)."""
        return ops.depth_to_space(features, self.scale, _LAST)

    def compute_output_shape(self, input_shape):
        """Shape (N, scale*H, scale*W, C)."""
        n, h, w, c = input_shape
        s = self.scale
        return (n, h and h * s, w and w * s, c // (s * s))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("sr_keras")
class EdgePad(keras.layers.Layer):
    """Repeat the pixels at the edge: MATLAB's "replicate" border.

    Args:
        border: int, the pixels to add on each side.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, border, **kwargs):
        super().__init__(**kwargs)
        self.border = border

    def call(self, images):
        """Turn (N, H, W, C) into (N, H + 2*border, W + 2*border, C)."""
        return pad_edge(images, self.border)

    def compute_output_shape(self, input_shape):
        """Shape (N, H + 2*border, W + 2*border, C)."""
        n, h, w, c = input_shape
        more = 2 * self.border
        return (n, h and h + more, w and w + more, c)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "border": self.border}


# The mean colour of DIV2K's training images, as EDSR's authors give it.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


@keras.saving.register_keras_serializable("sr_keras")
class MeanShift(ImageLayer):
    """From [0, 1] to a network's own range about a mean colour, or back.

    Args:
        mean: sequence of numbers in [0, 1], one a channel, or one for all.
        value_range: number, what 1 becomes: 255 for networks that were made
            for bytes.
        undo: bool, whether to go back.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, mean=DIV2K_MEAN, value_range=1.0, undo=False, **kwargs):
        super().__init__(**kwargs)
        self.mean = tuple(float(x) for x in mean)
        self.value_range = float(value_range)
        self.undo = undo

    def call(self, images):
        """Shift (N, H, W, C)."""
        mean = ops.convert_to_tensor(self.mean, dtype=images.dtype)
        if self.undo:
            return images / self.value_range + mean
        return (images - mean) * self.value_range

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "mean": self.mean,
            "value_range": self.value_range,
            "undo": self.undo,
        }


@keras.saving.register_keras_serializable("sr_keras")
class BilinearKernel(keras.initializers.Initializer):
    """Weights with which a transposed convolution interpolates bilinearly.

    Each channel by itself, for a kernel of twice the strides.
    """

    def __call__(self, shape, dtype=None):
        """Weights (K, K, C, C) of the dtype."""
        size, _, channels_out, channels_in = shape
        factor = size / 2
        position = np.arange(size) - (size - 1) / 2
        line = 1 - np.abs(position) / factor
        plane = np.outer(line, line)[:, :, None, None]
        kernel = plane * np.eye(channels_out, channels_in)
        return ops.convert_to_tensor(kernel, dtype=dtype)


def pad_edge(images, border):
    """Repeat the pixels at the edge.

    It is put together from slices: `ops.pad` has no such mode under every
    backend.

    Args:
        images: tensor (N, H, W, C).
        border: int, the pixels to add on each side.

    Returns:
        Tensor (N, H + 2*border, W + 2*border, C).
    """
    if border == 0:
        return images
    for axis in (1, 2):
        lead = (slice(None),) * axis
        first = [images[(*lead, slice(None, 1))]] * border
        last = [images[(*lead, slice(-1, None))]] * border
        images = ops.concatenate([*first, images, *last], axis)
    return images


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
        # From 0 up, for exported files: what is left of a division is another
        # number there where it began below.
        index = ops.arange(-border, size + border) + 2 * size * border
        index = index % (2 * size)
        index = ops.where(index < size, index, 2 * size - 1 - index)
        images = ops.take(images, index, axis=axis)
    return images


# An output pixel's centre lies within half an input pixel of its own input
# pixel, and Keys' kernel reaches two pixels further: five taps an axis.
_REACH = 2


def _taps(scale, channels, kernel):
    """Convolution weights (5, 5, C, scale*scale*C) of all output phases."""
    phase = (np.arange(scale) + 0.5) / scale - 0.5
    line = kernel(phase[:, None] - np.arange(-_REACH, _REACH + 1))
    plane = np.einsum("yh,xw->hwyx", line, line)
    taps = np.einsum("hwyx,cd->hwcyxd", plane, np.eye(channels))
    size = 2 * _REACH + 1
    return taps.reshape(size, size, channels, -1).astype("float32")
