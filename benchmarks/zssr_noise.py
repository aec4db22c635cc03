"""ZSSR on noisy images: what --noise-std is worth.

    python benchmarks/zssr_noise.py

Adds Gaussian noise with a standard deviation of 30 levels to Set5's LR images,
enlarges them twice with `--noise-std 30` and without, and prints PSNR
(protocol y) and the gain. Takes 10 runs of the recipe: 15 minutes on
two cores.
"""

import tempfile
from pathlib import Path

import numpy as np
from common import SET5, arguments, machine, say, set5, table, train


def main():
    args, flags = arguments(
        __doc__,
        ("--recipe", {"default": "default"}),
        ("--images", {"nargs": "+", "default": SET5}),
        ("--levels", {"type": float, "default": 30.0}),
    )
    print(machine(), end="\n\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.images:
            lr, hr = set5(args.data, name, 2)
            noisy = Path(folder, lr.name)
            add_noise(lr, noisy, args.levels)
            more = ["--recipe", args.recipe, "--ground-truth", hr, *flags]
            without = train(noisy, 2, *more)
            told = train(noisy, 2, *more, "--noise-std", args.levels)
            gain = told.psnr() - without.psnr()
            rows.append(
                [
                    name,
                    without.psnr("interpolated"),
                    without.psnr(),
                    told.psnr(),
                    f"{gain:+.2f}",
                ]
            )
            say(rows[-1])
    told = f"--noise-std {args.levels:g}"
    table(["image", "bicubic", f"without {told}", f"with {told}", "gain"], rows)


def add_noise(source, target, levels):
    from sr_keras.imaging import images

    image = images.read(source)
    noise = np.random.default_rng(0).normal(0, levels / 255, image.pixels.shape)
    noisy = (image.pixels + noise).astype("float32")
    images.write(target, images.Image(noisy))


if __name__ == "__main__":
    main()
