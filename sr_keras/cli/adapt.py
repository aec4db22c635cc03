"""Adapt a trained network to photos of which there is nothing larger.

The network learns to enlarge photos that were blurred, or made noisy, in
another way than the images it has learned from:

  sr-keras adapt --model runs/drn_x4 --images my_photos/
  sr-keras adapt --model runs/drn_x4 --images my_photos/ --data DIV2K_HR/
  sr-keras adapt --model runs/drn_x4 --images old/ --save-images

What the photos have been through is estimated from their spectra, and HR
images, those the network was trained on unless --data says others, are put
through the same. Dual heads learn it; then the network learns from these pairs
and, through the heads, from the photos (docs/training.md).

A part of the photos is held out. On them the command finds out, by an estimate
that the training knows nothing of, whether it did help, and says yes or no.
"""

from sr_keras.training.flags import AMOUNT, POSITIVE, SIDE, WHOLE

HELP = "adapt a network to photos that have no larger version"

# What a run takes, and what it is when not said.
_FLAGS = {
    "--model": {"metavar": "RUN", "required": True,
        "help": "the network: the folder of a run, or a .keras file"},
    "--images": {"metavar": "SPEC", "required": True,
        "help": "the photos: a folder, or what else --data of train takes"},
    "--data": {"metavar": "SPEC", "nargs": "+",
        "help": "HR images to make pairs of (default: those of the run, or "
        "else the photos)"},
    "--ground-truth": {"metavar": "DIR",
        "help": "HR images of photos, of the same names: to be scored "
        "against, not to be learned from"},
    "--degradation": {"metavar": "STEPS",
        "help": "what the photos have been through, where it is known "
        "(docs/protocols.md)"},
    "--holdout": {"type": POSITIVE, "metavar": "P", "default": 0.25,
        "help": "the part of the photos that judges (default: 0.25)"},
    "--steps": {"type": SIDE, "metavar": "N", "default": 2000,
        "help": "of the network (default: 2000)"},
    "--dual-steps": {"type": SIDE, "metavar": "N", "default": 500,
        "help": "of the dual heads, before (default: 500)"},
    "--learning-rate": {"type": POSITIVE, "metavar": "RATE", "default": 1e-4,
        "help": "the first; the last is a thousandth (default: 1e-4)"},
    "--batch-size": {"type": SIDE, "metavar": "N"},
    "--hr-patch-size": {"type": SIDE, "metavar": "N"},
    "--unpaired-ratio": {"type": AMOUNT, "metavar": "P", "default": 0.3,
        "help": "the photos' part of a batch (default: 0.3)"},
    "--dual-weight": {"type": AMOUNT, "metavar": "W", "default": 0.1,
        "help": "of the dual loss (default: 0.1)"},
    "--seed": {"type": WHOLE, "metavar": "N", "default": 0},
    "--save-images": {"action": "store_true",
        "help": "enlarge all the photos into DIR/images"},
    "--output": {"metavar": "DIR",
        "help": "folder for the adapted run (default: one in runs)"},
    "--overwrite": {"action": "store_true",
        "help": "replace the results in --output"},
}  # fmt: skip


def add_arguments(parser):
    """Add this command's arguments to an argparse parser."""
    for flag, options in _FLAGS.items():
        parser.add_argument(flag, **options)


def run(args):
    """Adapt.

    Args:
        args: argparse.Namespace.

    Returns:
        The exit code.
    """
    for name in ("holdout", "unpaired_ratio"):
        value = getattr(args, name)
        if value >= 1:
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} must be less than 1, not {value:g}")
    from sr_keras.support.console import load_keras

    load_keras()
    from sr_keras.training.adaptation.run import Adaptation

    return Adaptation(args).work()
