"""From HR to LR: what a network learns to undo.

A degradation is a chain of steps, written "blur=1.2,bicubic,noise=5,jpeg=60-95"
and applied from left to right. One of them makes the image smaller; those
before it work on HR pixels, those after it on LR pixels. `60-95` is drawn anew
for each image. The steps are NumPy functions; `Degradation.graph` is the same
in a tf.data graph.
"""

import dataclasses
import math
import re
from collections.abc import Callable

import numpy as np

from sr_keras.imaging.dihedral import TURNS, symmetries
from sr_keras.imaging.kernels import load_kernel
from sr_keras.imaging.resize import imresize, output_size
from sr_keras.pipelines.degradation import corruption
from sr_keras.pipelines.degradation.downscale import (
    SHRINKERS,
    as_before,
    as_float,
    by_kernel,
    shrink,
)
from sr_keras.support.suggest import meant

DEFAULT = "bicubic"
# Plain shrinking, whose place a blur kernel takes.
PLAIN = (DEFAULT, "bicubic-opencv")
DATASET = "dataset"  # no degradation: the LR images that the data has

# LR pixels on each side that a named way of shrinking looks at, at most.
_SHRINKING_REACH = 4

# Shrinkers whose result is another one when the image is turned first.
_ONE_SIDED = ("nearest",)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of step.

    Attributes:
        function: of image, rng and the values, as in `corruption`.
        limits: for each value the pair (least, most) that is allowed.
        usage: how it is written.
        about: one line.
        random: whether equal values give another result each time.
        oriented: whether it treats directions differently.
        block: pixels of the grid it works on, 1 for none.
        reach: of the values, how far a pixel depends on others.
    """

    function: Callable
    limits: tuple
    usage: str
    about: str
    random: bool = False
    oriented: bool = False
    block: int = 1
    reach: Callable = staticmethod(lambda *values: 0)


KINDS = {
    "blur": Kind(
        corruption.gaussian, ((0.05, 20),), "blur=SIGMA",
        "Gaussian blur, sigma in pixels", reach=corruption.gaussian_reach),
    "blur-aniso": Kind(
        corruption.anisotropic, ((0.05, 20), (0.05, 20), (-360, 360)),
        "blur-aniso=SIGMA:SIGMA:DEGREES",
        "Gaussian blur, wider in one direction", oriented=True,
        reach=corruption.anisotropic_reach),
    "motion": Kind(
        corruption.motion, ((1, 100), (-360, 360)), "motion=LENGTH:DEGREES",
        "blur of a movement, in pixels", oriented=True,
        reach=corruption.motion_reach),
    "noise": Kind(
        corruption.noise, ((0, 255),), "noise=LEVELS",
        "Gaussian noise, standard deviation in 8-bit levels", random=True),
    "poisson": Kind(
        corruption.poisson, ((1, 1e7),), "poisson=PHOTONS",
        "noise of counting; white is that many photons", random=True),
    "jpeg": Kind(
        corruption.jpeg, ((1, 100),), "jpeg=QUALITY", "a JPEG file and back",
        block=16, reach=lambda quality: 16),
    "bayer": Kind(
        corruption.bayer, (), "bayer",
        "one colour a pixel, RGGB, and bilinear demosaicing", oriented=True,
        block=2, reach=lambda: 2),
}  # fmt: skip

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?")


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """One step of a degradation.

    Attributes:
        name: a key of KINDS or SHRINKERS, or "kernel".
        values: pairs (low, high), drawn from for each image.
        kernel: ndarray, for "kernel".
    """

    name: str
    values: tuple = ()
    kernel: np.ndarray | None = None

    @property
    def shrinks(self):
        """Whether it makes the image smaller."""
        return self.name not in KINDS

    @property
    def fixed(self):
        """Whether it always gives the same result."""
        drawn = any(low != high for low, high in self.values)
        return self.shrinks or not (drawn or KINDS[self.name].random)

    @property
    def block(self):
        """Pixels of the grid it works on."""
        return 1 if self.shrinks else KINDS[self.name].block

    def turns_alike(self, scale):
        """Whether turning the image first or last gives the same."""
        if self.kernel is not None:
            return len(symmetries((scale, scale), self.kernel)) == len(TURNS)
        if self.shrinks:
            return self.name not in _ONE_SIDED
        return not KINDS[self.name].oriented

    def reach(self, scale):
        """Pixels that a result depends on, on each side.

        Args:
            scale: the factor, of a step that shrinks.

        Returns:
            int, in pixels of the step's input.
        """
        if self.kernel is not None:
            return max(self.kernel.shape) + 4
        if self.shrinks:
            return _SHRINKING_REACH * scale
        longest = [high for _, high in self.values]
        return KINDS[self.name].reach(*longest)

    def apply(self, image, scale, rng):
        """The image after this step, in its dtype.

        Args:
            image: (H, W, C), uint8, or float32 in [0, 1].
            scale: pair (y, x) of factors.
            rng: numpy.random.Generator.
        """
        if self.kernel is not None:
            return by_kernel(image, scale, self.kernel)
        if self.shrinks:
            return shrink(image, scale, self.name)
        drawn = [
            low if low == high else rng.uniform(low, high)
            for low, high in self.values
        ]
        spoilt = KINDS[self.name].function(as_float(image), rng, *drawn)
        return as_before(spoilt, image.dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class Degradation:
    """A chain of steps, one of which makes the image smaller.

    Attributes:
        spec: str, as it was written.
        steps: tuple of Step.
    """

    spec: str
    steps: tuple

    def __str__(self):
        return self.spec

    @property
    def fixed(self):
        """Whether it always gives the same result."""
        return all(step.fixed for step in self.steps)

    def apply(self, hr, scale, rng=None):
        """The LR image of an HR image.

        Args:
            hr: ndarray (H, W, C), uint8, or float32 in [0, 1]. Of uint8 every
                step rounds, as programs do that pass files on: the default
                gives the LR images of the benchmarks, bit for bit.
            scale: number or pair (y, x) of factors, at least 1.
            rng: numpy.random.Generator, for what is random.

        Returns:
            Array (ceil(H/y), ceil(W/x), C) of the same dtype. Floats may
            leave [0, 1].
        """
        scale = tuple(np.broadcast_to(scale, 2).tolist())
        rng = np.random.default_rng(0) if rng is None else rng
        for step in self.steps:
            hr = step.apply(hr, scale, rng)
        return hr

    def graph(self, hr, scale, seed):
        """`apply` as an operation of a TensorFlow graph.

        It runs the NumPy functions, so that the numbers are the same to the
        last bit; for patches they are as fast as TensorFlow's own.

        Args:
            hr: tensor (H, W, C), uint8, or float32 in [0, 1].
            scale: number or pair (y, x) of factors, at least 1.
            seed: int64 tensor, any shape, that says what is drawn.

        Returns:
            Tensor (h, w, C) of the same dtype.
        """
        import tensorflow as tf

        def run(image, seed):
            rng = np.random.default_rng(np.ravel(seed).astype(np.uint64))
            return self.apply(image, scale, rng)

        lr = tf.numpy_function(run, [hr, tf.cast(seed, tf.int64)], hr.dtype)
        size = (None, None)
        if hr.shape.rank == 3 and None not in hr.shape[:2]:
            down = 1 / np.broadcast_to(scale, 2)
            size = output_size(hr.shape[:2], down)
        lr.set_shape((*size, hr.shape[-1]))
        return lr

    def split(self, scale):
        """Cut the chain where its results stop being the same every time.

        What comes before can be computed once for a whole image and kept.

        Args:
            scale: int, the factor.

        Returns:
            Pair of tuples of steps. The first is empty unless it shrinks.
        """
        count = 0
        for step in self.steps:
            if not (step.fixed and step.turns_alike(scale)):
                break
            count += 1
        head = self.steps[:count]
        if not any(step.shrinks for step in head):
            return (), self.steps
        return head, self.steps[count:]


def margin(steps, scale):
    """What steps need around a patch, for it to be as in the whole image.

    Args:
        steps: sequence of Step.
        scale: int, the factor.

    Returns:
        Pair of ints: LR pixels on each side, and the grid, in LR pixels, that
        the corner has to be on.
    """
    shrinking = any(step.shrinks for step in steps)
    total, grid = 0.0, 1
    for step in steps:
        # Up to the step that shrinks, pixels are HR pixels.
        total += step.reach(scale) / (scale if shrinking else 1)
        grid = math.lcm(grid, step.block)
        shrinking = shrinking and not step.shrinks
    return math.ceil(total), grid


def parse(spec) -> Degradation:
    """Read a degradation.

    Args:
        spec: str such as "bicubic" or "blur=0.2-3,bicubic,noise=5", or a
            Degradation, which is returned.

    Returns:
        Degradation.

    Raises:
        ValueError: a step has no such name or other values; it lists them.
        FileNotFoundError: a kernel's file is not there.
    """
    if isinstance(spec, Degradation):
        return spec
    steps = tuple(_step(text.strip(), spec) for text in str(spec).split(","))
    count = sum(step.shrinks for step in steps)
    if count != 1:
        raise ValueError(
            f"degradation {spec!r} has {count} steps that shrink, not one of "
            f"{', '.join(SHRINKERS)}, kernel=FILE"
        )
    return Degradation(str(spec), steps)


def usage():
    """Every step as it is written, one line."""
    names = [*SHRINKERS, "kernel=FILE", *(k.usage for k in KINDS.values())]
    return ", ".join(names)


def downscale(image, scale, kernel=None, name=DEFAULT):
    """The image a factor smaller, as a camera that far away would see it.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of factors, at least 1.
        kernel: ndarray, a blur kernel; None for the bicubic of that name.
        name: str, of PLAIN.

    Returns:
        float32 ndarray (ceil(H/y), ceil(W/x), C).
    """
    if kernel is None:
        return imresize(image, scale=tuple(1 / s for s in scale), kernel=name)
    return by_kernel(image, scale, kernel)


def interpolate(image, scale, size, name=DEFAULT):
    """The image a factor larger by bicubic interpolation.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of factors, at least 1.
        size: pair (height, width) of the result.
        name: str, of PLAIN.

    Returns:
        float32 ndarray (height, width, C).
    """
    return imresize(image, scale=tuple(scale), size=tuple(size), kernel=name)


def _step(text, spec):
    name, equals, given = text.partition("=")
    if name in SHRINKERS and not equals:
        return Step(name)
    if name == "kernel" and given:
        return Step(name, kernel=load_kernel(given))
    if name not in KINDS:
        raise ValueError(
            f"degradation {spec!r} has no step {text!r}: "
            f"{meant(name, (*SHRINKERS, *KINDS))}use {usage()}"
        )
    kind = KINDS[name]
    values = tuple(_span(part) for part in given.split(":")) if equals else ()
    fits = len(values) == len(kind.limits) and all(
        value is not None and least <= value[0] <= value[1] <= most
        for value, (least, most) in zip(values, kind.limits, strict=True)
    )
    if not fits:
        limits = " : ".join(f"{a:g} to {b:g}" for a, b in kind.limits)
        raise ValueError(
            f"degradation step {text!r} is written {kind.usage}"
            + (f", with values {limits}; LOW-HIGH draws one" if limits else "")
        )
    return Step(name, values)


def _span(text):
    """The pair (low, high) of "5" or "60-95"; None for anything else."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return None
    low = float(match[1])
    return low, low if match[2] is None else float(match[2])
