"""Trained on LR of one making, tested on LR of another.

    python benchmarks/degradations.py
    python benchmarks/degradations.py --steps 3000 --kinds bicubic nearest

Trains a small A2N x2 on each degradation, everything else alike, and scores
each network on Set5 degraded in each way: PSNR in dB, protocol y. Below
stands bicubic interpolation. `--photos` is `train/CLIC2025` and `train/GB82`
of the data folder unless it is given. Takes a minute or two for each
degradation.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, arguments, machine, mean, say, table

KINDS = (
    "bicubic",
    "bicubic-pillow",
    "bicubic-opencv",
    "area",
    "nearest",
    "blur=1.2,bicubic,noise=5",
)

# It learns the most within a minute.
NETWORK = (
    "--model-arg", "num_blocks=2", "--model-arg", "num_filters=24",
    "--model-arg", "up_filters=12", "--model-arg", "skip=bicubic",
)  # fmt: skip


def main():
    args, flags = arguments(
        __doc__,
        ("--photos", {"type": Path, "nargs": "+", "help": "to learn from"}),
        ("--kinds", {"nargs": "+", "default": KINDS}),
        ("--steps", {"type": int, "default": 400}),
    )
    if args.data is None:
        raise SystemExit("give --data, or set SR_KERAS_DATA")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    train = Path(args.data, "train")
    photos = args.photos or [train / "CLIC2025", train / "GB82"]
    print(machine(), end="\n\n")
    sets = {kind: pairs(args.data, kind) for kind in args.kinds}
    rows = []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            learn(kind, photos, args.steps, folder, flags)
            rows.append([kind, *scores(folder, sets)])
        say(rows[-1])
    rows.append(["bicubic interpolation", *scores("bicubic", sets)])
    table(["trained on, tested on:", *args.kinds], rows)


def learn(kind, photos, steps, folder, flags):
    """Train a network that begins near the interpolation; no validation."""
    command = [
        sys.executable, ROOT / "train.py", "--model", "a2n", "--scale", 2,
        *NETWORK, "--hr-patch-size", 64, "--batch-size", 16,
        "--data", *photos, "--degradation", kind, "--validation-split", 0,
        "--epochs", 1, "--steps-per-epoch", steps, "--output", folder,
        "--overwrite", *flags,
    ]  # fmt: skip
    subprocess.run(
        list(map(str, command)), check=True, stdout=subprocess.DEVNULL
    )


def pairs(data, kind):
    """Set5's pairs with LR of another making: list of (lr, hr)."""
    from sr_keras import pipelines

    hr = Path(data, "benchmark", "Set5", "HR")
    source = pipelines.open_source(hr, 2)
    found = pipelines.whole(source, 2, degradation=kind).as_numpy_iterator()
    return [(lr[0], hr[0]) for lr, hr in found]


def scores(network, sets):
    """What a network reaches on each set, as text."""
    import sr_keras
    from sr_keras.evaluation import metrics

    network = sr_keras.load(network)

    def score(lr, hr):
        sr = sr_keras.upscale(lr, network, 2)
        return metrics.psnr(sr, hr, "y", 2)

    return [
        f"{mean(score(lr, hr) for lr, hr in found):.2f}"
        for found in sets.values()
    ]


if __name__ == "__main__":
    main()
