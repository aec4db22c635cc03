"""Finding images; folders and JSON files, written whole or not at all."""

import contextlib
import json
import math
import os
import sys
from pathlib import Path

from sr_keras.cli.flags import FILES
from sr_keras.imaging import images, match_files
from sr_keras.support import signals
from sr_keras.support.atomic import replaced
from sr_keras.support.console import miss, say
from sr_keras.support.progress import counted

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


def find_images(given):
    """List the images that an argument means; say what is left out.

    Args:
        given: str or Path, as `images.find` takes it.

    Returns:
        List of (Path, relative Path).
    """
    found = images.find(given)
    miss(found.unreadable)
    if found.left_out:
        say(found.left_out, sys.stderr)
    return found


def find_hr(given):
    """List the HR images of a folder; leave out LR images beside them.

    Args:
        given: str or Path, as `images.find` takes it.

    Returns:
        List of (Path, relative Path).
    """
    hr, lr = match_files.split(find_images(given))
    if lr:
        say(
            f"{counted(len(lr), 'LR image')} beside their HR images in {given} "
            f"left out, {lr[0][1]} for one",
            sys.stderr,
        )
    return hr


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


def anywhere(job):
    """The settings with paths that mean the same from every folder.

    Args:
        job: dict, the top level of config.json.

    Returns:
        dict of the same kind.
    """
    given = {name: job[name] for name in FILES if job[name]}
    return {**job, **{k: os.path.abspath(p) for k, p in given.items()}}


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
