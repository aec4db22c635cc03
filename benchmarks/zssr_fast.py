"""How good ZSSR gets in how little time, and where the time goes.

    python benchmarks/zssr_fast.py
    python benchmarks/zssr_fast.py --budgets 8 20 -- --optimizer adam

Enlarges Set5's butterfly twice with `--recipe fast`, and again within each of
some time budgets. Prints seconds from pressing Enter to the prompt, PSNR and
SSIM (protocol y), and the seconds of each part of the first run. Takes
a minute and a half.
"""

import functools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from common import arguments, machine, say, set5, table, timed, train

# Names this process as the one to be looked into, and says where to write.
_INSIDE = "SR_KERAS_BENCHMARK_TIMES"


def main():
    args, flags = arguments(
        __doc__,
        ("--recipe", {"default": "fast"}),
        ("--budgets", {"type": float, "nargs": "*", "default": [20, 10, 8]}),
    )
    print(machine(), end="\n\n")
    lr, hr = set5(args.data, "butterfly", 2)
    more = ["--recipe", args.recipe, "--ground-truth", str(hr), *flags]
    rows = []
    for budget in (None, *args.budgets):
        limit = ["--time-budget", budget] if budget else []
        run = train(lr, 2, *more, *limit)
        rows.append(
            [
                f"--time-budget {budget:g}" if budget else "",
                f"{run.seconds:.1f}",
                run.metrics["steps"],
                run.metrics["fusion"],
                f"{run.psnr():.3f}",
                f"{run.ssim():.4f}",
                run.gigabytes,
            ]
        )
        say(rows[-1])
    table(["limit", "s", "steps", "views", "PSNR", "SSIM", "GB"], rows)
    print()
    parts = look_inside(["--image", str(lr), "--scale", "2", *more])
    table(["part", "s"], [[name, f"{s:.2f}"] for name, s in parts])


def look_inside(flags):
    """The seconds that the parts of a run take: list of (name, seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "times.json")
        os.environ[_INSIDE] = str(notes)
        flags = ["train", "--model", "zssr", *flags, "--output", folder]
        begin = time.monotonic()
        total, _ = timed([sys.executable, __file__, *flags])
        marks = dict(json.loads(notes.read_text()))
    ends = [
        ("Python, checks, the photo", marks["keras"]),
        ("importing Keras and TensorFlow", marks["work"]),
        ("building the network", marks["train"]),
        ("first step, with its graph", marks["first step"]),
        ("other steps", marks["results"]),
        ("eight views", marks["write"]),
        ("files and scores", marks["end"]),
        ("leaving Python", begin + total),
    ]
    starts = [begin, *(end for _, end in ends)]
    parts = [
        (name, end - start)
        for (name, end), start in zip(ends, starts, strict=False)
    ]
    return [*parts, ("all", total)]


def inside():
    """Run the command in this process and note when its parts begin."""
    from sr_keras import cli
    from sr_keras.support import console
    from sr_keras.training.zero_shot import zero_shot

    marks = {}

    def noted(name, function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            marks.setdefault(name, time.monotonic())
            return function(*args, **kwargs)

        return wrapper

    def load_keras():
        console.load_keras()
        from sr_keras.training.zero_shot import outputs
        from sr_keras.training.zero_shot import run as learning
        from sr_keras.training.zero_shot.trainer import ZeroShot

        ZeroShot.train = noted("train", ZeroShot.train)
        ZeroShot._note = noted("first step", ZeroShot._note)
        learning.Work.results = noted("results", learning.Work.results)
        outputs.write = noted("write", outputs.write)
        learning.Work = noted("work", learning.Work)

    zero_shot.load_keras = noted("keras", load_keras)
    code = cli.main()
    marks["end"] = time.monotonic()
    Path(os.environ[_INSIDE]).write_text(json.dumps(marks))
    return code


if __name__ == "__main__":
    sys.exit(inside() if _INSIDE in os.environ else main())
