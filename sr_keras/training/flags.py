"""What `train` can be told, by flags or by a config.json."""

import argparse
import math
from typing import NamedTuple


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


class Rates:
    """Reads and checks the learning rates of layers."""

    rule = "LAYER=RATE, or several with commas between"

    def __call__(self, text):
        """Read what was typed."""
        try:
            pairs = [part.split("=") for part in text.split(",")]
            rates = {name.strip(): float(rate) for name, rate in pairs}
        except ValueError:
            rates = None
        if not self.fits(rates):
            raise argparse.ArgumentTypeError(f"takes {self.rule}, not {text}")
        return rates

    def fits(self, value):
        """Whether a value is such rates."""
        return isinstance(value, dict) and all(map(AMOUNT.fits, value.values()))


class Kind(NamedTuple):
    """A kind of training.

    Attributes:
        flags: dict of flag -> (group, field, what argparse is told).
        top: dict, the top level of its config.json, with defaults.
        groups: names of the groups below.
        optional: fields of groups that may be null.
    """

    flags: dict
    top: dict
    groups: tuple
    optional: tuple

    def flag_of(self, field):
        """The flag that sets a field; None where there is none."""
        return next((f for f, v in self.flags.items() if v[1] == field), None)


WHOLE, NUMBER = Number(int), Number(float)
COUNT, AMOUNT = Number(int, least=0), Number(float, least=0)
SIDE, POSITIVE = Number(int, least=1), Number(float, above=0)
SWITCH = argparse.BooleanOptionalAction

# flag -> (group, field, what argparse is told). The groups are those of
# config.json; None is its top level.
FLAGS = {
    "--layers": ("network", "num_layers", {"type": WHOLE, "metavar": "N",
        "help": "convolutions"}),
    "--filters": ("network", "num_filters", {"type": WHOLE, "metavar": "N",
        "help": "channels of each"}),
    "--passes": ("network", "passes", {"type": WHOLE, "metavar": "N",
        "help": "enlarge in N equal passes (default: none of them above 2)"}),
    "--activation": ("network", "activation", {"metavar": "NAME",
        "help": "a Keras activation"}),
    "--father-scale": ("augmentation", "father_scale", {"type": NUMBER,
        "nargs": 2, "metavar": ("LOW", "HIGH"),
        "help": "sizes of the training views, relative to the image"}),
    "--scale-order": ("augmentation", "order", {
        "choices": ("random", "up", "down"), "help": "in which order"}),
    "--as-is": ("augmentation", "as_is", {"type": NUMBER, "metavar": "P",
        "help": "probability of a view that is only cropped"}),
    "--no-interpolation": ("augmentation", "no_interpolation", {
        "type": NUMBER, "metavar": "P",
        "help": "probability of one that is only turned and cropped"}),
    "--scale-difference": ("augmentation", "scale_difference", {
        "type": AMOUNT, "metavar": "SIGMA",
        "help": "spread of the difference between the axes' scales"}),
    "--scale-jitter": ("augmentation", "scale_jitter", {"type": AMOUNT,
        "metavar": "SIGMA", "help": "spread of a view's size around its place "
        "in the order"}),
    "--father-view": ("augmentation", "view", {
        "choices": ("antialiased", "resize", "warp"),
        "help": "how views are shrunk: resize as OpenCV does, warp as the "
        "authors do"}),
    "--shear": ("augmentation", "shear", {"type": AMOUNT,
        "metavar": "SIGMA", "help": "spread of the shear"}),
    "--blend": ("augmentation", "blend", {"type": AMOUNT, "metavar": "P",
        "help": "probability of a mixture of two views"}),
    "--swap-colours": ("augmentation", "swap_colours", {"type": AMOUNT,
        "metavar": "P",
        "help": "probability of a view with red, green, blue exchanged"}),
    "--flip": ("augmentation", "flip", {"action": SWITCH,
        "help": "whether to learn from the 8 flips and rotations"}),
    "--crop-size": ("augmentation", "crop_sizes", {"type": SIDE,
        "nargs": "+", "metavar": "N",
        "help": "sides of a crop, one drawn a step"}),
    "--result-share": ("augmentation", "result_share", {"type": AMOUNT,
        "metavar": "P", "help": "probability of a view of the latest result, "
        "where there is one"}),
    "--candidates": ("augmentation", "candidates", {"type": WHOLE,
        "metavar": "N", "help": "crops to choose the most detailed from"}),
    "--noise-std": ("augmentation", "noise_std", {"type": AMOUNT,
        "metavar": "LEVELS",
        "help": "noise of the photo, in 8-bit levels, to be removed"}),
    "--noise-on": ("augmentation", "noise_on", {
        "choices": ("son", "interpolated"),
        "help": "whether noise comes before or after the interpolation"}),
    "--clip-sons": ("augmentation", "clip_sons", {"action": SWITCH,
        "help": "whether sons without noise are clipped as well"}),
    "--degradation": ("augmentation", "degradation", {"metavar": "STEPS",
        "help": "how the photo came about, to be undone: "
        "blur=1.2,bicubic,jpeg=80"}),
    "--loss": ("learning", "loss", {
        "choices": ("l1", "l2", "charbonnier")}),
    "--precision": ("learning", "precision", {
        "choices": ("auto", "float32", "bfloat16"),
        "help": "number format of the training; auto: bfloat16 where the "
        "processor is faster at it"}),
    "--luma-weight": ("learning", "luma_weight", {"type": AMOUNT,
        "metavar": "W", "help": "part of the loss that sees luma alone"}),
    "--optimizer": ("learning", "optimizer", {"choices": ("adam", "muon")}),
    "--learning-rate": ("learning", "learning_rate", {"type": NUMBER,
        "metavar": "RATE"}),
    "--beta1": ("learning", "beta1", {"type": NUMBER, "metavar": "B",
        "help": "Adam's first decay, Muon's momentum"}),
    "--epsilon": ("learning", "epsilon", {"type": POSITIVE, "metavar": "E",
        "help": "added to the root of Adam's second moment (default: 1e-7, "
        "of muon 1e-8)"}),
    "--ema": ("learning", "ema", {"type": NUMBER, "metavar": "M",
        "help": "average the weights, with this momentum: 0.999; 0: do not"}),
    "--schedule": ("learning", "schedule", {
        "choices": ("official", "step", "cosine", "cyclic", "triangular")}),
    "--max-steps": ("learning", "max_steps", {"type": WHOLE,
        "metavar": "N"}),
    "--batch-size": ("learning", "batch_size", {"type": WHOLE,
        "metavar": "N"}),
    "--scaling-steps": ("learning", "scaling_steps", {"type": WHOLE,
        "metavar": "N", "help": "scales on the way to the last one"}),
    "--result-at": ("learning", "result_at", {"type": POSITIVE,
        "nargs": "+", "metavar": "SHARE",
        "help": "shares of the steps after which the result so far is "
        "learned from too"}),
    "--seed": ("learning", "seed", {"type": WHOLE, "metavar": "N"}),
    "--fusion": ("finish", "fusion", {"choices": ("median", "mean", "none"),
        "help": "how the results of the 8 turned views are joined"}),
    "--back-projection": ("finish", "back_projection", {"type": WHOLE,
        "metavar": "N", "help": "rounds, on each view and on the result"}),
    "--clip-views": ("finish", "clip_views", {"action": SWITCH,
        "help": "whether views are clipped before and between the rounds"}),
    "--tile": ("finish", "tile", {"type": WHOLE, "metavar": "N",
        "help": "side of a tile in pixels of the photo"}),
    "--keep-colours": ("finish", "keep_colours", {"action": SWITCH,
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
    "--time-budget": (None, "time_budget", {"type": POSITIVE,
        "metavar": "SECONDS",
        "help": "end in time, with the best so far; for each photo"}),
    "--format": (None, "format", {
        "choices": ("keep", "png", "jpg", "tiff", "webp", "bmp", "npy"),
        "help": "of the result; keep: the photo's (default: png)"}),
    "--save-views": (None, "save_views", {"action": SWITCH,
        "help": "write the single, mean and median results too"}),
    "--save-augmentations": (None, "save_augmentations", {"type": COUNT,
        "metavar": "N", "help": "write N training pairs, to look at"}),
    "--log-every": (None, "log_every", {"type": COUNT, "metavar": "N",
        "help": "write a row of the curves every N steps"}),
    "--max-pixels": (None, "max_pixels", {"type": SIDE, "metavar": "N",
        "help": "refuse photos with more pixels"}),
    "--model": (None, "model", {"metavar": "NAME",
        "help": "of `sr-keras models`; or a .keras file or the folder of a "
        "run, to go on from"}),
    "--image": (None, "image", {"metavar": "PATH",
        "help": "a photo, a folder or a 'pattern*'"}),
    "--warm-start": (None, "warm_start", {"nargs": "?", "const": "warm",
        "metavar": "RUN", "help": "begin with what the network has learned "
        "from other photos: of the weights that come with sr_keras, or of a "
        "run of zssr with --data"}),
    "--recipe": (None, "recipe", {"metavar": "NAME",
        "help": "default, paper (the authors'), article (the Keras port's) "
        "or fast (zssr)"}),
    "--scale": (None, "scale", {"metavar": "F",
        "help": "2, 2.37, or 1.5x2 for width x height"}),
    "--width": (None, "width", {"type": SIDE, "metavar": "W"}),
    "--height": (None, "height", {"type": SIDE, "metavar": "H"}),
}  # fmt: skip

# One flag has two names.
ALIASES = {"--scale": ("--sr-factor",)}

# The top level of config.json, and what holds where no flag was given.
TOP = {
    "model": "zssr", "image": None, "scale": None, "width": None,
    "height": None, "recipe": "default", "kernel": None, "crop": None,
    "ground_truth": None, "baseline": None, "time_budget": None,
    "format": "png", "save_views": False, "save_augmentations": 0,
    "log_every": 10,
    "max_pixels": 300_000_000, "warm_start": None,
}  # fmt: skip

# Of these one is given, and replaces another in a config.json.
SIZES = ("scale", "width", "height")

# Those that name files.
FILES = ("image", "kernel", "ground_truth", "baseline")

ZERO_SHOT = Kind(
    FLAGS,
    TOP,
    ("network", "augmentation", "learning", "finish"),
    ("tile", "epsilon"),
)
