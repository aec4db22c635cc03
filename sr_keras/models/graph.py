"""What a network's graph says without being run: calls, reach, memory."""

import math
from fractions import Fraction
from typing import NamedTuple

import keras
from keras import layers

# Layers whose result at a place depends on that place alone.
_POINTWISE = (
    layers.Activation,
    layers.Add,
    layers.Average,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Dense,
    layers.Dropout,
    layers.ELU,
    layers.LeakyReLU,
    layers.Multiply,
    layers.PReLU,
    layers.ReLU,
    layers.Rescaling,
    layers.Softmax,
    layers.Subtract,
)
# The same of this package's own, by name: each is in its network's file.
_OWN_POINTWISE = {"MeanShift", "Shared", "Last"}

# Convolutions that are added up in an order that does not depend on the size
# of the image, as measured with oneDNN: small kernels, and any with as many
# filters as it takes at once.
_SMALL_KERNEL = 3
_FILTERS = 64


class Call(NamedTuple):
    """One use of a layer.

    Attributes:
        layer: keras.Layer or another operation of Keras.
        inputs: list of KerasTensor.
        outputs: list of KerasTensor.
        arguments: pair (args, kwargs) with these inputs in them.
    """

    layer: object
    inputs: list
    outputs: list
    arguments: tuple


def calls(model, inputs):
    """Connect a model's layers anew, and say which follows which.

    Args:
        model: functional keras.Model with one input.
        inputs: KerasTensor for it.

    Returns:
        Tuple of the list of Call, in an order in which they can be computed,
        and the KerasTensor that the model ends with. A model within the model
        is one Call.
    """
    found = []

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        before = [x for x in keras.tree.flatten(args) if _is_tensor(x)]
        found.append(Call(layer, before, _listed(outputs), (args, kwargs)))
        return outputs

    twin = keras.models.clone_model(
        model,
        input_tensors=inputs,
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return found, twin.output


def replay(found, values):
    """Make these calls again, with tensors.

    Args:
        found: list of Call, in an order in which they can be computed.
        values: dict of id of a KerasTensor -> tensor, what is known.

    Returns:
        The same dict, with all outputs in it.
    """

    def known(x):
        return values[id(x)] if _is_tensor(x) else x

    for call in found:
        args, kwargs = keras.tree.map_structure(known, call.arguments)
        outputs = _listed(call.layer(*args, **kwargs))
        values.update(zip(map(id, call.outputs), outputs, strict=True))
    return values


def bytes_per_pixel(model, side=64):
    """How much memory a network needs at once, for a pixel of its input.

    Args:
        model: functional keras.Model with one input.
        side: int, of the image that it is worked out for.

    Returns:
        float, bytes for float32 features: of those that are still needed, at
        the layer where these are most.
    """
    shape = (1, side, side, model.input_shape[-1])
    found, last = calls(model, keras.Input(batch_shape=shape))
    end = {id(x): i for i, call in enumerate(found) for x in call.inputs}
    end[id(last)] = len(found)
    held, most = {}, 0
    for i, call in enumerate(found):
        held.update({id(x): _size(x) for x in [*call.inputs, *call.outputs]})
        inner = 0
        if isinstance(call.layer, keras.Model):
            inner = bytes_per_pixel(call.layer) * _size(call.inputs[0])
            inner /= 4 * call.inputs[0].shape[-1]
        most = max(most, sum(held.values()) + inner)
        held = {k: n for k, n in held.items() if end.get(k, -1) > i}
    return most / side**2


def last_with_weights(model):
    """The layers with weights that no other such layer comes after.

    Args:
        model: functional keras.Model with one input.

    Returns:
        List of keras.Layer.
    """
    found, last = calls(model, keras.Input(model.input_shape[1:]))
    maker = {id(x): call for call in found for x in call.outputs}
    waiting, ends = [last], []
    while waiting:
        call = maker.get(id(waiting.pop()))
        if call is None:
            continue
        if getattr(call.layer, "weights", None):
            ends.append(call.layer)
        else:
            waiting += call.inputs
    return ends


def depends_on_size(model):
    """Whether the last bits of its sums may depend on the image's size.

    Args:
        model: functional keras.Model with one input.

    Returns:
        bool.
    """
    found, _ = calls(model, keras.Input(model.input_shape[1:]))
    return any(_depends_on_size(call.layer) for call in found)


def _depends_on_size(layer):
    if isinstance(layer, keras.Model):
        return depends_on_size(layer)
    if isinstance(layer, layers.Conv2DTranspose):
        return True
    if isinstance(layer, layers.Conv2D):
        wide = max(layer.kernel_size) > _SMALL_KERNEL
        return wide and layer.filters % _FILTERS > 0
    return type(layer).__name__ == "FixedUpsample"  # a convolution of 5x5


class Felt(NamedTuple):
    """Where in a tensor a pixel of the image is felt, along an axis.

    Attributes:
        first: int, the first of the tensor's pixels, counted from where the
            image's pixel 0 begins.
        last: int, the last of them.
        scale: Fraction, the tensor's pixels for one of the image.
    """

    first: int
    last: int
    scale: Fraction

    @property
    def reach(self):
        """The same in whole pixels of the image, to the further side."""
        scale = self.scale
        after = math.floor(self.last / scale)
        return max(-math.floor(self.first / scale), after)


def felt_after(call, before):
    """What becomes of `Felt` in a layer.

    Args:
        call: Call.
        before: list of Felt, of its inputs; None for those that are the same
            all over the image.

    Returns:
        Felt.

    Raises:
        ValueError: a layer whose reach is not known, or two sizes that do not
            go together.
    """
    places = [x for x in before if x is not None]
    layer = call.layer
    if len({x.scale for x in places}) > 1 and not _is_last(layer):
        raise ValueError(f"the inputs of {layer.name} differ in size")
    if _is_last(layer):
        return places[-1]
    joined = Felt(
        min(x.first for x in places),
        max(x.last for x in places),
        places[0].scale,
    )
    if isinstance(layer, _POINTWISE) or type(layer).__name__ in _OWN_POINTWISE:
        return joined
    moved = _moved(layer, joined)
    if moved is None or (moved.scale % 1 and (1 / moved.scale) % 1):
        raise ValueError(f"how far {layer.name} reaches is not known")
    return moved


def _moved(layer, felt):
    first, last, scale = felt
    if isinstance(layer, layers.Conv2DTranspose):
        (size, _), (step, _) = layer.kernel_size, layer.strides
        border = (size - step) // 2
        return Felt(
            first * step - border, last * step + size - 1 - border, scale * step
        )
    if isinstance(layer, layers.Conv2D):
        (size, _), (step, _) = layer.kernel_size, layer.strides
        before = (size - 1) // 2 if layer.padding == "same" else 0
        if layer.padding == "same" and step > 1:
            return None  # where it begins depends on the image's size
        low, high = first + before - (size - 1), last + before
        return Felt(-(-low // step), high // step, scale / step)
    if isinstance(layer, layers.ZeroPadding2D):
        border = layer.padding[0][0]
        return Felt(first + border, last + border, scale)
    factor, around = _enlarging(layer)
    if factor is None:
        return None
    return Felt(
        (first - around) * factor,
        (last + around + 1) * factor - 1,
        scale * factor,
    )


def _enlarging(layer):
    """The factor of a layer that enlarges, and how far it looks before."""
    name = type(layer).__name__
    if isinstance(layer, layers.UpSampling2D):
        return layer.size[0], 0 if layer.interpolation == "nearest" else 2
    if name == "PixelShuffle":
        return layer.scale, 0
    if name in ("FixedUpsample", "Interpolation"):
        return layer.scale, 3  # Lanczos has the most
    return None, None


def _is_last(layer):
    return type(layer).__name__ == "Last"


def _is_tensor(x):
    return isinstance(x, keras.KerasTensor)


def _listed(x):
    return list(x) if isinstance(x, list | tuple) else [x]


def _size(tensor):
    return 4 * math.prod(tensor.shape)
