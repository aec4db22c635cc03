"""What a network costs and sees, read from its graph without running it."""

import math

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
        None where that is the whole image) and "paper".

    Raises:
        ValueError: unknown name, or an unsupported scale.
    """
    cls, _ = models.network_class(name)
    if scale is None:
        scale = min(cls.scales) if cls.scales else 2
    network = models.build(name, scale)
    reach = network.reach
    return {
        "name": name,
        "scales": list(cls.scales) if cls.scales else None,
        "scale": scale,
        "parameters": network.count_params(),
        "multiply_adds": multiply_adds(network),
        "receptive_field": None if reach is None else 2 * reach + 1,
        "paper": models.describe(name),
    }


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
    rows, columns = math.ceil(height / scale), math.ceil(width / scale)
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
    shape = (1, height, width, model.input_shape[-1])
    return list(_walk(model, [keras.Input(batch_shape=shape)]))


def _walk(model, inputs):
    """Connect the graph anew, from inputs of known size."""
    found = []

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if isinstance(layer, keras.Model):
            found.extend(_walk(layer, [_input_like(x) for x in args]))
        elif hasattr(layer, "kernel"):
            found.append((layer, _multiplications(layer, args[0], outputs)))
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
