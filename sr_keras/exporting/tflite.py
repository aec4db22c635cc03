"""TFLite files: converting, and what must not be in them."""

import collections
import json

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from sr_keras.exporting import calibration
from sr_keras.inference import exported_metadata
from sr_keras.support.quietly import quietly

# Operations that a phone's library has not, or that read variables: those of
# a live Keras model hold nothing, and what comes out is NaN.
_VARIABLES = {"READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE"}

# What phones' libraries can hold.
_MOST_AXES = 4


def write(picture, settings, path):
    """Write a TFLite file.

    Its input is `images` (1, H, W, C), its output `sr`: float32 in [0, 1], or
    uint8 for int8.

    Args:
        picture: graph.Picture.
        settings: settings.Settings.
        path: Path.

    Raises:
        ValueError: the network cannot be converted, or what it became has
            something in it that phones have not.
    """
    function = tf.function(picture.plain, jit_compile=False)
    size = settings.input_size
    frozen = convert_variables_to_constants_v2(
        function.get_concrete_function(picture.specification(1, size))
    )
    with quietly():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    _set(converter, picture, settings)
    try:
        with quietly():
            content = converter.convert()
    except Exception as e:
        raise ValueError(_why_not(picture, settings, e)) from e
    model = exported_metadata.parse_tflite(content)
    problems = _problems(model, picture.shuffles())
    if problems:
        raise ValueError(
            f"{picture.network.name} as TFLite would have "
            f"{', '.join(problems)}, which phones have not"
        )
    facts = picture.facts() | {
        "format": "tflite",
        "quantize": settings.quantize,
        "input_size": size and list(size),
    }
    path.write_bytes(_finished(model, facts))


def operations(content):
    """What a file computes with.

    Args:
        content: bytes of a TFLite file.

    Returns:
        dict of str -> int, how often it has each operation.
    """
    return dict(
        sorted(_counts(exported_metadata.parse_tflite(content)).items())
    )


def _set(converter, picture, settings):
    """Tell the converter what numbers to use."""
    quantize = settings.quantize
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if picture.has_ranges and quantize != "int8":
        raise ValueError(
            f"{picture.network.name} has learned 8-bit ranges: export it with "
            "--quantize int8"
        )
    if quantize == "none":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize != "int8":
        return
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    if picture.has_ranges:
        return
    if settings.calibration is None:
        raise ValueError(
            "--quantize int8 needs photos to take the ranges of features "
            "from: --calibrate FOLDER"
        )
    patches = calibration.patches(
        settings.calibration, picture, settings.input_size
    )
    converter.representative_dataset = lambda: ([x] for x in patches)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _names(model):
    """The names of a model's operations, by their index."""
    from tensorflow.lite.python import schema_py_generated as schema

    known = {
        v: k for k, v in vars(schema.BuiltinOperator).items() if k.isupper()
    }
    names = []
    for code in model.operatorCodes:
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        name = known.get(number, str(number))
        if name == "CUSTOM":
            name = (code.customCode or b"CUSTOM").decode()
        names.append(name)
    return names


def _counts(model):
    """How often each operation is in it: Counter of names."""
    return collections.Counter(
        _names(model)[op.opcodeIndex]
        for graph in model.subgraphs
        for op in graph.operators
    )


def _problems(model, shuffles):
    """What is in a model that must not be."""
    names = set(_names(model))
    found = sorted(n for n in names if n in _VARIABLES or not n.isupper())
    axes = max(
        len(tensor.shape) if tensor.shape is not None else 0
        for graph in model.subgraphs
        for tensor in graph.tensors
    )
    if axes > _MOST_AXES:
        found.append(f"tensors of {axes} axes")
    if _counts(model)["DEPTH_TO_SPACE"] < shuffles:
        found.append("its depth-to-space in other operations")
    return found


def _finished(model, facts):
    """The file: names for input and output, and what it says of itself."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = b"images"
    graph.tensors[graph.outputs[0]].name = b"sr"
    buffer = schema.BufferT()
    buffer.data = list(json.dumps(facts).encode())
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = exported_metadata.KEY, len(model.buffers) - 1
    model.metadata = [*(model.metadata or ()), entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _why_not(picture, settings, error):
    lines = [line.strip() for line in str(error).splitlines()]
    told = next((line for line in lines if "error:" in line), lines[0])
    advice = "" if settings.input_size else "; try --input-size 64x64"
    reason = told.rpartition("error:")[2].strip()[:200]
    return (
        f"{picture.network.name} cannot be made a TFLite file: {reason}{advice}"
    )
