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

# A graph has tensors from outside as constants up to this size.
_CONSTANT = 128


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
    weighed = _weighed(found, wanted)
    for call in found:
        result = call.outputs[0]
        if id(result) in weighed:
            continue
        branches = [weighed.get(id(x)) for x in call.inputs[:2]]
        if all(branches):
            numbers = values[id(call.inputs[2])]
            values[id(result)] = _shared(call.layer, numbers, branches, values)
            continue
        graph.replay([call], values)
        if _is_without_bias(call.layer):
            values[id(result)] = _with_bias(values[id(result)])
    return values


def _weighed(found, wanted):
    """Convolutions whose results are only seen by a weighted mean.

    Returns:
        Dict of id of a result -> graph.Call.
    """
    uses = collections.Counter(
        id(x) for x in [*(x for call in found for x in call.inputs), *wanted]
    )
    makers = {id(call.outputs[0]): call for call in found}
    weighed = {}
    for call in found:
        # In its network's file, which is imported only if asked for.
        if type(call.layer).__name__ != "Shared":
            continue
        branches = {id(x): makers.get(id(x)) for x in call.inputs[:2]}
        if all(
            uses[key] == 1 and maker and _is_without_bias(maker.layer)
            for key, maker in branches.items()
        ):
            weighed |= branches
    return weighed


def _shared(layer, numbers, branches, values):
    """A weighted mean of what two convolutions give.

    Weighing their kernels is less than weighing their results.
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
    """Add nothing, which as a constant would be optimized away."""
    count = features.shape[-1]
    with tf.init_scope():
        zeros = tf.zeros(count + _CONSTANT, features.dtype)
    return tf.nn.bias_add(features, zeros[:count])
