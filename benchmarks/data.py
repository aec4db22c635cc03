"""How fast the data comes, and whether a network would wait for it.

    python benchmarks/data.py --photos photos
    python benchmarks/data.py --photos photos --kinds folder --steps 100

Prints patches per second (x2, 48x48 LR, batches of 16) from a folder of PNG
files, TFRecord, HDF5 and TFDS's files, with images kept in memory and without;
and, for a step of 0.8 s that keeps both processors busy, the share of the time
that the step waits for its batch. Takes about three minutes.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, arguments, machine, say, table

KINDS = ("folder", "tfrecord", "hdf5", "tfds")


def main():
    args, _ = arguments(
        __doc__,
        ("--photos", {"type": Path, "help": "a folder of photos"}),
        ("--kinds", {"nargs": "+", "default": KINDS, "choices": KINDS}),
        ("--batches", {"type": int, "default": 60}),
        ("--steps", {"type": int, "default": 15, "help": "of 0.8 s each"}),
        ("--seconds", {"type": float, "default": 0.8, "help": "of a step"}),
    )
    photos = args.photos or Path(args.data or "", "train", "CLIC2025")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(machine(), end="\n\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.kinds:
            spec = made(kind, photos, Path(folder))
            for cache_gb in (0, 1):
                rows.append([kind, cache_gb, *measured(spec, cache_gb, args)])
                say(rows[-1])
    table(["source", "cache GB", "first batch s", "patches/s", "wait %"], rows)


def made(kind, photos, folder):
    """The photos in another form."""
    from sr_keras.cli import main as command

    if kind == "folder":
        return photos
    if kind == "tfds":
        return tfds_files(photos, folder / "tfds")
    out = folder / kind
    code = command(["prepare", str(photos), "--to", kind, "--output", str(out)])
    if code:
        raise SystemExit(code)
    return out if kind == "tfrecord" else out / "images.h5"


def tfds_files(photos, folder):
    """The photos as TFDS would have prepared them: PNG files in records."""
    import tensorflow as tf

    from sr_keras.imaging import images

    folder.mkdir()
    path = folder / "div2k-train.tfrecord-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for file, _ in images.find(photos):
            example = tf.train.Example()
            feature = example.features.feature["hr"].bytes_list.value
            feature.append(file.read_bytes())
            writer.write(example.SerializeToString())
    return folder


def measured(spec, cache_gb, args):
    """Seconds to the first batch, patches a second, and the wait in %."""
    from sr_keras import pipelines

    source = pipelines.open_source(spec, 2)
    data = pipelines.paired(source, 2, cache_gb=cache_gb, steps=1000)
    start = time.perf_counter()
    batches = iter(data)
    next(batches)
    first = time.perf_counter() - start
    if cache_gb:
        for _ in range(3 * len(source)):  # until all images are kept
            next(batches)
    start = time.perf_counter()
    for _ in range(args.batches):
        next(batches)
    speed = 16 * args.batches / (time.perf_counter() - start)
    waited = 0
    for _ in range(args.steps):
        work(args.seconds)
        start = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - start
    share = waited / (waited + args.steps * args.seconds)
    return f"{first:.2f}", f"{speed:.0f}", f"{100 * share:.1f}"


def work(seconds):
    """Keep all processors busy, as a training step does."""
    import tensorflow as tf

    square = tf.random.stateless_normal((1024, 1024), (0, 0))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        tf.linalg.matmul(square, square).numpy()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
