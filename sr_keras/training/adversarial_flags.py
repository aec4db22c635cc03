"""The flags of `--objective adversarial`: see `training.objectives`."""

from sr_keras.training.flags import AMOUNT, COUNT, POSITIVE, SIDE, SWITCH, Rates

TITLE = "--objective adversarial, --model srgan"


class Layers(Rates):
    """Reads and checks layers with weights; a weight may be left out."""

    rule = "LAYER=WEIGHT or LAYER, or several with commas between"

    def __call__(self, text):
        """Read what was typed."""
        parts = [p if "=" in p else f"{p}=1" for p in text.split(",")]
        return super().__call__(",".join(parts))


_SCHEDULES = ("constant", "step", "cosine")

_FLAGS = {
    "--pixel-weight": ("pixel_weight", {"type": AMOUNT, "metavar": "W",
        "help": "of the loss that --loss names"}),
    "--content-weight": ("content_weight", {"type": AMOUNT, "metavar": "W",
        "help": "of the difference that VGG19 sees; 0 leaves it out"}),
    "--adversarial-weight": ("adversarial_weight", {"type": AMOUNT,
        "metavar": "W", "help": "of what the discriminator says"}),
    "--grid-weight": ("grid_weight", {"type": AMOUNT, "metavar": "W",
        "help": "of what repeats with the LR pixels; 0 leaves it out"}),
    "--fixed-statistics": ("fixed_statistics", {"action": SWITCH,
        "help": "of the network's batch normalisation: those of the first "
                "stage, as when it is used"}),
    "--content-layers": ("content_layers", {"type": Layers(),
        "metavar": "LAYER=WEIGHT,...",
        "help": "of VGG19: VGG54, VGG22, or block3_conv4=0.5,VGG54=1"}),
    "--vgg-weights": ("vgg_weights", {"metavar": "WHICH",
        "help": "imagenet (downloaded), random, or a file"}),
    "--discriminator": ("discriminator", {
        "choices": ("dense", "convolutional"),
        "help": "the paper's, or one that judges every 16x16 pixels"}),
    "--discriminator-filters": ("discriminator_filters", {"type": SIDE,
        "metavar": "N", "help": "channels of its first convolution"}),
    "--discriminator-units": ("discriminator_units", {"type": SIDE,
        "metavar": "N", "help": "of its dense layer"}),
    "--discriminator-rate": ("discriminator_rate", {"type": POSITIVE,
        "metavar": "RATE",
        "help": "its first learning rate (default: the network's)"}),
    "--discriminator-schedule": ("discriminator_schedule", {
        "choices": _SCHEDULES,
        "help": "of its learning rate (default: the network's)"}),
    "--discriminator-lead": ("discriminator_lead", {"type": COUNT,
        "metavar": "N", "help": "steps at first in which it alone learns"}),
    "--init-discriminator": ("init_discriminator", {"metavar": "RUN",
        "help": "begin with the discriminator of another run"}),
    "--label-smoothing": ("label_smoothing", {"type": AMOUNT,
        "metavar": "S", "help": "the label of HR is 1 - S"}),
    "--relativistic": ("relativistic", {"action": SWITCH,
        "help": "compare HR and SR with each other"}),
    "--collapse-limit": ("collapse_limit", {"type": SIDE, "metavar": "N",
        "help": "steps that the discriminator may win without a word"}),
    "--pretrain-epochs": ("pretrain_epochs", {"type": COUNT, "metavar": "N",
        "help": "by pixels alone, before; not where --init-from is given"}),
    "--pretrain-rate": ("pretrain_rate", {"type": POSITIVE,
        "metavar": "RATE", "help": "the learning rate of those"}),
    "--pretrain-schedule": ("pretrain_schedule", {"choices": _SCHEDULES,
        "help": "of that rate"}),
}  # fmt: skip

FLAGS = {flag: ("adversarial", *rest) for flag, rest in _FLAGS.items()}
OPTIONAL = (
    "discriminator_rate", "discriminator_schedule", "init_discriminator",
)  # fmt: skip
PATHS = ("vgg_weights", "init_discriminator")
WRITTEN = ("discriminator.keras", "discriminator-best.keras", "stage1")
