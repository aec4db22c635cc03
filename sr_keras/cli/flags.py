"""What `train` can be told, by flags or by a config.json."""

import argparse
import math


class Number:
    """Reads and checks a number, for argparse and for config.json.

    Args:
        kind: int or float.
        least: the smallest that is allowed, or None.
        above: what it has to be above, or None.
    """

    def __init__(self, kind, least=None, above=None):
        self.kind = kind
        self.least = least
        self.above = above
        rule = "a whole number" if kind is int else "a number"
        if least is not None:
            rule += f" from {least} up"
        if above is not None:
            rule += f" above {above}"
        self.rule = rule

    def __call__(self, text):
        """Read what was typed."""
        try:
            value = self.kind(text)
        except ValueError:
            value = text
        if not self.fits(value):
            raise argparse.ArgumentTypeError(f"takes {self.rule}, not {text}")
        return value

    def fits(self, value):
        """Whether a value is such a number."""
        kinds = int if self.kind is int else int | float
        return (
            isinstance(value, kinds)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
        )


_WHOLE, _NUMBER = Number(int), Number(float)
_COUNT, _AMOUNT = Number(int, least=0), Number(float, least=0)
_SIDE, _SECONDS = Number(int, least=1), Number(float, above=0)
_SWITCH = argparse.BooleanOptionalAction

# flag -> (group, field, what argparse is told). The groups are those of
# config.json; None is its top level.
FLAGS = {
    "--layers": ("network", "num_layers", {"type": _WHOLE, "metavar": "N",
        "help": "convolutions"}),
    "--filters": ("network", "num_filters", {"type": _WHOLE, "metavar": "N",
        "help": "channels of each"}),
    "--passes": ("network", "passes", {"type": _WHOLE, "metavar": "N",
        "help": "enlarge in N equal passes (default: none of them above 2)"}),
    "--activation": ("network", "activation", {"metavar": "NAME",
        "help": "a Keras activation"}),
    "--father-scale": ("augmentation", "father_scale", {"type": _NUMBER,
        "nargs": 2, "metavar": ("LOW", "HIGH"),
        "help": "sizes of the training views, relative to the image"}),
    "--scale-order": ("augmentation", "order", {
        "choices": ("random", "up", "down"), "help": "in which order"}),
    "--as-is": ("augmentation", "as_is", {"type": _NUMBER, "metavar": "P",
        "help": "probability of a view that is only cropped"}),
    "--no-interpolation": ("augmentation", "no_interpolation", {
        "type": _NUMBER, "metavar": "P",
        "help": "probability of one that is only turned and cropped"}),
    "--scale-difference": ("augmentation", "scale_difference", {
        "type": _AMOUNT, "metavar": "SIGMA",
        "help": "spread of the difference between the axes' scales"}),
    "--shear": ("augmentation", "shear", {"type": _AMOUNT,
        "metavar": "SIGMA", "help": "spread of the shear"}),
    "--swap-colours": ("augmentation", "swap_colours", {"type": _AMOUNT,
        "metavar": "P",
        "help": "probability of a view with red, green, blue exchanged"}),
    "--flip": ("augmentation", "flip", {"action": _SWITCH,
        "help": "whether to learn from the 8 flips and rotations"}),
    "--crop-size": ("augmentation", "crop_sizes", {"type": _SIDE,
        "nargs": "+", "metavar": "N",
        "help": "sides of a crop, one drawn a step"}),
    "--candidates": ("augmentation", "candidates", {"type": _WHOLE,
        "metavar": "N", "help": "crops to choose the most detailed from"}),
    "--noise-std": ("augmentation", "noise_std", {"type": _AMOUNT,
        "metavar": "LEVELS",
        "help": "noise of the photo, in 8-bit levels, to be removed"}),
    "--loss": ("learning", "loss", {
        "choices": ("l1", "l2", "charbonnier")}),
    "--luma-weight": ("learning", "luma_weight", {"type": _AMOUNT,
        "metavar": "W", "help": "part of the loss that sees luma alone"}),
    "--optimizer": ("learning", "optimizer", {"choices": ("adam", "muon")}),
    "--learning-rate": ("learning", "learning_rate", {"type": _NUMBER,
        "metavar": "RATE"}),
    "--beta1": ("learning", "beta1", {"type": _NUMBER, "metavar": "B",
        "help": "Adam's first decay, Muon's momentum"}),
    "--schedule": ("learning", "schedule", {
        "choices": ("official", "step", "cosine", "cyclic")}),
    "--max-steps": ("learning", "max_steps", {"type": _WHOLE,
        "metavar": "N"}),
    "--batch-size": ("learning", "batch_size", {"type": _WHOLE,
        "metavar": "N"}),
    "--scaling-steps": ("learning", "scaling_steps", {"type": _WHOLE,
        "metavar": "N", "help": "scales on the way to the last one"}),
    "--seed": ("learning", "seed", {"type": _WHOLE, "metavar": "N"}),
    "--fusion": ("finish", "fusion", {"choices": ("median", "mean", "none"),
        "help": "how the results of the 8 turned views are joined"}),
    "--back-projection": ("finish", "back_projection", {"type": _WHOLE,
        "metavar": "N", "help": "rounds, on each view and on the result"}),
    "--tile": ("finish", "tile", {"type": _WHOLE, "metavar": "N",
        "help": "side of a tile in pixels of the photo"}),
    "--keep-colours": ("finish", "keep_colours", {"action": _SWITCH,
        "help": "keep out colours that the photo does not have nearby"}),
    "--kernel": (None, "kernel", {"metavar": "FILE",
        "help": "blur kernel of the photo's degradation, .npy or .mat"}),
    "--crop": (None, "crop", {"metavar": "X,Y,W,H",
        "help": "use this part of the photo only, to try settings"}),
    "--ground-truth": (None, "ground_truth", {"metavar": "FILE",
        "help": "the true result, to be compared with; for a folder of "
        "photos a folder"}),
    "--baseline": (None, "baseline", {"metavar": "FILE",
        "help": "another method's result, to be compared with"}),
    "--time-budget": (None, "time_budget", {"type": _SECONDS,
        "metavar": "SECONDS",
        "help": "end in time, with the best so far; for each photo"}),
    "--format": (None, "format", {
        "choices": ("keep", "png", "jpg", "tiff", "webp", "bmp", "npy"),
        "help": "of the result; keep: the photo's (default: png)"}),
    "--save-views": (None, "save_views", {"action": _SWITCH,
        "help": "write the single, mean and median results too"}),
    "--save-augmentations": (None, "save_augmentations", {"type": _COUNT,
        "metavar": "N", "help": "write N training pairs, to look at"}),
    "--max-pixels": (None, "max_pixels", {"type": _SIDE, "metavar": "N",
        "help": "refuse photos with more pixels"}),
    "--model": (None, "model", {"metavar": "NAME", "help": "zssr"}),
    "--image": (None, "image", {"metavar": "PATH",
        "help": "a photo, a folder or a 'pattern*'"}),
    "--recipe": (None, "recipe", {"metavar": "NAME",
        "help": "default, fast, paper (the authors') or seed (the Keras "
        "port's)"}),
    "--scale": (None, "scale", {"metavar": "F",
        "help": "2, 2.37, or 1.5x2 for width x height"}),
    "--width": (None, "width", {"type": _SIDE, "metavar": "W"}),
    "--height": (None, "height", {"type": _SIDE, "metavar": "H"}),
}  # fmt: skip

# One flag has two names.
ALIASES = {"--scale": ("--sr-factor",)}

# The top level of config.json, and what holds where no flag was given.
TOP = {
    "model": "zssr", "image": None, "scale": None, "width": None,
    "height": None, "recipe": "default", "kernel": None, "crop": None,
    "ground_truth": None, "baseline": None, "time_budget": None,
    "format": "png", "save_views": False, "save_augmentations": 0,
    "max_pixels": 300_000_000,
}  # fmt: skip

# Of these one is given, and replaces another in a config.json.
SIZES = ("scale", "width", "height")

# Those that name files.
FILES = ("image", "kernel", "ground_truth", "baseline")
