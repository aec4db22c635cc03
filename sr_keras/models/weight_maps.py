"""How weights that others have published map onto our variables.

A network's file that knows its authors' weights has

    def published(shapes, scale): -> Published

and `models.convert` does the rest. `shapes` is what the file holds: a dict of a
tensor's name to its shape.
"""

import dataclasses
import math
import re
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a tensor of theirs is stored.

    Attributes:
        shape: function from our variable's shape to their tensor's.
        read: function from their array and our shape to our array.
    """

    shape: Callable
    read: Callable


@dataclasses.dataclass(frozen=True)
class Published:
    """What somebody's file has to hold, and where it belongs.

    Attributes:
        variables: dict of our variable's path, "conv1/kernel", to a pair of
            their tensor's name and a `Layout`.
        arguments: dict, the network's that the file's tensors ask for.
        ignored: regular expression of names that are left out: constants
            that our network has in its graph.
    """

    variables: dict
    arguments: dict = dataclasses.field(default_factory=dict)
    ignored: str | None = None


def _read_conv(array, shape):
    return array.transpose(2, 3, 1, 0)


def _same(array, shape):
    return array.reshape(shape)


# PyTorch's and Caffe's: (out, in, height, width) and (out, in).
CONV = Layout(lambda s: (s[3], s[2], s[0], s[1]), _read_conv)
DENSE = Layout(lambda s: s[::-1], lambda array, _: array.T)
# Biases, and the four numbers of a batch normalization.
VECTOR = Layout(lambda s: s, _same)
# PReLU's, one slope a channel: ours is (1, 1, channels).
SLOPES = Layout(lambda s: s[-1:], _same)


def before_shuffle(factor, layout):
    """A layer whose channels PyTorch's PixelShuffle spreads out.

    PixelShuffle has the place of a pixel as the last part of the channel's
    number; depth_to_space has it first.

    Args:
        factor: int, PixelShuffle's.
        layout: Layout, `CONV` or `VECTOR`.

    Returns:
        Layout.
    """

    def read(array, shape):
        parts = array.reshape(-1, factor**2, *array.shape[1:])
        return layout.read(parts.swapaxes(0, 1).reshape(array.shape), shape)

    return Layout(layout.shape, read)


def conv(ours, theirs, shuffle=None, bias=True, joint="."):
    """The one or two variables of a convolution.

    Args:
        ours: str, the layer's path.
        theirs: str, their layer's name: "head.0".
        shuffle: int, the factor of the PixelShuffle behind it; None for none.
        bias: bool, whether it has one.
        joint: str, what stands between their layer's name and "weight".

    Returns:
        dict for `Published.variables`.
    """
    kernel, vector = CONV, VECTOR
    if shuffle:
        kernel, vector = (before_shuffle(shuffle, x) for x in (CONV, VECTOR))
    found = {f"{ours}/kernel": (f"{theirs}{joint}weight", kernel)}
    if bias:
        found[f"{ours}/bias"] = (f"{theirs}{joint}bias", vector)
    return found


# A normalization's, ours and in PyTorch or MXNet.
_NORM = {
    ".": ("weight", "bias", "running_mean", "running_var"),
    "_": ("gamma", "beta", "moving_mean", "moving_var"),
}


def norm(ours, theirs, joint="."):
    """The four variables of a batch normalization.

    Args:
        ours: str, the layer's path.
        theirs: str, their layer's name.
        joint: str, "." for PyTorch's names and "_" for MXNet's.

    Returns:
        dict for `Published.variables`.
    """
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    return {
        f"{ours}/{name}": (f"{theirs}{joint}{other}", VECTOR)
        for name, other in zip(names, _NORM[joint], strict=True)
    }


def count(shapes, pattern):
    """How many numbered parts there are: one more than the largest number.

    Args:
        shapes: dict of name to shape.
        pattern: str, a regular expression whose group is the number.

    Returns:
        int, 0 where nothing matches.
    """
    found = [re.match(pattern, name) for name in shapes]
    return max((int(m[1]) + 1 for m in found if m), default=0)


def _matlab(order):
    """MATLAB's kernels: a side's pixels in one axis, columns first.

    Args:
        order: str of "i" (channels in), "f" (kernel) and "o" (channels out):
            the axes that there are.
    """

    def shape(ours):
        height, width, inputs, outputs = ours
        sizes = {"i": inputs, "f": height * width, "o": outputs}
        return tuple(sizes[axis] for axis in order)

    def read(array, ours):
        height, width, inputs, outputs = ours
        sizes = {"i": (inputs,), "f": (width, height), "o": (outputs,)}
        axes = order.replace("f", "wh")
        array = array.reshape(sum((sizes[axis] for axis in order), ()))
        for axis in set("io") - set(order):
            array, axes = array[..., None], axes + axis
        return array.transpose([axes.index(axis) for axis in "hwio"])

    return Layout(shape, read)


# SRCNN's: weights_conv1, weights_conv2 and weights_conv3.
MATLAB_FIRST = _matlab("fo")
MATLAB_MIDDLE = _matlab("ifo")
MATLAB_LAST = _matlab("if")
MATLAB_BIAS = Layout(lambda s: (math.prod(s), 1), _same)


def as_float32(array):
    """An array as weights are: float32, in C order."""
    return np.ascontiguousarray(array, dtype=np.float32)
