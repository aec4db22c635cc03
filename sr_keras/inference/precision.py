"""Computing in a narrower number format where the processor is faster at it."""

import contextlib
import os
from pathlib import Path

import keras

from sr_keras.inference import compiled
from sr_keras.models import graph

PRECISIONS = ("auto", "float32", "bfloat16")

# Instructions that multiply bfloat16 twice as fast as float32, by the names
# that Linux gives them.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}

# Variables that limit the instructions that oneDNN uses; parts of the values
# with which it multiplies bfloat16 fast, and values with which it has none.
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
_FAST = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")
_NONE = ("SSE41", "AVX", "AVX2", "AVX2_VNNI")

# Networks of more layers with weights keep the second one exact too, at x3 and
# x4: it makes half of `quality` x4's rounding, and takes a tenth of the time.
_DEEP = 16

# How mixed precision fares on a CPU, measured there; the second with no
# instructions for it.
_ON_CPU = {
    "mixed_float16": "mixed_float16 is 6 times slower than float32 on a CPU",
    "mixed_bfloat16": (
        "mixed_bfloat16 trains no faster than float32 on this CPU"
    ),
}


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


def doubt(policy):
    """Why training on this machine had better not be in mixed precision.

    Args:
        policy: str, of `plan.PRECISIONS`.

    Returns:
        str, or None where there is no reason.
    """
    fast = policy == "mixed_bfloat16" and chosen("auto") == "bfloat16"
    return None if fast or has_gpu() else _ON_CPU.get(policy)


def has_gpu():
    """Whether TensorFlow sees a GPU.

    Returns:
        bool.
    """
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


@contextlib.contextmanager
def computing(network, precision, to_use=False):
    """Let a network compute in another format: see `compute_in`.

    What comes out of a training like this is a float32 network like any
    other.

    Args:
        network: `Network`.
        precision: str, one of `PRECISIONS`.
        to_use: bool, as there.
    """
    network = network.core
    before = [(layer, layer.dtype_policy) for layer in network.layers]
    try:
        compute_in(network, precision, to_use)
        yield
    finally:
        if chosen(precision) != "float32":
            for layer, policy in before:
                layer.dtype_policy = policy
            _forget_graph(network)


def compute_in(network, precision, to_use=False):
    """Let a network compute in another format from now on.

    Its weights stay float32, and so does what has seen no layer with weights,
    and a last layer without any: the image that a residual is added to keeps
    all its digits.

    Args:
        network: `Network`.
        precision: str, one of `PRECISIONS`.
        to_use: bool, whether it is to make pictures: then the layers that
            see or give the pixels, and the sums that carry features past
            others, are exact, which keeps a result within a level, and so are
            sigmoids, which are faster so.
    """
    name = chosen(precision)
    if name == "float32":
        return
    if not hasattr(network, "weights"):
        if precision == "auto":
            return
        raise ValueError(
            f"{network.name} is an exported file, which computes as it was "
            "exported: leave out --precision"
        )
    check_possible(name)
    network = network.core
    for layer in coarse(network, to_use):
        layer.dtype_policy = keras.DTypePolicy(f"mixed_{name}")
    _forget_graph(network)


def coarse(network, to_use=False):
    """The layers that `compute_in` has compute in the narrower format.

    Those with weights, and those that see nothing but what these give; to
    make pictures, less what `compute_in` says.

    Args:
        network: functional `Network`.
        to_use: bool, as there.

    Returns:
        List of keras.Layer.
    """
    exact = _exact(network) if to_use else []
    found, last = graph.calls(network, keras.Input(network.input_shape[1:]))
    kept, theirs = [], set()
    for call in found:
        if call.layer in exact:
            continue
        is_last = any(x is last for x in call.outputs)
        among = all(id(x) in theirs for x in call.inputs) and not is_last
        if call.layer.weights or among:
            if not (to_use and _is_sigmoid(call.layer)):
                kept.append(call.layer)
            theirs.update(id(x) for x in call.outputs)
    return kept


def _is_sigmoid(layer):
    """Whether it is a sigmoid, which takes three times as long in bfloat16."""
    activation = getattr(layer, "activation", None)
    return not layer.weights and activation is keras.activations.sigmoid


def _exact(network):
    """Layers whose rounding a picture would show."""
    found, _ = graph.calls(network, keras.Input(network.input_shape[1:]))
    count = sum(bool(call.layer.weights) for call in found)
    least = 2 if count > _DEEP and network.scale > 2 else 1
    ends = [network, *network.levels.values()]
    exact = [x for end in ends for x in graph.last_with_weights(end)]
    before = {}
    for call in found:
        depth = max([before.get(id(x), 0) for x in call.inputs], default=0)
        depth += bool(call.layer.weights)
        before.update((id(x), depth) for x in call.outputs)
        is_first = call.layer.weights and depth <= least
        if is_first or isinstance(call.layer, keras.layers.Add):
            exact.append(call.layer)
    return exact


def _forget_graph(network):
    """What has been compiled has the old format."""
    if hasattr(network, "_forward"):
        del network._forward
    compiled.forget(network)


def limit() -> str | None:
    """The instructions that oneDNN is limited to, in capitals, if it is."""
    given = (os.environ.get(name) for name in _LIMITS)
    return next((isa.upper() for isa in given if isa), None)


def check_possible(precision: str) -> None:
    """Refuse formats of 16 bits where oneDNN was told to do without.

    Args:
        precision: one of `PRECISIONS`, or a Keras dtype policy.

    Raises:
        ValueError: oneDNN would fail.
    """
    if "16" in precision and limit() in _NONE and not has_gpu():
        raise ValueError(
            f"oneDNN has no {precision} with ONEDNN_MAX_CPU_ISA={limit()}: "
            "unset it, or compute in float32"
        )


def _is_fast():
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or has_gpu():
        return False
    if limit() and not any(part in limit() for part in _FAST):
        return False
    try:
        info = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:  # not Linux
        return False
    return not _INSTRUCTIONS.isdisjoint(info.split())
