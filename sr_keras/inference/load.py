"""Loading a network by its name or from a file, whatever wrote it."""

import os
from pathlib import Path

from sr_keras import models
from sr_keras.imaging.arrays import check_numbers
from sr_keras.inference import exported
from sr_keras.models import artifact, pretrained
from sr_keras.models.network import Network


def load(
    name: str | os.PathLike, scale: float | None = None
) -> Network | exported.Exported:
    """Load a network.

    Args:
        name: str or Path: a `.keras` file, a run's folder, the name of
            weights that come with this package ("fast": `pretrained.cards`), of
            a network without parameters ("bicubic"), or an exported file.
        scale: number, the factor that weights of this package are wanted
            for: the smallest there are from it up, else the largest.

    Returns:
        `Network`, or `exported.Exported`. For an interpolation `scale` is 2:
        `sr_keras.upscale` reads it with any factor.

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
    if str(name) in pretrained.names():
        return pretrained.load(str(name), scale)
    path = Path(name)
    if path.exists() and exported.format_of(path):
        return exported.load(path)
    if path.is_dir():
        path = path / artifact.BEST
    if not path.is_file():
        raise FileNotFoundError(models.missing(name, path, pretrained.names()))
    network = artifact.read(path)
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
    if isinstance(model, exported.Exported):
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
