"""Computing in a narrower number format where the processor is faster at it."""

import contextlib
import os
from pathlib import Path

import keras

PRECISIONS = ("auto", "float32", "bfloat16")

# Instructions that multiply bfloat16 twice as fast as float32, by the names
# that Linux gives them.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


def chosen(precision):
    """What "auto" stands for on this machine.

    Args:
        precision: str, one of `PRECISIONS`.

    Returns:
        "float32" or "bfloat16".
    """
    if precision != "auto":
        return precision
    return "bfloat16" if _is_fast() else "float32"


@contextlib.contextmanager
def computing(network, precision):
    """Let a network compute in another format: see `compute_in`.

    What comes out of a training like this is a float32 network like any
    other.

    Args:
        network: `Network`.
        precision: str, one of `PRECISIONS`.
    """
    network = getattr(network, "network", network)
    before = [(layer, layer.dtype_policy) for layer in network.layers]
    try:
        compute_in(network, precision)
        yield
    finally:
        if chosen(precision) != "float32":
            for layer, policy in before:
                layer.dtype_policy = policy
            _forget_graph(network)


def compute_in(network, precision):
    """Let a network compute in another format from now on.

    Its weights stay float32, and so does what has seen no layer with weights,
    and a last layer without any: the image that a residual is added to keeps
    all its digits.

    Args:
        network: `Network`.
        precision: str, one of `PRECISIONS`.
    """
    name = chosen(precision)
    if name == "float32":
        return
    network = getattr(network, "network", network)
    for layer in _coarse(network):
        layer.dtype_policy = keras.DTypePolicy(f"mixed_{name}")
    _forget_graph(network)


def _coarse(network):
    """Layers with weights, and those that see nothing but what these give."""
    found, theirs = [], {}

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if layer.weights or all(
            id(x) in theirs for x in keras.tree.flatten(args)
        ):
            found.append(layer)
            # Kept, so that no other tensor gets the same id.
            theirs.update(
                (id(x), (x, layer)) for x in keras.tree.flatten(outputs)
            )
        return outputs

    twin = keras.models.clone_model(
        network,
        input_tensors=keras.Input(network.input_shape[1:]),
        clone_function=lambda layer: layer,
        call_function=call,
    )
    ends = [theirs.get(id(x), (x, None))[1] for x in twin.outputs]
    return [x for x in found if x.weights or x not in ends]


def _forget_graph(network):
    """The compiled function of `inference.forward_of` has the old format."""
    if hasattr(network, "_forward"):
        del network._forward


def _is_fast():
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return False
    try:
        info = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:  # not Linux
        return False
    return not _INSTRUCTIONS.isdisjoint(info.split())
