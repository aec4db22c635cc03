"""The whole state of a training in one file, to go on with exactly."""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np

from sr_keras.support import signals

FILE = "checkpoint.npz"

_RECORD = "record"


def save(path, trainer, record):
    """Write a checkpoint, whole or not at all.

    Args:
        path: Path, ending in .npz.
        trainer: Trainer.
        record: JSON values, what is known besides.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    arrays = {
        f"{i:05d}": np.asarray(variable)
        for i, variable in enumerate(trainer.state())
    }
    text = json.dumps(record).encode()
    arrays[_RECORD] = np.frombuffer(text, np.uint8)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    with signals.undone(temporary.unlink):
        try:
            with open(temporary, "wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())  # a power cut does not lose both
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def read(path):
    """Read a checkpoint.

    Args:
        path: Path.

    Returns:
        bytes; none where there is no file.

    Raises:
        ValueError: it is empty.
        OSError: it cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return b""
    if not content:
        raise ValueError(f"{path} is no checkpoint (it is empty): delete it")
    return content


def load(content, trainer, path):
    """Put a training into the state it was in.

    Args:
        content: bytes of a checkpoint.
        trainer: Trainer, made and compiled as then.
        path: Path or str, where it is from.

    Returns:
        The record.

    Raises:
        ValueError: the file is broken, or of another network or optimizer.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            record = json.loads(stored[_RECORD].tobytes())
            names = sorted(set(stored.files) - {_RECORD})
            arrays = [stored[name] for name in names]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as e:
        raise ValueError(f"{path} is no checkpoint ({e}): delete it") from e
    variables = trainer.state()
    shapes = [tuple(v.shape) for v in variables]
    if "schedule_epochs" not in record:
        arrays = _without_rates(arrays, shapes)
    if shapes != [a.shape for a in arrays]:
        raise ValueError(
            f"{path} is of another network or optimizer: give the settings "
            "it was made with, or --overwrite to begin anew"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return record


def _without_rates(arrays, shapes):
    """Leave out the rates that older versions kept as variables.

    They did so where a "step" had no drop before the end.
    """
    kept = []
    for array in arrays:
        wanted = shapes[len(kept)] if len(kept) < len(shapes) else None
        if array.shape or wanted == ():
            kept.append(array)
    return kept
