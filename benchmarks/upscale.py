"""Speed and memory of `sr-keras upscale`, the whole command.

    python benchmarks/upscale.py
    python benchmarks/upscale.py --model lens --photos 1 --width 1000
    python benchmarks/upscale.py --before ../older-checkout --jobs 1

Makes JPEG photos of 12 megapixels, of those in train/CLIC2025 of the data
folder or else of the example photo, enlarges them to PNG, and prints output
megapixels a second: of the command from start to exit, and sustained, which
leaves out what a run on a tiny photo takes; the same in seconds of processors,
which other programs change less; the most memory; and what the command had
said that it would take. Below it says what the same
network makes of one array again and again, in the same precision. A name that
is not of weights but of a network (`lens`) is one with weights that were not
trained: speed does not depend on them. With --whole the array has a photo's
size once, too, which takes 11 GB with `quality`. --before has the same done
by the code in another folder, in turn. --start measures loading `fast` and a
first tile.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, arguments, machine, say, table

# Sides of the parts of photos that a large one is put together of: those of
# CLIC 2025 are smaller.
_PART = 800

_LOAD = """
import sr_keras
network = sr_keras.load("fast", scale=2)
import numpy as np
sr_keras.upscale(np.full((256, 256, 3), 0.5, "float32"), network)
"""


def main():
    args, flags = arguments(
        __doc__,
        ("--model", {"default": "fast"}),
        ("--photos", {"type": int, "default": 3}),
        ("--jobs", {"type": int, "nargs": "+", "default": [1, 2]}),
        ("--width", {"type": int, "default": 4000}),
        ("--height", {"type": int, "default": 3000}),
        ("--before", {"type": Path, "help": "a folder with other code"}),
        ("--whole", {"action": "store_true", "help": "a photo in one piece"}),
        ("--start", {"type": int, "default": 0, "help": "how many times"}),
    )
    print(machine(), end="\n\n")
    if args.start:
        loading(args.start)
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_photos(folder, args)
        model = made(folder, args.model)
        trees = [*([args.before] if args.before else []), ROOT]
        rows = [
            row(folder, tree, model, jobs, (args, flags))
            for jobs in args.jobs
            for tree in trees
        ]
        sizes = [(256, 512), (1080, 1920)]
        if args.whole:
            sizes.append((args.height, args.width))
        alone = [network_alone(model, flags, size) for size in sizes]
    table(
        ["model", "code", "jobs", "output MP", "s", "said", "MP/s",
         "sustained MP/s", "processors, s", "sustained s/MP", "GB", "said"],
        rows,
    )  # fmt: skip
    print("\nThe network alone, in one piece:")
    for (height, width), speed in zip(sizes, alone, strict=True):
        print(f"{width}x{height}: {speed:.2f} MP/s")


def row(folder, tree, model, jobs, asked):
    """What is measured of a run."""
    from sr_keras.inference import batch

    args, flags = asked
    say(f"{tree}, --jobs {jobs}")
    more = [*flags, "--jobs", str(jobs), "--overwrite"]
    tiny = run(tree, folder / "tiny.png", folder / "t.png", model, more)
    seconds, used, gigabytes, said = run(
        tree, folder / "photos", folder / "out", model, more
    )
    pixels = 4 * args.photos * args.width * args.height / 1e6
    plan = re.search(r"about (\d+) (s|min) and ([\d.]+) GB", said)
    expected = int(plan[1]) * (60 if plan[2] == "min" else 1) * args.photos
    return [
        *(args.model, "now" if tree == ROOT else "before", jobs, pixels),
        *(seconds, f"{expected:.0f}"),
        *(pixels / seconds, pixels / (seconds - tiny[0])),
        *(used, (used - tiny[1]) / pixels, gigabytes),
        f"{float(plan[3]) * min(batch.at_once(jobs), args.photos):.1f}",
    ]


def make_photos(folder, args):
    import numpy as np

    from sr_keras.imaging import images, resize

    pixels = images.read(ROOT / "examples/guitar.png").pixels
    images.write(folder / "tiny.png", images.Image(pixels[:64, :64]))
    found = args.data and sorted(Path(args.data).glob("train/CLIC2025/*.png"))
    size = args.height, args.width
    (folder / "photos").mkdir()
    for i in range(args.photos):
        if found:
            large = np.concatenate(
                [
                    np.concatenate(
                        [
                            part(found[(i + 7 * y + x) % len(found)])
                            for x in range(-(-args.width // _PART))
                        ],
                        axis=1,
                    )
                    for y in range(-(-args.height // _PART))
                ]
            )[: size[0], : size[1]]
        else:
            large = resize.imresize(pixels, size=size).clip(0, 1)
        images.write(folder / "photos" / f"{i}.jpg", images.Image(large))


def part(path):
    from sr_keras.imaging import images

    return images.read(path).pixels[:_PART, :_PART]


def made(folder, name):
    """The network's name, or a file with one that was not trained."""
    from sr_keras import models
    from sr_keras.models import pretrained

    if name in pretrained.names() or name not in models.list_models():
        return name
    path = folder / f"{name}.keras"
    code = (
        "import sys; from sr_keras import models; "
        "from sr_keras.models import artifact; "
        "artifact.save(models.build(sys.argv[2], 2), sys.argv[1])"
    )
    subprocess.run(
        [sys.executable, "-c", code, path, name], cwd=ROOT, check=True
    )
    return path


def run(tree, source, target, model, flags):
    """Seconds, the processors' seconds, gigabytes, and what it said."""
    command = [sys.executable, "-m", "sr_keras", "upscale", source, "-o"]
    command += [target, "--scale", "2", "--model", model, *flags]
    tree = Path(tree).resolve()
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    start = time.monotonic()
    process = subprocess.Popen(
        [str(x) for x in command], cwd=tree, env=environment, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {command}")
    unit = 1 if sys.platform == "darwin" else 1024
    used = usage.ru_utime + usage.ru_stime
    return seconds, used, usage.ru_maxrss * unit / 1e9, said


def network_alone(model, flags, size, seconds=5):
    """Output megapixels a second of a network on an image of a size."""
    import numpy as np

    from sr_keras.inference import precision
    from sr_keras.inference.load import load
    from sr_keras.inference.refine import forward_of

    network = load(model, 2)
    kind = "auto"
    if "--precision" in flags:
        kind = flags[flags.index("--precision") + 1]
    precision.compute_in(network, kind, to_use=True)
    forward = forward_of(network)
    tile = np.full((*size, network.input_shape[-1]), 0.5, "float32")
    forward(tile)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        forward(tile)
        count += 1
    pixels = 4 * count * size[0] * size[1] / 1e6
    return pixels / (time.perf_counter() - start)


def loading(count):
    """How long a process takes to load weights and make a first tile."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    taken = []
    for _ in range(count):
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-c", _LOAD], cwd=ROOT, env=environment,
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        taken.append(time.monotonic() - start)
    shown = ", ".join(f"{s:.2f}" for s in sorted(taken))
    print(f"Python, `fast` and a first tile of 256x256: {shown} s")


if __name__ == "__main__":
    main()
