"""Reading a config.json, which a person may have changed."""

import argparse
import contextlib
import dataclasses
import json
import os
from pathlib import Path

import numpy as np

from sr_keras.models.protocols import update
from sr_keras.models.recipes import RENAMED
from sr_keras.support.suggest import unknown
from sr_keras.training.flags import FILES, Kind

# What a config.json says for people only.
_NOTES = ("version", "versions", "command", "resumed_by")


# Settings of zssr that older versions did not write down, and their values
# then.
_BEFORE = {
    "network": {
        "use_bias": True, "initializer": "he", "value_range": 1.0,
        "interpolation": "bicubic",
    },
    "augmentation": {
        "scale_jitter": 0.0, "view": "antialiased", "noise_on": "son",
        "clip_sons": False,
    },
    "learning": {"ema": 0.98},
    "finish": {"clip_views": False},
}  # fmt: skip
# Schedules of zssr that had another name before `learning.ema` was there.
_SCHEDULES_BEFORE = {"cyclic": "triangular"}


@dataclasses.dataclass(frozen=True)
class Request:
    """What the command was told.

    Attributes:
        given: dict, top-level settings from flags.
        groups: dict of group -> dict, the other settings from flags.
        config: str, path of a config.json, or None.
        output: str, the folder for results, or None.
        overwrite: bool, whether results there may be replaced.
        resume: bool, whether to go on with what is there; many images only.
    """

    given: dict
    groups: dict
    config: str | None = None
    output: str | None = None
    overwrite: bool = False
    resume: bool = False


def read(path):
    """Read a config.json.

    Args:
        path: str or Path.

    Returns:
        dict, as it is in the file, but for what is of no use to a run; a
        recipe has the name it has today.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file.
    """
    try:
        # Some editors write a byte order mark.
        config = update(json.loads(Path(path).read_text("utf-8-sig")))
    except ValueError as e:
        raise ValueError(f"{path} is not a config.json: {e}") from e
    if not isinstance(config, dict):
        raise ValueError(f"{path} is not a config.json: it is no object")
    if "version" in config:
        _restore(config)
    if "version" in config and "augmentation" in config:
        _restore_zssr(config)
    if config.get("recipe") in tuple(RENAMED):
        config["recipe"] = RENAMED[config["recipe"]]
    return {k: v for k, v in config.items() if k not in _NOTES}


def _restore(config):
    """Say what an older version left unsaid.

    Whatever recipes say today, a run goes on as it began.
    """
    data, learning = config.get("data"), config.get("learning")
    if isinstance(data, dict):
        data.setdefault("hr_scale", None)
    if isinstance(learning, dict) and "epsilon" not in learning:
        learning["epsilon"] = None
        # Adam took no notice of it; zssr has none.
        if learning.get("optimizer") == "adam" and "weight_decay" in learning:
            learning["weight_decay"] = 0.0


def _restore_zssr(config):
    """The same of a training on one photo."""
    learning = config.get("learning")
    if isinstance(learning, dict) and "ema" not in learning:
        former = learning.get("schedule")
        if former in tuple(_SCHEDULES_BEFORE):
            learning["schedule"] = _SCHEDULES_BEFORE[former]
    for name, fields in _BEFORE.items():
        if isinstance(config.get(name), dict):
            config[name] = {**fields, **config[name]}


def checked(config, kind, path):
    """Check what was read, for one kind of training.

    Args:
        config: dict, from `read`.
        kind: flags.Kind.
        path: str, for messages.

    Returns:
        Tuple (dict of the top level, dict of group -> dict).

    Raises:
        ValueError: it has an unknown or unfit value.
    """
    top = {k: v for k, v in config.items() if k not in kind.groups}
    groups = {k: config[k] for k in kind.groups if k in config}
    try:
        _check_known("", top, kind.top)
        _check_values(top, None, kind)
        for name, fields in groups.items():
            _check_group(name, fields, kind)
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e
    return top, groups


def _check_group(name, fields, kind):
    if not isinstance(fields, dict):
        raise ValueError(f"{name} must be an object, not {fields!r}")
    if name != "network":  # whose arguments depend on the model
        flags = kind.flags.values()
        known = [field for group, field, _ in flags if group == name]
        _check_known(f"{name}.", fields, known)
    _check_values(fields, name, kind)


def _check_known(where, given, known):
    unknown = [where + key for key in sorted(set(given) - set(known))]
    if unknown:
        raise ValueError(
            f"unknown setting {', '.join(unknown)}: use {', '.join(known)}"
        )


def _check_values(values, group, kind):
    """Hold the values to what the flags of the same names take."""
    for own, field, options in kind.flags.values():
        if own != group or field not in values:
            continue
        value = values[field]
        optional = kind.top.get(field, 0) is None or field in kind.optional
        if value is None and optional:
            continue
        fits, rule = _rule(field, options)
        if not fits(value):
            raise ValueError(f"{field} must be {rule}, not {value!r}")


def _rule(field, options):
    """Whether a value fits, as a function, and what it must be, in words."""
    if field == "scale":
        return (lambda v: isinstance(v, str | int | float)), "a factor"
    if options.get("action") is argparse.BooleanOptionalAction:
        return (lambda v: isinstance(v, bool)), "true or false"
    if "choices" in options:
        choices = options["choices"]
        return (lambda v: v in choices), f"one of {', '.join(choices)}"
    kind = options.get("type")
    length = options.get("nargs")
    if kind is None and length:
        return _are_texts, "a list of texts"
    if kind is None:
        return (lambda v: isinstance(v, str)), "text"
    if not length:
        return kind.fits, kind.rule
    return (
        lambda v: (
            isinstance(v, list)
            and (length == "+" or len(v) == length)
            and all(map(kind.fits, v))
        )
    ), f"a list, each {kind.rule}"


def _are_texts(value):
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def going_on(path, made):
    """What a config.json says of a training that goes on.

    Args:
        path: Path of the one that is there.
        made: dict, what would be written if it began now.

    Returns:
        dict, `made` with the command that began the training, and those that
        resumed it.
    """
    with contextlib.suppress(OSError, ValueError):
        before = json.loads(path.read_text("utf-8-sig"))
        return {
            **made,
            "command": before.get("command", made["command"]),
            "resumed_by": [*before.get("resumed_by", ()), made["command"]],
        }
    return made


def anywhere(job):
    """The settings with paths that mean the same from every folder.

    Args:
        job: dict, the top level of config.json.

    Returns:
        dict of the same kind.
    """
    given = {name: job[name] for name in FILES if job[name]}
    return {**job, **{k: os.path.abspath(p) for k, p in given.items()}}


def sort_settings(given: dict, kind: Kind) -> tuple[dict, dict]:
    """Sort settings given by name into the top level and the groups.

    Args:
        given: setting -> value.
        kind: flags.Kind.

    Returns:
        Tuple (dict of the top level, dict of group -> dict), checked.

    Raises:
        TypeError: there is no such setting.
        ValueError: a value that cannot be used.
    """
    homes = {field: group for group, field, _ in kind.flags.values()}
    top, groups = {}, {}
    for name, value in given.items():
        if name in kind.top:
            top[name] = _plain(value)
        elif name in homes:
            groups.setdefault(homes[name], {})[name] = _plain(value)
        else:
            known = [*kind.top, *homes]
            raise TypeError(unknown("no setting is called", name, known))
    return checked({**top, **groups}, kind, "the settings")


def refuse(function: str, settings: dict, *names: str) -> None:
    """Refuse settings that a function has arguments of its own for.

    Raises:
        TypeError: one is given.
    """
    for name in names:
        if name in settings:
            raise TypeError(f"{function} takes no argument {name!r}")


def _plain(value):
    """A value as JSON has it."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
