"""What `adapt` gains on photos whose HR is hidden.

A small DRN x4 learns from photos and their bicubic LR images. Other photos are
shrunk in other ways, and the command gets these alone; the HR images only
score, on the photos that were held out. `as dual regression alone` tells it
that the photos are bicubic: dual heads that know only that have nothing to say
of another blur. The row of bicubic photos is the control: its answer has to be
no. With --model RUN a network that is there already is adapted; then it must
not have learned from any third file of the folders.

  python benchmarks/adapt.py --folders photos1 photos2
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import common
import numpy as np

from sr_keras.imaging import images
from sr_keras.pipelines.degradation.chain import parse

SCALE = 4

# Name -> what the photos have been through.
_KINDS = {
    "blur 2.2": "blur=2.2,bicubic",
    "blur 3.2 x 1.4 at 30": "blur-aniso=3.2:1.4:30,bicubic",
    "disk": "kernel={disk}",
    "bicubic (control)": "bicubic",
    "blur 2.2 and noise 6": "blur=2.2,bicubic,noise=6",
}

# Rows: (kind, what --degradation says, or None to estimate, the row's name).
_ROWS = (
    ("blur 2.2", None, "estimated"),
    ("blur 2.2", "bicubic", "as dual regression alone"),
    ("blur 3.2 x 1.4 at 30", None, "estimated"),
    ("disk", None, "estimated"),
    ("bicubic (control)", None, "estimated"),
    ("blur 2.2 and noise 6", None, "estimated"),
    ("blur 2.2 and noise 6", "blur=2.2,bicubic", "the noise left unsaid"),
)

_NETWORK = (
    *("--model-arg", "num_blocks=3", "--model-arg", "num_filters=4"),
    *("--batch-size", "8", "--hr-patch-size", "96"),
)
_TRAIN = (
    *("--learning-rate", "2e-3", "--final-rate", "1e-5"),
    *("--objective", "pixel", "--epochs", "8", "--validation-limit", "3"),
)


def main():
    args, _ = common.arguments(
        __doc__,
        ("--folders", {"type": Path, "nargs": "+", "help": "of photos"}),
        ("--model", {"help": "a run to adapt, instead of training one"}),
        ("--steps", {"type": int, "default": 600, "help": "of adapt"}),
        ("--rows", {"type": int, "nargs": "*", "help": "these rows only"}),
        ("--keep", {"type": Path, "help": "leave the runs here"}),
    )
    print(common.machine())
    with tempfile.TemporaryDirectory() as folder:
        root = args.keep or Path(folder)
        learned, targets = _divided(_folders(args))
        _linked(root / "hr", learned)
        _linked(root / "truth", targets)
        model = args.model or _trained(root)
        chosen = range(len(_ROWS)) if args.rows is None else args.rows
        rows = [_row(root, model, args.steps, _ROWS[i]) for i in chosen]
    common.table(
        ["photos", "adapted as", "estimate", "before", "after", "gain",
         "the answer", "by its own measure", "s"],
        rows,
    )  # fmt: skip


def _folders(args):
    if args.folders:
        return args.folders
    if args.data is None:
        raise SystemExit("give --folders, or set SR_KERAS_DATA")
    return [Path(args.data, "train", n) for n in ("CLIC2025", "GB82")]


def _divided(folders):
    """The photos to learn from, and every third, of which LR is made."""
    learned, targets = [], []
    for folder in folders:
        paths = [path for path, _ in images.find(folder)]
        targets += paths[::3]
        learned += [p for i, p in enumerate(paths) if i % 3]
    return learned, targets


def _linked(folder, paths):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        link = folder / path.name
        if not link.exists():
            link.symlink_to(path.resolve())


def _trained(root):
    common.say("training on bicubic")
    folder = root / "pretrained"
    common.timed(
        [sys.executable, str(common.ROOT / "train.py"), "--model", "drn-s",
         "--scale", str(SCALE), "--data", str(root / "hr"), *_NETWORK,
         *_TRAIN, "--steps-per-epoch", "250", "--output", str(folder)]
    )  # fmt: skip
    return folder


def _row(root, model, steps, row):
    kind, given, name = row
    common.say(f"{kind}, {name}")
    photos = _photographed(root, kind)
    folder = root / "adapted"
    shutil.rmtree(folder, ignore_errors=True)
    flags = ["--degradation", given] if given else []
    seconds, _ = common.timed(
        [sys.executable, "-m", "sr_keras", "adapt", "--model", str(model),
         "--images", str(photos), "--data", str(root / "hr"),
         "--ground-truth", str(root / "truth"), "--steps", str(steps),
         "--batch-size", "8", "--hr-patch-size", "96",
         "--learning-rate", "5e-4", "--output", str(folder), *flags]
    )  # fmt: skip
    found = json.loads((folder / "metrics.json").read_text())["adapted"]
    truth = found["truth"]
    own = found["after"] - found["before"]
    return [
        kind, name, found["degradation"], truth["before"], truth["after"],
        f"{truth['after'] - truth['before']:+.2f}",
        "yes" if found["helped"] else "no", f"{own:+.2f}", f"{seconds:.0f}",
    ]  # fmt: skip


def _photographed(root, kind):
    """The folder of the LR photos of a kind."""
    folder = root / kind.replace(" ", "_")
    if folder.exists():
        return folder
    disk = root / "disk.npy"
    np.save(disk, _disk(4.5))
    chain = parse(_KINDS[kind].format(disk=disk))
    folder.mkdir()
    for i, path in enumerate(sorted((root / "truth").iterdir())):
        hr = images.quantize(images.read(path).pixels[..., :3], 8)
        height, width = (n // SCALE * SCALE for n in hr.shape[:2])
        rng = np.random.default_rng(i)
        lr = chain.apply(hr[:height, :width], SCALE, rng)
        images.write(
            folder / f"{path.stem}.png", images.Image(lr / np.float32(255))
        )
    return folder


def _disk(radius):
    """The blur of a lens that is out of focus."""
    side = int(radius) + 2
    y, x = np.mgrid[-side : side + 1, -side : side + 1]
    disk = np.clip(radius + 0.5 - np.hypot(y, x), 0, 1)
    return disk / disk.sum()


if __name__ == "__main__":
    main()
