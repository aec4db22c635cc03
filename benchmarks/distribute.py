"""What training on several devices costs beside training on one.

    python benchmarks/distribute.py

Prints the milliseconds of a step of a small EDSR x2, each row a process of its
own (of two workers: two), the median of several rounds in turn: without a
strategy, with MirroredStrategy on one device, and by two workers on this
machine, a core each. Beside the time that passes there is that of the
processors, of all processes, which tells more where other programs run. Takes
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

ROUNDS = 3
WARM, STEPS = 5, 40
BATCH = 16

# name -> (strategy, workers, threads of each, the batch).
KINDS = {
    "no strategy": ("one", 1, 2, BATCH),
    "mirrored, 1 device": ("mirrored", 1, 2, BATCH),
    "two workers, a thread each": ("auto", 2, 1, BATCH),
    "no strategy, a thread, half the batch": ("one", 1, 1, BATCH // 2),
}


def main():
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
        return
    print(machine(), end="\n\n")
    seen = {name: [] for name in KINDS}
    for i in range(ROUNDS):
        for name, kind in KINDS.items():
            seen[name].append(run(*kind))
            passed, busy = seen[name][-1]
            say(f"round {i + 1}: {name}: {passed:.1f} ms, busy {busy:.1f} ms")
    base = middle(seen["no strategy"])
    rows = []
    for name, found in seen.items():
        cells = [f"{value:.1f}" for value in middle(found)]
        more = [f"{100 * (v / w - 1):+.1f} %"
                for v, w in zip(middle(found), base, strict=True)]  # fmt: skip
        rows.append([name, KINDS[name][3], *cells, *more])
    head = ["", "batch", "ms", "processors, ms", "to no strategy", "processors"]
    table(head, rows)


def middle(found):
    """The medians of the rounds: what passed, and the processors' time."""
    return [statistics.median(values) for values in zip(*found, strict=True)]


def run(strategy, workers, threads, batch):
    """The milliseconds of a step, and the processors', of all processes."""
    addresses = [f"127.0.0.1:{port()}" for _ in range(workers)]
    running = []
    for i in range(workers):
        env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        env["TF_NUM_INTRAOP_THREADS"] = str(threads)
        env["PYTHONPATH"] = str(ROOT)
        env.pop("TF_CONFIG", None)
        if workers > 1:
            task = {"type": "worker", "index": i}
            cluster = {"cluster": {"worker": addresses}, "task": task}
            env["TF_CONFIG"] = json.dumps(cluster)
        command = [sys.executable, __file__, strategy, str(batch)]
        running.append(
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
        )
    texts = [one.communicate()[0] for one in running]
    if any(one.returncode for one in running):
        raise SystemExit("a process has failed")
    passed, busy = zip(*map(json.loads, texts), strict=True)
    return max(passed), sum(busy)


def port():
    """A port that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def measure(strategy, batch):
    """The milliseconds of a step: the median, and the processors' mean."""
    import keras
    import numpy as np
    import tensorflow as tf

    from sr_keras import losses, models
    from sr_keras.training.cluster import cluster
    from sr_keras.training.distribute import team_of
    from sr_keras.training.pixel import PixelTrainer

    team = team_of(strategy, cluster=cluster())
    with team.scope():
        network = models.build("edsr", 2, num_blocks=8, num_filters=32)
        trainer = PixelTrainer(network)
        trainer.compile(
            keras.optimizers.Adam(), losses.get("l1"), jit_compile=False
        )
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
    team.wait()
    passed, busy = 1000 * np.diff(ends[WARM:], axis=0).T
    return float(np.median(passed)), float(np.mean(busy))


if __name__ == "__main__":
    main()
