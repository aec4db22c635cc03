"""What `--model-arg` may say: the arguments of a network."""

import difflib
import inspect

import keras

from sr_keras import models
from sr_keras.support.suggest import unknown


def check_arguments(name, arguments, taken=()):
    """Refuse arguments that a network does not have or cannot use.

    Args:
        name: str, the network's.
        arguments: dict.
        taken: names of those that are not for a user to choose.

    Raises:
        ValueError: it names the argument.
    """
    known = _arguments(name, taken)
    for key, value in arguments.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise ValueError(
                f"{name} takes no argument {key}: {meant}use one of "
                f"{', '.join(known)}"
            )
        if not _is_like(value, known[key]):
            raise ValueError(f"{key} of {name} cannot be {value!r}")
    _check_activation(arguments.get("activation"))


def _arguments(name, taken):
    """The network's arguments that a user may choose, and their defaults."""
    cls, fixed = models.network_class(name)
    own = inspect.signature(cls).parameters.values()
    taken = {"scale", "name", "about", *taken, *fixed}
    return {
        p.name: p.default
        for p in own
        if p.kind != p.VAR_KEYWORD and p.name not in taken
    }


def _is_like(value, default):
    """Whether a value is of the default's kind; None stands for a number."""
    if default is None:
        return value is None or type(value) in (int, float)
    if isinstance(default, tuple | list):
        kinds = {type(v) for v in default}
        fits = isinstance(value, tuple | list)
        return fits and {type(v) for v in value} <= kinds
    kinds = (int, float) if type(default) is float else (type(default),)
    return type(value) in kinds


def _check_activation(name):
    """Keras's own message lists neither the mistake nor what there is."""
    if name is None:
        return
    try:
        keras.activations.get(name)
    except (ValueError, TypeError):
        others = ("get", "serialize", "deserialize")
        names = [
            n
            for n in dir(keras.activations)
            if n[0].islower() and n not in others
        ]
        raise ValueError(unknown("no activation", name, names)) from None
