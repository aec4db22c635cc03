"""Train a network, on one image for now: `--model zssr`.

Zero-shot: the network learns from the photo itself how to enlarge it. A
folder or a pattern works through all its images.

Examples:
  train.py --model zssr --image photo.jpg --sr-factor 2
  train.py --model zssr --image photo.jpg --width 1920 --recipe fast
  train.py --model zssr --image 'photos/*.jpg' --scale 2 --output larger
  train.py --model zssr --image lr.png --scale 3 --ground-truth hr.png
  train.py --config runs/photo_zssr_x2/config.json
"""

import argparse

from sr_keras.cli.flags import ALIASES, FLAGS, SIZES, TOP

HELP = "train a network; with --model zssr on one image, to enlarge it"

_MAIN = ("model", "image", "recipe")

_TITLES = {
    "size": "size of the result, one of",
    "network": "network", "augmentation": "what it learns from",
    "learning": "how it learns", "finish": "how the result is made",
    None: "files and limits",
}  # fmt: skip


def add_arguments(parser):
    """Declare the command's arguments.

    Args:
        parser: argparse.ArgumentParser.
    """
    # Only what was given is in the namespace: the rest comes from --config
    # or the recipe.
    parser.argument_default = argparse.SUPPRESS
    groups = {
        key: parser.add_argument_group(title) for key, title in _TITLES.items()
    }
    for flag, (group, field, options) in FLAGS.items():
        target = groups["size" if field in SIZES else group]
        if field in _MAIN:
            target = parser
        names = (flag, *ALIASES.get(flag, ()))
        target.add_argument(*names, dest=field, **options)
    parser.add_argument(
        "--config", metavar="FILE", help="repeat the run that wrote this"
    )
    parser.add_argument(
        "--output", metavar="DIR", help="default: runs/<stem>_zssr_x2"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results in --output"
    )
    groups["network"].add_argument(
        "--model-arg", action="append", metavar="KEY=VALUE",
        help="any argument of the network: first_filters=3",
    )  # fmt: skip
    groups["augmentation"].add_argument(
        "--no-crop", dest="crop_sizes", action="store_const", const=[],
        help="learn from whole views, one a step",
    )  # fmt: skip


def run(args):
    """Train.

    Args:
        args: argparse.Namespace.

    Returns:
        The exit code.
    """
    from sr_keras.cli import zero_shot

    given = vars(args)
    top = {k: given[k] for k in TOP if k in given}
    return zero_shot.run(
        zero_shot.Request(
            top,
            _groups(given),
            given.get("config"),
            given.get("output"),
            given.get("overwrite", False),
        ),
        args.started,
    )


def _groups(given):
    """The settings below the top level, as config.json has them."""
    groups = {}
    for group, field, _ in FLAGS.values():
        if group and field in given:
            groups.setdefault(group, {})[field] = given[field]
    for text in given.get("model_arg", ()):
        groups.setdefault("network", {}).update([_model_argument(text)])
    if given.get("crop_sizes") == []:
        # Whole views differ in size, and do not stack.
        groups.setdefault("learning", {}).setdefault("batch_size", 1)
    return groups


def _model_argument(text):
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ValueError(f"--model-arg takes KEY=VALUE, not {text!r}")
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            continue
    words = {"true": True, "false": False, "none": None}
    return key, words.get(value.lower(), value)
