"""How fast a convolution in bfloat16 is, by the width of the image.

    python benchmarks/widths.py
    python benchmarks/widths.py --precision float32 --first 600 --last 664

Four convolutions of 3x3 with 64 channels in and out, as in `quality`, on images
of 96 rows. What upscale does about it: `tiles.ALIGNED`.
"""

import time

from common import arguments, machine, table

ROWS, FILTERS, LAYERS = 96, 64, 4


def main():
    args, _ = arguments(
        __doc__,
        ("--first", {"type": int, "default": 480}),
        ("--last", {"type": int, "default": 560}),
        ("--precision", {"default": "bfloat16"}),
        ("--repeats", {"type": int, "default": 5}),
    )
    import tensorflow as tf

    print(machine(), end="\n\n")
    kernel = tf.zeros((3, 3, FILTERS, FILTERS), args.precision)

    @tf.function(reduce_retracing=True, autograph=False)
    def run(x):
        for _ in range(LAYERS):
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))
        return x[:, 0, 0]

    found = {}
    for width in range(args.first, args.last):
        x = tf.zeros((1, ROWS, width, FILTERS), args.precision)
        run(x)
        seconds = min(timed(run, x) for _ in range(args.repeats))
        sums = LAYERS * ROWS * width * 9 * FILTERS**2
        found[width] = 2 * sums / seconds / 1e12
    table(
        ["width", "TFLOP/s"],
        [[width, speed] for width, speed in found.items()],
    )
    best = max(found.values())
    slow = [w for w, speed in found.items() if speed < best / 2]
    print(f"\nBelow half of the best: {', '.join(map(str, slow)) or 'none'}")


def timed(run, x):
    start = time.perf_counter()
    run(x).numpy()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
