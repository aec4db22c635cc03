"""What a training can be after, by the names that `--objective` takes.

An objective is a file `sr_keras/training/trainers/NAME.py` with

    Settings    a frozen dataclass, its group NAME in recipes and config.json;
                None where it has none
    RECIPE      dict of groups that go over the recipe of a network which was
                not made for it; may be missing
    trainer_of(network, plan, steps, **kwargs) -> compiled Trainer
    batches_of(plan) -> what makes its batches, with the arguments of
                `pipelines.paired`, which it is where this is missing; and the
                images that it takes beside the data, or None

a line in the table below, and where it has settings a file with their flags,
which imports neither Keras nor TensorFlow:

    TITLE       what --help calls them
    FLAGS       dict as in `training.flags`, of group NAME
    OPTIONAL    fields that may be null
    PATHS       fields that name files
    WRITTEN     files that a run has more: the trainer's `networks`
"""

import importlib

# name -> its file with flags in this folder, or None.
_TABLE = {
    "pixel": None,
    "adversarial": "adversarial_flags",
    "dual": "dual_flags",
}

PIXEL = "pixel"


def names():
    """The objectives there are.

    Returns:
        Tuple of str.
    """
    return tuple(_TABLE)


def flags_of(name):
    """An objective's flags.

    Args:
        name: str, one of `names()`.

    Returns:
        The module with them, or None.
    """
    file = _TABLE[name]
    return file and importlib.import_module(f"sr_keras.training.{file}")


def with_flags():
    """The objectives with flags of their own.

    Returns:
        dict of name -> module.
    """
    return {name: flags_of(name) for name in _TABLE if _TABLE[name]}


def training_of(name):
    """An objective's trainer. This imports TensorFlow.

    Args:
        name: str, one of `names()`.

    Returns:
        The module with it.
    """
    return importlib.import_module(f"sr_keras.training.trainers.{name}")


def groups_of(recipe, objective, layers):
    """The settings of a training, for the objective that it has.

    Args:
        recipe: dict, a network's, which may say its objective.
        objective: str, what was asked for; None for the recipe's.
        layers: dicts of groups that go over the recipe, the last being what
            was said on the command line.

    Returns:
        Tuple (str, the objective; dict of groups).

    Raises:
        ValueError: a flag is for another objective.
    """
    from sr_keras.training.settings import merged

    recipe = dict(recipe)
    made_for = recipe.pop("objective", PIXEL)
    objective = objective or made_for
    others = set(with_flags()) - {objective}
    _check_fit(layers[-1], others, objective)
    more = {}
    if objective != made_for:
        more = getattr(training_of(objective), "RECIPE", {})
    groups = merged(recipe, more, *layers)
    return objective, {k: v for k, v in groups.items() if k not in others}


def _check_fit(given, others, objective):
    for name in sorted(others & set(given)):
        for flag, (_, field, _) in flags_of(name).FLAGS.items():
            if field in given[name]:
                raise ValueError(
                    f"{flag} does not fit --objective {objective}: it is for "
                    f"--objective {name}"
                )
