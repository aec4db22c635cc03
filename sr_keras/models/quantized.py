"""A network as 8-bit integers compute it, to be trained so."""

import keras
from keras import layers, ops

from sr_keras.models import graph
from sr_keras.models.fake_quant import (
    IMAGE,
    SIGMOID,
    TANH,
    Rounded,
    RoundedConv,
    RoundedScale,
)
from sr_keras.models.network import Network

# Activations with an operation of their own, and the ranges these give.
_ACTIVATIONS = {"sigmoid": SIGMOID, "tanh": TANH}

# What only moves values about, and so needs no range of its own.
_MOVING = ("PixelShuffle", "UpSampling2D")


class Quantized(Network):
    """A twin of a network whose features and kernels are rounded to 8 bits.

    It shares the weights of the network, and gives an image of 256 levels
    from 0 to 1. What one integer operation computes is rounded once: a
    convolution with its ReLU and with constants after it.

    Args:
        network: Network.
        **kwargs: as for `Network`.

    Raises:
        ValueError: it has a layer for which there is no form in 8 bits.
    """

    def __init__(self, network, **kwargs):
        inputs = keras.Input(network.input_shape[1:], name="lr")
        outputs = _Writer(network, inputs).outputs
        options = {"about": network.about, "name": network.name, **kwargs}
        super().__init__(inputs, outputs, network.scale, **options)
        self._reach = network.reach

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt; None everywhere."""
        return self._reach

    def observe(self, batches):
        """Take the ranges of the features from images.

        Args:
            batches: iterable of tensors (N, H, W, C), LR.
        """
        ranges = [x for x in self.layers if isinstance(x, Rounded)]
        for layer in ranges:
            layer.watching = True
        try:
            for lr in batches:
                self(lr, training=False)
        finally:
            for layer in ranges:
                layer.settle()


class _Writer:
    """Writes the graph of the twin, operation by operation."""

    def __init__(self, network, inputs):
        own = keras.Input(network.input_shape[1:])
        self._calls, last = graph.calls(network, own)
        self._users, self._maker = {}, {}
        for call in self._calls:
            self._maker.update({id(y): call for y in call.outputs})
            for x in call.inputs:
                self._users.setdefault(id(x), []).append(call)
        self._last = self._valued(last)
        self._name = network.name
        self._done = set()
        self._known = {id(own): self._rounded(inputs, "lr_range", IMAGE)}
        for call in self._calls:
            if id(call) not in self._done:
                self._write(call)
        self.outputs = self._known[id(last)]

    def _write(self, call):
        kind = type(call.layer).__name__
        if isinstance(call.layer, layers.Conv2D) and kind == "Conv2D":
            self._convolve(call)
        elif _is_repeated(call):
            self._put(call, call.layer(self._inputs(call)), moved=True)
        elif kind == "UpSampling2D" and call.layer.interpolation == "nearest":
            self._put(call, _nearest(call, self._inputs(call)[0]), moved=True)
        elif kind == "PixelShuffle":
            self._put(call, call.layer(self._inputs(call)[0]), moved=True)
        elif _constant(call) is not None:
            layer = RoundedScale(_constant(call), name=_name(call, "8bit"))
            self._put(call, layer(self._inputs(call)[0]))
        elif kind in ("Add", "Subtract", "Multiply", "Concatenate"):
            self._put(call, call.layer(self._inputs(call)))
        elif isinstance(call.layer, layers.LeakyReLU | layers.PReLU):
            self._put(call, call.layer(self._inputs(call)[0]))
        elif kind == "Activation" and _acts(call.layer) in _ACTIVATIONS:
            ends = _ACTIVATIONS[_acts(call.layer)]
            self._put(call, call.layer(self._inputs(call)[0]), ends)
        else:
            raise ValueError(
                f"{self._name} cannot be trained in 8 bits: its layer "
                f"{call.layer.name} ({kind}) has no form in them; export it "
                "with --quantize float16 or dynamic"
            )

    def _convolve(self, call):
        """A convolution, and as much of what follows as goes with it."""
        end, after, relu = call, [], _acts(call.layer) == "relu"
        while not relu and _acts(call.layer) == "linear":
            users = self._users.get(id(end.outputs[0]), [])
            follows = users[0] if len(users) == 1 else None
            if follows is None or not _goes_along(follows):
                break
            relu = _is_relu(follows.layer)
            if not relu:
                after.append(_constant(follows))
            self._done.add(id(follows))
            end = follows
        layer = RoundedConv(call.layer, after, relu, name=_name(call, "8bit"))
        y = layer(self._inputs(call)[0])
        acts = _acts(call.layer)
        if acts in ("linear", "relu"):
            self._put(end, y)
            return
        if acts not in _ACTIVATIONS:
            raise ValueError(
                f"{self._name} cannot be trained in 8 bits: there is no form "
                f"in them for the activation {acts} of {call.layer.name}"
            )
        y = layers.Activation(acts)(self._rounded(y, _name(call, "sum")))
        self._put(call, y, _ACTIVATIONS[acts])

    def _put(self, call, y, ends=None, moved=False):
        """Keep what a call gives, rounded where it is new."""
        made = call.outputs[0]
        if not moved:
            ends = IMAGE if id(made) == self._last else ends
            y = self._rounded(y, _name(call, "range"), ends)
        self._known[id(made)] = y

    def _rounded(self, y, name, ends=None):
        return Rounded(ends, name=name)(y)

    def _inputs(self, call):
        return [self._known[id(x)] for x in call.inputs]

    def _valued(self, x):
        """Where the values of a tensor were made, before they were moved."""
        call = self._maker[id(x)]
        while type(call.layer).__name__ in _MOVING:
            x = call.inputs[0]
            call = self._maker[id(x)]
        return id(x)


def _goes_along(call):
    return _is_relu(call.layer) or _constant(call) is not None


def _is_relu(layer):
    if isinstance(layer, layers.ReLU):
        other = layer.max_value, layer.negative_slope, layer.threshold
        return not any(other)
    return isinstance(layer, layers.Activation) and _acts(layer) == "relu"


def _is_repeated(call):
    """Whether one tensor is put beside itself."""
    same = len({id(x) for x in call.inputs}) == 1
    return isinstance(call.layer, layers.Concatenate) and same


def _constant(call):
    """What multiplies and adds constants, for `affine`; None for others."""
    kind = type(call.layer).__name__
    if kind in ("Rescaling", "MeanShift"):
        return call.layer
    if isinstance(call.layer, layers.Layer) or kind != "Multiply":
        return None
    numbers = [
        x for x in keras.tree.flatten(call.arguments)
        if isinstance(x, int | float)
    ]  # fmt: skip
    return numbers[0] if len(numbers) == 1 else None


def _nearest(call, x):
    """Repeated pixels, in operations that all integer kernels have."""
    factor, other = call.layer.size
    if factor != other:
        raise ValueError(f"{call.layer.name} has two factors: give it one")
    repeated = ops.concatenate([x] * factor**2, -1)
    return ops.depth_to_space(repeated, factor, "channels_last")


def _acts(layer):
    return layer.activation.__name__


def _name(call, what):
    return f"{call.layer.name}_{what}"
