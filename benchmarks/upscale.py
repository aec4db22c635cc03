"""Speed and memory of `sr-keras upscale`, the whole command.

    python benchmarks/upscale.py
    python benchmarks/upscale.py --model quality --photos 1 --jobs 1 2

Makes JPEG photos of 12 megapixels of the example photo, enlarges them to PNG
with --jobs 1 and 2, and prints output megapixels a second: of the command from
start to exit, and sustained, which leaves out what a first run on a tiny photo
takes. `network alone` is the same network on one tile again and again.
--model espcn is a network of ESPCN's size with weights that were not trained:
speed does not depend on them.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, arguments, machine, table, timed


def main():
    args, flags = arguments(
        __doc__,
        ("--model", {"default": "espcn"}),
        ("--photos", {"type": int, "default": 3}),
        ("--jobs", {"type": int, "nargs": "+", "default": [1, 2]}),
        ("--width", {"type": int, "default": 4000}),
        ("--height", {"type": int, "default": 3000}),
    )
    print(machine(), end="\n\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        size = args.height, args.width
        make_photos(folder, args.photos, size)
        model = untrained(folder) if args.model == "espcn" else args.model
        start, _ = run(folder / "tiny.png", folder / "t.png", model, flags)
        pixels = 4 * args.photos * args.width * args.height / 1e6
        for jobs in args.jobs:
            more = [*flags, "--jobs", str(jobs)]
            seconds, gigabytes = run(
                folder / "photos", folder / f"out{jobs}", model, more
            )
            rows.append(
                [args.model, jobs, pixels, seconds, pixels / seconds,
                 pixels / (seconds - start), gigabytes]
            )  # fmt: skip
        alone = network_alone(model)
    table(
        ["model", "jobs", "output MP", "s", "MP/s", "sustained MP/s", "GB"],
        rows,
    )
    print(f"\nA tiny photo takes {start:.1f} s; the network alone makes "
          f"{alone:.1f} MP/s.")  # fmt: skip


def make_photos(folder, count, size):
    from sr_keras import images, resize

    pixels = images.read(ROOT / "examples/guitar.png").pixels
    images.write(folder / "tiny.png", images.Image(pixels[:64, :64]))
    large = resize.imresize(pixels, size=size).clip(0, 1)
    (folder / "photos").mkdir()
    for i in range(count):
        path = folder / "photos" / f"{i}.jpg"
        images.write(path, images.Image(large[:, :: -1 if i % 2 else 1]))


def untrained(folder):
    path = folder / "espcn.keras"
    code = (
        "import sys; from sr_keras import artifact, models; "
        "artifact.save(models.build('espcn', 2), sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, check=True)
    return path


def run(source, target, model, flags):
    command = [sys.executable, "-m", "sr_keras", "upscale", source, "-o"]
    command += [target, "--scale", "2", "--model", model, *flags]
    return timed([str(part) for part in command])


def network_alone(model, seconds=5):
    """Output megapixels a second of a network on a tile."""
    import numpy as np

    from sr_keras import artifact, inference

    network = artifact.load(model, 2)
    forward = inference.forward_of(network)
    tile = np.full((256, 512, network.input_shape[-1]), 0.5, "float32")
    forward(tile)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        forward(tile)
        count += 1
    return 4 * count * 256 * 512 / 1e6 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
