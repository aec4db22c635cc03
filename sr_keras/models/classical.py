"""The classical interpolations, as networks without parameters.

All have MATLAB's geometry (`sr_keras.imaging.resize`). "bicubic" is MATLAB's
`imresize` (Keys, "Cubic convolution interpolation for digital image
processing", 1981, a = -0.5), not the a = -0.75 of OpenCV and PyTorch;
"lanczos" has three lobes (Duchon, "Lanczos filtering in one and two
dimensions", 1979); "fourier" pads the spectrum of the mirrored image with
zeros.
"""

import functools

import keras
import numpy as np
from keras import ops

from sr_keras.imaging import resize
from sr_keras.models import CLASSICAL as METHODS
from sr_keras.models.layers import ImageLayer, pad_symmetric
from sr_keras.models.network import Network

RECIPES = {}  # there is nothing to train


@keras.saving.register_keras_serializable("sr_keras")
class Classical(Network):
    """An interpolation by a whole factor.

    Args:
        method: str, one of `METHODS`.
        scale: int, the factor, from 1 to 16.
        num_channels: int, channels of the image.
        **kwargs: as for `Network`.

    Raises:
        ValueError: for another method or scale.
    """

    def __init__(self, method="bicubic", scale=2, num_channels=3, **kwargs):
        inputs = keras.Input((None, None, num_channels), name="lr")
        layer = Fourier if _checked(method) == "fourier" else Interpolation
        arguments = {} if layer is Fourier else {"method": method}
        outputs = layer(scale=scale, name="upsample", **arguments)(inputs)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.method = method
        self.arguments = {"method": method, "num_channels": num_channels}

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        return 0 if self.scale == 1 else _REACH.get(self.method)

    def interpolate(self, image, scale=None, size=None):
        """Enlarge an image in NumPy, by any factor: see `interpolate`."""
        return interpolate(image, self.method, scale, size)


class _Upsampling(ImageLayer):
    """A layer without weights that multiplies height and width."""

    def __init__(self, scale, **kwargs):
        super().__init__(trainable=False, **kwargs)
        if scale != int(scale) or not 1 <= scale <= resize.MAX_FACTOR:
            raise ValueError(
                "an interpolation inside a network has a whole factor from 1 "
                f"to {resize.MAX_FACTOR}, not {scale}: use interpolate()"
            )
        self.scale = int(scale)

    def compute_output_shape(self, input_shape):
        """Shape (N, scale*H, scale*W, C)."""
        n, h, w, c = input_shape
        return (n, h and h * self.scale, w and w * self.scale, c)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("sr_keras")
class Interpolation(_Upsampling):
    """Interpolation with a short kernel by a whole factor.

    Along each axis an output pixel is a weighted sum of its neighbours in
    the input, with the same weights for all pixels of one phase. The sums
    are written out: GPUs round convolutions to 10 bits.

    Args:
        scale: int, the factor.
        method: str, one of `METHODS` but "fourier".
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, scale, method="bicubic", **kwargs):
        super().__init__(scale, **kwargs)
        self.method = method

    def call(self, images):
        """Upsample (N, H, W, C) to (N, scale*H, scale*W, C)."""
        taps = phases(self.method, self.scale)
        images = pad_symmetric(images, taps.shape[1] // 2)
        for axis in (1, 2):
            images = self._upsample(images, taps, axis)
        return images

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "method": self.method}

    def _upsample(self, x, taps, axis):
        """Make `scale` phases of one axis and interleave them."""
        last = taps.shape[1] - 1
        lead = (slice(None),) * axis
        near = [x[(*lead, slice(k, k - last or None))] for k in range(last + 1)]
        phases = [
            sum(
                float(w) * part for w, part in zip(line, near, strict=True) if w
            )
            for line in taps
        ]
        n, h, w, c = ops.shape(phases[0])
        shape = (n, h * self.scale, w, c)
        if axis == 2:
            shape = (n, h, w * self.scale, c)
        # Side by side along the next axis, and not stacked: phones' libraries
        # have no fifth axis.
        return ops.reshape(ops.concatenate(phases, axis=axis + 1), shape)


@keras.saving.register_keras_serializable("sr_keras")
class Fourier(_Upsampling):
    """Fourier interpolation by a whole factor: see `kernels.fourier`.

    Its two matrices depend on the image's size and are made in the graph.

    Args:
        scale: int, the factor.
        **kwargs: as for `keras.layers.Layer`.
    """

    def call(self, images):
        """Upsample (N, H, W, C) to (N, scale*H, scale*W, C)."""
        n, h, w, c = ops.shape(images)
        down = ops.cast(self._matrix(h), images.dtype)
        across = ops.cast(self._matrix(w), images.dtype)
        x = ops.matmul(down, ops.reshape(images, (n, h, w * c)))
        x = ops.reshape(x, (n, h * self.scale, w, c))
        return ops.einsum("pw,nhwc->nhpc", across, x)

    def _matrix(self, size):
        """The matrix (scale * size, size) of `kernels.fourier`.

        With t = pi m / (2 scale size) and whole m, the Dirichlet kernel
        sin((size - 1/2) t) / sin(t / 2) is
        sin(size t) / tan(t / 2) - cos(size t), and size t is known from
        m modulo 4 scale: so float32 does for images of any size.
        """
        i = ops.expand_dims(2 * ops.arange(self.scale * size) + 1, 1)
        j = self.scale * (2 * ops.arange(size) + 1)
        total = self._dirichlet(i - j, size) + self._dirichlet(i + j, size)
        return total / ops.cast(2 * size, "float32")

    def _dirichlet(self, m, size):
        period = 4 * self.scale
        # It has period 2 pi in t: keep tan well away from its zero at pi.
        turn = period * size
        m = ops.where(m > turn // 2, m - turn, m)
        wave = ops.cast(m % period, "float32") * (2 * np.pi / period)
        pole = ops.equal(m, 0)
        half = ops.cast(ops.where(pole, 1, m), "float32")
        half = half * (np.pi / ops.cast(turn, "float32"))
        ratio = ops.sin(wave) / ops.tan(half) - ops.cos(wave)
        return ops.where(pole, ops.cast(2 * size - 1, "float32"), ratio)


def interpolate(image, method="bicubic", scale=None, size=None):
    """Enlarge an image in NumPy, by any factor, to any size.

    The same as `sr_keras.imaging.resize.imresize` with `method` for its kernel.

    Args:
        image: array (H, W) or (H, W, C); uint8, uint16 or floating.
        method: str, one of `METHODS`.
        scale: number or pair (sy, sx), output over input; from `size` when
            None.
        size: pair (height, width) of the output; ceil(length * scale) when
            None.

    Returns:
        Array of the input's dtype. Integers are rounded after each axis, as
        MATLAB does; floats are computed in float64 and not clipped.

    Raises:
        ValueError: for another method, or a shape, scale or size that cannot
            be used.
        TypeError: for another dtype.
    """
    return resize.imresize(image, scale, size, _checked(method))


def _checked(method):
    if method not in METHODS:
        raise ValueError(
            f"there is no interpolation {method!r}: choose from "
            f"{', '.join(METHODS)}"
        )
    return method


# How many pixels beyond its own an output pixel's weights reach.
_REACH = {"nearest": 0, "bilinear": 1, "bicubic": 2, "lanczos": 3}


@functools.lru_cache(maxsize=16)
def phases(method, scale):
    """Weights of the output pixels within one pixel, along an axis.

    Args:
        method: str, one of `METHODS` but "fourier".
        scale: int, the factor.

    Returns:
        float64 ndarray (scale, 2 * reach + 1), not to be written to.
    """
    reach = _REACH[method]
    size = 2 * reach + 1
    weights = resize.weights(size, size * scale, scale, method)
    return weights[reach * scale : (reach + 1) * scale]
