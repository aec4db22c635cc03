"""A small SRGAN x4 against its own first stage, on Set5.

    python benchmarks/srgan.py --train photos --vgg-weights vgg19_notop.h5
    python benchmarks/srgan.py --train photos --vgg-weights random --epochs 1 \\
        --pretrain-epochs 1 --steps 2

Trains with the default recipe, both stages, in one command. Then it measures
Set5 with both networks and says for each of five properties whether it holds;
the exit code is 1 where one does not.

  features  the distance of VGG19's features (VGG54) falls by 10 % or more
  detail    the energy of what LR cannot have comes nearer to HR's
  balance   D(SR) stays within 0.05 and 0.95 over the last quarter
  weight    the adversarial weight is above 0
  psnr      PSNR drops by less than 3 dB

--init-from takes a trained SRResNet for stage 1; give its --model-arg behind
`--` where it has other ones than the recipe. --strip writes a picture: bicubic,
stage 1, SRGAN and HR of butterfly and bird.
What follows `--` goes to train.py.
"""

import csv
import json
import math
import os
import sys
import tempfile
from pathlib import Path

from common import ROOT, SET5, arguments, machine, mean, say, table, timed

SCALE = 4
# The part of an image that the strip shows: its middle.
_PART = 120


def main():
    args, flags = arguments(
        __doc__,
        ("--train", {"nargs": "+", "required": True, "metavar": "DIR"}),
        ("--vgg-weights", {"default": "imagenet"}),
        ("--init-from", {"metavar": "RUN", "help": "instead of stage 1"}),
        ("--run", {"metavar": "DIR", "help": "keep the training here"}),
        ("--pretrain-epochs", {"type": int}),
        ("--epochs", {"type": int}),
        ("--steps", {"type": int, "help": "of an epoch"}),
        ("--strip", {"metavar": "FILE"}),
    )
    if args.data is None:
        raise SystemExit("give --data, or set SR_KERAS_DATA")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(machine(), end="\n\n")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(args.run or folder, "srgan")
        seconds, gigabytes = timed(_command(args, run, flags))
        say(f"trained in {seconds / 60:.1f} minutes, {gigabytes:.2f} GB")
        first = args.init_from or run / "stage1"
        stages = {"stage 1": first, "srgan": run}
        scores = _scores(args, stages)
        _print(scores, seconds, gigabytes)
        held = _checks(run, scores)
        if args.strip:
            _strip(args, stages, args.strip)
    sys.exit(0 if all(held) else 1)


def _command(args, run, flags):
    command = [sys.executable, ROOT / "train.py", "--model", "srgan"]
    command += ["--scale", SCALE, "--data", *args.train]
    command += ["--validation", _set5(args), "--output", run, "--resume"]
    command += ["--vgg-weights", args.vgg_weights]
    for flag, value in (
        ("--pretrain-epochs", args.pretrain_epochs),
        ("--epochs", args.epochs),
        ("--steps-per-epoch", args.steps),
        ("--init-from", args.init_from),
    ):
        command += [] if value is None else [flag, value]
    return [*map(str, command), *flags]


def _set5(args):
    return Path(args.data) / "benchmark" / "Set5" / "HR"


def _scores(args, stages):
    """Stage -> measure -> its mean over Set5."""
    import numpy as np

    from sr_keras.evaluation import gan_diagnostics, metrics, perceptual

    content = perceptual.ContentLoss({"VGG54": 1.0}, args.vgg_weights)
    found = {}
    for stage, images in _results(args, stages).items():
        rows = []
        for sr, hr in images:
            sr, hr = (np.float32(x) for x in (sr, hr))
            rows.append(
                {
                    "psnr": metrics.psnr(sr, hr, "y", SCALE),
                    "features": float(content(hr[None], sr[None])),
                    "detail": gan_diagnostics.detail(sr, hr, SCALE),
                    "checkerboard": gan_diagnostics.checkerboard(sr, hr, SCALE),
                    "colour drift": gan_diagnostics.colour_drift(sr, hr, SCALE),
                }
            )
        found[stage] = {k: mean(row[k] for row in rows) for k in rows[0]}
    return found


def _results(args, stages):
    """Stage -> list of (sr, hr), all as files have them, in [0, 1]."""
    import sr_keras
    from sr_keras.imaging import images
    from sr_keras.imaging.resize import imresize

    networks = {name: sr_keras.load(path) for name, path in stages.items()}
    found = {name: [] for name in ("bicubic", *networks)}
    for name in SET5:
        hr = images.quantize(images.read(_set5(args) / f"{name}.png").pixels, 8)
        hr = hr[: len(hr) // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE]
        lr = imresize(hr, 1 / SCALE)
        found["bicubic"].append((imresize(lr, float(SCALE)) / 255, hr / 255))
        for stage, network in networks.items():
            sr = sr_keras.upscale((lr / 255).astype("float32"), network)
            sr = images.quantize(sr, 8) / 255
            found[stage].append((sr, hr / 255))
    return found


def _print(scores, seconds, gigabytes):
    names = list(scores["srgan"])
    rows = [
        [stage, *(f"{row[name]:.3f}" for name in names)]
        for stage, row in scores.items()
    ]
    table(["Set5 x4", *names], rows)
    print(f"\nboth stages: {seconds / 60:.1f} minutes, {gigabytes:.2f} GB\n")


def _checks(run, scores):
    """Print and return whether each of the five properties holds."""
    one, two = scores["stage 1"], scores["srgan"]
    config = json.loads((run / "config.json").read_text())
    with open(run / "history.csv") as file:
        rows = list(csv.DictReader(file))
    last = rows[-max(len(rows) // 4, 1) :]
    fooled = [float(row[k]) for row in last for k in ("d_sr", "d_sr_after")]
    weight = config["adversarial"]["adversarial_weight"]
    change = 1 - two["features"] / one["features"]
    far = [abs(math.log(max(row["detail"], 1e-9))) for row in (one, two)]
    drop = one["psnr"] - two["psnr"]
    checks = [
        ("features", change >= 0.1, f"{100 * change:.1f} % less"),
        ("detail", far[1] < far[0],
         f"{one['detail']:.3f} -> {two['detail']:.3f} of HR's"),
        ("balance", all(0.05 <= x <= 0.95 for x in fooled),
         f"D(SR) {min(fooled):.3f} to {max(fooled):.3f}"),
        ("weight", weight > 0, f"{weight:g}"),
        ("psnr", drop < 3, f"{drop:.2f} dB less"),
    ]  # fmt: skip
    table(
        ["property", "", "holds"],
        [
            [name, text, "yes" if holds else "NO"]
            for name, holds, text in checks
        ],
    )
    return [holds for _, holds, _ in checks]


def _strip(args, stages, path):
    import numpy as np

    from sr_keras.imaging import images

    results = _results(args, stages)
    rows = []
    for name in ("butterfly", "bird"):
        i = SET5.index(name)
        parts = [pairs[i][0] for pairs in results.values()]
        parts.append(results["srgan"][i][1])
        y, x = ((n - _PART) // 2 for n in parts[0].shape[:2])
        rows.append(np.hstack([p[y : y + _PART, x : x + _PART] for p in parts]))
    whole = np.vstack(rows).repeat(2, 0).repeat(2, 1).astype("float32")
    images.write(path, images.Image(whole))
    say(f"wrote {path}")


if __name__ == "__main__":
    main()
