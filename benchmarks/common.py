"""What the benchmarks share: data, runs of the command, tables.

Every run is a process of its own, timed from its start to its exit, with the
most resident memory that the operating system saw it use.
"""

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The scripts work in a checkout that is not installed too.
sys.path.insert(0, str(ROOT))

SET5 = ("baby", "bird", "butterfly", "head", "woman")


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of `train.py`.

    Attributes:
        seconds: from the process's start to its exit.
        gigabytes: the most resident memory it had.
        metrics: dict, its metrics.json.
    """

    seconds: float
    gigabytes: float
    metrics: dict

    def psnr(self, view=None):
        """PSNR of the result, or "interpolated", "single", "mean", "median"."""
        view = view or self.metrics["fusion"]
        return self.metrics["scores"][view]["psnr"]

    def ssim(self, view=None):
        """SSIM of the same."""
        view = view or self.metrics["fusion"]
        return self.metrics["scores"][view]["ssim"]


def arguments(doc, *options):
    """Read the command line; what follows `--` goes to train.py.

    Args:
        doc: the script's docstring.
        *options: pairs (name, dict of options) for argparse.

    Returns:
        Tuple of the arguments and the list of flags for train.py.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("SR_KERAS_DATA"),
        help="the folder that has benchmark/Set5 (SR_KERAS_DATA)",
    )
    for name, how in options:
        parser.add_argument(name, **how)
    own = sys.argv[1:]
    rest = []
    if "--" in own:
        cut = own.index("--")
        own, rest = own[:cut], own[cut + 1 :]
    return parser.parse_args(own), rest


def set5(data, name, scale):
    """Paths of a Set5 image's LR and HR."""
    if data is None:
        raise SystemExit("give --data, or set SR_KERAS_DATA")
    folder = Path(data) / "benchmark" / "Set5"
    lr = folder / "LR_bicubic" / f"X{scale}" / f"{name}x{scale}.png"
    return lr, folder / "HR" / f"{name}.png"


def train(image, scale, *flags):
    """Run `train.py --model zssr` on one image, and keep its numbers only.

    Args:
        image: Path.
        scale: the factor.
        *flags: more arguments.

    Returns:
        Run.
    """
    with tempfile.TemporaryDirectory() as folder:
        return train_into(folder, image, scale, *flags)


def train_into(folder, image, scale, *flags):
    """Run `train.py --model zssr`: see `train`; the results are in folder."""
    command = [sys.executable, str(ROOT / "train.py"), "--model", "zssr"]
    command += ["--image", str(image), "--scale", str(scale)]
    command += [*map(str, flags), "--output", str(folder)]
    seconds, gigabytes = timed(command)
    metrics = json.loads(Path(folder, "metrics.json").read_text())
    return Run(seconds, gigabytes, metrics)


def timed(command):
    """Run a command.

    Args:
        command: list of str.

    Returns:
        Tuple (seconds, gigabytes of resident memory).

    Raises:
        SystemExit: the command fails.
    """
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # Not subprocess.run: of one child, wait4 knows the memory.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    if code:
        raise SystemExit(f"exit code {code}: {' '.join(command)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit / 1e9


def machine():
    """One line on the computer, so that its numbers can be compared."""
    import numpy as np

    side = 2048
    a = np.random.default_rng(0).random((side, side), "float32")
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    speed = 2 * side**3 / best / 1e12
    load = os.getloadavg()[0]
    return (
        f"{_cpu()}, {len(os.sched_getaffinity(0))} cores, float32 matrix "
        f"product {speed:.2f} TFLOP/s, load before {load:.1f}; "
        f"Python {platform.python_version()}"
    )


def _cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (x.split(":")[1].strip() for x in lines if x.startswith("model n"))
    return next(names, platform.processor())


def say(text):
    """Tell how far it is, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def table(header, rows):
    """Print a Markdown table.

    Args:
        header: list of str.
        rows: lists of values; floats are printed with 2 digits.
    """
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        cells = (f"{v:.2f}" if isinstance(v, float) else str(v) for v in row)
        print(f"| {' | '.join(cells)} |")


def mean(values):
    """The mean of some numbers."""
    values = list(values)
    return sum(values) / len(values)
