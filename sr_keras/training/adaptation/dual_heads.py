"""Teaching dual heads how LR images come about, before a network needs it.

On HR images and the LR images that are made of them: no SR image is needed,
and what the network does wrong the heads do not learn to make up for.
"""

import keras
import numpy as np
import tensorflow as tf

from sr_keras.training.trainers.pixel import at_level

# Adam's first rate, for heads of about a thousand parameters; the last is a
# hundredth.
_RATE = 1e-2

# Steps at the end that the error is measured in, and batches that are drawn:
# the heads are too small to learn them by heart.
_LAST, _DRAWN = 50, 48

# What is left of the first weights beside the box.
_SPREAD = 0.1


def teach(heads, batches, steps, report=None):
    """Train heads on pairs.

    Args:
        heads: DualHeads; its weights change.
        batches: tf.data.Dataset of (lr, hr), as `pipelines.paired` has it.
        steps: int, at least 1.
        report: function () called after every step, or None.

    Returns:
        float, PSNR in decibels of the LR images that they make of HR images.

    Raises:
        ValueError: the heads have learned nothing that is a number.
    """
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(_RATE, steps, alpha=0.01)
    )
    weights = heads.trainable_variables
    optimizer.build(weights)

    @tf.function
    def step(lr, hr):
        with tf.GradientTape() as tape:
            loss, error = _losses(heads, lr, hr)
        optimizer.apply(tape.gradient(loss, weights), weights)
        return error

    errors = []
    for lr, hr in batches.take(_DRAWN).cache().repeat().take(steps):
        errors.append(float(step(lr, hr)))
        if report:
            report()
    error = np.mean(errors[-_LAST:])
    if not np.isfinite(error):
        raise ValueError("the dual heads have run into numbers without bounds")
    return float(-10 * np.log10(max(error, 1e-10)))


def box(heads):
    """Let heads begin as the mean of two by two pixels, or nearly.

    From the authors' first weights they would need thousands of steps for as
    much.

    Args:
        heads: DualHeads; its weights change.
    """
    filters, channels = (
        heads.arguments[name] for name in ("num_filters", "channels")
    )
    if filters < channels:
        return
    owner = np.arange(filters) % channels
    for level in range(1, heads.levels + 1):
        shrink, after = (
            heads.get_layer(f"head{level}_{part}").kernel
            for part in ("shrink", "after")
        )
        first, second = (_SPREAD * np.array(k) for k in (shrink, after))
        # The middle of an LR pixel is half a pixel on from that of a kernel.
        first[1:, 1:, owner, np.arange(filters)] += 1 / 4
        share = 1 / np.bincount(owner)[owner]
        second[1, 1, np.arange(filters), owner] += share
        shrink.assign(first)
        after.assign(second)


def _losses(heads, lr, hr):
    """The loss of every head and of all in a row; and the row's square."""
    total, image, row = 0.0, hr, hr
    for level in range(heads.levels, 0, -1):
        made = heads.head(level, image)
        image = lr if level == 1 else at_level(hr, made, hr)
        total += tf.reduce_mean(tf.abs(made - image))
        row = heads.head(level, row)
    difference = row - lr
    total += tf.reduce_mean(tf.abs(difference))
    return total, tf.reduce_mean(difference**2)
