"""Memory and time for a photo of 12 megapixels.

    python benchmarks/zssr_memory.py
    python benchmarks/zssr_memory.py --photo photo.jpg

Enlarges a photo to 4000x3000 with bicubic interpolation, so that any will do,
and that one twice with ZSSR and a few training steps. Prints the most resident
memory of the process, and its time. Takes half an hour on two cores: eight
views of 48 megapixels.
"""

import tempfile
from pathlib import Path

from common import ROOT, arguments, machine, table, train


def main():
    args, flags = arguments(
        __doc__,
        ("--photo", {"type": Path, "default": ROOT / "examples/guitar.png"}),
        ("--width", {"type": int, "default": 4000}),
        ("--height", {"type": int, "default": 3000}),
        ("--steps", {"type": int, "default": 20}),
    )
    print(machine(), end="\n\n")
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.png")
        enlarge(args.photo, photo, (args.height, args.width))
        run = train(photo, 2, "--max-steps", args.steps, *flags)
    height, width = run.metrics["size"]
    table(
        ["photo", "result", "steps", "s", "GB"],
        [
            [
                f"{args.width}x{args.height}",
                f"{width}x{height}",
                run.metrics["steps"],
                f"{run.seconds:.0f}",
                run.gigabytes,
            ]
        ],
    )


def enlarge(source, target, size):
    from sr_keras.imaging import images, resize

    pixels = images.read(source).pixels
    pixels = resize.imresize(pixels, size=size)
    images.write(target, images.Image(pixels.clip(0, 1)))


if __name__ == "__main__":
    main()
