"""The network that an exported file is made of."""

import os

from sr_keras import models
from sr_keras.imaging.arrays import check_numbers
from sr_keras.inference import exported
from sr_keras.inference.load import network_of
from sr_keras.models import pretrained
from sr_keras.models.pre_upsampled import Interpolated


def network_for(model, scale=None):
    """The network that a file is made of.

    Args:
        model: `Network`, or what `sr_keras.load` takes.
        scale: int, the factor, where `model` has several; None for its own.

    Returns:
        `Network`; a refiner's with its interpolation in it.

    Raises:
        ValueError: there is none for this factor.
        FileNotFoundError: there is none of this name.
    """
    check_numbers(scale, "scale")
    if isinstance(model, str) and model in models.CLASSICAL:
        return models.build(model, _whole(scale or 2, model))
    network = network_of(model, scale)
    if isinstance(network, exported.Exported):
        raise ValueError(f"{model} is an exported file already")
    if network.refiner:
        return _interpolated(network, scale)
    if scale in network.levels:
        return network.levels[scale]
    if scale is not None and scale != network.scale:
        if network.core is not network:
            return _interpolated(network.core, scale)
        raise ValueError(_other_factor(model, network, scale))
    return network


def _interpolated(refiner, scale):
    """A refiner with its interpolation, for a whole factor."""
    own = refiner.scale if scale is None else scale
    if refiner.zero_shot or models.network_class(refiner.name)[0].scales:
        trained = refiner.scale
        if scale is not None and trained != scale:
            raise ValueError(
                f"{refiner.name} has learned x{_text(trained)}, not x{scale}: "
                "leave out --scale, or train another"
            )
    whole = _whole(own, refiner.name)
    return Interpolated(refiner, whole, about=refiner.about, name=refiner.name)


def _whole(scale, name):
    if isinstance(scale, tuple) or scale != int(scale):
        raise ValueError(
            f"a file enlarges by a whole factor, the same for both axes, as "
            f"one convolution interpolates inside it; {name} has "
            f"{_text(scale)}: sr-keras upscale takes any"
        )
    return int(scale)


def _text(scale):
    if isinstance(scale, tuple):
        return "x".join(f"{s:g}" for s in scale[::-1])
    return f"{scale:g}"


def _other_factor(model, network, scale):
    there = [c["scale"] for c in pretrained.cards() if c["name"] == str(model)]
    own = [*network.levels, network.scale]
    known = ", ".join(map(_text, sorted(there) or own))
    name = model if isinstance(model, str | os.PathLike) else network.name
    return f"{name} enlarges by {known}, not by {scale}: give that --scale"
