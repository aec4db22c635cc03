"""Folders and JSON files, written whole or not at all."""

import contextlib
import json
import math
import os
from pathlib import Path

from sr_keras.support import signals
from sr_keras.support.atomic import replaced

# A folder with this file has a whole result: it is written last.
LAST = "metrics.json"

# A folder with this file has the results of many photos, of zero-shot runs.
BATCH = "batch.json"

# The same of `upscale`: the settings of all results in the folder.
RECORD = "upscale.json"

# Where results go unless they are told to.
RUNS = Path("runs")

# What is tried out on a folder: less than any run writes.
_PROBE = bytes(1 << 16)


def save_json(path, value):
    """Write JSON, whole or not at all; infinity and NaN become null.

    Args:
        path: Path.
        value: what json takes.
    """
    text = json.dumps(_storable(value), indent=2, allow_nan=False)
    save_text(path, text + "\n")


def save_text(path, text):
    """Write a text, whole or not at all; into a pipe as it is.

    Args:
        path: str or Path.
        text: str.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    if path.exists() and not path.is_file():  # a pipe, or /dev/stdout
        path.write_text(text, "utf-8", "backslashreplace")
        return
    with replaced(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def has_result(folder):
    """Whether a run has written all of its files to a folder.

    Args:
        folder: Path.

    Returns:
        bool.
    """
    return (folder / LAST).exists()


@contextlib.contextmanager
def folder_for(folder):
    """Make a folder, and take it away again if nothing gets into it.

    Args:
        folder: Path.

    Raises:
        OSError: it cannot be made or written to, or its disk is full.
    """
    missing = [p for p in (folder, *folder.parents) if not p.exists()]

    def leave():
        for path in missing:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()

    with signals.undone(leave):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _try_out(folder)
            yield
        finally:
            leave()


def _try_out(folder):
    probe = folder / f".probe.{os.getpid()}"
    try:
        with signals.undone(probe.unlink):
            probe.write_bytes(_PROBE)
    except OSError as e:
        raise OSError(
            f"cannot write to {folder} ({e.strerror}): give another --output"
        ) from e
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _storable(value):
    if isinstance(value, dict):
        return {k: _storable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
