"""What `train --objective dual` can be told beside what any training can."""

from sr_keras.training.flags import AMOUNT, POSITIVE, SIDE, SWITCH

TITLE = "--objective dual: dual regression"

FLAGS = {
    "--dual-weight": ("dual", "dual_weight", {"type": AMOUNT, "metavar": "W",
        "help": "of the dual loss (default: 0.1)"}),
    "--dual-filters": ("dual", "dual_filters", {"type": SIDE, "metavar": "N",
        "help": "channels within a dual head (default: DRN's own, else 16)"}),
    "--dual-rate": ("dual", "dual_rate", {"type": POSITIVE, "metavar": "RATE",
        "help": "the heads' first learning rate (default: the network's)"}),
    "--train-dual": ("dual", "train_dual", {"action": SWITCH,
        "help": "whether the heads learn along (default: yes)"}),
    "--init-dual": ("dual", "init_dual", {"metavar": "RUN",
        "help": "begin with the dual heads of a run, or of a dual.keras"}),
    "--unpaired": ("dual", "unpaired", {"metavar": "SPEC",
        "help": "photos without HR, as --data, to learn from as well"}),
    "--unpaired-ratio": ("dual", "unpaired_ratio", {"type": AMOUNT,
        "metavar": "P", "help": "their part of a batch (default: 0.3)"}),
    "--unpaired-holdout": ("dual", "unpaired_holdout", {"type": AMOUNT,
        "metavar": "P", "help": "the part of them that is left out "
        "(default: 0)"}),
}  # fmt: skip

OPTIONAL = ("dual_filters", "dual_rate", "init_dual", "unpaired")
PATHS = ("init_dual", "unpaired")
WRITTEN = ("dual.keras", "dual-best.keras")
