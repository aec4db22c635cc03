"""What devices that train together do within a step.

It is what one device would do with the whole batch: gradients are summed, the
statistics of batch normalisation are those of the whole batch, as is the noise
that a network draws, and the loss that decides whether the batch is skipped.
"""

import keras
import tensorflow as tf


def total(value):
    """The sum over all replicas, within a step.

    Args:
        value: tensor, or list of tensors.

    Returns:
        The same, with values that are the same for every replica.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return value
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def agreed(values, bad):
    """What all replicas have found, within a step.

    Args:
        values: dict of name -> tensor (), what the replica's part would give
            if the whole batch were like it.
        bad: bool tensor (), whether the replica finds its part bad.

    Returns:
        Tuple (dict of float32 tensors, the means over the replicas; bool
        tensor, whether any part is bad), the same for every replica.
    """
    count = tf.distribute.get_strategy().num_replicas_in_sync
    values = {name: tf.cast(v, "float32") for name, v in values.items()}
    if count == 1:
        return values, bad
    # All in one: what takes time is the meeting.
    together = tf.stack([*values.values(), tf.cast(bad, "float32")])
    *sums, bad = tf.unstack(total(together))
    means = [value / count for value in sums]
    return dict(zip(values, means, strict=True)), bad > 0


class _Same:
    """A metric that is fed the same number by every replica.

    Keras keeps a number for each replica and adds them up when they are read:
    between machines, that is a meeting to which all of them have to come.
    """

    def add_variable(
        self, shape, initializer, dtype=None, aggregation="sum", name=None
    ):
        return keras.Variable(
            initializer=keras.initializers.get(initializer),
            shape=shape,
            dtype=dtype or self.dtype,
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )


class SameMean(_Same, keras.metrics.Mean):
    """The mean of numbers that all replicas have agreed on."""


class SameSum(_Same, keras.metrics.Sum):
    """The sum of numbers that all replicas have agreed on."""


class ReplicatedModel(keras.Model):
    """A model whose `fit` works under every strategy.

    `train_step` has to return numbers that are the same for every replica,
    and everything has to be built before `fit`.

    With several workers Keras's own `fit` fails (keras issue 20585): it calls
    the model symbolically on distributed values, and takes means over an axis
    that numbers do not have.
    """

    def make_train_function(self, force=False):
        """Make the function of one step."""
        if self.train_function is not None and not force:
            return
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            super().make_train_function(force)
            return
        _synchronize(self)
        for optimizer in self.optimizers:
            _sum_first(optimizer)
        kind = tf.distribute.MultiWorkerMirroredStrategy
        several = isinstance(strategy, kind)
        # Out of the strategy's scope: every process has its own.
        self._wish = tf.Variable(0)

        def step_of_replica(data):
            results = self.train_step(data)
            if several:
                # Added to something it is on the replica's own device.
                results["stop"] = total(self._wish + 0)
            return results

        def step(iterator):
            data = iterator.get_next()
            results = strategy.run(step_of_replica, (data,))
            return tf.nest.map_structure(
                lambda x: strategy.experimental_local_results(x)[0], results
            )

        # Without XLA, which cannot compile what replicas do together.
        if not self.run_eagerly:
            step = tf.function(step, autograph=False)
        self.train_function = step

    def ask_to_stop(self):
        """Let the next step tell all workers, by `stop` in its results."""
        self._wish.assign(1)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing is left to build."""


def _synchronize(model):
    """Let batch normalisation see the whole batch, and noise be drawn for it.

    From the same seed, all replicas draw the noise of the whole batch, and each
    takes the part of its images.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
        if hasattr(layer, "batch_share"):
            layer.batch_share = _batch_share


def _batch_share():
    """Which part of a batch a replica has, of how many; within a step."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group, context.num_replicas_in_sync


def _sum_first(optimizer):
    """Let an optimizer add up the replicas' gradients before all else.

    Keras's look whether they are finite, and clip them, while every replica
    has but its own.
    """
    apply = optimizer.apply

    def apply_sum(gradients, trainable_variables=None):
        given = [g for g in gradients if g is not None]
        sums = iter(total(given))
        gradients = [None if g is None else next(sums) for g in gradients]
        return apply(gradients, trainable_variables)

    optimizer.apply = apply_sum
    # Within one that scales the loss there is another.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    inner._all_reduce_sum_gradients = list
