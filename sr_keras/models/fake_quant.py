"""Layers that round as 8-bit integers do, and learn in spite of it.

Each computes in float32 what the integer kernels of TensorFlow Lite compute:
features on a grid of 256 steps, kernels on one of 255 steps for each output
channel, sums without rounding. Gradients pass the rounding as if it were not
there, and move the ends of the ranges where values lie beyond them (Jacob et
al. 2018, https://arxiv.org/abs/1712.05877, section 3). The operations are
TensorFlow's own, from which its converter to TFLite reads the ranges.
"""

import keras
import numpy as np
import tensorflow as tf

# What an image has.
IMAGE = (0.0, 1.0)
# What the integer kernels of TensorFlow Lite give (their documentation:
# "LiteRT 8-bit quantization specification").
SIGMOID = (0.0, 255 / 256)
TANH = (-1.0, 127 / 128)

# A range is never narrower: a feature may be zero all over.
_LEAST = 1e-4


class Rounded(keras.layers.Layer):
    """Round to one of 256 values between two ends, zero being one of them.

    Args:
        ends: pair of numbers that stay; None for a range that is first seen
            (`watching`, `settle`) and then learned.
        **kwargs: as for `keras.layers.Layer`.

    Attributes:
        watching: bool, whether values pass as they are and are looked at;
            eagerly only.
    """

    def __init__(self, ends=None, **kwargs):
        super().__init__(**kwargs)
        self.ends = ends
        self.watching = False
        self._seen = []

    def build(self, input_shape):
        """Make the two ends."""
        low, high = self.ends or IMAGE
        self.low = self._end("low", low)
        self.high = self._end("high", high)

    def call(self, x):
        """Round (N, H, W, C), float32."""
        if self.watching:
            self._seen.append((float(np.min(x)), float(np.max(x))))
            return x
        low = tf.minimum(tf.convert_to_tensor(self.low), 0.0)
        high = tf.maximum(tf.convert_to_tensor(self.high), low + _LEAST)
        return tf.quantization.fake_quant_with_min_max_vars(x, low, high)

    def settle(self):
        """Take the range of all that was seen, and watch no more."""
        self.watching = False
        if self._seen and not self.ends:
            low = min(low for low, _ in self._seen)
            high = max(high for _, high in self._seen)
            self.low.assign(min(low, 0.0))
            self.high.assign(max(high, 0.0))
        self._seen = []

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def _end(self, name, value):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=self.ends is None,
            name=name,
        )


class RoundedConv(keras.layers.Layer):
    """A convolution with a rounded kernel, and what one operation does after.

    Args:
        source: keras.layers.Conv2D whose weights these are.
        after: layers or numbers that multiply and add constants: `affine`.
        relu: bool, whether negative sums become zero.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, source, after=(), relu=False, **kwargs):
        super().__init__(**kwargs)
        self.source = source
        self.after = list(after)
        self.relu = relu

    def call(self, x):
        """Convolve (N, H, W, C)."""
        source = self.source
        kernel = tf.convert_to_tensor(source.kernel)
        bias = tf.zeros(kernel.shape[-1])
        if source.use_bias:
            bias += tf.convert_to_tensor(source.bias)
        for layer in self.after:
            gain, shift = affine(layer)
            kernel, bias = kernel * gain, bias * gain + shift
        y = tf.nn.conv2d(
            x,
            rounded_kernel(kernel),
            source.strides,
            source.padding.upper(),
            dilations=source.dilation_rate,
        )
        y = tf.nn.bias_add(y, bias)
        return tf.nn.relu(y) if self.relu else y


class RoundedScale(keras.layers.Layer):
    """Multiply and add constants: a 1x1 convolution.

    Args:
        source: layer or number: see `affine`.
        **kwargs: as for `keras.layers.Layer`.
    """

    def __init__(self, source, **kwargs):
        super().__init__(**kwargs)
        self.source = source

    def call(self, x):
        """Scale (N, H, W, C)."""
        gain, shift = affine(self.source)
        count = [x.shape[-1]]
        kernel = tf.linalg.diag(tf.broadcast_to(gain, count))
        y = tf.nn.conv2d(x, rounded_kernel(kernel[None, None]), 1, "SAME")
        return tf.nn.bias_add(y, tf.broadcast_to(shift, count))


def rounded_kernel(kernel):
    """Round a kernel to 255 values for each output channel, about zero.

    Args:
        kernel: tensor (h, w, C, F), float32.

    Returns:
        Tensor of the same shape.
    """
    most = tf.reduce_max(tf.abs(kernel), axis=(0, 1, 2))
    most = tf.stop_gradient(tf.maximum(most, 1e-9))
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        kernel, -most, most, narrow_range=True
    )


def affine(layer):
    """What a layer multiplies by and adds.

    Args:
        layer: Rescaling, MeanShift, or a number that multiplies.

    Returns:
        Pair of tensors: gain and shift, of a number or one for each channel.
    """
    gain, shift = layer, 0.0
    if isinstance(layer, keras.layers.Rescaling):
        gain, shift = layer.scale, layer.offset
    elif type(layer).__name__ == "MeanShift":
        gain, shift = 1 / layer.value_range, layer.mean
        if not layer.undo:
            gain = layer.value_range
            shift = [-mean * gain for mean in layer.mean]
    return tf.constant(gain, tf.float32), tf.constant(shift, tf.float32)
