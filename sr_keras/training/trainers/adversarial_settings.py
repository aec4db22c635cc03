"""What an adversarial training is told, as `config.json` has it."""

import dataclasses
import math

from sr_keras.evaluation import perceptual
from sr_keras.models.recipes import VGG54_AS_MSE
from sr_keras.support.suggest import unknown
from sr_keras.training.optim.schedules import OF_EPOCHS

KINDS = ("dense", "convolutional")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What an adversarial training is told.

    Attributes:
        pixel_weight: float, of the loss that `--loss` names.
        content_weight: float, of the content loss; 0 leaves VGG19 out.
        adversarial_weight: float, of what the discriminator says.
        grid_weight: float, of the part of the error that repeats with the LR
            pixels.
        fixed_statistics: bool, whether the network's batch normalisation goes
            by the statistics that it began with, as it will when it is used.
        content_layers: dict of VGG19's layers -> weight.
        vgg_weights: str, "imagenet", "random" or a file.
        discriminator: "dense" or "convolutional".
        discriminator_filters: int, channels of its first convolution.
        discriminator_units: int, of its dense layer.
        discriminator_rate: float, its first learning rate; None for the
            network's.
        discriminator_schedule: str, of its rate; None for the network's.
        discriminator_lead: int, steps at the beginning in which it alone
            learns.
        init_discriminator: str, a run or file to begin with; None for none.
        label_smoothing: float, how much less than 1 the label of HR is to it.
        relativistic: bool, whether HR and SR are compared with each other.
        collapse_limit: int, steps that it may win without a word.
        pretrain_epochs: int, of pixel training before, where no other network
            is begun with.
        pretrain_rate: float, the learning rate of those.
        pretrain_schedule: str, of that rate.
    """

    pixel_weight: float = 0.0
    content_weight: float = VGG54_AS_MSE
    adversarial_weight: float = 1e-3
    grid_weight: float = 0.0
    fixed_statistics: bool = False
    content_layers: dict = dataclasses.field(
        default_factory=lambda: {"VGG54": 1.0}
    )
    vgg_weights: str = "imagenet"
    discriminator: str = "dense"
    discriminator_filters: int = 64
    discriminator_units: int = 1024
    discriminator_rate: float | int | None = None
    discriminator_schedule: str | None = None
    discriminator_lead: int = 0
    init_discriminator: str | None = None
    label_smoothing: float = 0.0
    relativistic: bool = False
    collapse_limit: int = 100
    pretrain_epochs: int = 0
    pretrain_rate: float = 1e-4
    pretrain_schedule: str = "constant"

    def __post_init__(self):
        if self.discriminator not in KINDS:
            raise ValueError(
                unknown("no kind of discriminator", self.discriminator, KINDS)
            )
        for name in ("discriminator_schedule", "pretrain_schedule"):
            value = getattr(self, name)
            if value is not None and value not in OF_EPOCHS:
                raise ValueError(unknown(f"no {name}", value, OF_EPOCHS))
        for name, least in (
            ("discriminator_filters", 1), ("discriminator_units", 1),
            ("discriminator_lead", 0), ("collapse_limit", 1),
            ("pretrain_epochs", 0),
        ):  # fmt: skip
            value = getattr(self, name)
            _check(value >= least, name, f"{least} or more", value)
        for name in ("discriminator_rate", "pretrain_rate"):
            value = getattr(self, name)
            some = value is None or 0 < value < math.inf
            _check(some, name, "more than 0", value)
        smooth = self.label_smoothing
        _check(0 <= smooth < 1, "label_smoothing", "from 0 to below 1", smooth)
        self._check_weights()

    def _check_weights(self):
        parts = [f"{p}_weight" for p in ("pixel", "content", "adversarial")]
        named = {name: getattr(self, name) for name in parts}
        if not any(named.values()):
            raise ValueError(
                "pixel_weight, content_weight and adversarial_weight are all "
                "0: there is nothing to learn"
            )
        named["grid_weight"] = self.grid_weight
        for layer, weight in self.content_layers.items():
            perceptual.layer_of(layer)
            named[f"the weight of {layer}"] = weight
        for name, value in named.items():
            some = isinstance(value, float | int) and 0 <= value < math.inf
            _check(some, name, "0 or more", value)
        if self.content_weight and not self.content_layers:
            raise ValueError("content_layers names no layer of VGG19")


def _check(holds, name, rule, value):
    if not holds:
        raise ValueError(f"{name} must be {rule}, not {value}")
