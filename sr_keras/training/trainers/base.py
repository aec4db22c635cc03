"""What the trainers on many images have in common.

A batch that would make the training go astray is left out, as in the authors'
code of DRN (Guo et al. 2020): one whose loss leaps, or is not finite. It leaves
no trace in any weight or moment.
"""

import tensorflow as tf

from sr_keras.training.distributed.replicas import (
    ReplicatedModel,
    SameMean,
    SameSum,
    agreed,
)

# How much of the usual loss is the last one's.
_RECENT = 0.1

# Before the name of a scalar it is the last step's, not the epoch's so far.
OF_STEP = "step_"


class Trainer(ReplicatedModel):
    """Owns a network and trains its `learner` on batches.

    A subclass has `learn`, and says in `scalars`, `networks` and `optimizers`
    what it has beside the network.

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
        trackers: list of keras.metrics.Mean, one for each of `scalars`.
    """

    # What is logged of every step and epoch; the first is the whole loss.
    scalars = ("loss",)
    # Whether the epoch with the highest PSNR is the best, and not the last.
    judged_by_psnr = True
    # Name -> function (sr, hr, scale) -> float, of validation images: ndarrays
    # (H, W, C) in [0, 1]. Their means are logged every epoch.
    measures = {}

    def __init__(self, network, ema=0.0, skip_factor=100.0, **kwargs):
        super().__init__(**kwargs)
        self.network = network.core
        self.learner = self.network.learner
        self.ema = ema
        self.skip_factor = skip_factor
        self.averages = [
            self.number(f"average_{i}", tuple(variable.shape))
            for i, variable in enumerate(self.network.weights if ema else ())
        ]
        for average, weight in zip(
            self.averages, self.network.weights, strict=False
        ):
            average.assign(weight)
        self.recent = self.number("recent")
        self.steps = self.number("steps", dtype="int64")
        self.skipped_in_a_row = self.number("in_a_row", dtype="int64")
        self.trackers = [SameMean(name=n) for n in self.scalars]
        self.skip_tracker = SameSum(name="skipped")
        self.built = True

    @property
    def networks(self):
        """What is trained beside the network: dict of file name -> model."""
        return {}

    @property
    def optimizers(self):
        """All of them, the network's first. They are built in `compile`."""
        return [self.optimizer]

    @property
    def metrics(self):
        """What is set back when an epoch begins."""
        return [*self.trackers, self.skip_tracker]

    def call(self, lr, training=False):
        """Apply the learner to LR images: (N, H, W, C)."""
        return self.learner(lr, training=training)

    def learn(self, data):
        """Change the weights by a batch; a bad one's changes are undone.

        Args:
            data: the batch.

        Returns:
            Tuple (dict with a number for each of `scalars`, as if the whole
            batch were like this replica's part: see `whole`; list of all
            gradients).
        """
        raise NotImplementedError(f"{type(self).__name__} has no learn()")

    def train_step(self, data):
        """Take one step, on a batch."""
        variables = self._changing()
        before = [tf.identity(variable.value) for variable in variables]
        values, gradients = self.learn(data)
        values, bad = agreed(values, ~self._is_sound(gradients))
        watched = self.watched(values)
        good = ~bad & self._is_usual(watched)
        good &= tf.math.is_finite(values[self.scalars[0]])
        self.note(values)
        self._average()
        for variable, value in zip(variables, before, strict=True):
            variable.assign(tf.where(good, variable.value, value))
        return self._noted(values, watched, good)

    def watched(self, values):
        """What of the scalars a batch is skipped by where it leaps.

        Args:
            values: dict that `learn` gave.

        Returns:
            Tensor, a number.
        """
        return values[self.scalars[0]]

    def note(self, values):
        """Keep in mind what a batch has shown; of nothing but `counters`.

        Args:
            values: dict that `learn` gave, of the whole batch: what every
                replica knows.
        """

    def state(self):
        """Everything that makes the next step what it is, in a fixed order.

        Returns:
            List of variables: weights, the optimizers', averages, counters.
        """
        metrics = [v for metric in self.metrics for v in metric.variables]
        return [*self._changing(), *self.counters(), *metrics]

    def counters(self):
        """The variables that a skipped batch changes too."""
        return [self.recent, self.steps, self.skipped_in_a_row]

    def troubles(self):
        """What has to be said after an epoch: list of str, one line each."""
        return []

    def give_weights(self, network):
        """Copy the weights, their averages where there are some.

        Args:
            network: one of the same kind as that in training.
        """
        weights = self.averages or self.network.weights
        target = network.core
        for variable, value in zip(target.weights, weights, strict=True):
            variable.assign(value)

    def number(self, name, shape=(), dtype="float32"):
        """Make a variable, zero at first, that no gradient changes.

        Args:
            name: str.
            shape: tuple.
            dtype: str.

        Returns:
            keras.Variable.
        """
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype=dtype,
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def whole(self, loss):
        """A loss as it is without the division by the replicas."""
        return loss * tf.distribute.get_strategy().num_replicas_in_sync

    def _changing(self):
        """The variables that a skipped batch must not change."""
        models = [self.network, self.learner, *self.networks.values()]
        own = {id(v): v for model in models for v in model.variables}
        moments = [v for o in self.optimizers for v in o.variables]
        return [*own.values(), *moments, *self.averages]

    def _is_sound(self, gradients):
        """Whether no gradient has gone to pieces."""
        # Scaled gradients are infinite now and then, which is seen to.
        if any(hasattr(o, "dynamic_scale") for o in self.optimizers):
            return tf.constant(True)
        return tf.math.is_finite(tf.linalg.global_norm(gradients))

    def _is_usual(self, loss):
        usual = tf.convert_to_tensor(self.recent.value)
        leaps = (usual != 0) & (loss > usual * self.skip_factor)
        return tf.math.is_finite(loss) & ~leaps

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

    def _noted(self, values, watched, good):
        """Count the batch; return what is to be seen of it."""
        own = {OF_STEP + name: value for name, value in values.items()}
        values = {n: tf.where(good, v, 0.0) for n, v in values.items()}
        one = tf.cast(good, "float32")
        usual = tf.convert_to_tensor(self.recent.value)
        share = tf.where(usual == 0, 1.0, _RECENT) * one
        watched = tf.where(good, watched, 0.0)
        self.recent.assign_add(share * (watched - usual))
        self.steps.assign_add(1)
        in_a_row = (self.skipped_in_a_row.value + 1) * tf.cast(~good, "int64")
        self.skipped_in_a_row.assign(in_a_row)
        for tracker in self.trackers:
            tracker.update_state(values[tracker.name], sample_weight=one)
        self.skip_tracker.update_state(1 - one)
        return {
            **own,
            **{tracker.name: tracker.result() for tracker in self.trackers},
            "skipped": self.skip_tracker.result(),
            "in_a_row": tf.convert_to_tensor(self.skipped_in_a_row.value),
        }
