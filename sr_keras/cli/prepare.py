"""Make a data set of photos, or see how one was made.

LR images of any factor and degradation, crops, TFRecord and HDF5 files, from
a folder of photos. What is done is not done again: the same command goes on
after an interruption, and takes in photos that have come.

Examples:
  sr-keras prepare photos --scale 2 3 4 --output data
  sr-keras prepare photos --scale 4 --crop-size 480 --stride 200 --output data
  sr-keras prepare photos --scale 2 --to tfrecord --output shards
  sr-keras prepare --check data
  sr-keras prepare --check HR LR_x2
"""

import contextlib
import os
import sys
from pathlib import Path

from sr_keras.training.flags import Number

HELP = "make LR images, crops and TFRecord files of photos; check a data set"

_FORMS = ("folder", "tfrecord", "hdf5")
_SUFFIXES = {"tfrecord": ".tfrecord", "hdf5": ".h5"}
_COUNT = Number(int, least=1)
_AMOUNT = Number(float, least=0)
_SIZE = Number(float, above=0)

# Standard deviation of luma, in levels, below which a crop counts as flat.
_FLAT = 4.0

# Failures that are said one by one.
_MOST_SAID = 8


def add_arguments(parser):
    """Declare the command's arguments.

    Args:
        parser: argparse.ArgumentParser.
    """
    add = parser.add_argument
    add(
        "photos",
        nargs="?",
        metavar="PHOTOS",
        help="a folder, with its subfolders, or a 'pattern*'",
    )
    add("--output", metavar="DIR", help="default: PHOTOS_prepared")
    add(
        "--scale",
        "--sr-factor",
        type=_COUNT,
        nargs="*",
        default=[],
        metavar="N",
        help="factors of the LR images; of --check: to look at",
    )
    add(
        "--degradation",
        default="bicubic",
        metavar="SPEC",
        help="how LR is made: bicubic, or blur=1.2,bicubic,noise=5 and so on; "
        "see docs/data.md",
    )
    add(
        "--crop-size",
        type=_COUNT,
        metavar="N",
        help="cut photos into crops of NxN (default: 480 with --stride)",
    )
    add(
        "--stride",
        type=_COUNT,
        metavar="N",
        help="pixels from crop to crop (default: 200 with --crop-size 480, "
        "else its size)",
    )
    add(
        "--no-border-crops",
        dest="border_crops",
        action="store_false",
        help="leave out what the grid leaves over, where the last crop of a "
        "row would be moved back to the photo's edge",
    )
    add(
        "--skip-flat",
        type=_AMOUNT,
        nargs="?",
        const=_FLAT,
        default=0.0,
        metavar="LEVELS",
        help=f"leave out crops whose luma varies less (default: {_FLAT:g})",
    )
    add(
        "--shrink",
        type=_SIZE,
        nargs="+",
        default=[],
        metavar="F",
        help="make photos so much smaller first, by bicubic: 0.5 0.35 for "
        "two sizes of each",
    )
    add("--to", choices=_FORMS, default="folder", help="(default: folder)")
    _add_work(add)


def _add_work(add):
    """How it is gone about, and the look at what is there."""
    add(
        "--jobs",
        type=_COUNT,
        default=os.cpu_count() or 1,
        metavar="N",
        help="photos at a time (default: a processor each)",
    )
    add(
        "--seed",
        type=Number(int, least=0),
        default=0,
        metavar="N",
        help="of what is random in the degradation",
    )
    add(
        "--check",
        nargs="+",
        metavar="DIR",
        help="say how the LR images of a data set were made: its folder, or "
        "the folders of HR and LR images",
    )
    add("--limit", type=_COUNT, default=20, metavar="N",
        help="pairs that --check looks at (default: 20)")  # fmt: skip


def run(args):
    """Prepare, or check.

    Args:
        args: argparse.Namespace.

    Returns:
        The exit code.
    """
    if args.check is not None:
        from sr_keras.pipelines.prepare import check

        if args.photos is not None:
            raise ValueError("give PHOTOS to prepare or --check, not both")
        return check.run(args.check, args.scale, args.limit)
    if args.photos is None:
        raise ValueError("PHOTOS is missing: give a folder of photos")
    return _prepare(args)


def _prepare(args):
    from sr_keras.imaging.listing import find_hr
    from sr_keras.inference import earlier
    from sr_keras.pipelines.prepare import prepare
    from sr_keras.pipelines.prepare.pack import (
        check_names,
    )
    from sr_keras.support.folders import folder_for

    settings = _settings(args)
    root = Path(args.output or _default_output(args.photos))
    found = earlier.outside(find_hr(args.photos), root)
    found = earlier.photos_of(found, args.photos)
    work = root
    if args.to != "folder":
        work = root / ".folder"
        suffix = _SUFFIXES[args.to]
        if args.to == "hdf5":
            check_names(found)
        records = prepare.packed(root, settings, found, suffix)
        if records is not None:
            return _report(args.photos, root, records, " already")
    with folder_for(root), folder_for(work):
        records = _work_through(found, settings, work, args.jobs)
        if _count(records):
            prepare.finish(work, settings, records)
            if args.to != "folder":
                _pack(args.to, work, root, settings, records)
        else:
            prepare.discard(work)
    return _report(args.photos, root, records)


def _count(records):
    """HR images in all."""
    return sum(len(record.get("files", ())) for record in records)


def _report(photos, root, records, already=""):
    """Say what there is now; return the exit code."""
    from sr_keras.support.console import (
        EXIT_BAD_INPUT,
        EXIT_DONE,
        EXIT_SOME_FAILED,
        say,
    )
    from sr_keras.support.progress import counted

    failed = [record for record in records if "error" in record]
    for record in failed[:_MOST_SAID]:
        say(f"{record['source']}: {record['error']}", sys.stderr)
    if len(failed) > _MOST_SAID:
        say(f"and {len(failed) - _MOST_SAID} more", sys.stderr)
    if not _count(records):
        what = "photo could be used" if failed else "crop is not flat"
        raise ValueError(f"{photos}: no {what}; nothing is in {root}")
    done = len(records) - len(failed)
    say(
        f"{counted(_count(records), 'HR image')} of {counted(done, 'photo')}"
        + (f", {len(failed)} failed" if failed else "")
        + f", in {root}{already}"
    )
    if not failed:
        return EXIT_DONE
    return EXIT_SOME_FAILED if done else EXIT_BAD_INPUT


def _settings(args):
    from sr_keras.pipelines.prepare.prepare import Settings

    crop, stride = args.crop_size, args.stride
    if crop is None and stride is not None:
        crop = 480
    if stride is None and crop is not None:
        stride = 200 if crop == 480 else crop
    for flag, given in (
        ("--skip-flat", args.skip_flat),
        ("--no-border-crops", not args.border_crops),
    ):
        if given and crop is None:
            raise ValueError(f"{flag} is for crops: give --crop-size as well")
    asked = args.scale or args.shrink or crop is not None
    if not asked and args.to == "folder":
        raise ValueError(
            "nothing to make: give --scale, --crop-size, --shrink or --to"
        )
    settings = Settings(
        tuple(sorted(set(args.scale))),
        args.degradation,
        crop,
        stride,
        args.skip_flat,
        args.seed,
        tuple(sorted(set(args.shrink))),
        args.border_crops,
    )
    settings.check()
    return settings


def _default_output(photos):
    """Beside the photos: `photos_prepared`."""
    if not os.path.isdir(photos):
        raise ValueError("--output is missing: say where the results go")
    return f"{os.path.abspath(photos)}_prepared"


def _work_through(found, settings, root, jobs):
    """Records of all photos."""
    from sr_keras.pipelines.prepare import prepare
    from sr_keras.support.progress import bar

    records = []
    made = prepare.run(found, settings, root, jobs)
    with bar(len(found), "photo") as progress, contextlib.closing(made):
        for record in made:
            records.append(record)
            progress.update(1)
    return records


def _pack(form, work, root, settings, records):
    """Put a prepared folder into files of another form, and remove it."""
    import shutil

    from sr_keras.support.console import load_keras
    from sr_keras.support.progress import bar

    if form == "tfrecord":
        load_keras()
    from sr_keras.pipelines.prepare import prepare
    from sr_keras.pipelines.prepare.pack import (
        entries,
        to_hdf5,
        to_tfrecord,
    )

    pack = {"tfrecord": to_tfrecord, "hdf5": to_hdf5}[form]
    with bar(len(entries(records)), "image") as progress:
        files = pack(work, records, root, lambda: progress.update(1))
    prepare.finish(root, settings, records, files)
    shutil.rmtree(work)
