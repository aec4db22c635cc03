"""A2N x2 here and in PyTorch: enlarging, and a training step.

    python benchmarks/torch_speed.py
    python benchmarks/torch_speed.py --rounds 3 --only training

Both have the authors' weights and are measured in turn, PyTorch with
channels_last tensors and eager, after a look at whether they give the same:

- Set5's baby, 256x256, from a NumPy array to a NumPy array, with PSNR
  (protocol y);
- a step of Adam on the L1 loss of 16 pairs of 48x48 LR, and here the share of
  the time that it waits for its data (`--photos`, else random images).

Needs torch, as in `pip install 'sr_keras[convert]'`, and takes three minutes.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from common import arguments, machine, say, set5, table

PARTS = ("enlarging", "training")


def main():
    args, _ = arguments(
        __doc__,
        ("--photos", {"type": Path, "help": "a folder to learn from"}),
        ("--rounds", {"type": int, "default": 7}),
        ("--steps", {"type": int, "default": 30, "help": "with data"}),
        ("--only", {"nargs": "+", "default": PARTS, "choices": PARTS}),
    )
    if args.data is None:
        raise SystemExit("give --data, or set SR_KERAS_DATA")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(machine(), end="\n\n")
    path = Path(args.data, "reference", "a2n_x2.npz")
    if "enlarging" in args.only:
        enlarging(path, args)
        print()
    if "training" in args.only:
        training(path, args)


def enlarging(path, args):
    """Print the seconds of enlarging, and what comes of it."""
    import torch

    from sr_keras import upscale
    from sr_keras.evaluation import metrics
    from sr_keras.imaging import images
    from sr_keras.inference import precision

    image, hr = (images.read(p).pixels for p in set5(args.data, "baby", 2))
    exact = network_of(path)
    short = network_of(path)
    theirs = torch_of(path).eval()
    theirs_short = torch_of(path).eval().bfloat16()

    def in_torch(network, kind):
        x = torch.from_numpy(image * 255).permute(2, 0, 1)[None].to(kind)
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            y = network(x)
        return y[0].permute(1, 2, 0).float().numpy().clip(0, 255) / 255

    with precision.computing(short, "bfloat16", to_use=True):
        ways = {
            "PyTorch, float32": lambda: in_torch(theirs, torch.float32),
            "float32": lambda: upscale(image, exact),
            "bfloat16": lambda: upscale(image, short),
            "PyTorch, bfloat16": lambda: in_torch(theirs_short, torch.bfloat16),
        }
        report(
            ways,
            args.rounds,
            {
                "difference": lambda first, sr: (
                    f"{255 * abs(sr - first).max():.4f}"
                ),
                "PSNR": lambda _, sr: f"{metrics.psnr(sr, hr, 'y', 2):.3f}",
            },
        )


def training(path, args):
    """Print the seconds of a step, and the wait for data."""
    rng = np.random.default_rng(0)
    pair = [rng.random((16, n, n, 3), "float32") for n in (48, 96)]
    ways = {"PyTorch, float32": torch_step(path, pair)}
    for kind in ("float32", "mixed_bfloat16", "mixed_float16"):
        ways[kind] = keras_step(path, pair, kind)
    loss = {"loss of the first step": lambda _, loss: f"{255 * loss:.4f}"}
    report(ways, args.rounds, loss, once=("mixed_float16",))
    wait, step = waiting(path, args)
    print(
        f"\n{args.steps} steps with data: {step:.3f} s a step, of which "
        f"{wait:.2%} waiting for data"
    )


def report(ways, rounds, columns, once=()):
    """Measure in turn; the first is what the others are compared with.

    Args:
        ways: dict of name to a function that does it once.
        rounds: int.
        columns: dict of heading to a function of the first's result and a
            result that gives text.
        once: names of what is too slow to be measured more than once.
    """
    results = {name: run() for name, run in ways.items()}
    seconds = {name: [] for name in ways}
    for number in range(rounds):
        for name, run in ways.items():
            if number == 0 or name not in once:
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)
    first = next(iter(ways))
    rows = []
    for name, values in seconds.items():
        middle = statistics.median(values)
        ratio = statistics.median(seconds[first]) / middle
        more = [how(results[first], results[name]) for how in columns.values()]
        rows.append([name, f"{middle:.3f}", f"{min(values):.3f}", ratio, *more])
        say(rows[-1])
    table(["", "s", "least s", "times as fast", *columns], rows)


def network_of(path):
    """Our network with the authors' weights."""
    from sr_keras.models import convert

    return convert.convert("a2n", 2, path)


def torch_of(path):
    """PyTorch's, with the same weights."""
    import torch
    from torch_a2n import A2N

    network = A2N()
    with np.load(path) as stored:
        network.load_state_dict(
            {name: torch.from_numpy(stored[name]) for name in stored}
        )
    return network.to(memory_format=torch.channels_last)


def torch_step(path, pair):
    """A function that takes a step in PyTorch and returns its loss."""
    import torch
    from torch.nn import functional

    network = torch_of(path).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def step():
        lr, hr = (
            torch.from_numpy(x)
            .permute(0, 3, 1, 2)
            .contiguous(memory_format=torch.channels_last)
            for x in pair
        )
        optimizer.zero_grad(set_to_none=True)
        loss = functional.l1_loss(network(lr * 255) / 255, hr)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def trainer_of(path, kind):
    """A trainer of the network, as `train` makes it."""
    import keras

    from sr_keras.training import losses
    from sr_keras.training.trainers.pixel import PixelTrainer

    made = network_of(path)
    keras.config.set_dtype_policy(kind)
    try:
        network = type(made).from_config(made.get_config())
        network.set_weights(made.get_weights())
        trainer = PixelTrainer(network)
        optimizer = keras.optimizers.Adam(1e-4)
        trainer.compile(optimizer, losses.get("l1"), jit_compile=False)
    finally:
        keras.config.set_dtype_policy("float32")
    return trainer


def keras_step(path, pair, kind):
    """The same here, in one of the precisions."""
    trainer = trainer_of(path, kind)

    def step():
        # The loss is a mean over what came since this call began.
        for metric in trainer.metrics:
            metric.reset_state()
        return float(trainer.train_on_batch(*pair)[0])

    return step


def waiting(path, args):
    """The share of the time that data is waited for; seconds of a step."""
    from sr_keras import pipelines

    with tempfile.TemporaryDirectory() as folder:
        photos = args.photos or Path(args.data, "train", "CLIC2025")
        if not photos.is_dir():
            photos = noise(Path(folder))
        source = pipelines.open_source(photos, 2)
        batches = iter(pipelines.paired(source, 2, steps=1000))
        trainer = trainer_of(path, "float32")
        waited = total = 0.0
        for number in range(args.steps + 3):
            start = time.perf_counter()
            batch = next(batches)
            wait = time.perf_counter() - start
            trainer.train_on_batch(*batch)
            if number >= 3:  # building the graph is no step
                waited += wait
                total += time.perf_counter() - start
    return waited / total, total / args.steps


def noise(folder):
    """A folder of pictures to learn from, where there are none."""
    from sr_keras.imaging import images

    rng = np.random.default_rng(0)
    for i in range(16):
        pixels = rng.random((200, 300, 3), "float32")
        images.write(folder / f"{i}.png", images.Image(pixels))
    return folder


if __name__ == "__main__":
    main()
