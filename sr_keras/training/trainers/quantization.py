"""Fine-tuning a network for 8-bit integers.

The network learns, rounded, to give what it gives in float32. That is a target
without noise: what HR has and no network can know of stays out of the
gradients, so that a few hundred steps do.
"""

import keras

from sr_keras import pipelines
from sr_keras.models.quantized import Quantized
from sr_keras.training import losses
from sr_keras.training.optim.optimizers import optimizer_of
from sr_keras.training.plan import Learning
from sr_keras.training.trainers.pixel import PixelTrainer

_BATCH = 16
# The side of an LR patch.
_SIDE = 32
# Batches that the first ranges are taken from.
_WATCHED = 8


class QuantizedTrainer(PixelTrainer):
    """Trains a rounded network on what the network gives without rounding.

    Args:
        network: Quantized.
        teacher: Network, another object than it was made from.
        **kwargs: as for `PixelTrainer`.
    """

    def __init__(self, network, teacher, **kwargs):
        super().__init__(network, **kwargs)
        self.teacher = teacher
        self.teacher.trainable = False

    def learn(self, data):
        """Change the weights by a batch of (lr, hr)."""
        lr = data[0]
        return super().learn((lr, self.teacher(lr, training=False)))


def fine_tune(network, source, steps, seed=0, watch=None):
    """Make a network for 8-bit integers.

    Args:
        network: Network; it stays as it is.
        source: pipelines.sources.Source, photos.
        steps: int.
        seed: int.
        watch: function (step, loss) called after every step, or None.

    Returns:
        Quantized.

    Raises:
        ValueError: a layer that has no form in 8 bits, no steps, or photos
            that cannot be used.
    """
    if steps < 1:
        raise ValueError(f"fine-tuning takes 1 step or more, not {steps}")
    learner = Quantized(_twin(network))
    keras.utils.set_random_seed(seed)
    batches = pipelines.paired(
        source,
        network.scale,
        batch_size=min(_BATCH, len(source)),
        hr_patch_size=_SIDE * network.scale,
        channels=network.input_shape[-1],
        seed=seed,
        steps=steps,
    )
    learner.observe(lr for lr, _ in batches.take(_WATCHED))
    learning = Learning(
        loss="l2", learning_rate=2e-4, schedule="cosine", final_rate=1e-6,
        epochs=1,
    )  # fmt: skip
    trainer = QuantizedTrainer(learner, _twin(network))
    trainer.compile(
        optimizer_of(learning, trainer.network, steps),
        losses.get(learning.loss),
        jit_compile=False,
    )
    trainer.fit(
        batches,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[_Steps(watch)] if watch else [],
    )
    return learner


def _twin(network):
    """Another one with the same weights."""
    twin = type(network).from_config(network.get_config())
    twin.set_weights(network.get_weights())
    return twin


class _Steps(keras.callbacks.Callback):
    """Tells of each step."""

    def __init__(self, watch):
        super().__init__()
        self._watch = watch

    def on_train_batch_end(self, batch, logs=None):
        self._watch(batch + 1, logs["loss"])
