"""Making data sets on disk: LR images, crops, TFRecord and HDF5 files.

A photo is a unit of work: what it became is noted in the index when all of it
is on disk, with checksums, and what is noted and intact is not made again.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import json
import math
import multiprocessing
import zlib
from pathlib import Path

import numpy as np

from sr_keras.imaging import color, images
from sr_keras.imaging.resize import imresize
from sr_keras.pipelines.degradation.chain import parse
from sr_keras.pipelines.sources.items import rgb
from sr_keras.support import signals
from sr_keras.support.atomic import replaced

INDEX = "index.json"

# What is noted while the work goes on: a line a photo.
_JOURNAL = ".index.jsonl"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to make of each photo.

    Attributes:
        scales: tuple of int, the factors of the LR images; may be empty.
        degradation: str, see `degradation.chain.parse`.
        crop_size: int, the side of the crops; None for whole photos, cropped
            to a multiple of all scales.
        stride: int, from crop to crop.
        skip_flat: float, the least standard deviation of a crop's luma, in
            8-bit levels; 0 for all crops.
        seed: int, for what is random.
        shrink: tuple of float in (0, 1], the sizes that each photo is made
            to first, over its own; () for its own.
        border_crops: bool, whether the last crop of a row, and the last row,
            are moved back to end where the photo ends; without, what the
            grid leaves over is left out.
    """

    scales: tuple
    degradation: str = "bicubic"
    crop_size: int | None = None
    stride: int | None = None
    skip_flat: float = 0.0
    seed: int = 0
    shrink: tuple = ()
    border_crops: bool = True

    def check(self):
        """Raise ValueError where they cannot be followed."""
        parse(self.degradation)
        for factor in self.shrink:
            if not 0 < factor <= 1:
                raise ValueError(
                    f"--shrink takes sizes over 0 and up to 1, not {factor:g}"
                )
        for scale in self.scales:
            if self.crop_size and self.crop_size % scale:
                raise ValueError(
                    f"crops of {self.crop_size} pixels cannot be made smaller "
                    f"by {scale}: give a --crop-size that is a multiple of "
                    f"{math.lcm(*self.scales)}"
                )

    def lr_folder(self, scale):
        """Where LR images go, below the output."""
        kind = "LR_bicubic" if self.degradation == "bicubic" else "LR"
        return Path(kind, f"X{scale}")


def pieces(photo, settings):
    """The HR images that a photo becomes.

    Args:
        photo: uint8 array (H, W, 3).
        settings: Settings.

    Returns:
        List of (suffix of the name, uint8 array).

    Raises:
        ValueError: the photo is too small.
    """
    if not settings.shrink:
        return _pieces(photo, settings)
    return [
        (f"_{factor:g}{suffix}", piece)
        for factor in settings.shrink
        for suffix, piece in _pieces(imresize(photo, factor), settings)
    ]


def _pieces(hr, settings):
    height, width = hr.shape[:2]
    side = settings.crop_size
    if side is None:
        multiple = math.lcm(1, *settings.scales)
        rows, columns = (n // multiple * multiple for n in (height, width))
        if min(rows, columns) < 1:
            raise ValueError(
                f"{width}x{height} pixels are too few for --scale "
                f"{' '.join(map(str, settings.scales))}"
            )
        return [("", hr[:rows, :columns])]
    if min(height, width) < side:
        raise ValueError(
            f"{width}x{height} pixels are too few for crops of {side}x{side}: "
            "give a smaller --crop-size, or leave it out"
        )
    step = settings.stride or side
    crops = [
        hr[y : y + side, x : x + side]
        for y in _starts(height, side, step, settings.border_crops)
        for x in _starts(width, side, step, settings.border_crops)
    ]
    return [
        (f"_s{n:03}", crop)
        for n, crop in enumerate(crops, 1)
        if not is_flat(crop, settings.skip_flat)
    ]


def is_flat(image, least):
    """Whether there is too little in an image to learn from.

    Args:
        image: uint8 array (H, W, 3).
        least: float, the standard deviation of its luma in 8-bit levels.

    Returns:
        bool.
    """
    if not least:
        return False
    luma = color.luma(np.divide(image, 255, dtype=np.float32))
    return bool(luma.std() * 255 < least)


def make(task, settings, root):
    """Make everything of one photo, unless it is there.

    Args:
        task: tuple (path, relative path, record of before or None).
        settings: Settings.
        root: Path, the output.

    Returns:
        dict, the record; with "error" where the photo cannot be used.
    """
    path, relative, before = task
    state = path.stat()
    record = {
        "source": relative.as_posix(),
        "bytes": state.st_size,
        "modified": state.st_mtime_ns,
    }
    if before and _is_intact(before, record, root):
        return before
    try:
        hr = rgb(images.read(path), path)
        found = pieces(hr, settings)
    except (ValueError, OSError) as error:
        return {**record, "error": " ".join(str(error).split())}
    record["files"] = []
    chain = parse(settings.degradation)
    # The stem of a.png and a.jpg is the same: the suffix is kept.
    stem = relative.with_suffix("")
    for number, (suffix, piece) in enumerate(found):
        name = f"{stem}{suffix}"
        entry = {"hr": _write(root, Path("HR", f"{name}.png"), piece)}
        for scale in settings.scales:
            seeds = (settings.seed, zlib.crc32(name.encode()), number, scale)
            lr = chain.apply(piece, scale, np.random.default_rng(seeds))
            place = settings.lr_folder(scale) / f"{name}x{scale}.png"
            entry[f"lr_x{scale}"] = _write(root, place, lr)
        record["files"].append(entry)
    return record


def run(found, settings, root, jobs):
    """Make everything of all photos, side by side.

    Args:
        found: list of (path, relative path), as `images.find` gives it.
        settings: Settings.
        root: Path, the output; it is there.
        jobs: int, processes.

    Yields:
        dict, the record of each photo, in the order of `found`.

    Raises:
        ValueError: the output holds something else.
    """
    _check_names(found)
    known = _known(root, settings)
    tasks = [(path, name, known.get(name.as_posix())) for path, name in found]
    work = functools.partial(make, settings=settings, root=root)
    with open(root / _JOURNAL, "a", encoding="utf-8") as journal:
        if not known:
            _note(journal, dataclasses.asdict(settings))
        with _pool(min(jobs, len(tasks))) as each:
            for record in each(work, tasks):
                if "error" not in record:
                    _note(journal, record)
                yield record


def finish(root, settings, records, packed=None):
    """Write the index, in place of the notes made on the way.

    Args:
        root: Path, the output.
        settings: Settings.
        records: list of dict, of all photos.
        packed: list of dict, name and checksum of the files that hold them
            all, where they are not in files of their own.
    """
    content = {"settings": dataclasses.asdict(settings), "photos": records}
    if packed is not None:
        content["packed"] = packed
    with replaced(root / INDEX) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    (root / _JOURNAL).unlink(missing_ok=True)


def packed(root, settings, found, suffix):
    """What was packed by the same command, whole as it was left.

    Args:
        root: Path, the output.
        settings: Settings.
        found: list of (path, relative path), the photos as they are now.
        suffix: str, of the files in it: ".h5".

    Returns:
        List of dict, the records of all photos; None where nothing is packed.

    Raises:
        ValueError: it is of other settings or photos, or damaged.
    """
    try:
        content = json.loads((root / INDEX).read_text("utf-8"))
        files, records = content["packed"], content["photos"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as e:
        raise ValueError(
            f"{root} holds something else: give another --output"
        ) from e
    _check_settings(root, content["settings"], settings)
    if any(Path(file["file"]).suffix != suffix for file in files):
        raise ValueError(
            f"{root} holds {files[0]['file']}: give another --output"
        )
    now = {name.as_posix(): path.stat() for path, name in found}
    then = {r["source"]: (r["bytes"], r["modified"]) for r in records}
    if then != {k: (s.st_size, s.st_mtime_ns) for k, s in now.items()}:
        raise ValueError(
            f"{root} was made of other photos: remove it, or give another "
            "--output"
        )
    for file in files:
        path = root / file["file"]
        if not path.is_file() or digest(path) != file["sha256"]:
            raise ValueError(f"{path} is damaged: remove {root}")
    return records


def discard(root):
    """Remove the notes of a work of which nothing came.

    Args:
        root: Path, the output.
    """
    (root / _JOURNAL).unlink(missing_ok=True)


def digest(path):
    """The SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _starts(length, side, step, border):
    starts = list(range(0, length - side + 1, step))
    if not border or starts[-1] == length - side:
        return starts
    return [*starts, length - side]


def _write(root, name, pixels):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    floats = np.divide(pixels, 255, dtype=np.float32)
    images.write(path, images.Image(floats))
    return {
        "file": name.as_posix(),
        "size": list(pixels.shape[1::-1]),
        "sha256": digest(path),
    }


def _is_intact(before, record, root):
    if any(before.get(key) != value for key, value in record.items()):
        return False
    for entry in before["files"]:
        for file in entry.values():
            path = root / file["file"]
            if not path.is_file() or digest(path) != file["sha256"]:
                return False
    return True


def _check_names(found):
    """Two photos must not become files of one name."""
    seen = {}
    for path, name in found:
        other = seen.setdefault(name.with_suffix(""), path)
        if other != path:
            raise ValueError(
                f"{other} and {path} would both become {name.stem}.png: "
                "rename one of them"
            )


def _known(root, settings):
    """The records that are there: {source: record}."""
    records, there = [], None
    with contextlib.suppress(OSError, ValueError, KeyError):
        content = json.loads((root / INDEX).read_text("utf-8"))
        there, records = content["settings"], content["photos"]
    with contextlib.suppress(OSError):
        for line in (root / _JOURNAL).read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):  # cut off in the middle
                note = json.loads(line)
                if "source" in note:
                    records.append(note)
                else:
                    there = note
    if there is None:
        if any(p.name != _JOURNAL for p in root.iterdir()):
            raise ValueError(
                f"{root} is not empty, and was not made by prepare: give "
                "another --output"
            )
        return {}
    _check_settings(root, there, settings)
    return {r["source"]: r for r in records if "error" not in r}


def _check_settings(root, there, settings):
    wanted = json.loads(json.dumps(dataclasses.asdict(settings)))
    # An index of before there was the choice.
    there = {"border_crops": Settings.border_crops, **there}
    changed = [key for key in wanted if there.get(key) != wanted[key]]
    if changed:
        raise ValueError(
            f"{root} was made with {changed[0]} {there.get(changed[0])}, not "
            f"{wanted[changed[0]]}: give another --output, or remove it"
        )


def _note(journal, content):
    journal.write(json.dumps(content) + "\n")
    journal.flush()


@contextlib.contextmanager
def _pool(jobs):
    """A `map` over so many processes."""
    if jobs <= 1:
        yield map
        return
    # Not forked: threads of libraries would not survive it.
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(
        jobs,
        mp_context=context,
        initializer=signals.serve,
    )
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
