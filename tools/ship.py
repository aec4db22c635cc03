"""Make weights of a run part of the package: a float16 file and its card.

    python tools/ship.py runs/espcn_x2 fast --licence "..." --hours 1.5

The network is scored on Set5 as it is and as it will be stored; storing may
cost 0.01 dB at most. Layers that `upscale` computes in bfloat16 get weights
that bfloat16 can hold, for results to be alike in both. The file goes to
sr_keras/models/pretrained/, its card into the index there, in the place of that
of the same name and factor, and the page of all cards, docs/models.md, is
written anew (tools/cards.py). How it was trained is read from the run's
config.json; `--command`, `--trained-on` and `--seed` say it where there is
none.
"""

import json
import sys
from pathlib import Path

import cards

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from common import ROOT, SET5, arguments, machine, mean, set5, table  # noqa: E402

# Those of the card; `y` decides on what storing costs.
PROTOCOLS = ("y", "y8")

FOLDER = ROOT / "sr_keras/models/pretrained"

# What the storage may cost, in dB.
MOST = 0.01


def main():
    args, _ = arguments(
        __doc__,
        ("run", {"type": Path, "help": "a run's folder or a .keras file"}),
        ("name", {"help": "fast, quality, photo ..."}),
        ("--licence", {"required": True, "help": "of the data"}),
        ("--hours", {"type": float, "required": True, "help": "of training"}),
        ("--steps", {"type": int}),
        ("--seed", {"type": int}),
        ("--trained-on", {"help": "the data's name"}),
        ("--command", {"help": "what was typed"}),
        (
            "--folder",
            {"type": Path, "default": ROOT / "sr_keras/models/pretrained"},
        ),
    )
    from sr_keras.inference.load import load
    from sr_keras.models import pretrained

    print(machine(), end="\n\n")
    network = load(args.run)
    scale = network.scale
    before = score(args.data, network, scale)["y"]
    to_bfloat16(network)
    content = pretrained.stored(network)
    restored = score(args.data, pretrained.restored(network, content), scale)
    after = restored["y"]
    table(["image", "float32", "float16"],
          [[name, f"{before[name]:.4f}", f"{after[name]:.4f}"]
           for name in SET5])  # fmt: skip
    cost = mean(before.values()) - mean(after.values())
    if not cost < MOST:
        raise SystemExit(f"float16 costs {cost:.4f} dB, more than {MOST}")
    card = {
        "name": args.name,
        "scale": scale,
        **history(args, network),
        "licence": args.licence,
        "hours": args.hours,
        "scores": {
            "Set5": {
                protocol: round(mean(values.values()), 3)
                for protocol, values in restored.items()
            }
        },
        "float16": round(cost, 5),
    }
    path = pretrained.add(network, content, card, args.folder)
    if args.folder.resolve() == pretrained.FOLDER.resolve():
        cards.write()
    print(
        f"\n{path}: {len(content) / 1000:.0f} kB, float16 costs {cost:.5f} dB"
    )


def to_bfloat16(network):
    """Round what will be bfloat16 where `upscale` computes in it."""
    from keras import ops

    from sr_keras.inference import precision

    for layer in precision.coarse(network, to_use=True):
        for weight in layer.weights:
            weight.assign(ops.cast(ops.cast(weight, "bfloat16"), "float32"))


def score(data, network, scale):
    """PSNR of each image of Set5, {protocol: {name: dB}}."""
    from sr_keras.evaluation import metrics
    from sr_keras.imaging import images
    from sr_keras.inference import upscale

    found = {protocol: {} for protocol in PROTOCOLS}
    for name in SET5:
        lr, hr = (images.read(p).pixels for p in set5(data, name, scale))
        sr = upscale.upscale(lr, network)
        hr = hr[: sr.shape[0], : sr.shape[1]]
        own = metrics.score(sr, hr, (scale, scale), protocols=PROTOCOLS)
        for protocol in PROTOCOLS:
            found[protocol][name] = own[protocol]["psnr"]
    return found


def history(args, network):
    """What the run's own files, or the arguments, say of the training."""
    config = args.run / "config.json"
    stored = json.loads(config.read_text()) if config.is_file() else {}
    learning = stored.get("learning", {})
    found = {
        "data": args.trained_on or stored.get("data"),
        "command": args.command or stored.get("command"),
        "seed": args.seed if args.seed is not None else learning.get("seed"),
        "steps": args.steps or network.about.get("steps"),
    }
    missing = [name for name, value in found.items() if value is None]
    if missing:
        flags = {"data": "trained-on"}
        raise SystemExit(
            "the run does not say: give "
            + ", ".join(f"--{flags.get(name, name)}" for name in missing)
        )
    return found


if __name__ == "__main__":
    main()
