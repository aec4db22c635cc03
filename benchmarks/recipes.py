"""Run the papers' and the articles' recipes: does their loss fall?

Each network is trained by its recipe, schedule included, and stopped after six
epochs, which are shortened to 50 steps. The table gives the mean loss of the
first and the last of them.

    python benchmarks/recipes.py --photos photos/ [NAME ...]

A NAME is network:recipe:scale, `lapsrn:paper:4`; all without one. What follows
`--` goes to train.py. A run that is already in --runs is not repeated. SRGAN
needs VGG19's features, --vgg-weights, and begins with the run of
srresnet:paper:4. ZSSR learns from one image, and ends by itself.
"""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import common

EPOCHS, STEPS = 6, 50

RECIPES = (
    "srcnn:paper:3", "espcn:paper:2", "espcn:paper:3", "espcn:paper:4",
    "lapsrn:paper:2", "lapsrn:paper:4", "lapsrn:paper:8", "edsr:paper:2",
    "srresnet:paper:4", "srgan:paper:4", "srgan:article:4", "a2n:paper:2",
    "a2n:article:2", "drn-s:paper:4", "zssr:paper:2", "zssr:article:2",
)  # fmt: skip

# The recipe's first stage, which has a row of its own.
FIRST_STAGE = {"srgan:paper:4": "srresnet:paper:4"}


def main():
    args, rest = common.arguments(
        __doc__,
        ("names", {"nargs": "*", "default": RECIPES, "metavar": "NAME"}),
        ("--photos", {"required": True, "help": "to learn from"}),
        ("--image", {"default": "examples/guitar.png", "help": "ZSSR's"}),
        ("--runs", {"type": Path, "default": Path("runs/recipes")}),
        ("--vgg-weights", {"default": "imagenet"}),
    )
    rows = []
    for name in args.names:
        folder = args.runs / name.replace(":", "_")
        if not folder.exists():
            common.say(name)
            train(name, folder, args, rest)
        rows += table_rows(name, folder)
    print(common.machine())
    header = ["network", "recipe", "scale", "batch", "steps", "loss", "last"]
    common.table(header, rows)


def train(name, folder, args, rest):
    """Start the training, and end it with SIGTERM after `EPOCHS` epochs."""
    model, recipe, scale = name.split(":")
    command = [sys.executable, str(common.ROOT / "train.py")]
    command += ["--model", model, "--recipe", recipe, "--scale", scale]
    command += ["--output", str(folder)]
    if model == "zssr":
        command += ["--image", args.image, "--log-every", str(STEPS)]
        subprocess.run([*command, *rest], check=True)
        return
    command += ["--data", args.photos, "--validation-split", "0"]
    command += ["--steps-per-epoch", str(STEPS)]
    if model == "srgan":
        command += ["--vgg-weights", args.vgg_weights]
    if name in FIRST_STAGE:
        before = args.runs / FIRST_STAGE[name].replace(":", "_")
        command += ["--init-from", str(before)]
    process = subprocess.Popen([*command, *rest])
    while process.poll() is None and len(history(folder)) < EPOCHS:
        time.sleep(1)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    if process.wait() not in (0, 143):
        raise SystemExit(f"exit code {process.returncode}: {name}")


def history(folder):
    """Return the rows of history.csv, one an epoch."""
    try:
        text = (folder / "history.csv").read_text()
    except FileNotFoundError:
        return []
    return list(csv.DictReader(text.splitlines()))


def table_rows(name, folder):
    """Return a row, two where the recipe has a first stage by pixels."""
    rows = []
    for stage in (folder / "stage1", folder):
        logged = history(stage)
        if not logged:
            continue
        config = json.loads((folder / "config.json").read_text())
        batch = config.get("data", config["learning"])["batch_size"]
        first, last = (f"{float(logged[i]['loss']):.4g}" for i in (0, -1))
        steps = logged[-1].get("steps") or logged[-1]["step"]
        rows.append([*name.split(":"), batch, steps, first, last])
    return rows


if __name__ == "__main__":
    main()
