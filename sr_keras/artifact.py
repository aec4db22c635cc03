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

from sr_keras import models, signals, weights
from sr_keras._version import __version__
from sr_keras.arrays import check_numbers
from sr_keras.models.network import Network
from sr_keras.writing import telling

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
    model = _read(Path(path))
    if not isinstance(model, kind):
        raise ValueError(
            f"{path} holds a {type(model).__name__}, not a {kind.__name__}"
        )
    return model


def load(name, scale=None):
    """Load a network.

    Args:
        name: str or Path: a `.keras` file, a run's folder, the name of
            weights that come with this package ("fast": `weights.cards`), of
            a network without parameters ("bicubic"), or an exported file.
        scale: number, the factor that weights of this package are wanted
            for: the smallest there are from it up, else the largest.

    Returns:
        `Network`, or `exporting.files.Exported`. For an interpolation `scale`
        is 2: `sr_keras.upscale` reads it with any factor.

    Raises:
        FileNotFoundError: there is no such file, nor best.keras in it.
        ValueError: the file is not an artifact of this package.
        TypeError: `name` is no name, or `scale` no number.
    """
    if not isinstance(name, str | os.PathLike):
        raise TypeError(
            f"load takes a name or a path, not {type(name).__name__}"
        )
    check_numbers(scale, "scale")
    if str(name) in models.CLASSICAL:
        return models.build(str(name), 2)
    if str(name) in weights.names():
        return weights.load(str(name), scale)
    path = Path(name)
    if path.exists():
        from sr_keras.exporting import files

        if files.format_of(path):
            return files.load(path)
    if path.is_dir():
        path = path / BEST
    if not path.is_file():
        raise FileNotFoundError(models.missing(name, path, weights.names()))
    network = _read(path)
    if not isinstance(network, Network):
        raise ValueError(
            f"{path} holds a {type(network).__name__}, not a network of "
            "sr_keras: train one, or convert it"
        )
    return network


def network_of(model, scale=None):
    """Load a network, unless it is one already.

    Args:
        model: `Network`, exported file, or what `load` takes.
        scale: as in `load`.

    Returns:
        As `load`.

    Raises:
        TypeError: it is something else.
        FileNotFoundError: as in `load`.
        ValueError: as in `load`.
    """
    if isinstance(model, Network):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model, scale)
    from sr_keras.exporting.files import Exported

    if isinstance(model, Exported):
        return model
    raise TypeError(
        "the model has to be a network of sr_keras or its name, not "
        f"{type(model).__name__}: make one with sr_keras.build, or give a "
        "name or path as sr_keras.load takes it"
    )


def load_trainable(name):
    """Load a network that is to be trained.

    Args:
        name: as in `load`.

    Returns:
        `Network`.

    Raises:
        FileNotFoundError: as in `load`.
        ValueError: as in `load`, or it is an exported file.
    """
    network = load(name)
    if not isinstance(network, Network):
        raise ValueError(
            f"{name} is an exported file, which cannot be trained: give the "
            ".keras file that it was made of"
        )
    return network


def _read(path):
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
            importlib.import_module(module)
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
