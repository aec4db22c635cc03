"""Convolutions of 3x3 with half of the multiplications, to use a network.

Winograd's F(4, 3): four rows of a result are made from six sums of rows, with
six convolutions of 1x3 in place of three for each row.

S. Winograd, "Arithmetic Complexity of Computations", 1980; the matrices are
those of A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural
Networks", CVPR 2016, https://arxiv.org/abs/1509.09308, section 4.3.

The last bits of a result depend on how many rows are above it: with it, tiles
of an image have not the same bytes as the whole.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from sr_keras.models import graph

# Rows that are made together.
_ROWS = 4

# The six convolutions' weights from the three rows of a kernel.
_KERNEL = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    "float32",
)

# From how many channels it is faster: n before and m after take sums in
# proportion to n + m, and save multiplications in proportion to n * m. As
# measured on a processor with AVX-512, where 24 and 24 are slower.
_WORTH = 16


def pays(network):
    """Whether a network has convolutions that are faster this way.

    Args:
        network: functional keras.Model with one input.

    Returns:
        bool.
    """
    return any(map(_is_eligible, network.layers))


def forward(network):
    """A network that computes this way where that is faster.

    Args:
        network: functional keras.Model with one input.

    Returns:
        Function of a tensor (1, H, W, C), to be called in a graph, that gives
        the network's result.
    """
    inputs = keras.Input(network.input_shape[1:])
    found, last = graph.calls(network, inputs)
    return lambda image: replay(found, {id(inputs): image})[id(last)]


def replay(found, values):
    """Make calls again: `graph.replay`, with these convolutions.

    Args:
        found: list of graph.Call, in an order in which they can be computed.
        values: dict of id of a KerasTensor -> tensor of one image, what is
            known.

    Returns:
        The same dict, with all outputs in it.
    """
    sums = {}
    for call in found:
        layer, (before, *_), (after, *_) = call.layer, call.inputs, call.outputs
        if not _is_eligible(layer):
            graph.replay([call], values)
            continue
        # Several convolutions may see the same.
        if id(before) not in sums:
            sums[id(before)] = _sums(values[id(before)])
        result = _products(
            *sums[id(before)],
            tf.convert_to_tensor(layer.kernel),
            tf.convert_to_tensor(layer.bias) if layer.use_bias else None,
        )
        values[id(after)] = layer.activation(result)
    return values


def _compiled(function):
    """Optimized once for all calls: inline it would be at every one."""
    return tf.function(
        function, autograph=False, experimental_attributes={"_noinline": True}
    )


@_compiled
def _sums(image):
    """What the six convolutions see, and the image's height.

    Args:
        image: tensor (1, H, W, C).

    Returns:
        Tuple of six tensors (H / 4, W, C), rounded up, and H.
    """
    height, width = tf.unstack(tf.shape(image)[1:3])
    border = (1, _ROWS - 1 + -height % _ROWS)
    padded = tf.pad(image, ((0, 0), border, (0, 0), (0, 0)))
    phases = tf.reshape(padded, (-1, _ROWS, width, image.shape[-1]))
    phases = tf.unstack(phases, axis=1)
    # Rows -1 to 4 of every four.
    a, b, c, d = (x[:-1] for x in phases)
    e, f = (x[1:] for x in phases[:2])
    outer, inner = e - 4 * c, d - 4 * b
    far, near = e - c, 2 * (d - b)
    sums = (
        4 * a - 5 * c + e,
        outer + inner,
        outer - inner,
        far + near,
        far - near,
        4 * b - 5 * d + f,
    )
    return sums, height


@_compiled
def _products(sums, height, kernel, bias):
    """The convolution of an image, (1, H, W, C), from its `_sums`."""
    kernels = tf.unstack(tf.tensordot(_KERNEL, kernel, 1)[:, None])
    products = []
    for x, k in zip(sums, kernels, strict=True):
        # One after the other: each has all processors, and their caches.
        with tf.control_dependencies(products[-1:]):
            products.append(tf.nn.conv2d(x[None], k, 1, "SAME")[0])
    a, b, c, d, e, f = products
    near, near_odd, far, far_odd = b + c, b - c, d + e, d - e
    rows = tf.stack(
        [
            a + near + far,
            near_odd + 2 * far_odd,
            near + 4 * far,
            near_odd + 8 * far_odd + f,
        ],
        1,
    )
    image = tf.reshape(rows, (-1, tf.shape(rows)[2], kernel.shape[-1]))
    # Of the first axis, for that copies nothing.
    image = image[:height][None]
    return image if bias is None else tf.nn.bias_add(image, bias)


def _is_eligible(layer):
    """Whether a layer is such a convolution, of enough channels."""
    # Its subclasses compute something else.
    if type(layer) is not layers.Conv2D or _has_gpu():
        return False
    before, after = layer.kernel.shape[-2:]
    return (
        layer.compute_dtype == "float32"
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and layer.groups == 1
        and layer.padding == "same"
        and layer.data_format == "channels_last"
        and before * after >= _WORTH * (before + after)
    )


def _has_gpu():
    return bool(tf.config.list_physical_devices("GPU"))
