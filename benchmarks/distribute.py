"""What training on several devices costs beside training on one.

    python benchmarks/distribute.py

Prints the milliseconds of a step of a small EDSR x2: without a strategy and
with MirroredStrategy on one device, some steps each in turn, in one process;
and by two workers on this machine, a core each, beside two processes that do
the same without knowing of each other. The time of the processors, of all
processes together, tells more than what passes where other programs run. Takes
some minutes on two cores.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time

from common import ROOT, machine, say, table

ROUNDS, WARM, STEPS = 8, 2, 6
BATCH = 16

# What is shown, the group of processes that measures it, and which there.
ROWS = (
    ("no strategy", 0, 0),
    ("mirrored, 1 device", 0, 1),
    ("two processes, a thread and half the batch each", 1, 0),
    ("two workers, a thread each", 2, 0),
)

# Strategies in turn, processes, threads of each, the batch.
GROUPS = (
    (("one", "mirrored"), 1, 2, BATCH),
    (("one",), 2, 1, BATCH // 2),
    (("auto",), 2, 1, BATCH),
)


def main():
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1].split(","), int(sys.argv[2]))))
        return
    print(machine(), end="\n\n")
    found = []
    for group in GROUPS:
        found.append(run(*group))
        say(f"{', '.join(group[0])}, processes: {group[1]}: {found[-1]}")
    rows = []
    for name, group, part in ROWS:
        passed, busy = found[group][part]
        batch = GROUPS[group][3]
        rows.append([name, batch, f"{passed:.0f}", f"{busy:.0f}"])
    table(["", "batch", "ms", "processors, ms"], rows)
    (one, other), apart, both = found[0], found[1][0], found[2][0]
    for name, i in (("passed", 0), ("busy", 1)):
        mirrored = 100 * (other[i] / one[i] - 1)
        workers = 100 * (both[i] / apart[i] - 1)
        print(f"\n{name}: mirrored {mirrored:+.1f} %, workers {workers:+.1f} %")


def run(strategies, processes, threads, batch):
    """What `measure` gives: of processes the slowest, and all their work."""
    addresses = [f"127.0.0.1:{port()}" for _ in range(processes)]
    running = []
    for i in range(processes):
        env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        env["TF_NUM_INTRAOP_THREADS"] = str(threads)
        env["PYTHONPATH"] = str(ROOT)
        env.pop("TF_CONFIG", None)
        if strategies == ("auto",):
            task = {"type": "worker", "index": i}
            cluster = {"cluster": {"worker": addresses}, "task": task}
            env["TF_CONFIG"] = json.dumps(cluster)
        command = [sys.executable, __file__, ",".join(strategies), str(batch)]
        running.append(
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
        )
    texts = [one.communicate()[0] for one in running]
    if any(one.returncode for one in running):
        raise SystemExit("a process has failed")
    found = zip(*map(json.loads, texts), strict=True)
    return [
        (max(passed for passed, _ in each), sum(busy for _, busy in each))
        for each in found
    ]


def port():
    """A port that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def measure(strategies, batch):
    """Milliseconds of a step by each strategy: passed, and processors'."""
    from sr_keras.training.distributed.cluster import cluster
    from sr_keras.training.distributed.team import team_of

    teams = [team_of(name, cluster=cluster()) for name in strategies]
    trainers = [trainer_of(team) for team in teams]
    seen = [[] for _ in teams]
    for _ in range(ROUNDS):
        for team, trainer, steps in zip(teams, trainers, seen, strict=True):
            steps += timed(team, trainer, batch)
    for team in teams:
        team.wait()
    return [
        [statistics.median(values) for values in zip(*steps, strict=True)]
        for steps in seen
    ]


def trainer_of(team):
    """A trainer of a small network."""
    import keras

    from sr_keras import models
    from sr_keras.training import losses
    from sr_keras.training.trainers.pixel import PixelTrainer

    with team.scope():
        network = models.build("edsr", 2, num_blocks=8, num_filters=32)
        trainer = PixelTrainer(network)
        trainer.compile(
            keras.optimizers.Adam(), losses.get("l1"), jit_compile=False
        )
    return trainer


def timed(team, trainer, batch):
    """Some steps: pairs of milliseconds, passed and of the processors."""
    import keras
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    pairs = [rng.random((batch, n, n, 3), "float32") for n in (48, 96)]

    def part(share):
        index, count = share
        own = slice(index * batch // count, (index + 1) * batch // count)
        options = tf.data.Options()
        options.autotune.enabled = False
        data = tf.data.Dataset.from_tensors(tuple(x[own] for x in pairs))
        return data.repeat().with_options(options)

    ends = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(
            (time.perf_counter(), time.process_time())
        )
    )
    trainer.fit(
        team.spread(part), steps_per_epoch=WARM + STEPS, verbose=0,
        shuffle=False, callbacks=[clock],
    )  # fmt: skip
    return (1000 * np.diff(ends[WARM - 1 :], axis=0)).tolist()


if __name__ == "__main__":
    main()
