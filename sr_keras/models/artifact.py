"""One file that has a network and says what it is: the artifact.

It is a `.keras` file. The network's configuration carries `about`, a dict:
name, recipe, the versions it was made with.
"""

import importlib
import json
import os
import platform
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from sr_keras._version import __version__
from sr_keras.support import signals
from sr_keras.support.atomic import telling

# What a damaged or foreign file makes its readers raise.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)

BEST = "best.keras"

# Modules that files written before they moved name -> where they are now.
_MOVED = {"sr_keras.models.interpolated": "sr_keras.models.pre_upsampled"}


def save(network, path, **about):
    """Write a network to a file, whole or not at all.

    Args:
        network: `Network`.
        path: str or Path, ending in .keras.
        **about: JSON values that go into `network.about`.

    Raises:
        OSError: the file cannot be written.
    """
    network.about = {**network.about, **about, "versions": versions()}
    save_part(network, path)


def save_part(model, path):
    """Write what is trained beside a network, whole or not at all.

    Args:
        model: keras.Model.
        path: str or Path, ending in .keras.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.keras")
    with telling(path), signals.undone(temporary.unlink):
        try:
            model.save(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def load_part(path, kind):
    """Load what `save_part` has written.

    Args:
        path: str or Path, a .keras file.
        kind: class, what it has to be.

    Returns:
        keras.Model of that class.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there is something else in it.
    """
    model = read(Path(path))
    if not isinstance(model, kind):
        raise ValueError(
            f"{path} holds a {type(model).__name__}, not a {kind.__name__}"
        )
    return model


def read(path):
    """Load what a .keras file holds.

    Args:
        path: Path.

    Returns:
        keras.Model.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    _import_classes(path)
    try:
        return keras.models.load_model(path, compile=False)
    except (*_UNREADABLE, OSError) as e:
        # Keras tells a long story, and its end is what happened.
        reason = str(e).strip().rpartition("\n")[2]
        raise ValueError(f"cannot read the network in {path}: {reason}") from e


def versions():
    """Versions of what a run depends on.

    Returns:
        dict of str to str.
    """
    backend = keras.backend.backend()
    return {
        "sr_keras": __version__,
        "keras": keras.__version__,
        "backend": backend,
        backend: importlib.import_module(backend).__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _import_classes(path):
    """Import the files that define what an artifact holds.

    Keras imports none but its own modules.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except _UNREADABLE as e:
        raise ValueError(
            f"{path} is not a .keras file: train a network, or convert one"
        ) from e
    for module in sorted(set(_modules(config))):
        try:
            importlib.import_module(_MOVED.get(module, module))
        except ModuleNotFoundError as e:
            raise ValueError(
                f"{path} needs {module}, which sr_keras {__version__} does "
                "not have: use the version that wrote it"
            ) from e


def _modules(config):
    if isinstance(config, dict):
        module = config.get("module")
        # `registered_name` says whose class it is even where the module has
        # been renamed since.
        if isinstance(module, str) and module.startswith("sr_keras."):
            yield module
        config = config.values()
    if isinstance(config, str) or not hasattr(config, "__iter__"):
        return
    for value in config:
        yield from _modules(value)
