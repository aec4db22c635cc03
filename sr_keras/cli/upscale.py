"""Enlarge photos with a trained network.

  sr-keras upscale photo.jpg --scale 2
  sr-keras upscale photos/ 'more/*.png' --scale 2 -o larger/
  sr-keras upscale - -o - --width 1920 < photo.jpg > larger.png

INPUT is a file, a folder with all its subfolders, a quoted pattern, or - for
stdin. A file's result is put beside it as photo_x2.png, a folder's results
into photos_x2/, unless -o says otherwise: it is a file's name, a folder, or -
for stdout. What is done already is skipped; a bad file is reported, and the
others are done.

--model is the name of weights that come with sr_keras (`fast`, `quality`,
`photo`), the folder of a run, a .keras file, or an interpolation (`bicubic`).
Without it `quality` is taken, or `fast` where sr_keras comes without. Where no
network has the factor, the next larger one is taken and its result made
smaller.

The exit code is 1 where some photos failed, 2 where all did.
"""

import argparse
import os

HELP = "enlarge photos with a trained network"

FORMATS = ("png", "jpg", "webp", "tiff")
PRECISIONS = ("auto", "float32", "bfloat16")

# Taken unless there is a --model: the first of them that comes with sr_keras.
DEFAULT_MODELS = ("quality", "fast")


def add_arguments(parser):
    """Add this command's arguments to an argparse parser."""
    add = parser.add_argument
    add("inputs", metavar="INPUT", nargs="+", help="file, folder, pattern, -")
    add("-o", "--output", metavar="OUT", help="file, folder or -")
    add(
        "--scale",
        "--sr-factor",
        metavar="F",
        help="2, 2.37, or 1.5x2 for width x height (2, or the network's own)",
    )
    add("--width", type=_number(1), metavar="W", help="of the result")
    add("--height", type=_number(1), metavar="H", help="of the result")
    add(
        "--model",
        metavar="M",
        help="name, run or .keras file (quality where it comes with sr_keras, "
        "else fast)",
    )
    add(
        "--self-ensemble",
        action=argparse.BooleanOptionalAction,
        help="average the results of the photo's 8 turns: 8 times the time",
    )
    add(
        "--back-projection",
        type=_number(0),
        default=0,
        metavar="N",
        help="rounds of making the result true to the photo (0)",
    )
    add(
        "--color-guard",
        action="store_true",
        help="keep the photo's low frequencies, and say what that changed",
    )
    add(
        "--trust-map",
        action="store_true",
        help="write photo_x2_trust.png: bright where the result is doubtful",
    )
    add(
        "--samples",
        type=_number(1),
        metavar="N",
        help="write N plausible results too; of a vae",
    )
    add("--crop", metavar="X,Y,W,H", help="use this part of the photo only")
    add(
        "--format",
        choices=FORMATS,
        help="of the results (png, or what -o ends with)",
    )
    add(
        "--tile",
        type=_tile,
        metavar="auto|N",
        default=None,
        help="side of a tile in pixels of the photo (auto)",
    )
    add(
        "--jobs",
        type=_number(1),
        default=1,
        metavar="N",
        help="photos to work on at once (1)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="number format of the network; auto: bfloat16 for photos of 8 "
        "bits where the processor is faster at it, float32 else",
    )
    add("--overwrite", action="store_true", help="do again what is done")
    add("--compare", metavar="F", help="write a page that shows before, after")
    add("--csv", metavar="F", help="write a table of what happened")
    add("--max-pixels", type=_number(1), default=300_000_000, metavar="N",
        help="refuse photos with more pixels")  # fmt: skip


def run(args):
    """Enlarge.

    Args:
        args: argparse.Namespace.

    Returns:
        The exit code.

    Raises:
        ValueError, OSError: what was asked for cannot be done.
    """
    _check(args)
    from sr_keras.evaluation import score_table
    from sr_keras.inference import batch

    score_table.check_targets(args.csv, args.compare)
    return batch.run(args)


def _check(args):
    if args.scale is not None and (args.width or args.height):
        raise ValueError(
            f"give --scale {args.scale}, or --width and --height, not both"
        )
    _check_format(args)
    args.chosen = args.model is None
    if args.chosen:
        args.model = _default_model()
    _check_model(args.model)
    if args.output == "-" and (args.trust_map or args.samples):
        raise ValueError("stdout takes one picture: no --trust-map, --samples")


def _check_format(args):
    """Refuse --format jpg where -o is a .png file."""
    from sr_keras.imaging import images

    ending = os.path.splitext(args.output or "")[1].lower()
    kind = images.SUFFIXES.get(ending)
    if args.format in (None, kind) or not kind or os.path.isdir(args.output):
        return
    raise ValueError(
        f"--output {args.output} is no file of --format {args.format}: leave "
        "one of them out"
    )


def _default_model():
    from sr_keras import models
    from sr_keras.models import pretrained

    for name in DEFAULT_MODELS:
        if name in pretrained.names():
            return name
    raise FileNotFoundError(
        "no weights come with this version: give --model, a run's folder, a "
        f".keras file, or one of {', '.join(models.CLASSICAL)}"
    )


def _check_model(name):
    """Refuse what is no network, before a photo is skipped as done."""
    from sr_keras import models
    from sr_keras.models import pretrained

    shipped = pretrained.names()
    if name in (*shipped, *models.CLASSICAL) or os.path.exists(name):
        return
    raise FileNotFoundError(models.missing(name, name, shipped))


def _number(least):
    def read(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < least:
            raise argparse.ArgumentTypeError(
                f"takes a whole number from {least} up, not {text}"
            )
        return value

    return read


def _tile(text):
    return None if text == "auto" else _number(16)(text)
