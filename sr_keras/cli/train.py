"""Train a network, on a folder of images or on one photo.

On many images: pairs are made of them, and the network that enlarges best the
images held back is RUN/best.keras (docs/training.md).

  train.py --model a2n --scale 2 --data div2k --output runs/a2n_x2
  train.py --model edsr --scale 2 --data photos --model-arg num_blocks=8
  train.py --resume --output runs/a2n_x2
  train.py --model a2n --scale 4 --data photos --init-from runs/a2n_x2

On one photo, to enlarge it: zssr learns from the photo itself how. A folder or
a pattern works through all its images (docs/zero-shot.md).

  train.py --model zssr --image photo.jpg --sr-factor 2
  train.py --model zssr --image photo.jpg --width 1920 --recipe fast
  train.py --model zssr --image 'photos/*.jpg' --scale 2 --output larger
  train.py --model zssr --image lr.png --scale 3 --ground-truth hr.png
  train.py --config runs/photo_zssr_x2/config.json
"""

import argparse
from pathlib import Path

from sr_keras.support.suggest import unknown
from sr_keras.training import config, objectives, run_folder
from sr_keras.training.dataset_flags import DATASET
from sr_keras.training.flags import ALIASES, SIZES, ZERO_SHOT

HELP = "train a network: on a folder of images, or zssr on one photo"

# The model that learns from one photo; all the others learn from many.
_ZERO_SHOT = "zssr"

_MAIN = ("model", "scale", "recipe")

# What both kinds take, and neither keeps in its config.json.
_COMMON = ("output", "overwrite", "config", "model_arg")

_TITLES = {
    "both": "how it learns, on many images or on one",
    "dataset": "on many images",
    "size": "zssr: size of the result, --scale or one of",
    "network": "zssr: network", "augmentation": "zssr: what it learns from",
    "learning": "zssr: how it learns", "finish": "zssr: how the result is made",
    None: "zssr: files and limits",
    **{k: v.TITLE for k, v in objectives.with_flags().items()},
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
    for flag in {**DATASET.flags, **ZERO_SHOT.flags}:
        where, field, options = _declared(flag)
        target = parser if field in _MAIN else groups[where]
        names = (flag, *ALIASES.get(flag, ()))
        target.add_argument(*names, dest=field, **options)
    _add_files(parser)
    groups["dataset"].add_argument(
        "--resume", action="store_true",
        help="go on with the training in --output, exactly",
    )  # fmt: skip
    groups["augmentation"].add_argument(
        "--no-crop", dest="crop_sizes", action="store_const", const=[],
        help="learn from whole views, one a step",
    )  # fmt: skip
    groups["learning"].add_argument(
        "--no-result-at", dest="result_at", action="store_const", const=[],
        help="learn from no result before its time",
    )  # fmt: skip


def run(args):
    """Train.

    Args:
        args: argparse.Namespace.

    Returns:
        The exit code.
    """
    given = {
        k: v
        for k, v in vars(args).items()
        if k not in ("run", "command", "started")
    }
    stored = _stored(given)
    model = given.get("model", stored.get("model"))
    _check_resumed(given, model)
    if model is None and "image" not in {**given, **stored}:
        raise ValueError(
            "no network: give --model NAME, with --data for one that learns "
            "from many images, with --image for zssr"
        )
    kind = _kind(model, {**stored, **given})
    if kind is DATASET:
        run_folder.check_model(model)
    _check_fit(given, kind, model or _ZERO_SHOT)
    return (_zero_shot if kind is ZERO_SHOT else _dataset)(given, args.started)


def _check_resumed(given, model):
    """Refuse to go on with what is not there, if nothing says what to begin."""
    if not given.get("resume") or model is not None:
        return
    if not given.get("output"):
        raise ValueError("--resume needs --output: the folder of a training")
    raise FileNotFoundError(
        f"{given['output']} has no training to go on with: give the folder of "
        "one, or --model and --data to begin one there"
    )


def _kind(model, given):
    """One photo, or many: zssr learns from either."""
    many = "sources" in given or model not in (None, _ZERO_SHOT)
    return DATASET if many else ZERO_SHOT


def _declared(flag):
    """Where a flag is shown, what it sets, and what argparse is told."""
    one, many = ZERO_SHOT.flags.get(flag), DATASET.flags.get(flag)
    if many is None:
        group, field, options = one
        return ("size" if field in SIZES else group), field, options
    if one is None:
        own = many[0] in objectives.with_flags()
        return many[0] if own else "dataset", *many[1:]
    options = {**one[2], **many[2]}
    if "choices" in many[2]:
        both = (*many[2]["choices"], *one[2]["choices"])
        options["choices"] = tuple(dict.fromkeys(both))
    elif "metavar" in many[2]:
        options.pop("choices", None)
    return "both", many[1], options


def _add_files(parser):
    parser.add_argument(
        "--model-arg", action="append", metavar="KEY=VALUE",
        help="any argument of the network: num_blocks=8",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="DIR",
        help="folder for all that comes of it (default: one in runs)",
    )  # fmt: skip
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results in --output"
    )
    parser.add_argument(
        "--config", metavar="FILE", help="repeat the run that wrote this"
    )


def _stored(given):
    """The config.json that is to be repeated or gone on with."""
    if given.get("config"):
        return config.read(given["config"])
    own = Path(given.get("output") or "", "config.json")
    if given.get("resume") and given.get("output") and own.is_file():
        given["config"] = str(own)
        return config.read(own)
    return {}


def _check_fit(given, kind, model):
    """Refuse flags that are for the other kind of training."""
    other = DATASET if kind is ZERO_SHOT else ZERO_SHOT
    fields = {field: options for _, field, options in kind.flags.values()}
    own = {*fields, *_COMMON, *(("resume",) if kind is DATASET else ())}
    for field, value in given.items():
        if field not in own:
            flag = other.flag_of(field) or f"--{field.replace('_', '-')}"
            which = (
                "zssr on one photo"
                if kind is DATASET
                else "networks of many images"
            )
            raise ValueError(
                f"{flag} does not fit --model {model}: it is for {which}"
            )
        choices = fields.get(field, {}).get("choices")
        if choices and value not in choices:
            flag = kind.flag_of(field)
            raise ValueError(
                unknown(f"{flag} of {model} is no", value, choices)
            )


def _zero_shot(given, started):
    from sr_keras.cli import zero_shot
    from sr_keras.training.zero_shot.zero_shot import whole_views

    top = {k: given[k] for k in ZERO_SHOT.top if k in given}
    groups = _groups(given, ZERO_SHOT)
    whole_views(groups)
    return zero_shot.run(
        config.Request(
            top,
            groups,
            given.get("config"),
            given.get("output"),
            given.get("overwrite", False),
        ),
        started,
    )


def _dataset(given, started):
    code, _ = run_folder.run(
        config.Request(
            {k: given[k] for k in DATASET.top if k in given},
            _groups(given, DATASET),
            given.get("config"),
            given.get("output"),
            given.get("overwrite", False),
            given.get("resume", False),
        )
    )
    return code


def _groups(given, kind):
    """The settings below the top level, as config.json has them."""
    groups = {}
    for group, field, _ in kind.flags.values():
        if group and field in given:
            groups.setdefault(group, {})[field] = given[field]
    for text in given.get("model_arg", ()):
        groups.setdefault("network", {}).update([_model_argument(text)])
    return groups


def _model_argument(text):
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ValueError(f"--model-arg takes KEY=VALUE, not {text!r}")
    if "," in value:
        return key, [_value(part) for part in value.split(",")]
    return key, _value(value)


def _value(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    words = {"true": True, "false": False, "none": None}
    return words.get(text.lower(), text)
