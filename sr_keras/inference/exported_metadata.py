"""What exported files say of themselves, where each format has room for it."""

import json
from pathlib import Path

from sr_keras.models.protocols import update

# Format of a file by its name's end; a folder is a SavedModel.
SUFFIXES = {".tflite": "tflite", ".onnx": "onnx"}

# The name under which a TFLite or ONNX file has it.
KEY = "sr_keras"

# TensorFlow Serving leaves alone what is in this folder of a SavedModel.
_EXTRA = Path("assets.extra", "sr_keras.json")


def to_saved_model(folder, facts):
    """Write it into a SavedModel's folder.

    Args:
        folder: Path.
        facts: dict of JSON values.
    """
    place = Path(folder, _EXTRA)
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def of_saved_model(folder):
    """Read it.

    Args:
        folder: Path.

    Returns:
        dict.

    Raises:
        ValueError: it is not a SavedModel of this package.
    """
    try:
        return update(json.loads(Path(folder, _EXTRA).read_text("utf-8")))
    except (OSError, ValueError) as e:
        raise ValueError(foreign(folder)) from e


def of_text(text, path):
    """Read what a file says of itself.

    Args:
        text: str or bytes, or None where it says nothing.
        path: Path, for the message.

    Returns:
        dict.

    Raises:
        ValueError: it is nothing of this package.
    """
    try:
        return update(json.loads(text))
    except (TypeError, ValueError) as e:
        raise ValueError(foreign(path)) from e


def of_tflite(content, path):
    """Read what a TFLite file says of itself.

    Args:
        content: bytes of a TFLite file.
        path: Path, for the message.

    Returns:
        dict.

    Raises:
        ValueError: it is no TFLite file, or not of this package.
    """
    try:
        model = parse_tflite(content)
    except Exception as e:
        raise ValueError(f"{path} is not a TFLite file") from e
    for entry in model.metadata or ():
        if entry.name == KEY.encode():
            data = bytes(model.buffers[entry.buffer].data)
            return of_text(data, path)
    raise ValueError(foreign(path))


def parse_tflite(content):
    """Parse the bytes of a TFLite file into its schema's objects."""
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def foreign(path):
    """What is said of a file that somebody else has made."""
    return (
        f"{path} was not written by sr-keras export: what range and size of "
        "images it takes is not known"
    )
