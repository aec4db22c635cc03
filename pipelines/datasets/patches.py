"""Batches of patches, a pure function of the seed, the epoch and the batch.

An epoch visits images in a random order, each one as often as any other, and
takes several patches a visit, so that an image is decoded once for many. The
patches of one visit are spread over those of `_SPREAD` visits: a batch of 16
comes from about a dozen images, and only so many images are in use at a time.
"""

import dataclasses
import math

import numpy as np

from sr_keras.imaging import dihedral
from sr_keras.imaging.resize import imresize
from sr_keras.pipelines.datasets.cache import Once, Store
from sr_keras.pipelines.datasets.crops import Degrader

# Visits whose patches are mixed.
_SPREAD = 32

# Visits that are kept beyond those: batches are drawn side by side.
_SPARE = 16


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which patches an epoch has.

    Attributes:
        batch_size: int, patches in a batch.
        patches_per_image: int, patches taken each time an image is visited.
        steps: int, batches in an epoch.
        seed: int.
    """

    batch_size: int
    patches_per_image: int
    steps: int
    seed: int

    @property
    def visits(self):
        """Visits of images in an epoch."""
        return math.ceil(self.steps * self.batch_size / self.patches_per_image)

    def visited(self, epoch, count):
        """The image of every visit.

        Args:
            epoch: int.
            count: int, images in the source.

        Returns:
            int array (visits,).
        """
        rng = np.random.default_rng((self.seed, epoch, 0))
        rounds = math.ceil(self.visits / count)
        order = [rng.permutation(count) for _ in range(rounds)]
        return np.concatenate(order)[: self.visits]

    def mixed(self, epoch):
        """The order of an epoch's patches.

        Args:
            epoch: int.

        Returns:
            int array (steps, batch_size); patch p is the one numbered
            p % patches_per_image of visit p // patches_per_image.
        """
        rng = np.random.default_rng((self.seed, epoch, 1))
        total = self.steps * self.batch_size
        spread = min(_SPREAD, self.visits)
        when = np.arange(total) // self.patches_per_image
        # Round and round: the epoch's first batches are mixed like the rest.
        when = (when + spread * rng.random(total)) % self.visits
        order = np.argsort(when, kind="stable")
        return order.reshape(self.steps, self.batch_size)


class Patches:
    """Draws batches of patches from a source."""

    def __init__(self, source, degradation, form, plan, draw, limit):
        """Prepare.

        Args:
            source: pipelines.sources.Source.
            degradation: str, Degradation or "dataset".
            form: crops.Format.
            plan: Plan.
            draw: Draw.
            limit: float, bytes of decoded images to keep.
        """
        self._source = source
        self._plan = plan
        self._draw = draw
        self._form = form
        self._degrader = Degrader(source, degradation, form)
        self._store = Store(source, self._images, limit)
        self._orders = Once(self._order, 3)
        kept = min(_SPREAD, plan.visits) + _SPARE
        self._visits = Once(self._visit, kept)

    def batch(self, k, part=slice(None)):
        """Batch k, counted from epoch 0 on.

        Args:
            k: int.
            part: slice, or array of int, which of its pairs.

        Returns:
            Pair of float32 arrays (N, h, w, C), N the batch size or the
            part's.

        Raises:
            ValueError: no image of the source can be read.
        """
        epoch, step = divmod(int(k), self._plan.steps)
        _, mixed = self._orders(epoch)
        pairs = []
        for p in mixed[step][part]:
            v, j = divmod(int(p), self._plan.patches_per_image)
            cut, turn, seeds = self._visits((epoch, v))[j]
            rng = np.random.default_rng(seeds)
            pairs.append(self._degrader.pair(cut, turn, rng))
        lrs, hrs = zip(*pairs, strict=True)
        return np.stack(lrs), np.stack(hrs)

    def _images(self, i):
        lr, hr = self._degrader.images(i)
        if self._draw.hr_scale:  # made anew at each visit
            return None, hr
        if any(a < b for a, b in zip(hr.shape, self._draw.size, strict=False)):
            name = self._source.names[i]
            raise ValueError(too_small(name, hr.shape, self._draw.size))
        return lr, hr

    def _order(self, epoch):
        plan = self._plan
        return plan.visited(epoch, len(self._source)), plan.mixed(epoch)

    def _visit(self, key):
        """The patches of one visit: lists of (cut, turn, seeds)."""
        epoch, v = key
        (lr, hr), kept = self._readable(int(self._orders(epoch)[0][v]))
        rng = np.random.default_rng((self._plan.seed, epoch, 2, v))
        count = self._plan.patches_per_image
        if self._draw.hr_scale:
            lr, hr = self._rescaled(hr, rng)
            kept = False
        corners = self._draw.corners(hr.shape[:2], count, rng)
        turns = dihedral.TURNS if self._draw.augment else dihedral.TURNS[:1]
        patches = []
        for j, corner in enumerate(corners):
            turn = turns[rng.integers(len(turns))]
            # An image that is not kept is let go of: its patches are copied.
            cut = self._degrader.cut(lr, hr, corner, self._draw.size, not kept)
            patches.append((cut, turn, (self._plan.seed, epoch, 3, v, j)))
        return patches

    def _rescaled(self, hr, rng):
        """An HR image at another size, and its LR image."""
        s = self._form.scale
        hr = imresize(hr, self._draw.factor(hr.shape, rng))
        height, width = (n // s * s for n in hr.shape[:2])
        hr = hr[:height, :width]
        return self._degrader.degraded(hr), hr

    def _readable(self, i):
        """The image, or the next one that can be read."""
        for n in range(len(self._source)):
            arrays, kept = self._store.get((i + n) % len(self._source))
            if arrays is not None:
                return arrays, kept
        raise ValueError(
            f"none of the images of {self._source.name} can be used: "
            f"{self._source.skipped[0]}"
        )


@dataclasses.dataclass(frozen=True)
class Draw:
    """Where patches are taken.

    Attributes:
        size: pair (height, width) in HR pixels.
        step: int, corners are multiples of it.
        augment: whether patches are flipped and turned.
        once: whether a visit takes no place twice while there are others.
        hr_scale: pair (low, high): each visit resizes the image by a factor
            between these; None for images as they are.
    """

    size: tuple
    step: int
    augment: bool = True
    once: bool = False
    hr_scale: tuple | None = None

    def factor(self, shape, rng):
        """Draw the factor that an image is resized by.

        One that would be smaller than a patch becomes as large as that, as in
        LapSRN's code (getBatch_LapSRN.m).

        Args:
            shape: tuple that begins with (height, width).
            rng: numpy.random.Generator.

        Returns:
            float.
        """
        least = (n / m for n, m in zip(self.size, shape, strict=False))
        return max(rng.uniform(*self.hr_scale), *least)

    def corners(self, shape, count, rng):
        """Draw the corners of patches.

        Args:
            shape: pair (height, width) of the HR image.
            count: int.
            rng: numpy.random.Generator.

        Returns:
            List of pairs (y, x).
        """
        places = [
            (length - side) // self.step + 1
            for length, side in zip(shape, self.size, strict=True)
        ]
        total = places[0] * places[1]
        if self.once and total >= count:
            drawn = rng.permutation(total)[:count]
        else:
            drawn = rng.integers(total, size=count)
        return [
            tuple(self.step * int(n) for n in divmod(i, places[1]))
            for i in drawn
        ]


def too_small(name, shape, size):
    """What is said of an image that is smaller than a patch."""
    return (
        f"{name} has {shape[1]}x{shape[0]} pixels, fewer than a patch of "
        f"{size[1]}x{size[0]}: give a larger one, or a smaller --hr-patch-size"
    )
