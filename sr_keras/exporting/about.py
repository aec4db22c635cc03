"""What exported files say of themselves, where each format has room for it."""

import json
from pathlib import Path

from sr_keras.protocols import update

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


def foreign(path):
    """What is said of a file that somebody else has made."""
    return (
        f"{path} was not written by sr-keras export: what range and size of "
        "images it takes is not known"
    )
