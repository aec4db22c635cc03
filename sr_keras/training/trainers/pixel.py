"""Training by the pixels: the SR image is to be the HR image.

The trainer of every network that learns from pairs.
"""

import keras
import tensorflow as tf

from sr_keras.imaging.resize import resize
from sr_keras.training import losses
from sr_keras.training.distributed.replicas import agreed
from sr_keras.training.optim.optimizers import optimizer_of
from sr_keras.training.trainers.base import Trainer

# The settings that this objective has of its own: none. See objectives.py.
Settings = None


class PixelTrainer(Trainer):
    """Trains a network's `learner` on (lr, hr) batches.

    Every image that the learner gives has the loss against HR, downscaled by
    MATLAB's bicubic to its level and cropped to its size, at the centre.
    What layers add to the learner's own losses is added.

    Its arguments are those of `Trainer`.
    """

    def compile(self, optimizer, loss, **kwargs):
        """Configure, as `keras.Model.compile`, and build the optimizer.

        Every strategy of tf.distribute needs it built before `fit`.

        Args:
            optimizer: keras.optimizers.Optimizer.
            loss: keras.losses.Loss.
            **kwargs: as for `keras.Model.compile`.
        """
        # Keras would match a loss of its own to the list of levels.
        super().compile(optimizer=optimizer, **kwargs)
        self.pixel_loss = loss
        self.optimizer.build(self.learner.trainable_variables)

    def learn(self, data):
        """Change the weights by a batch of (lr, hr)."""
        lr, hr = data[:2]
        with tf.GradientTape() as tape:
            loss = pixel_loss(
                self.pixel_loss,
                self.learner,
                self.learner(lr, training=True),
                hr,
            )
            scaled = self.optimizer.scale_loss(loss)
        weights = self.learner.trainable_variables
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply(gradients, weights)
        return {"loss": self.whole(loss)}, gradients

    def test_step(self, data):
        """Measure the loss of a batch of (lr, hr)."""
        lr, hr = data[:2]
        loss = pixel_loss(
            self.pixel_loss, self.learner, self.learner(lr, training=False), hr
        )
        values, _ = agreed({"loss": self.whole(loss)}, tf.constant(False))
        tracker = self.trackers[0]
        tracker.update_state(values["loss"])
        return {"loss": tracker.result()}


def pixel_loss(loss, learner, outputs, hr, shares=None):
    """The loss of all levels, and the learner's own.

    Args:
        loss: keras.losses.Loss.
        learner: keras.Model that has just been called.
        outputs: what it gave: a tensor (N, h, w, C), or a list of them, the
            last at the level of HR.
        hr: tensor (N, H, W, C).
        shares: tensor (N, 1, 1), what each image counts; None for 1.

    Returns:
        Tensor, a number, divided by the replicas.
    """
    if not isinstance(outputs, list | tuple):
        outputs = [outputs]
    outputs = [tf.cast(sr, "float32") for sr in outputs]
    levels = [at_level(hr, sr, outputs[-1]) for sr in outputs]
    total = sum(
        loss(target, sr, sample_weight=shares)
        for target, sr in zip(levels, outputs, strict=True)
    )
    # A keras.losses.Loss is divided by the replicas already.
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    for own in learner.losses:
        total += tf.cast(own, "float32") / replicas
    return total


def at_level(hr, sr, last):
    """HR at the level of an SR image, cropped at the centre to its size.

    Args:
        hr: tensor (N, H, W, C).
        sr: tensor (N, h, w, C).
        last: the SR image of the last level, which is HR's.

    Returns:
        Tensor (N, h, w, C).
    """
    size = sr.shape[1:3]
    if size != last.shape[1:3]:
        return tf.clip_by_value(resize(hr, size=tuple(size)), 0, 1)
    if size == hr.shape[1:3]:
        return hr
    top, left = ((n - m) // 2 for n, m in zip(hr.shape[1:3], size, strict=True))
    return hr[:, top : top + size[0], left : left + size[1]]


def trainer_of(network, plan, steps, **kwargs):
    """Make a compiled trainer.

    Args:
        network: Network, in the precision that it trains in.
        plan: training.plan.Plan.
        steps: int, of an epoch.
        **kwargs: as for `keras.Model.compile`.

    Returns:
        PixelTrainer.

    Raises:
        ValueError: a setting that does not fit the network.
    """
    learning = plan.learning
    policy = keras.dtype_policies.get(learning.mixed_precision)
    trainer = PixelTrainer(
        network, learning.ema, learning.skip_factor, dtype=policy
    )
    trainer.compile(
        optimizer_of(learning, trainer.network, steps),
        losses.get(learning.loss),
        **kwargs,
    )
    return trainer
