"""A training step of ZSSR in float32 and in bfloat16.

    python benchmarks/precision.py
    python benchmarks/precision.py --levels fast

Prints the milliseconds of the gradient of a batch, in turn in both formats,
and the factor between them. Takes a minute. With --levels, how much the
results of weights that come with the package differ on Set5.
"""

import statistics
import time

from common import SET5, arguments, machine, set5, table

SHAPES = ((14, 24, 24, 3), (8, 32, 32, 3), (1, 96, 96, 3))
ROUNDS, STEPS = 5, 10


def main():
    args, _ = arguments(__doc__, ("--levels", {"metavar": "NAME"}))
    print(machine(), end="\n\n")
    if args.levels:
        levels(args.data, args.levels)
        return
    rows = []
    for shape in SHAPES:
        steps = {name: step(shape, name) for name in ("float32", "bfloat16")}
        seen = {name: [] for name in steps}
        for _ in range(ROUNDS):
            for name, run in steps.items():
                seen[name].append(run())
        exact, short = (1000 * statistics.median(s) for s in seen.values())
        batch = f"{shape[0]} x {shape[1]}x{shape[2]}"
        rows.append([batch, f"{exact:.1f}", f"{short:.1f}", exact / short])
    for row in rows:
        row[3] = f"{row[3]:.2f}"
    table(["batch", "float32, ms", "bfloat16, ms", "factor"], rows)


def step(shape, precision):
    """A function that gives the seconds of one step."""
    import numpy as np
    import tensorflow as tf

    from sr_keras import models
    from sr_keras.inference.precision import computing

    network = models.build_bare("zssr", 2)
    images = tf.constant(np.random.default_rng(0).random(shape, "float32"))

    @tf.function(jit_compile=False)
    def gradient():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(network(images, training=True)))
        return tape.gradient(loss, network.trainable_variables)

    with computing(network, precision):
        gradient()

    def run():
        start = time.perf_counter()
        for _ in range(STEPS):
            gradient()
        return (time.perf_counter() - start) / STEPS

    return run


def levels(data, name):
    """Print the most levels that a value differs by, and how many do."""
    import numpy as np

    from sr_keras.imaging import images
    from sr_keras.inference.compiled import Runner
    from sr_keras.inference.precision import computing
    from sr_keras.models import pretrained

    rows = []
    for card in pretrained.cards():
        if card["name"] != name:
            continue
        network, found = pretrained.load(name, card["scale"]), {}
        for kind in ("float32", "bfloat16"):
            with computing(network, kind, to_use=True):
                found[kind] = [
                    Runner(network, 3)
                    .picture(images.read(path).pixels, 8)
                    .astype(int)
                    .ravel()
                    for image in SET5
                    for path in [set5(data, image, card["scale"])[0]]
                ]
        off = np.concatenate(found["bfloat16"])
        off = abs(off - np.concatenate(found["float32"]))
        share = 100 * np.mean(off > 0)
        rows.append([name, f"x{card['scale']}", int(off.max()), share])
    table(["weights", "factor", "most levels", "values that differ, %"], rows)


if __name__ == "__main__":
    main()
