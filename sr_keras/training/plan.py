"""What a training on many images is told, as `config.json` has it."""

import dataclasses
import math

from sr_keras.support.suggest import unknown
from sr_keras.training import losses
from sr_keras.training.optim.optimizers import OPTIMIZERS
from sr_keras.training.optim.schedules import OF_EPOCHS
from sr_keras.training.settings import check_known, checked

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")

# A number that may be missing.
_Some = float | int | None


@dataclasses.dataclass(frozen=True)
class Data:
    """Which pairs a network learns from: see `pipelines.paired`.

    Attributes:
        batch_size: int, pairs in a step.
        hr_patch_size: int, the side of an HR patch; None for 48 LR pixels.
        degradation: str, how LR is made of HR; "dataset" for the LR images
            that there are.
        stride: int, the grid that patches are taken from; None for any place.
        augment: bool, whether they are flipped and turned.
        patches_per_image: int, taken each time an image is decoded.
        hr_scale: pair of float (low, high): HR images are first resized by a
            factor between these; None for images as they are.
    """

    batch_size: int = 16
    hr_patch_size: int | None = None
    degradation: str = "bicubic"
    stride: int | None = None
    augment: bool = True
    patches_per_image: int = 16
    hr_scale: tuple | None = None

    def __post_init__(self):
        for name in (
            "batch_size", "hr_patch_size", "stride", "patches_per_image",
        ):  # fmt: skip
            value = getattr(self, name)
            _check(value is None or value >= 1, name, "1 or more", value)


@dataclasses.dataclass(frozen=True)
class Learning:
    """How a network learns from them.

    Attributes:
        loss: str, of `sr_keras.training.losses`.
        optimizer: "adam", "adamw", "muon" (`optim.muon.ConvMuon`), "sgd".
        learning_rate: float, the first.
        beta1: float, Adam's first decay; Muon's momentum.
        beta2: float, Adam's second.
        epsilon: float, added to the root of Adam's second moment; None for the
            optimizer's own, 1e-7 of Adam and AdamW and 1e-8 of Muon.
        momentum: float, of SGD.
        weight_decay: float; of SGD the L2 part of the gradient, of AdamW and
            Muon apart from it. Adam has none.
        schedule: "constant", "step" or "cosine".
        schedule_epochs: int, epochs that "cosine" is spread over; None for all.
        step_every: int, epochs between two drops of "step".
        step_factor: float, what each multiplies the rate by.
        final_rate: float, the last of "cosine", the least of "step".
        layer_rates: dict of layer, or "bias" for all biases -> its own first
            rate; that of a layer comes first.
        epochs: int.
        steps_per_epoch: int; None for one visit of every image.
        clip_norm: float, the most that all gradients together may be long.
        ema: float, the momentum of the average of the weights; 0 for none.
        mixed_precision: "float32", "mixed_float16" or "mixed_bfloat16".
        skip_factor: float, a batch with a loss this many times the usual one
            is skipped.
        skip_limit: int, skipped batches in a row that end the training.
        seed: int.
    """

    loss: str = "l1"
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: _Some = None
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    schedule_epochs: int | None = None
    step_every: int = 200
    step_factor: float = 0.5
    final_rate: _Some = None
    layer_rates: dict = dataclasses.field(default_factory=dict)
    epochs: int = 100
    steps_per_epoch: int | None = None
    clip_norm: _Some = None
    ema: float = 0.0
    mixed_precision: str = "float32"
    skip_factor: float = 100.0
    skip_limit: int = 20
    seed: int = 0

    def __post_init__(self):
        losses.get(self.loss)
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("schedule", OF_EPOCHS),
            ("mixed_precision", PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(unknown(f"no {name}", value, known))
        for name in (
            "schedule_epochs", "step_every", "epochs", "steps_per_epoch",
            "skip_limit",
        ):  # fmt: skip
            value = getattr(self, name)
            _check(value is None or value >= 1, name, "1 or more", value)
        for name in ("beta1", "beta2", "momentum", "ema"):
            value = getattr(self, name)
            _check(0 <= value < 1, name, "from 0 to less than 1", value)
        for name in ("learning_rate", "epsilon", "final_rate", "clip_norm"):
            value = getattr(self, name)
            some = value is None or 0 < value < math.inf
            _check(some, name, "more than 0", value)
        for name, rate in self.layer_rates.items():
            some = isinstance(rate, float | int) and 0 <= rate < math.inf
            _check(some, f"the rate of layer {name}", "0 or more", rate)
        _check(
            0 < self.step_factor <= 1, "step_factor", "above 0, at most 1",
            self.step_factor,
        )  # fmt: skip
        _check(
            self.skip_factor > 1, "skip_factor", "more than 1", self.skip_factor
        )
        _check(
            0 <= self.weight_decay < math.inf, "weight_decay", "0 or more",
            self.weight_decay,
        )  # fmt: skip
        if self.weight_decay and self.optimizer == "adam":
            raise ValueError(
                "adam has no weight decay, and weight_decay is "
                f"{self.weight_decay}: use --optimizer adamw, or "
                "--weight-decay 0"
            )
        _check(0 <= self.seed < 2**32, "seed", "0 to 4294967295", self.seed)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings of a training.

    Attributes:
        network: dict, arguments of the network.
        data: Data.
        learning: Learning.
        objective: str, what it is after.
        own: the settings of the objective, a dataclass; None for none.
    """

    network: dict
    data: Data
    learning: Learning
    objective: str = "pixel"
    own: object = None

    def to_dict(self):
        """Return the settings as JSON values, group by group."""
        groups = {
            "network": dict(self.network),
            "data": dataclasses.asdict(self.data),
            "learning": dataclasses.asdict(self.learning),
        }
        if self.own is not None:
            groups[self.objective] = dataclasses.asdict(self.own)
        return groups


def plan(groups, objective="pixel", settings=None):
    """Check settings and put them together.

    Args:
        groups: dict of group -> dict of field -> value; what is missing has
            its default.
        objective: str, what the training is after.
        settings: dataclass of the group of that name, or None for none.

    Returns:
        Plan.

    Raises:
        ValueError: an unknown group or field, or a value out of range.
        TypeError: a value of the wrong kind.
    """
    own = [objective] if settings else []
    check_known("config", groups, ["network", "data", "learning", *own])
    return Plan(
        dict(groups.get("network", {})),
        checked("data", groups.get("data", {}), Data),
        checked("learning", groups.get("learning", {}), Learning),
        objective,
        checked(objective, groups.get(objective, {}), settings)
        if settings
        else None,
    )


def _check(holds, name, rule, value):
    if not holds:
        raise ValueError(f"{name} must be {rule}, not {value}")
