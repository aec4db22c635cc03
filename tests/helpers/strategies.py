"""A trainer under a strategy, in a process of its own: see test_team.

    python strategies.py one|mirrored|multi-worker FOLDER TRAINER ...

Writes a file of each trainer's numbers. For `mirrored` the processor is two
devices; for `multi-worker` TF_CONFIG says who the others are.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sr_keras import models
from sr_keras.training import objectives
from sr_keras.training.distributed.cluster import cluster
from sr_keras.training.distributed.team import team_of
from sr_keras.training.plan import plan

STEPS, BATCH, BATCHES = 60, 4, 5

# Which images of a batch have HR: all, none, those of one replica, some.
PAIRED = [[1] * 4, [0] * 4, [1, 1, 0, 0], [1, 0, 1, 1], [0, 1, 0, 0]]


class Case(NamedTuple):
    """A trainer: an objective, a network, and settings in groups."""

    objective: str
    network: str
    scale: int
    arguments: dict
    groups: dict = {}  # noqa: RUF012
    mixed: bool = False  # whether some of a batch's images have no HR
    side: int = 8  # of LR images


# Big enough for the batch normalisation of the discriminator's last layer,
# which has a sixteenth of HR's side; and so slow that rounding does not grow
# from step to step, as it does where two networks learn from each other.
_SIDE, _SLOW = 32, {"learning_rate": 1e-4}

_ADVERSARIAL = {
    "discriminator_filters": 2, "discriminator_units": 4,
    "pixel_weight": 1.0, "adversarial_weight": 0.1, "content_weight": 0.0,
}  # fmt: skip
_CONTENT = {
    "content_weight": 0.1, "content_layers": {"VGG12": 1e-4},
    "vgg_weights": "random", "grid_weight": 10.0,
}  # fmt: skip

TRAINERS = {
    "pixel-small": Case(
        "pixel", "espcn", 2, {"num_filters": [4, 4]},
        {"learning": {"weight_decay": 0.1}},
    ),
    "pixel": Case("pixel", "srresnet", 2, {"num_blocks": 1, "num_filters": 4}),
    "pixel-noise": Case(
        "pixel", "vae", 2,
        {"num_blocks": 1, "num_filters": 4, "latent_channels": 2,
         "beta": 1e-3},
    ),
    "pixel-levels": Case(
        "pixel", "lapsrn", 4, {"num_layers": 1, "num_filters": 4},
        {"learning": {"clip_norm": 0.02, "ema": 0.9, "weight_decay": 0.1}},
    ),
    "adversarial": Case(
        "adversarial", "srresnet", 2, {"num_blocks": 1, "num_filters": 4},
        {"learning": {"learning_rate": 1e-5, "ema": 0.9},
         "adversarial": _ADVERSARIAL},
        side=_SIDE,
    ),
    "adversarial-relativistic": Case(
        "adversarial", "espcn", 2, {"num_filters": [4, 4]},
        {"learning": _SLOW, "adversarial": {
            **_ADVERSARIAL, **_CONTENT, "relativistic": True,
            "discriminator": "convolutional"}},
        side=_SIDE,
    ),
    "dual": Case(
        "dual", "drn-s", 4, {"num_blocks": 1, "num_filters": 2},
        {"learning": {"ema": 0.9}},
    ),
    "dual-mixed": Case(
        "dual", "drn-s", 4, {"num_blocks": 1, "num_filters": 2}, mixed=True,
    ),
}  # fmt: skip

# Those that are tried in the default suite.
QUICK = ("pixel-small", "pixel-noise")


def made(case):
    """The trainer: SGD, whose steps show every error of a gradient."""
    learning = {
        "optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.5,
        "loss": "l2", "schedule": "constant",
    }  # fmt: skip
    groups = {
        "data": {"hr_patch_size": case.side * case.scale},
        **case.groups,
        "learning": {**learning, **case.groups.get("learning", {})},
    }
    module = objectives.training_of(case.objective)
    keras.utils.set_random_seed(0)
    network = models.build(case.network, case.scale, **case.arguments)
    settings = plan(groups, case.objective, module.Settings)
    return module.trainer_of(network, settings, STEPS, jit_compile=False)


def batches(case, channels, share):
    """Parts of batches of noise, again and again; one of them is bad."""
    index, count = share
    rng = np.random.default_rng(0)
    lr, hr = (
        rng.random((BATCHES, BATCH, side, side, channels), "float32")
        for side in (case.side, case.side * case.scale)
    )
    hr[3, 0] = np.nan  # in the part of one replica alone
    part = slice(index * BATCH // count, (index + 1) * BATCH // count)
    data = lr[:, part], hr[:, part]
    if case.mixed:
        paired = np.array(PAIRED, "float32")
        names = ("lr", "hr", "paired")
        data = dict(zip(names, (*data, paired[:, part]), strict=True))
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(data)
    return data.repeat().with_options(options)


def trained(name, team):
    """All numbers after one step and after all: two lists of ndarrays."""
    case = TRAINERS[name]
    with team.scope():
        trainer = made(case)
    seen = []

    def look(batch, logs):
        if batch in (0, STEPS - 1):
            seen.append([np.asarray(v) for v in trainer.state()])

    channels = trainer.network.input_shape[-1]
    data = team.spread(lambda share: batches(case, channels, share))
    look_on = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    trainer.fit(data, steps_per_epoch=STEPS, verbose=0, shuffle=False,
                callbacks=[look_on])  # fmt: skip
    return seen


def team(strategy):
    """The team of a strategy that is called so."""
    if strategy == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
    found = team_of(strategy, cluster=cluster())
    if found.devices != (1 if strategy == "one" else 2):
        raise SystemExit(f"{found.devices} devices")
    return found


if __name__ == "__main__":
    _, kind, folder, *names = sys.argv
    together = team(kind)
    for which in names:
        first, last = trained(which, together)
        path = Path(folder, f"{which}.npz")
        np.savez(path, *first, *last, count=len(first))
    together.wait()
