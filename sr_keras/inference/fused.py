"""A network's layers in a form in which TensorFlow fuses them, to use it.

oneDNN's convolutions can add what was computed before, and apply an activation,
to what they are about to write: a pass over the features less for each. To be
fused, a convolution has to have a bias, and nothing between it and the sum.
"""

import collections

import keras
import tensorflow as tf
from keras import layers

from sr_keras.models import graph


def forward(network):
    """A network in this form.

    Args:
        network: functional keras.Model with one input.

    Returns:
        Function of a tensor (1, H, W, C), to be called in a graph, that gives
        the network's result.
    """
    inputs = keras.Input(network.input_shape[1:])
    found, last = graph.calls(network, inputs)
    return lambda image: replay(found, {id(inputs): image}, [last])[id(last)]


def replay(found, values, wanted):
    """Make calls again: `graph.replay`, in this form.

    Args:
        found: list of graph.Call, in an order in which they can be computed.
        values: dict of id of a KerasTensor -> tensor of one image, what is
            known.
        wanted: list of KerasTensor.

    Returns:
        The same dict, with all that is wanted in it.
    """
    means = _means(found, wanted)
    branches = {id(x.outputs[0]) for pair in means.values() for x in pair}
    for call in found:
        key = id(call.outputs[0])
        if key in branches:
            continue
        if key in means:
            numbers = values[id(call.inputs[2])]
            values[key] = _shared(call.layer, numbers, means[key], values)
            continue
        graph.replay([call], values)
        if _is_without_bias(call.layer):
            values[key] = _with_bias(values[key])
    return values


def _means(found, wanted):
    """Weighted means of two convolutions that nothing else sees.

    Returns:
        Dict of id of a result -> list of two graph.Call, what it is made of.
    """
    seen = [x for call in found for x in call.inputs]
    uses = collections.Counter(map(id, [*seen, *wanted]))
    makers = {id(call.outputs[0]): call for call in found}
    means = {}
    for call in found:
        # In its network's file, which is imported only if asked for.
        if type(call.layer).__name__ != "Shared":
            continue
        branches = [makers.get(id(x)) for x in call.inputs[:2]]
        if all(
            branch
            and uses[id(branch.outputs[0])] == 1
            and _is_without_bias(branch.layer)
            for branch in branches
        ):
            means[id(call.outputs[0])] = branches
    return means


def _shared(layer, numbers, branches, values):
    """A weighted mean of what two convolutions give.

    Their kernels are weighed, which are smaller than their results.
    """
    shares = layer.shares(tf.cast(numbers, tf.float32))
    results = []
    for call, share in zip(branches, tf.unstack(shares, axis=-1), strict=True):
        kernel = call.layer.kernel
        with keras.StatelessScope([(kernel, kernel * share)]):
            graph.replay([call], values)
        results.append(_with_bias(values[id(call.outputs[0])]))
    return results[0] + results[1]


def _is_without_bias(layer):
    """Whether a layer is a convolution without bias or activation."""
    # Its subclasses compute something else.
    if type(layer) is not layers.Conv2D or layer.use_bias:
        return False
    return layer.activation is keras.activations.linear


def _with_bias(features):
    """Add zeros from outside: a graph's own would be optimized away."""
    with tf.init_scope():
        zeros = tf.zeros(features.shape[-1], features.dtype)
    return tf.nn.bias_add(features, zeros)
