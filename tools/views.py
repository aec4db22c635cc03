"""Make many views of few photos, to learn from: see torch_train.py.

    python tools/views.py VIEWS CLIC2025 --shrink 0.3 0.7
    python tools/views.py VIEWS GB82 --shrink 0.4 0.9 --whole
    python tools/views.py OLD GB82 --degradation blur=0.5,bicubic,jpeg=60

A view is the photo shrunk by a random factor, MATLAB's bicubic or lanczos,
every second one after a turn by up to 45 degrees. Photos are sharp when they
are shrunk, and edges at other angles are edges that a network has not seen: a
few dozen photos as they are it learns by heart. The files hold HR and the LR
images of x2, x3 and x4 in 8 bits, made by plain bicubic unless --degradation
says otherwise; files that are there are left alone.
"""

import math
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from common import arguments  # noqa: E402

SCALES = (2, 3, 4)

# HR is a multiple of every factor.
MULTIPLE = math.lcm(*SCALES)

# Patches of 48 LR pixels fit at every factor.
SMALLEST = 48 * max(SCALES) + MULTIPLE

DEGREES = 45


def main():
    args, _ = arguments(
        __doc__,
        ("folder", {"type": Path, "help": "to make, or to add to"}),
        ("photos", {"type": Path, "help": "a folder of PNG files"}),
        ("--shrink", {"type": float, "nargs": 2, "default": [0.3, 0.7]}),
        ("--count", {"type": int, "default": 16, "help": "views of a photo"}),
        ("--whole", {"action": "store_true", "help": "the first is all of it"}),
        ("--degradation", {"default": "bicubic", "help": "of LR, as train's"}),
    )
    paths = sorted(args.photos.glob("*.png"))
    if not paths:
        raise SystemExit(f"no PNG files in {args.photos}")
    args.folder.mkdir(parents=True, exist_ok=True)
    jobs = [(path, i) for i in range(args.count) for path in paths]
    make = partial(make_view, args)
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for done, (path, i) in zip(workers.map(make, jobs), jobs, strict=True):
            print(f"{path.name} {i}: {done}", file=sys.stderr)


def make_view(args, job):
    """Write a view of a photo, unless it is there.

    Args:
        args: the command's.
        job: pair of Path, the photo, and int, which view.

    Returns:
        str, what came of it.
    """
    path, i = job
    target = args.folder / f"{path.parent.name}_{path.stem}_{i}.npz"
    if target.exists():
        return "there"
    from sr_keras.pipelines.degradation import chain

    rng = np.random.default_rng([i, sum(map(ord, path.stem))])
    whole = args.whole and i == 0
    hr = view(path, args.shrink, rng, turn=i % 2, whole=whole)
    if min(hr.shape[:2]) < SMALLEST:
        return f"left out, {hr.shape[1]}x{hr.shape[0]} is too small"
    spoil = chain.parse(args.degradation).apply
    lrs = {f"lr{s}": spoil(hr, s, rng) for s in SCALES}
    with tempfile.NamedTemporaryFile(dir=args.folder, delete=False) as file:
        np.savez(file, hr=hr, **lrs)
    os.replace(file.name, target)
    return f"{hr.shape[1]}x{hr.shape[0]}"


def view(path, shrink, rng, turn=False, whole=False):
    """A view of a photo, uint8 (H, W, 3)."""
    from PIL import Image

    from sr_keras.imaging.resize import imresize

    factor = math.exp(rng.uniform(*np.log(shrink)))
    photo = Image.open(path).convert("RGB")
    if turn:
        photo = turned(photo, rng.uniform(-DEGREES, DEGREES))
    photo = np.asarray(photo)
    if not whole:
        kernel = "cubic" if rng.random() < 0.5 else "lanczos3"
        photo = imresize(photo, factor, kernel=kernel)
    height, width = (n // MULTIPLE * MULTIPLE for n in photo.shape[:2])
    return np.ascontiguousarray(photo[:height, :width])


def turned(photo, degrees):
    """The largest part with a photo's proportions of the turned photo."""
    from PIL import Image

    width, height = photo.size
    cos, sin = (abs(f(math.radians(degrees))) for f in (math.cos, math.sin))
    part = min(
        width / (width * cos + height * sin),
        height / (width * sin + height * cos),
    )
    # The border pixels are mixed with what is outside.
    w, h = (int(n * part) - 2 for n in photo.size)
    photo = photo.rotate(degrees, Image.BICUBIC)
    left, top = (photo.width - w) // 2, (photo.height - h) // 2
    return photo.crop((left, top, left + w, top + h))


if __name__ == "__main__":
    main()
