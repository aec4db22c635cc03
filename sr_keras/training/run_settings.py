"""The recipe of a training on many images, and what goes over it."""

from sr_keras import models
from sr_keras.training import objectives


def groups_of(job, name, layers, made):
    """The objective of a training, and its settings.

    Args:
        job: dict, the top level of config.json, its scale an int.
        name: str, the network's.
        layers: dicts of groups of settings, the later over the earlier.
        made: bool, whether the network is there already, with its arguments.

    Returns:
        Tuple (str, the objective; dict of groups).

    Raises:
        ValueError: no such recipe, or a flag that is for another objective.
    """
    recipe = _recipe(job, name)
    recipe.pop("start", None)
    if made:
        recipe.pop("network", None)
    own = {k: v for layer in layers for k, v in layer.get("data", {}).items()}
    data = recipe.get("data", {})
    side = data.get("hr_patch_size")
    refiner = models.network_class(name)[0].refiner
    if side and not refiner and "hr_patch_size" not in own:
        # The paper's is for one factor; others need a multiple of theirs.
        scale = job["scale"]
        data["hr_patch_size"] = max(side // scale, 1) * scale
    return objectives.groups_of(recipe, job["objective"], layers)


def start_wanted(job, name):
    """Lines on the network that a recipe begins with, where there is one.

    Args:
        job: dict, the top level of config.json.
        name: str, the network's.

    Returns:
        List of str.
    """
    start = _recipe(job, name).get("start")
    if not start:
        return []
    return [
        f"recipe {job['recipe']} for x{job['scale']} begins with a network "
        f"for x{start['scale']}: give --init-from RUN"
    ]


def _recipe(job, name):
    which = job["recipe"]
    if which == "default" and models.network_class(name)[0].zero_shot:
        which = "many"  # its own are for one photo
    return models.recipe(name, which, job["scale"])
