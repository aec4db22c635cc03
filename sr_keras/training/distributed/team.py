"""Who trains together: the devices of a machine, or several machines.

Every device has the same weights and sees its own part of each batch
(`distributed.replicas` has what they do with it). Several machines run the same
command, each with its own TF_CONFIG. The first worker is the chief: it alone
reads and writes the folder of the run.
"""

import contextlib
import dataclasses
import re

import numpy as np
import tensorflow as tf

from sr_keras.training.distributed.cluster import VARIABLE, Cluster, check

# What TensorFlow calls a worker in its messages.
_TASK = re.compile(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)")

# The words by which an error is one of a meeting of workers.
_MEETING = re.compile(r"collective|coordination|worker service|grpc", re.I)

# Four-byte words that go to the other workers at a time.
_PIECE = 1 << 24


@dataclasses.dataclass(frozen=True)
class Team:
    """The devices that train together.

    Attributes:
        strategy: tf.distribute.Strategy; None for one device.
        cluster: cluster.Cluster of the processes, or None.
    """

    strategy: object = None
    cluster: Cluster | None = None

    @property
    def devices(self):
        """How many there are, on all machines."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    @property
    def workers(self):
        """How many processes there are."""
        return len(self.cluster.addresses) if self.cluster else 1

    @property
    def chief(self):
        """Whether this process is the one that writes."""
        return self.cluster is None or self.cluster.index == 0

    def scope(self):
        """Where variables are made that all devices have."""
        if self.strategy is None:
            return contextlib.nullcontext()
        return self.strategy.scope()

    def described(self):
        """On what it trains, for a person; empty for one device."""
        if self.workers > 1:
            return f"on {self.workers} workers with {self.devices} devices"
        return f"on {self.devices} devices" if self.devices > 1 else ""

    def check_batch(self, batch_size):
        """Refuse a batch that cannot be divided.

        Args:
            batch_size: int.

        Raises:
            ValueError: it is no multiple of the number of devices.
        """
        low = batch_size // self.devices * self.devices
        if low != batch_size:
            near = f"{low} or {low + self.devices}" if low else self.devices
            raise ValueError(
                f"a batch of {batch_size} cannot be divided among "
                f"{self.devices} devices: give --batch-size {near}"
            )

    def spread(self, make):
        """The batches of a training, each device's part for itself.

        Args:
            make: function (share) -> tf.data.Dataset of the part of each
                batch that `share` names: a pair (index, count).

        Returns:
            What `keras.Model.fit` takes.
        """
        if self.devices == 1:
            return make((0, 1))
        here = self.devices // self.workers

        def of_worker(context):
            share = context.input_pipeline_id, context.num_input_pipelines
            return _divided(make(share), here)

        return self.strategy.distribute_datasets_from_function(of_worker)

    def from_chief(self, content):
        """Give every worker what the chief has.

        Args:
            content: bytes; those of other workers do not count.

        Returns:
            bytes, the chief's.
        """
        if self.workers == 1:
            return content
        (size,) = self._of_chief(np.array([len(content)]))
        padded = content[:size].ljust(-(-size // 4) * 4, b"\0")
        words = np.frombuffer(padded, "int32")
        pieces = [
            self._of_chief(words[i : i + _PIECE]).tobytes()
            for i in range(0, len(words), _PIECE)
        ]
        return b"".join(pieces)[:size]

    def give_weights(self, model):
        """Give every worker the chief's weights.

        Args:
            model: keras.Model, of the same kind everywhere.
        """
        if self.workers == 1:
            return
        arrays = model.get_weights()
        content = b"".join(array.tobytes() for array in arrays)
        content, start = self.from_chief(content), 0
        for i, array in enumerate(arrays):
            part = content[start : start + array.nbytes]
            arrays[i] = np.frombuffer(part, array.dtype).reshape(array.shape)
            start += array.nbytes
        model.set_weights(arrays)

    def wait(self):
        """Wait until every worker is here."""
        if self.workers > 1:
            self._of_chief(np.zeros(1, "int32"))

    def _of_chief(self, array):
        """The chief's array, of a shape that all have."""

        def run():
            context = tf.distribute.get_replica_context()
            first = tf.equal(context.replica_id_in_sync_group, 0)
            value = tf.where(first, tf.constant(array), tf.zeros_like(array))
            return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

        results = self.strategy.run(tf.function(run))
        return self.strategy.experimental_local_results(results)[0].numpy()

    def lost(self, error):
        """Which worker has left, where an error is because of that.

        Args:
            error: tf.errors.OpError.

        Returns:
            str, what to say; None where the error is another.
        """
        text = str(error)
        if self.workers == 1 or not _MEETING.search(text):
            return None
        own = self.cluster.jobs[self.cluster.index]
        named = [(job, int(index)) for job, index in _TASK.findall(text)]
        named = [task for task in named if task in self.cluster.jobs]
        others = [task for task in named if task != own]
        if others:
            what = f"{self.cluster.named(*others[0])} has left the training"
        elif named:
            what = (
                f"{self.cluster.named(*own)}, which is this one, was not "
                "heard from for too long"
            )
        else:
            what = "another worker has left the training"
        return (
            f"{what}: it ends here; see what the others said, and start all "
            "of them again with the same command and --resume"
        )


def team_of(name="auto", gpus=None, cluster=None):
    """Find out who trains; before TensorFlow has done anything else.

    Args:
        name: str: "one" device; "mirrored": the GPUs of this machine, or
            where it has none its logical CPUs; "multi-worker": those of all
            workers of a cluster; "auto": what there is.
        gpus: int, how many GPUs of each machine; None for all.
        cluster: cluster.Cluster, or None.

    Returns:
        Team. Where there are several workers, this waits for them.

    Raises:
        ValueError: there are not so many GPUs, it does not fit the cluster,
            or the worker's address cannot be had.
    """
    several = cluster is not None and len(cluster.addresses) > 1
    check(name, gpus, cluster)
    there = tf.config.list_physical_devices("GPU")
    if gpus is not None and gpus > len(there):
        raise ValueError(
            f"--gpus {gpus} cannot be: this machine has {len(there)}; give "
            "at most that many, or leave out --gpus"
        )
    if gpus is not None:
        tf.config.set_visible_devices(there[:gpus], "GPU")
    if several:
        return Team(_multi_worker(cluster), cluster)
    if name == "one" or (name != "mirrored" and len(there[:gpus]) < 2):
        return Team()
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    return Team(tf.distribute.MirroredStrategy([d.name for d in devices]))


def _multi_worker(cluster):
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as e:
        own = cluster.addresses[cluster.index]
        raise ValueError(
            f"cannot train as worker {cluster.index} at {own}: "
            f"{str(e).splitlines()[0]}; is {VARIABLE} right, and the port free?"
        ) from e


def _divided(data, count):
    """A dataset whose elements are each cut into several."""
    if count == 1:
        return data

    def divided(x):
        return tf.reshape(x, (count, x.shape[0] // count, *x.shape[1:]))

    def cut(*batch):
        batch = batch if len(batch) > 1 else batch[0]
        return tf.nest.map_structure(divided, batch)

    return data.map(cut).unbatch().with_options(data.options())
