"""How long an exported file takes, and how much memory: in its own process.

    python -m sr_keras.exporting.benchmark FILE FORMAT HEIGHT WIDTH

prints {"seconds": ..., "bytes": ...} for an image of that size. FORMAT is that
of an exported file, or "keras".
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

# Of an image, (height, width), where the file takes any.
SIZE = (256, 256)

# How often it is run, and seconds after which that is enough.
_RUNS = 7
_ENOUGH = 5.0


def image(shape):
    """An image to measure with.

    Args:
        shape: (height, width, channels).

    Returns:
        float32 ndarray (1, height, width, channels).
    """
    rng = np.random.default_rng(0)
    return rng.random((1, *shape), "float32")


def seconds(run):
    """How long a function takes.

    Args:
        run: function without arguments.

    Returns:
        float, the median of some runs after a first one.
    """
    run()
    taken = []
    while len(taken) < _RUNS and sum(taken) < _ENOUGH:
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main(path, kind, height, width):
    """Measure, and print: see above."""
    import tensorflow  # noqa: F401, its memory is nobody's here

    from sr_keras.exporting import graph
    from sr_keras.exporting.source import network_for
    from sr_keras.inference import exported

    before = _resident("VmRSS")
    if kind == "keras":
        picture = graph.Picture(network_for(path))
        run, channels = picture.compiled, picture.channels
    else:
        run = exported.load(path, kind)
        channels = run.input_shape[-1]
    given = image((int(height), int(width), channels))
    taken = seconds(lambda: run(given))
    peak = max(_resident("VmHWM") - before, 0)
    print(json.dumps({"seconds": taken, "bytes": peak}))


def _resident(which):
    """Memory of this process in bytes: "VmRSS" now, "VmHWM" at most."""
    try:
        text = Path("/proc/self/status").read_text("ascii")
    except OSError:  # not Linux
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    line = next(x for x in text.splitlines() if x.startswith(which))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
