"""What a network costs and sees, read from its graph without running it."""

import math
from typing import NamedTuple

import keras
from keras import layers

from sr_keras import models

# The picture that papers count the multiply-adds for.
HEIGHT, WIDTH = 720, 1280


def summary(name, scale=None):
    """The facts of a network with its default arguments.

    Args:
        name: str, one of `models.list_models()`.
        scale: int; the smallest that it has when None, 2 where it has any.

    Returns:
        dict: "name", "scales" (list of int, None for any), "scale",
        "parameters", "multiply_adds" (for an output of 1280x720),
        "receptive_field" (the side in LR pixels of what a pixel depends on,
        None where that is the whole image), "evaluation" (how the figures of
        its paper are read: `models.paper_evaluation`) and "paper".

    Raises:
        ValueError: unknown name, or an unsupported scale.
    """
    cls, _ = models.network_class(name)
    if scale is None:
        scale = usual_scale(name)
    network = models.build(name, scale)
    reach = network.reach
    return {
        "name": name,
        "scales": list(cls.scales) if cls.scales else None,
        "scale": scale,
        "parameters": network.count_params(),
        "multiply_adds": multiply_adds(network),
        "receptive_field": None if reach is None else 2 * reach + 1,
        "evaluation": models.paper_evaluation(name),
        "paper": models.describe(name),
    }


def usual_scale(name):
    """The smallest factor that a network has, 2 where it has any.

    Args:
        name: str, one of `models.list_models()`.

    Returns:
        int.
    """
    return min(models.network_class(name)[0].scales or (2,))


def multiply_adds(network, height=HEIGHT, width=WIDTH):
    """Multiplications of a weight, for an output of some size.

    Convolutions and dense layers are counted, as papers do; biases,
    activations and interpolations without weights are not.

    Args:
        network: `Network`.
        height: int, of the output.
        width: int, of the output.

    Returns:
        int. Where the scale does not divide the size, the count for the next
        larger one times the ratio of the areas.
    """
    scale = network.scale
    rows, columns = lr_size(scale, height, width)
    total = sum(count for _, count in costs(network, rows, columns))
    return round(total * (height * width) / (rows * columns * scale**2))


def costs(model, height, width):
    """The layers that multiply by weights, and how often each does.

    Args:
        model: keras.Model of layers and models, with one image as its input.
        height: int, of that image.
        width: int, of that image.

    Returns:
        List of pairs (layer, int), one for every call of a layer.
    """
    return [
        (call.layer, call.multiply_adds)
        for call in calls(model, height, width)
        if hasattr(call.layer, "kernel")
    ]


class Call(NamedTuple):
    """One use of a layer.

    Attributes:
        name: the layer's, after those of the models that it is within.
        layer: keras.Layer or another operation of Keras.
        output_shape: tuple without the batch.
        multiply_adds: int.
    """

    name: str
    layer: object
    output_shape: tuple
    multiply_adds: int


def calls(model, height, width):
    """The layers of a model in the order in which they are computed.

    Args:
        model: as in `costs`.
        height: as in `costs`.
        width: as in `costs`.

    Returns:
        List of Call. In place of a model within the model there are its own
        layers.
    """
    shape = (1, height, width, model.input_shape[-1])
    return _walk(model, [keras.Input(batch_shape=shape)])


def layer_table(network, height=HEIGHT, width=WIDTH):
    """The facts of every layer of a network.

    Args:
        network: `Network`.
        height: int, of the output.
        width: int, of the output.

    Returns:
        List of dict, one for every use of a layer: "name", "kind",
        "output_shape" (without the batch), "parameters", 0 where an earlier
        use has the same, and "multiply_adds". Where the scale does not divide
        the size, the output is the next larger one.
    """
    rows, columns = lr_size(own_factor(network), height, width)
    seen, table = set(), []
    for call in calls(network, rows, columns):
        weights = getattr(call.layer, "weights", ())
        new = {id(w): math.prod(w.shape) for w in weights if id(w) not in seen}
        seen |= set(new)
        table.append(
            {
                "name": call.name,
                "kind": type(call.layer).__name__,
                "output_shape": list(call.output_shape),
                "parameters": sum(new.values()),
                "multiply_adds": call.multiply_adds,
            }
        )
    return table


def own_factor(network):
    """The factor between a network's input and its output.

    Args:
        network: `Network`.

    Returns:
        int, 1 for a refiner.
    """
    return 1 if network.refiner else network.scale


def lr_size(scale, height=HEIGHT, width=WIDTH):
    """The size of the LR image for an output of some size, or just above.

    Args:
        scale: int.
        height: int, of the output.
        width: int, of the output.

    Returns:
        Pair (height, width).
    """
    return math.ceil(height / scale), math.ceil(width / scale)


def _walk(model, inputs, path=""):
    """Connect the graph anew, from inputs of known size."""
    found = []

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        name = path + layer.name
        if isinstance(layer, keras.Model):
            inner = [_input_like(x) for x in args]
            found.extend(_walk(layer, inner, f"{name}/"))
        else:
            last = keras.tree.flatten(outputs)[-1]
            count = 0
            if hasattr(layer, "kernel"):
                count = _multiplications(layer, args[0], outputs)
            found.append(Call(name, layer, tuple(last.shape[1:]), count))
        return outputs

    keras.models.clone_model(
        model,
        input_tensors=inputs if len(inputs) > 1 else inputs[0],
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return found


def _input_like(tensor):
    return keras.Input(batch_shape=tensor.shape)


def _multiplications(layer, inputs, outputs):
    """Each weight of the kernel is used once at each place."""
    if isinstance(layer, layers.Dense):
        places = outputs.shape[:-1]
    elif isinstance(layer, layers.Conv2DTranspose):
        places = inputs.shape[1:3]
    else:
        places = outputs.shape[1:3]
    return math.prod(places) * math.prod(layer.kernel.shape)
