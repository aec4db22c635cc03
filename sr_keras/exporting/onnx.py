"""ONNX files, by tf2onnx."""

import collections
import json

import tensorflow as tf

from sr_keras.inference import exported_metadata
from sr_keras.inference.exported import library
from sr_keras.support.quietly import quietly

# The newest that tf2onnx 1.17 writes without a warning; ONNX Runtime 1.14 and
# all later ones read it.
_OPSET = 17


def write(picture, settings, path):
    """Write an ONNX file.

    Its input is `images`, float32 (N, H, W, C) in [0, 1], its output `sr`.

    Args:
        picture: graph.Picture.
        settings: settings.Settings.
        path: Path.

    Raises:
        ValueError: a library is missing, or the network cannot be converted.
    """
    tf2onnx = library("tf2onnx")
    signature = [picture.specification()]
    function = tf.function(
        lambda images: {"sr": picture.plain(images)},
        input_signature=signature,
        jit_compile=False,
    )
    try:
        with quietly():
            model, _ = tf2onnx.convert.from_function(
                function, input_signature=signature, opset=_OPSET
            )
    except Exception as e:
        reason = str(e).strip().partition("\n")[0]
        raise ValueError(
            f"tf2onnx cannot convert {picture.network.name}: {reason}"
        ) from e
    _name(model.graph, picture)
    facts = picture.facts() | {"format": "onnx"}
    entry = model.metadata_props.add()
    entry.key, entry.value = exported_metadata.KEY, json.dumps(facts)
    path.write_bytes(model.SerializeToString())


def operations(path):
    """What a file computes with.

    Args:
        path: Path.

    Returns:
        dict of str -> int, how often it has each operation.
    """
    graph = library("onnx").load(str(path)).graph
    return dict(
        sorted(collections.Counter(n.op_type for n in graph.node).items())
    )


def _name(graph, picture):
    """Say which axis of the input and the output is which."""
    names = (("batch", "height", "width"), ("batch", "sr_height", "sr_width"))
    for value, axes in zip(
        (graph.input[0], graph.output[0]), names, strict=True
    ):
        shape = value.type.tensor_type.shape
        for axis, name in zip(shape.dim, axes, strict=False):
            axis.dim_param = name
        shape.dim[3].dim_value = picture.channels
