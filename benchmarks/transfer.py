"""A2N x4 from an x2 network, against A2N x4 from scratch.

    python benchmarks/transfer.py
    python benchmarks/transfer.py --blocks 16 --steps 20000 --x2-steps 20000

Trains a small A2N for x2, then for x4 twice, with the same batches: from
random weights, and from those of x2 (`--init-from`). Prints PSNR on Set5 x4
(protocol y) at equal steps. The schedule is constant, so that the
points on the way are what shorter trainings reach. `--photos` is
`train/CLIC2025` of the data folder unless it is given.
"""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, arguments, machine, say, table

POINTS = 5


def main():
    args, flags = arguments(
        __doc__,
        ("--photos", {"type": Path, "nargs": "+", "help": "to learn from"}),
        ("--blocks", {"type": int, "default": 4}),
        ("--x2-steps", {"type": int, "default": 600}),
        ("--steps", {"type": int, "default": 600}),
    )
    if args.data is None:
        raise SystemExit("give --data, or set SR_KERAS_DATA")
    photos = args.photos or [Path(args.data, "train", "CLIC2025")]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(machine(), end="\n\n")
    common = [
        "--data", *photos, "--model-arg", f"num_blocks={args.blocks}",
        "--validation", Path(args.data, "benchmark", "Set5", "HR"),
        "--schedule", "constant", "--batch-size", 8, *flags,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        x2 = Path(folder, "x2")
        learn(2, args.x2_steps, x2, *common)
        curves = [
            learn(4, args.steps, Path(folder, name), *common, *more)
            for name, more in (
                ("scratch", ()),
                ("from_x2", ("--init-from", x2)),
            )
        ]
    rows = [
        [
            first["steps"],
            *(f"{float(row['psnr']):.2f}" for row in (first, other)),
        ]
        for first, other in zip(*curves, strict=True)
    ]
    table(["steps", "from scratch", f"from x2 of {args.x2_steps} steps"], rows)


def learn(scale, steps, folder, *flags):
    """Train A2N; return the lines of its history."""
    command = [
        sys.executable, ROOT / "train.py", "--model", "a2n", "--scale", scale,
        "--hr-patch-size", 32 * scale, "--epochs", POINTS,
        "--steps-per-epoch", max(steps // POINTS, 1), "--output", folder,
        *flags,
    ]  # fmt: skip
    subprocess.run(
        list(map(str, command)), check=True, stdout=subprocess.DEVNULL
    )
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    say(f"{folder.name}: {rows[-1]['psnr']} dB")
    return rows


if __name__ == "__main__":
    main()
