"""Train `lens` with PyTorch: the weights `quality` that come with the package.

    python tools/torch_train.py VIEWS quality_x2.keras
    python tools/torch_train.py VIEWS quality_x4.keras --scale 4 \\
        --init-from quality_x2.keras

VIEWS is what views.py makes. The network, the loss and Muon's matrices are the
package's, on Keras's PyTorch backend; what takes the time, the convolutions, is
written for PyTorch, with channels_last tensors in bfloat16 and a process for
each processor core, which has its part of every batch. The .keras file is for
any backend.

Every `--every` steps Set5 is looked at (y) and the state is kept in
FILE.pt, from which `--resume` goes on. A GPU, where there is one, does it all.
"""

import math
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from common import SET5, arguments, machine, mean, set5  # noqa: E402

# Before Keras is imported, here and in each process.
os.environ["KERAS_BACKEND"] = "torch"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Else glibc gives the arrays' memory back after every sum, and gets it again
# page by page: a third of a step.
for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
    os.environ.setdefault(name, str(1 << 30))

import keras  # noqa: E402
import torch  # noqa: E402
from torch import distributed, multiprocessing  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch_patches import (  # noqa: E402
    DEVICE,
    Views,
    ahead,
    seen,
    to_tensor,
)

from sr_keras.imaging import color  # noqa: E402

WARM_UP, FINAL_RATE = 100, 1e-6
MOMENTUM = 0.9


def main():
    args, _ = arguments(
        __doc__,
        ("views", {"type": Path, "help": "a folder that views.py made"}),
        ("file", {"type": Path, "help": "the .keras file to write"}),
        ("--scale", {"type": int, "default": 2, "choices": (2, 3, 4)}),
        ("--steps", {"type": int, "default": 26000}),
        ("--filters", {"type": int, "default": 64}),
        ("--blocks", {"type": int, "default": 13}),
        ("--channels", {"type": int, "default": 3, "choices": (1, 3)}),
        ("--batch-size", {"type": int, "default": 16}),
        ("--side", {"type": int, "default": 32, "help": "LR pixels"}),
        ("--learning-rate", {"type": float, "default": 1e-3}),
        ("--loss", {"default": "l1"}),
        ("--luma-weight", {"type": float, "default": 0.7}),
        ("--seed", {"type": int, "default": 0}),
        ("--every", {"type": int, "default": 1000}),
        ("--init-from", {"type": Path, "help": "a .keras file"}),
        ("--resume", {"action": "store_true"}),
    )
    if not list(args.views.glob("*.npz")):
        raise SystemExit(f"no views in {args.views}: make them with views.py")
    print(machine(), end="\n\n", flush=True)
    # As many as can have equal parts of a batch.
    count = math.gcd(args.batch_size, os.cpu_count())
    count = 1 if DEVICE == "cuda" else count
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        multiprocessing.spawn(train, (count, meeting, args), nprocs=count)


def train(rank, count, meeting, args):
    """What one process does.

    Args:
        rank: int, which one.
        count: int, how many there are.
        meeting: str, the address at which they meet.
        args: the command's.
    """
    from sr_keras.training import losses

    torch.set_num_threads(max(os.cpu_count() // count, 1))
    torch.backends.cudnn.benchmark = True
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=count
    )
    network = network_of(args)
    learner = Learner(network, args.file.with_suffix(".pt"))
    if args.resume:
        learner.restore()
    loss_of = losses.get(args.loss, args.luma_weight)
    patches = ahead(Views(args, rank, count), learner.step)
    begun, since = time.time(), []
    while learner.step < args.steps:
        lr, hr = patches.get()
        with torch.autocast(DEVICE, torch.bfloat16):
            sr = forward(network, lr)
        loss = loss_of(*(x.permute(0, 2, 3, 1) for x in (hr, sr)))
        loss.backward()
        since.append(learner.advance(loss.detach(), rate(learner.step, args)))
        if learner.step % args.every and learner.step < args.steps:
            continue
        if rank == 0:
            learner.save()
            loss = torch.stack(since).mean().item()
            keep(network, args, learner.step, loss, begun)
        since.clear()
    distributed.destroy_process_group()


def network_of(args):
    """A `lens`, its trunk from `--init-from` if that is given."""
    from sr_keras.inference.load import load
    from sr_keras.models.lens import Lens
    from sr_keras.training.transfer import transfer

    torch.manual_seed(args.seed)
    keras.utils.set_random_seed(args.seed)
    network = Lens(args.scale, args.blocks, args.filters, args.channels)
    if args.init_from:
        transfer(load(args.init_from), network)
    return network.to(DEVICE)


def forward(network, lr):
    """What a `lens` makes of (N, C, h, w), with PyTorch's own convolutions."""

    def conv(name, x):
        layer = network.get_layer(name)
        kernel = layer.kernel.value.permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, layer.bias.value, padding=1)

    x = functional.relu(conv("head", lr))
    for i in range(1, network.arguments["num_blocks"] + 1):
        y = functional.relu(conv(f"block{i}_conv1", x))
        x = x + conv(f"block{i}_conv2", y)
    x = conv("tail", x).float()
    n, colours, h, w = lr.shape
    s = network.scale
    # The channels are in TensorFlow's order: see `layers.PixelShuffle`.
    x = x.view(n, s, s, colours, h, w) + lr[:, None, None]
    return x.permute(0, 3, 4, 1, 5, 2).reshape(n, colours, h * s, w * s)


class Learner:
    """Weights, momenta and the step: `training.muon`'s, in stacks.

    Kernels of one shape are one stack of matrices, for there are many small
    ones. What is not between hidden layers is Adam's.

    Args:
        network: keras.Model.
        path: Path, where all of it is kept.
    """

    def __init__(self, network, path):
        from sr_keras.training.optim.muon import is_hidden

        self.path = path
        self.step = 0
        self.weights = [v.value for v in network.trainable_variables]
        hidden = [w for w in self.weights if is_hidden(w)]
        self.stacks = [
            [w for w in hidden if w.shape == shape]
            for shape in sorted({w.shape for w in hidden})
        ]
        self.momenta = [torch.zeros_like(torch.stack(x)) for x in self.stacks]
        rest = [w for w in self.weights if not is_hidden(w)]
        self.adam = torch.optim.Adam(rest)

    @torch.no_grad()
    def advance(self, loss, rate):
        """Take a step with the mean of all processes' gradients.

        Args:
            loss: tensor (), of this process.
            rate: float.

        Returns:
            tensor (), the mean loss.
        """
        flat = [w.grad.flatten() for w in self.weights]
        flat = torch.cat([*flat, loss[None]])
        if distributed.get_world_size() > 1:
            distributed.all_reduce(flat)
            flat /= distributed.get_world_size()
        sizes = [w.numel() for w in self.weights]
        *gradients, loss = flat.split([*sizes, 1])
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient.view(weight.shape)
        for stack, momentum in zip(self.stacks, self.momenta, strict=True):
            self._muon(stack, momentum, rate)
        self.adam.param_groups[0]["lr"] = rate
        self.adam.step()
        for weight in self.weights:
            weight.grad = None
        self.step += 1
        return loss

    def _muon(self, stack, momentum, rate):
        from sr_keras.training.optim.muon import step_of

        gradient = torch.stack([w.grad for w in stack])
        momentum.mul_(MOMENTUM).add_(gradient)
        matrices = gradient.add_(momentum, alpha=MOMENTUM).flatten(1, 3)
        steps = step_of(matrices).view(gradient.shape)
        for weight, step in zip(stack, steps, strict=True):
            weight.sub_(step, alpha=rate)

    def save(self):
        """Write it, whole or not at all."""
        temporary = self.path.with_suffix(".part")
        state = {
            "step": self.step,
            "weights": [w.detach() for w in self.weights],
            "momenta": self.momenta,
            "adam": self.adam.state_dict(),
        }
        torch.save(state, temporary)
        temporary.replace(self.path)

    @torch.no_grad()
    def restore(self):
        """Go on from what was written."""
        state = torch.load(self.path, weights_only=True)
        self.step = state["step"]
        self.adam.load_state_dict(state["adam"])
        for own in ("weights", "momenta"):
            for mine, kept in zip(getattr(self, own), state[own], strict=True):
                mine.copy_(kept)


def rate(step, args):
    """The rate of a step: up in a line, down in a cosine."""
    down = 0.5 * (1 + math.cos(math.pi * step / args.steps))
    up = min((step + 1) / WARM_UP, 1)
    return up * (FINAL_RATE + (args.learning_rate - FINAL_RATE) * down)


def keep(network, args, step, loss, begun):
    """Write the network and say how good it is."""
    from sr_keras.models import artifact

    artifact.save(network, args.file, steps=step)
    minutes = (time.time() - begun) / 60
    found = f"{step} of {args.steps}, loss {loss:.5f}, {minutes:.1f} min"
    if args.data:
        found += f", Set5 {mean(scores(network, args)):.3f} dB"
    print(found, flush=True)


@torch.no_grad()
def scores(network, args):
    """PSNR of the luma of each image of Set5, in bfloat16, not rounded."""
    from sr_keras.imaging import images

    border = (slice(args.scale, -args.scale),) * 2
    for name in SET5:
        paths = set5(args.data, name, args.scale)
        lr, hr = (images.read(path).pixels for path in paths)
        lr = to_tensor(seen(lr, args.channels)[None]).float().to(DEVICE)
        with torch.autocast(DEVICE, torch.bfloat16):
            sr = forward(network, lr)[0].permute(1, 2, 0).cpu().numpy()
        sr = sr.clip(0, 1) if args.channels == 1 else color.luma(sr.clip(0, 1))
        error = (sr - color.luma(hr[: sr.shape[0], : sr.shape[1]]))[border]
        yield -10 * np.log10(np.mean(error**2))


if __name__ == "__main__":
    main()
