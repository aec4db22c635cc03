"""Training in a narrower number format where the processor is faster at it."""

import contextlib
import os
from pathlib import Path

import keras

from sr_keras import runner
from sr_keras.models import graph

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
def computing(network, precision, to_use=False):
    """Let a network's layers with weights compute in another format.

    The weights stay float32, and so do the layers without any: the image
    that a refiner's residual is added to keeps all its digits. What comes
    out of a training like this is a float32 network like any other.

    Args:
        network: `Network`.
        precision: str, one of `PRECISIONS`.
        to_use: bool, whether it is to make pictures: then the layers that
            make the picture stay float32 too, which keeps it within a level
            of 8 bits.
    """
    name = chosen(precision)
    if name == "float32":
        yield
        return
    layers = [layer for layer in network.layers if layer.weights]
    if to_use:
        last = graph.last_with_weights(network)
        layers = [layer for layer in layers if layer not in last]
    before = [layer.dtype_policy for layer in layers]
    _forget_graph(network)
    try:
        for layer in layers:
            layer.dtype_policy = keras.DTypePolicy(f"mixed_{name}")
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy
        _forget_graph(network)


def _forget_graph(network):
    """What has been compiled has the old format."""
    if hasattr(network, "_forward"):
        del network._forward
    runner.forget(network)


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
