"""Training on several devices, and on several machines.

Every replica has the same weights and sees its own part of each batch. What
they do together is what one device would do with the whole batch: batch k is
the same however many there are, gradients are summed, the statistics of batch
normalisation are those of the whole batch, and so is the loss that decides
whether the batch is skipped.

Several machines run the same command, each with its TF_CONFIG. The first
worker is the chief: it alone reads and writes the folder of the run.
"""

import re

import keras
import numpy as np
import tensorflow as tf

from sr_keras.training.cluster import VARIABLE

STRATEGIES = ("auto", "one", "mirrored", "multi-worker")

# What TensorFlow calls a worker in its messages.
_TASK = re.compile(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)")

# Four-byte words that go to the other workers at a time.
_PIECE = 1 << 24


def chosen(name, cluster):
    """Which strategy is meant.

    Args:
        name: str, one of `STRATEGIES`.
        cluster: cluster.Cluster, or None.

    Returns:
        "local" or "multi-worker".

    Raises:
        ValueError: it does not fit the cluster.
    """
    several = cluster is not None and len(cluster.addresses) > 1
    if name == "multi-worker" and cluster is None:
        raise ValueError(
            f"--strategy multi-worker needs {VARIABLE}, which names the "
            "workers: set it (docs/training.md), or leave out --strategy"
        )
    if name in ("one", "mirrored") and several:
        raise ValueError(
            f"--strategy {name} is for one machine, but {VARIABLE} names "
            f"{len(cluster.addresses)} workers: unset it, or leave out "
            "--strategy"
        )
    return "multi-worker" if several else "local"


def strategy_of(name="auto", gpus=None, cluster=None):
    """Make a strategy; before TensorFlow has done anything else.

    Args:
        name: str: "one" device; "mirrored": the GPUs of this machine, or
            where it has none its logical CPUs; "multi-worker": those of all
            workers of a cluster; "auto": what there is.
        gpus: int, how many GPUs of each machine; None for all.
        cluster: cluster.Cluster, or None.

    Returns:
        tf.distribute.Strategy. On several machines this waits for the others.

    Raises:
        ValueError: there are not so many GPUs, or it does not fit the
            cluster, or the worker's address cannot be had.
    """
    there = tf.config.list_physical_devices("GPU")
    if gpus is not None and gpus > len(there):
        raise ValueError(
            f"--gpus {gpus}: this machine has {len(there)}: give at most that "
            "many, or leave out --gpus"
        )
    if name == "one" and (gpus or 1) > 1:
        raise ValueError(
            f"--strategy one uses one device, not --gpus {gpus}: leave out "
            "one of the two"
        )
    if gpus is not None:
        tf.config.set_visible_devices(there[:gpus], "GPU")
    if chosen(name, cluster) == "multi-worker":
        return _of_workers(cluster)
    if name == "one" or (name == "auto" and len(there[:gpus]) < 2):
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([d.name for d in devices])


def _of_workers(cluster):
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as e:
        if tf.config.list_physical_devices("GPU"):
            raise
        own = cluster.addresses[cluster.index]
        raise ValueError(
            f"cannot train as worker {cluster.index} at {own}: "
            f"{str(e).splitlines()[0]}"
        ) from e


def workers_of(strategy):
    """How many processes train together.

    Args:
        strategy: tf.distribute.Strategy.

    Returns:
        int.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    return sum(
        strategy.cluster_resolver.cluster_spec().num_tasks(job)
        for job in strategy.cluster_resolver.cluster_spec().jobs
    )


def is_chief(strategy):
    """Whether this process is the one that writes.

    Args:
        strategy: tf.distribute.Strategy.

    Returns:
        bool.
    """
    if workers_of(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


def described(strategy):
    """On what it trains, for a person.

    Args:
        strategy: tf.distribute.Strategy.

    Returns:
        str; empty for one device.
    """
    workers, replicas = workers_of(strategy), strategy.num_replicas_in_sync
    if workers > 1:
        return f"on {workers} workers with {replicas} devices"
    return f"on {replicas} devices" if replicas > 1 else ""


def check_batch(batch_size, strategy):
    """Refuse a batch that cannot be divided.

    Args:
        batch_size: int.
        strategy: tf.distribute.Strategy.

    Raises:
        ValueError: it is no multiple of the number of devices.
    """
    count = strategy.num_replicas_in_sync
    if batch_size % count:
        low = batch_size // count * count
        near = f"{low} or {low + count}" if low else f"{count}"
        raise ValueError(
            f"a batch of {batch_size} cannot be divided among {count} devices: "
            f"give --batch-size {near}"
        )


def spread(strategy, make):
    """The batches of a training, each replica's part for itself.

    Args:
        strategy: tf.distribute.Strategy.
        make: function (share) -> tf.data.Dataset of the batches' part that
            `share`, a pair (index, count), names.

    Returns:
        What `keras.Model.fit` takes.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return make((0, 1))

    def of_worker(context):
        count = context.num_input_pipelines
        data = make((context.input_pipeline_id, count))
        return _divided(data, replicas // count)

    return strategy.distribute_datasets_from_function(of_worker)


def _divided(data, count):
    """A dataset whose elements are each cut into several."""
    if count == 1:
        return data

    def cut(*batch):
        return tf.nest.map_structure(
            lambda x: tf.reshape(x, (count, -1, *x.shape[1:])), batch
        )

    options = data.options()
    shapes = tf.nest.map_structure(
        lambda x: (x.shape[0] // count, *x.shape[1:]), data.element_spec
    )
    return (
        data.map(cut)
        .unbatch()
        .map(
            lambda *batch: tf.nest.map_structure(
                tf.ensure_shape, batch, shapes
            )
        )
        .with_options(options)
    )


def total(value):
    """The sum of a number over all replicas, within a step.

    Args:
        value: tensor.

    Returns:
        Tensor, the same for every replica.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return value
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def agreed(values, bad):
    """What all replicas have found, within a step.

    Args:
        values: dict of name -> float tensor (), of the replica's part.
        bad: bool tensor (), whether the replica finds its part bad.

    Returns:
        Tuple (dict of the means over the replicas; bool tensor, whether any
        part is bad), the same for every replica.
    """
    count = tf.distribute.get_strategy().num_replicas_in_sync
    values = {name: tf.cast(v, "float32") for name, v in values.items()}
    if count == 1:
        return values, bad
    # All in one: what takes time is the meeting.
    stacked = tf.stack([*values.values(), tf.cast(bad, "float32")])
    *sums, bad = tf.unstack(total(stacked))
    means = [value / count for value in sums]
    return dict(zip(values, means, strict=True)), bad > 0


class _Same:
    """A metric that is fed the same number by every replica.

    Keras keeps a number for each replica and adds them up when they are read:
    between machines, that is a meeting to which all of them must come.
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
    """The mean of numbers that all replicas agree on."""


class SameSum(_Same, keras.metrics.Sum):
    """The sum of numbers that all replicas agree on."""


class DistributedModel(keras.Model):
    """A model whose `fit` works under every strategy.

    `train_step` has to return numbers that are the same for every replica,
    and everything has to be built before `fit`.
    """

    # keras issue 20585: under several workers `fit` feeds distributed values
    # to a symbolic call, and takes means over an axis that numbers lack.

    def make_train_function(self, force=False):
        """Make the function of one step."""
        if self.train_function is not None and not force:
            return
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            super().make_train_function(force)
            return
        _synchronize(self)
        # Out of the strategy's scope: every process has its own.
        self._wish = tf.Variable(0)
        several = workers_of(strategy) > 1

        def step_of_replica(data):
            results = self.train_step(data)
            if several:
                results["stop"] = total(self._wish)
            return results

        def step(data):
            results = strategy.run(step_of_replica, (data,))
            return tf.nest.map_structure(
                lambda x: strategy.experimental_local_results(x)[0], results
            )

        if not self.run_eagerly:
            step = tf.function(step, jit_compile=self.jit_compile)

        def next_step(iterator):
            return step(next(iterator))

        self.train_function = (
            next_step if self.run_eagerly else tf.function(next_step)
        )

    def ask_to_stop(self):
        """Let the next step tell all workers, by `stop` in its results."""
        self._wish.assign(1)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """All of it is built."""


def _synchronize(model):
    """Let batch normalisation see the whole batch."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def from_chief(strategy, content):
    """Give every worker what the chief has.

    Args:
        strategy: tf.distribute.Strategy.
        content: bytes; those of other workers do not count.

    Returns:
        bytes, the chief's.
    """
    if workers_of(strategy) == 1:
        return content
    size = int(_of_chief(strategy, np.array([len(content)]))[0])
    padded = content[:size].ljust(-(-size // 4) * 4, b"\0")
    words = np.frombuffer(padded, "int32")
    pieces = [
        _of_chief(strategy, words[i : i + _PIECE])
        for i in range(0, len(words), _PIECE)
    ]
    return b"".join(piece.tobytes() for piece in pieces)[:size]


def wait(strategy):
    """Wait until every worker is here.

    Args:
        strategy: tf.distribute.Strategy.
    """
    if workers_of(strategy) > 1:
        _of_chief(strategy, np.zeros(1, "int32"))


def _of_chief(strategy, array):
    """The chief's array, of a shape that all have."""

    def run():
        context = tf.distribute.get_replica_context()
        first = tf.equal(context.replica_id_in_sync_group, 0)
        value = tf.where(first, tf.constant(array), tf.zeros_like(array))
        return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

    results = strategy.run(tf.function(run))
    return strategy.experimental_local_results(results)[0].numpy()


def lost(error, cluster):
    """Which worker has left, where an error is because of that.

    Args:
        error: tf.errors.OpError.
        cluster: cluster.Cluster, or None.

    Returns:
        str, what to say; None where the error is another.
    """
    text = str(error)
    if cluster is None or not re.search(
        "[Cc]ollective|[Cc]oordination|RPC|GRPC", text
    ):
        return None
    named = [(job, int(index)) for job, index in _TASK.findall(text)]
    own = cluster.jobs[cluster.index]
    others = [task for task in named if task in cluster.jobs and task != own]
    who = cluster.named(*others[0]) if others else "another worker"
    return (
        f"{who} has left the training, which ends: see what it said, then "
        "start all workers again with the same command and --resume"
    )
