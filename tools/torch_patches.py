"""Batches for torch_train.py, cut out of views where they are computed with."""

import itertools
import queue
import threading

import numpy as np
import torch

from sr_keras.imaging import color, dihedral

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# Batches that are ready before they are needed.
AHEAD = 8

# The share of patches whose colours change places.
RECOLOURED = 0.5


class Pixels:
    """All images of a size, where patches are cut out of them at once.

    Args:
        images: list of uint8 ndarray (H, W, 3).
        side: int, of a patch.
    """

    def __init__(self, images, side):
        flat = np.concatenate([image.reshape(-1, 3) for image in images])
        self._pixels = torch.from_numpy(flat).to(DEVICE)
        sizes = [image[..., 0].size for image in images]
        self._starts = on_device(np.cumsum([0, *sizes[:-1]]))
        self._widths = on_device([image.shape[1] for image in images])
        places = np.indices((side, side))
        self._rows, self._columns = (
            on_device([dihedral.turned(x, turn) for turn in dihedral.TURNS])
            for x in places
        )

    def patches(self, which, top, left, turn, colours):
        """Cut out.

        Args:
            which, top, left, turn: integer tensors (N, 1, 1), the images,
                the places and indices of `dihedral.TURNS`.
            colours: integer tensor (N, 1, 1, 3), which channels.

        Returns:
            float32 tensor (N, h, w, 3), in [0, 1].
        """
        rows = top + self._rows[turn[:, 0, 0]]
        columns = left + self._columns[turn[:, 0, 0]]
        places = self._starts[which] + rows * self._widths[which] + columns
        found = self._pixels[places]
        return found.gather(3, colours.expand_as(found)).float() / 255


class Views:
    """Patches from all places of all views alike.

    A batch of a step is a pure function of the seed and of how many processes
    there are.
    """

    def __init__(self, args, rank, count):
        self._seed, self._rank = args.seed, rank
        self._count = args.batch_size // count
        self._side, self._scale = args.side, args.scale
        self._channels = args.channels
        lrs, hrs = [], []
        for path in sorted(args.views.glob("*.npz")):
            with np.load(path) as file:
                lrs.append(file[f"lr{args.scale}"])
                hrs.append(file["hr"])
        self._shapes = [lr.shape[:2] for lr in lrs]
        pixels = np.cumsum([lr[..., 0].size for lr in lrs])
        self._share = pixels / pixels[-1]
        self._lr = Pixels(lrs, args.side)
        self._hr = Pixels(hrs, args.side * args.scale)

    def batch(self, step):
        """The pairs of a step, float32 tensors (N, C, h, w) in [0, 1]."""
        rng = np.random.default_rng([self._seed, step, self._rank])
        chosen = [self._choose(rng) for _ in range(self._count)]
        *numbers, colours = map(on_device, zip(*chosen, strict=True))
        which, top, left, turn = (x[:, None, None] for x in numbers)
        colours, s = colours[:, None, None], self._scale
        pair = (
            self._lr.patches(which, top, left, turn, colours),
            self._hr.patches(which, top * s, left * s, turn, colours),
        )
        return [seen(x, self._channels).permute(0, 3, 1, 2) for x in pair]

    def _choose(self, rng):
        """A view, the place of an LR patch in it, a turn, and colours."""
        which = np.searchsorted(self._share, rng.random())
        top, left = (
            rng.integers(n - self._side + 1) for n in self._shapes[which]
        )
        turn = rng.integers(len(dihedral.TURNS))
        colours = [0, 1, 2]
        if rng.random() < RECOLOURED:
            rng.shuffle(colours)
        return which, top, left, turn, colours


def on_device(numbers):
    """An integer tensor, where it is computed."""
    return torch.from_numpy(np.asarray(numbers, "int64")).to(DEVICE)


def seen(images, channels):
    """What a network of so many channels sees of RGB images."""
    return images if channels == 3 else color.luma(images)


def to_tensor(images):
    """(N, h, w, C) as PyTorch takes it, with channels last in memory."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def ahead(views, step):
    """A queue with the batches from a step on, made by another thread."""
    batches = queue.Queue(AHEAD)

    def fill():
        for k in itertools.count(step):
            batches.put(views.batch(k))

    threading.Thread(target=fill, daemon=True).start()
    return batches
