"""A trainer under a strategy, in a process of its own: see test_distribute.

    python strategies.py TRAINER one|mirrored|multi-worker FILE

For `mirrored` the processor is two devices; for `multi-worker` TF_CONFIG says
who the others are.
"""

import sys
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sr_keras import models
from sr_keras.cli import objectives
from sr_keras.training.cluster import cluster
from sr_keras.training.distribute import team_of
from sr_keras.training.plan import plan

STEPS, BATCH, BATCHES = 60, 4, 5


class Case(NamedTuple):
    """A trainer: an objective, a network, and settings in groups."""

    objective: str
    network: str
    scale: int
    arguments: dict
    groups: dict = {}  # noqa: RUF012
    mixed: bool = False  # whether some of a batch's images have no HR


TRAINERS = {
    "pixel-small": Case("pixel", "espcn", 2, {"num_filters": [4, 4]}),
    "pixel": Case("pixel", "srresnet", 2, {"num_blocks": 1, "num_filters": 4}),
    "pixel-levels": Case(
        "pixel", "lapsrn", 4, {"num_layers": 1, "num_filters": 4},
        {"learning": {"clip_norm": 0.02, "ema": 0.9}},
    ),
}  # fmt: skip

# The one that is tried in the default suite.
QUICK = "pixel-small"


def made(case):
    """The trainer: SGD, whose steps show every error of a gradient."""
    learning = {
        "optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.5,
        "loss": "l2", "schedule": "constant",
    }  # fmt: skip
    groups = {
        "data": {"hr_patch_size": 8 * case.scale},
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
    side = 8 * case.scale
    lr = rng.random((BATCHES, BATCH, 8, 8, channels), "float32")
    hr = rng.random((BATCHES, BATCH, side, side, channels), "float32")
    hr[3, 0] = np.nan  # in the part of one replica alone
    part = slice(index * BATCH // count, (index + 1) * BATCH // count)
    data = lr[:, part], hr[:, part]
    if case.mixed:
        paired = (rng.random((BATCHES, BATCH)) < 0.5).astype("float32")
        paired[3, 0] = 1
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
    _, which, kind, path = sys.argv
    together = team(kind)
    first, last = trained(which, together)
    together.wait()
    count = len(first)
    np.savez(path, *first, *last, count=count)
