"""Reading a config.json, which a person may have changed."""

import argparse
import json
from pathlib import Path

from sr_keras.cli.flags import FLAGS, TOP

_GROUPS = ("network", "augmentation", "learning", "finish")

# Fields below the top level that may be null.
_NULLABLE = ("tile",)


def read(path):
    """Read a config.json.

    Args:
        path: str.

    Returns:
        Tuple (dict of the top level, dict of group -> dict).

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or has an unknown or unfit value.
    """
    try:
        config = json.loads(Path(path).read_text("utf-8"))
    except ValueError as e:
        raise ValueError(f"{path} is not a config.json: {e}") from e
    if not isinstance(config, dict):
        raise ValueError(f"{path} is not a config.json: it is no object")
    config.pop("version", None)
    groups = {k: config.pop(k) for k in _GROUPS if k in config}
    try:
        _check_known("", config, TOP)
        _check_values(config, None)
        for name, fields in groups.items():
            _check_group(name, fields)
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e
    return config, groups


def _check_group(name, fields):
    if not isinstance(fields, dict):
        raise ValueError(f"{name} must be an object, not {fields!r}")
    if name != "network":  # whose arguments depend on the model
        known = [field for group, field, _ in FLAGS.values() if group == name]
        _check_known(f"{name}.", fields, known)
    _check_values(fields, name)


def _check_known(where, given, known):
    unknown = [where + key for key in sorted(set(given) - set(known))]
    if unknown:
        raise ValueError(
            f"unknown setting {', '.join(unknown)}: use {', '.join(known)}"
        )


def _check_values(values, group):
    """Hold the values to what the flags of the same names take."""
    for own, field, options in FLAGS.values():
        if own != group or field not in values:
            continue
        value = values[field]
        optional = TOP.get(field, 0) is None or field in _NULLABLE
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
    if kind is None:
        return (lambda v: isinstance(v, str)), "text"
    if "nargs" not in options:
        return kind.fits, kind.rule
    length = options["nargs"]
    return (
        lambda v: (
            isinstance(v, list)
            and (length == "+" or len(v) == length)
            and all(map(kind.fits, v))
        )
    ), f"a list, each {kind.rule}"
