"""What `train` can be told of a training on many images."""

from sr_keras.training import objectives
from sr_keras.training.distributed.cluster import STRATEGIES
from sr_keras.training.flags import (
    AMOUNT,
    COUNT,
    FLAGS,
    NUMBER,
    POSITIVE,
    SIDE,
    SWITCH,
    WHOLE,
    Kind,
    Rates,
)

_FLAGS = {
    "--batch-size": ("data", "batch_size", {"type": SIDE, "metavar": "N"}),
    "--hr-patch-size": ("data", "hr_patch_size", {"type": SIDE,
        "metavar": "N", "help": "side of an HR patch"}),
    "--degradation": ("data", "degradation", {"metavar": "STEPS",
        "help": "how LR is made of HR: bicubic, or "
        "'blur=1.2,bicubic,noise=5,jpeg=60-95', or dataset for the LR images "
        "that there are (docs/protocols.md)"}),
    "--stride": ("data", "stride", {"type": SIDE, "metavar": "N",
        "help": "take patches from a grid"}),
    "--augment": ("data", "augment", {"action": SWITCH,
        "help": "whether patches are flipped and turned"}),
    "--patches-per-image": ("data", "patches_per_image", {"type": SIDE,
        "metavar": "N", "help": "each time an image is decoded"}),
    "--hr-scale": ("data", "hr_scale", {"type": POSITIVE, "nargs": 2,
        "metavar": ("LOW", "HIGH"), "help": "resize HR images by a factor "
        "between these first, at most 1: 0.5 1"}),
    "--epochs": ("learning", "epochs", {"type": SIDE, "metavar": "N"}),
    "--steps-per-epoch": ("learning", "steps_per_epoch", {"type": SIDE,
        "metavar": "N"}),
    "--loss": ("learning", "loss", {"metavar": "LOSS",
        "help": "l1, l2 or charbonnier; but for zssr also luma, or a sum, "
        "0.5*l1+0.5*l2"}),
    "--optimizer": ("learning", "optimizer", {
        "choices": ("adam", "adamw", "muon", "sgd")}),
    "--learning-rate": FLAGS["--learning-rate"],
    "--layer-rates": ("learning", "layer_rates", {"type": Rates(),
        "metavar": "LAYER=RATE,...",
        "help": "rates of some layers: conv1=1e-4,conv3=1e-5; or of bias"}),
    "--beta1": ("learning", "beta1", {"type": NUMBER, "metavar": "B",
        "help": "Adam's first decay, Muon's momentum"}),
    "--beta2": ("learning", "beta2", {"type": NUMBER, "metavar": "B",
        "help": "Adam's second decay"}),
    "--epsilon": FLAGS["--epsilon"],
    "--momentum": ("learning", "momentum", {"type": NUMBER, "metavar": "M",
        "help": "of SGD"}),
    "--weight-decay": ("learning", "weight_decay", {"type": AMOUNT,
        "metavar": "W", "help": "of AdamW, Muon and SGD (of SGD as an L2 "
        "penalty)"}),
    "--schedule": ("learning", "schedule", {
        "choices": ("constant", "step", "cosine")}),
    "--schedule-epochs": ("learning", "schedule_epochs", {"type": SIDE,
        "metavar": "N", "help": "epochs that 'cosine' is spread over; after "
        "them the rate stays (default: all, of a resumed run those that it "
        "began with)"}),
    "--step-every": ("learning", "step_every", {"type": SIDE, "metavar": "N",
        "help": "epochs between two drops of the schedule 'step'"}),
    "--step-factor": ("learning", "step_factor", {"type": NUMBER,
        "metavar": "F", "help": "what each multiplies the rate by"}),
    "--final-rate": ("learning", "final_rate", {"type": POSITIVE,
        "metavar": "RATE", "help": "the schedule's last or least"}),
    "--clip-norm": ("learning", "clip_norm", {"type": POSITIVE,
        "metavar": "N", "help": "how long all gradients together may be"}),
    "--ema": ("learning", "ema", {"type": NUMBER, "metavar": "M",
        "help": "average the weights, with this momentum: 0.999"}),
    "--mixed-precision": ("learning", "mixed_precision", {
        "choices": ("float32", "mixed_float16", "mixed_bfloat16"),
        "nargs": "?", "const": "mixed_float16",
        "help": "mixed_float16 if not said; for GPUs"}),
    "--skip-factor": ("learning", "skip_factor", {"type": NUMBER,
        "metavar": "F",
        "help": "skip a batch whose loss is so many times the usual"}),
    "--skip-limit": ("learning", "skip_limit", {"type": SIDE, "metavar": "N",
        "help": "skipped batches in a row that end the training"}),
    "--seed": ("learning", "seed", {"type": WHOLE, "metavar": "N"}),
    "--data": (None, "sources", {"nargs": "+", "metavar": "SPEC",
        "help": "div2k, folders, zip, TFRecord or HDF5 files"}),
    "--data-dir": (None, "data_dir", {"metavar": "DIR",
        "help": "where div2k is, prepared or as archives"}),
    "--validation": (None, "validation", {"metavar": "SPEC",
        "help": "images to validate on, as --data"}),
    "--validation-split": (None, "validation_split", {"type": AMOUNT,
        "metavar": "P", "help": "the part of --data that is held back for "
        "validation; 0 for none (default: 0.1, but of div2k its own)"}),
    "--validation-limit": (None, "validation_limit", {"type": SIDE,
        "metavar": "N", "help": "validate on N images at most (default: 5)"}),
    "--init-from": (None, "init_from", {"metavar": "RUN",
        "help": "begin with the weights of another network, where they fit"}),
    "--cache-gb": (None, "cache_gb", {"type": AMOUNT, "metavar": "GB",
        "help": "memory for decoded images (default: 1)"}),
    "--keep-every": (None, "keep_every", {"type": COUNT, "metavar": "N",
        "help": "keep the network of every Nth epoch"}),
    "--log-every": (None, "log_every", {"type": COUNT, "metavar": "N",
        "help": "log every Nth step, in steps.csv and TensorBoard; of zssr "
        "the mean of every N, in history.csv (default: 0 for none, zssr 10)"}),
    "--strategy": (None, "strategy", {"choices": STRATEGIES,
        "help": "on which devices: auto for all GPUs, and for all machines "
        "that TF_CONFIG names; one; mirrored; multi-worker (docs/training.md)"
        }),
    "--gpus": (None, "gpus", {"type": SIDE, "metavar": "N",
        "help": "use N GPUs of this machine (default: all)"}),
    "--objective": (None, "objective", {"choices": objectives.names(),
        "help": "what the training is after (default: the recipe's)"}),
    "--model": FLAGS["--model"],
    "--recipe": FLAGS["--recipe"],
    "--scale": FLAGS["--scale"],
}  # fmt: skip

_TOP = {
    "model": None, "scale": None, "recipe": "default", "objective": None,
    "sources": None, "data_dir": None, "validation": None,
    "validation_split": None, "validation_limit": 5, "init_from": None,
    "cache_gb": 1.0, "keep_every": 0, "log_every": 0,
    "strategy": "auto", "gpus": None, "held_out": None,
}  # fmt: skip

_OPTIONAL = (
    "hr_patch_size", "stride", "hr_scale", "steps_per_epoch", "epsilon",
    "schedule_epochs", "final_rate", "clip_norm",
)  # fmt: skip

_OWN = objectives.with_flags()

DATASET = Kind(
    {**_FLAGS, **{f: v for own in _OWN.values() for f, v in own.FLAGS.items()}},
    _TOP,
    ("network", "data", "learning", *_OWN),
    (*_OPTIONAL, *(f for own in _OWN.values() for f in own.OPTIONAL)),
)
