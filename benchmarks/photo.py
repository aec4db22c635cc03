"""What `photo` makes of JPEG files, and what `quality` does.

    python benchmarks/photo.py

Set5 x2, with its LR images stored as JPEG of some qualities, and as they are.
"""

import io

import numpy as np
from common import SET5, arguments, machine, mean, set5, table
from PIL import Image

PROTOCOL = "y"
QUALITIES = (30, 60, 90, None)
SCALE = 2


def main():
    args, _ = arguments(
        __doc__,
        ("--models", {"nargs": "+", "default": ["bicubic", "quality", "photo"],
                      "help": "names, runs or files"}),
    )  # fmt: skip
    from sr_keras.inference.load import load

    print(machine(), end="\n\n")
    networks = [load(name, SCALE) for name in args.models]
    table(
        ["LR", *args.models],
        [
            [
                f"JPEG {quality}" if quality else "as it is",
                *(f"{score(args.data, n, quality):.2f}" for n in networks),
            ]
            for quality in QUALITIES
        ],
    )


def score(data, network, quality):
    """Mean PSNR of Set5, its LR images as JPEG of a quality, or as they are."""
    from sr_keras.evaluation import metrics
    from sr_keras.imaging import images
    from sr_keras.inference import upscale

    found = []
    for name in SET5:
        lr, hr = (images.read(p).pixels for p in set5(data, name, SCALE))
        sr = upscale.upscale(stored(lr, quality), network, SCALE)
        own = metrics.score(sr, hr, (SCALE, SCALE), protocols=[PROTOCOL])
        found.append(own[PROTOCOL]["psnr"])
    return mean(found)


def stored(pixels, quality):
    """What a JPEG file makes of an image in [0, 1]."""
    if quality is None:
        return pixels
    file = io.BytesIO()
    codes = np.round(pixels * 255).astype("uint8")
    Image.fromarray(codes).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), "float32") / 255


if __name__ == "__main__":
    main()
