"""Everything a zero-shot run is told, in groups, as `config.json` has it."""

import dataclasses

from sr_keras.inference.refine import Finish
from sr_keras.pipelines.zero_shot.pairs import Augmentation
from sr_keras.training.zero_shot.settings import Learning

# Group of config.json -> what checks and holds it.
_GROUPS = {"augmentation": Augmentation, "learning": Learning}
_FINISH = ("fusion", "back_projection", "clip_views", "tile", "keep_colours")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Attributes:
        network: dict, arguments of the network.
        augmentation: pipelines.zero_shot.pairs.Augmentation.
        learning: Learning.
        finish: refine.Finish; its kernel is not part of a config.
    """

    network: dict
    augmentation: Augmentation
    learning: Learning
    finish: Finish

    def to_dict(self):
        """Return the settings as JSON values, group by group."""
        groups = {
            name: dataclasses.asdict(getattr(self, name)) for name in _GROUPS
        }
        finish = {name: getattr(self.finish, name) for name in _FINISH}
        return {"network": self.network, **groups, "finish": finish}


def merged(*layers):
    """Settings as dicts of groups, the later over the earlier.

    Args:
        *layers: dicts of group -> dict of field -> value.

    Returns:
        dict of the same kind.
    """
    result = {}
    for layer in layers:
        for group, fields in layer.items():
            result[group] = {**result.get(group, {}), **fields}
    return result


def settings(groups, kernel=None):
    """Check settings and put them together.

    Args:
        groups: dict of group -> dict of field -> value; what is missing has
            its default.
        kernel: ndarray, the blur kernel, or None.

    Returns:
        Settings.

    Raises:
        ValueError: an unknown group or field, or a value out of range.
        TypeError: a value of the wrong kind.
    """
    check_known("config", groups, ["network", *_GROUPS, "finish"])
    made = {
        name: checked(name, groups.get(name, {}), cls)
        for name, cls in _GROUPS.items()
    }
    finish = groups.get("finish", {})
    check_known("finish", finish, _FINISH)
    _check_kinds("finish", finish, Finish)
    network = dict(groups.get("network", {}))
    return Settings(network, finish=Finish(**finish, kernel=kernel), **made)


def checked(name, fields, cls):
    """Check a group of settings and make it.

    Args:
        name: str, the group's.
        fields: dict of field -> value; what is missing has its default.
        cls: dataclass.

    Returns:
        An instance of it.

    Raises:
        ValueError: an unknown field, or a value out of range.
        TypeError: a value of the wrong kind.
    """
    fields = {k: _tuple(v) for k, v in fields.items()}
    check_known(name, fields, [f.name for f in dataclasses.fields(cls)])
    _check_kinds(name, fields, cls)
    return cls(**fields)


def check_known(where, given, known):
    """Refuse what is not known.

    Args:
        where: str, for the message.
        given: names.
        known: names that there are.

    Raises:
        ValueError: it names those that are unknown.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f"unknown {where} setting {', '.join(unknown)}: "
            f"use {', '.join(known)}"
        )


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def _check_kinds(where, given, cls):
    for field in dataclasses.fields(cls):
        if field.name not in given:
            continue
        kind = float | int if field.type is float else field.type
        value = given[field.name]
        # To Python, True is a 1.
        if not isinstance(value, kind) or (
            isinstance(value, bool) and kind is not bool
        ):
            kind = getattr(field.type, "__name__", field.type)
            raise TypeError(
                f"{where} setting {field.name} is of type {kind}, not {value!r}"
            )
