"""Training by the pixels: the SR image is to be the HR image.

The trainer of every network that learns from pairs. A batch that would make
the training go astray is left out, as in the authors' code of DRN (Guo et al.
2020): one whose loss leaps, or is not finite. It leaves no trace in any weight
or moment.
"""

import keras
import tensorflow as tf

from sr_keras.resize import resize

# How much of the usual loss is the last one's.
_RECENT = 0.1


class PixelTrainer(keras.Model):
    """Owns a network and trains its `learner` on (lr, hr) batches.

    Every image that the learner gives has the loss against HR, downscaled by
    MATLAB's bicubic to its level and cropped to its size, at the centre.
    What layers add to the learner's own losses is added.

    Args:
        network: `sr_keras.models.network.Network`; of a refiner with its
            interpolation in front, the refiner is trained, and LR images
            come at the size of HR.
        ema: float in [0, 1), the momentum of the average of the weights;
            0 for none.
        skip_factor: float, a batch with a loss this many times the usual one
            is skipped, as is one whose loss or gradient is not finite.
        **kwargs: as for `keras.Model`.

    Attributes:
        steps: variable, how many batches there were, skipped or not.
        skipped_in_a_row: variable, the skipped ones since the last good one.
    """

    def __init__(self, network, ema=0.0, skip_factor=100.0, **kwargs):
        super().__init__(**kwargs)
        self.network = getattr(network, "network", network)
        self.learner = self.network.learner
        self.ema = ema
        self.skip_factor = skip_factor
        self.averages = [
            self._number(f"average_{i}", tuple(variable.shape))
            for i, variable in enumerate(self.network.weights if ema else ())
        ]
        for average, weight in zip(
            self.averages, self.network.weights, strict=False
        ):
            average.assign(weight)
        self.recent = self._number("recent")
        self.steps = self._number("steps", dtype="int64")
        self.skipped_in_a_row = self._number("in_a_row", dtype="int64")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.skip_tracker = keras.metrics.Sum(name="skipped")
        self.built = True

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

    @property
    def metrics(self):
        """What is set back when an epoch begins."""
        return [self.loss_tracker, self.skip_tracker]

    def call(self, lr, training=False):
        """Apply the learner to LR images: (N, H, W, C)."""
        return self.learner(lr, training=training)

    def train_step(self, data):
        """Take one step, on a batch of (lr, hr)."""
        lr, hr = data[:2]
        variables = self._changing()
        before = [tf.identity(variable.value) for variable in variables]
        with tf.GradientTape() as tape:
            loss = self._loss(self.learner(lr, training=True), hr)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.learner.trainable_variables
        gradients = tape.gradient(scaled, weights)
        good = self._is_good(self._whole(loss), gradients)
        self.optimizer.apply(gradients, weights)
        self._average()
        for variable, value in zip(variables, before, strict=True):
            variable.assign(tf.where(good, variable.value, value))
        return self._noted(self._whole(loss), good)

    def test_step(self, data):
        """Measure the loss of a batch of (lr, hr)."""
        lr, hr = data[:2]
        loss = self._whole(self._loss(self.learner(lr, training=False), hr))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def state(self):
        """Everything that makes the next step what it is, in a fixed order.

        Returns:
            List of variables: weights, the optimizer's, averages, counters.
        """
        counters = [self.recent, self.steps, self.skipped_in_a_row]
        metrics = [v for metric in self.metrics for v in metric.variables]
        return [*self._changing(), *counters, *metrics]

    def give_weights(self, network):
        """Copy the weights, their averages where there are some.

        Args:
            network: one of the same kind as that in training.
        """
        weights = self.averages or self.network.weights
        target = getattr(network, "network", network)
        for variable, value in zip(target.weights, weights, strict=True):
            variable.assign(value)

    def _number(self, name, shape=(), dtype="float32"):
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype=dtype,
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def _changing(self):
        """The variables that a skipped batch must not change."""
        own = {id(v): v for v in self.network.variables}
        own.update((id(v), v) for v in self.learner.variables)
        return [*own.values(), *self.optimizer.variables, *self.averages]

    def _loss(self, outputs, hr):
        """The loss of all levels, and the learner's own."""
        if not isinstance(outputs, list | tuple):
            outputs = [outputs]
        outputs = [tf.cast(sr, "float32") for sr in outputs]
        levels = [_level(hr, sr, outputs[-1]) for sr in outputs]
        loss = sum(
            self.pixel_loss(target, sr)
            for target, sr in zip(levels, outputs, strict=True)
        )
        # A keras.losses.Loss is divided by the replicas already.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for own in self.learner.losses:
            loss += tf.cast(own, "float32") / replicas
        return loss

    def _whole(self, loss):
        """A loss as it is without the division by the replicas."""
        return loss * tf.distribute.get_strategy().num_replicas_in_sync

    def _is_good(self, loss, gradients):
        usual = tf.convert_to_tensor(self.recent.value)
        good = tf.math.is_finite(loss)
        good &= (usual == 0) | (loss <= usual * self.skip_factor)
        # Scaled gradients are infinite now and then, which is seen to.
        if not hasattr(self.optimizer, "dynamic_scale"):
            norm = tf.linalg.global_norm(gradients)
            good &= tf.math.is_finite(norm)
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            context = tf.distribute.get_replica_context()
            bad = tf.cast(~good, "int32")
            good = context.all_reduce(tf.distribute.ReduceOp.SUM, bad) == 0
        return good

    def _average(self):
        """Let the averages follow the weights."""
        if not self.ema:
            return
        # Quicker at first, else the initial weights would stay for long.
        count = tf.cast(self.steps.value, "float32")
        momentum = tf.minimum(self.ema, (1 + count) / (10 + count))
        for average, weight in zip(
            self.averages, self.network.weights, strict=True
        ):
            average.assign_add((1 - momentum) * (weight - average))

    def _noted(self, loss, good):
        """Count the batch; return what is to be seen of it."""
        loss = tf.where(good, loss, 0.0)
        one = tf.cast(good, "float32")
        usual = tf.convert_to_tensor(self.recent.value)
        share = tf.where(usual == 0, 1.0, _RECENT) * one
        self.recent.assign_add(share * (loss - usual))
        self.steps.assign_add(1)
        in_a_row = (self.skipped_in_a_row.value + 1) * tf.cast(~good, "int64")
        self.skipped_in_a_row.assign(in_a_row)
        self.loss_tracker.update_state(loss, sample_weight=one)
        self.skip_tracker.update_state(1 - one)
        return {
            "loss": self.loss_tracker.result(),
            "skipped": self.skip_tracker.result(),
            "in_a_row": tf.convert_to_tensor(self.skipped_in_a_row.value),
        }


def _level(hr, sr, last):
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
