"""Training pairs from one image (ZSSR, Shocher et al. 2018, section 3).

A father is a random view of the image, shrunk, sheared, flipped, cropped. Its
son is the father downscaled by the factor to learn. The pair's input is the
son interpolated back to the father's size; the father is the answer.
"""

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

from sr_keras.imaging import dihedral
from sr_keras.pipelines.datasets.numpy_ops import in_graph
from sr_keras.pipelines.degradation.chain import (
    DEFAULT,
    PLAIN,
    downscale,
    interpolate,
    parse,
)
from sr_keras.pipelines.zero_shot.augmentation import warped_father
from sr_keras.pipelines.zero_shot.crops import detail, father_view, window_of

ORDERS = ("random", "up", "down")
VIEWS = ("antialiased", "resize", "warp")
NOISY = ("son", "interpolated")

_UNEQUAL = (
    "--no-crop gives images of many sizes: --batch-size must be 1, not {}"
)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How fathers are drawn from the image.

    Attributes:
        father_scale: pair (low, high), the range of a father's size relative
            to the image.
        as_is: probability of a father that is the image itself, only cropped.
        no_interpolation: probability of one flipped and rotated, not resized.
            What is left is the probability of an affine father.
        scale_difference: standard deviation of the difference between the
            two axes' scales of an affine father.
        scale_jitter: standard deviation of an affine father's size around
            its place in the order.
        shear: standard deviation of an affine father's shear.
        view: how an affine father is made: "antialiased" as MATLAB shrinks;
            "resize" as OpenCV does, without antialiasing; "warp" as ZSSR's
            authors do (`pipelines.zero_shot.augmentation`).
        flip: whether the 8 flips and rotations are used.
        order: "random", or scales that go "up" or "down" over the training.
        crop_sizes: ints, the sides a crop may have, one drawn for each
            batch; empty for no cropping.
        noise_std: standard deviation of the son's noise, in 8-bit levels;
            what is noisy is clipped to [0, 1], as a photo is.
        noise_on: "son", or "interpolated" for noise after the interpolation.
        clip_sons: whether sons without noise are clipped too.
        blend: probability of a father that is a mixture of two, half or more
            of it the first (Zhang et al. 2018, "mixup": downscaling is
            linear, so that the son is the mixture of their sons).
        swap_colours: probability of a father whose red, green and blue are
            exchanged: the same shapes in other colours.
        result_share: probability of a father drawn from the latest source,
            where there are several, and not from those before it.
        candidates: crops drawn for each one used, the one with the most
            detail; flat ones teach nothing.
        degradation: how a son is made of its father, see
            `degradation.chain.parse`; a kernel takes the place of "bicubic".
    """

    father_scale: tuple = (0.5, 1.0)
    as_is: float = 0.05
    no_interpolation: float = 0.45
    scale_difference: float = 0.25
    scale_jitter: float = 0.0
    shear: float = 0.1
    view: str = "antialiased"
    flip: bool = True
    order: str = "random"
    crop_sizes: tuple = (128,)
    noise_std: float = 0.0
    noise_on: str = "son"
    clip_sons: bool = False
    blend: float = 0.0
    swap_colours: float = 0.0
    result_share: float = 1.0
    candidates: int = 1
    degradation: str = DEFAULT

    def __post_init__(self):
        _check(
            len(self.father_scale) == 2
            and 0 < self.father_scale[0] <= self.father_scale[1] <= 1,
            "father scales are two, 0 < low <= high <= 1, not "
            f"{self.father_scale}",
        )
        _check(
            min(self.as_is, self.no_interpolation) >= 0
            and self.as_is + self.no_interpolation <= 1,
            "the probabilities of unscaled fathers must be at least 0 and sum "
            f"to at most 1, not {self.as_is} and {self.no_interpolation}",
        )
        for name, what, known in (
            ("order", "scale order", ORDERS),
            ("view", "father view", VIEWS),
            ("noise_on", "image for noise called", NOISY),
        ):
            _check(
                getattr(self, name) in known,
                f"no {what} {getattr(self, name)!r}: use one of {known}",
            )
        _check(
            all(
                isinstance(size, int) and size >= 8 for size in self.crop_sizes
            ),
            f"crops must be whole numbers from 8 up, not {self.crop_sizes}",
        )
        for name in ("blend", "swap_colours", "result_share"):
            _check(
                0 <= getattr(self, name) <= 1,
                f"{name} must be from 0 to 1, not {getattr(self, name)}",
            )
        _check(
            self.candidates >= 1,
            f"candidates must be 1 or more: {self.candidates}",
        )
        _parsed(self.degradation)
        for name in ("scale_difference", "scale_jitter", "shear", "noise_std"):
            _check(
                0 <= getattr(self, name) < math.inf,
                f"{name} must be 0 or more, not {getattr(self, name)}",
            )


def single_image(
    sources,
    scale,
    augmentation,
    *,
    kernel=None,
    interpolation=DEFAULT,
    batch_size=1,
    steps=1000,
    seed=0,
    start=0,
):
    """Endless batches of training pairs from one image.

    Batch k is a pure function of the arguments and k.

    Args:
        sources: list of (image, base): ndarray (H, W, C) float32 in [0, 1]
            and the pair (y, x) of its size over the first one's. The first is
            the image itself; the others are earlier, larger results. Empty it
            to let go of them, as TensorFlow keeps functions for ever; batches
            are black from then on.
        scale: pair (y, x), the factor to learn.
        augmentation: Augmentation.
        kernel: ndarray, the blur kernel of the downscaling; bicubic if None.
        interpolation: str, how sons are enlarged, of `degradation.PLAIN`.
        batch_size: int, pairs in a batch.
        steps: int, the batches that "up" and "down" spread their scales over.
        seed: int.
        start: int, the k of the first batch.

    Returns:
        tf.data.Dataset of (interpolated sons, fathers), each float32
        (batch_size, crop, crop, C).

    Raises:
        ValueError: a batch of several pairs without cropping.
    """
    sizes = augmentation.crop_sizes
    _check(sizes or batch_size == 1, _UNEQUAL.format(batch_size))
    one_size = sizes[0] if len(sizes) == 1 else None
    shape = (batch_size, one_size, one_size, sources[0][0].shape[-1])
    settings = (scale, augmentation, kernel, interpolation)
    settings = (*settings, batch_size, steps, seed)

    def drawn(k):
        if images := list(sources):
            return batch(images, *settings, k)
        return (np.zeros([n or 1 for n in shape], "float32"),) * 2

    return _endless(in_graph(drawn, [shape, shape]), start)


def _endless(load, start):
    """The batches from one on.

    One thread draws while the other cores train; a batch costs a few
    milliseconds, less than the step that uses it. With nothing to tune, the
    tuning thread, which can take a minute to notice the end, stays out.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.counter(start).map(load).prefetch(8)
    return data.with_options(options)


def training_pairs(
    sources,
    scale,
    augmentation,
    kernel,
    rng,
    progress,
    size,
    count=1,
    interpolation=DEFAULT,
):
    """Draw pairs.

    Args:
        sources: as for `single_image`.
        scale: as for `single_image`.
        augmentation: as for `single_image`.
        kernel: as for `single_image`.
        rng: numpy.random.Generator.
        progress: float in [0, 1], how far the training is.
        size: int, the crop's side; None for whole fathers.
        count: int, how many; with whole fathers, whose sizes differ, 1.
        interpolation: as for `single_image`.

    Returns:
        Tuple (interpolated sons, fathers), each float32 (count, h, w, C).
    """
    draw = functools.partial(
        _father, sources, scale, augmentation, kernel, rng, progress, size
    )
    fathers = []
    for _ in range(count):
        father = draw()
        if augmentation.blend and rng.random() < augmentation.blend:
            father = _blended(father, draw(), rng)
        fathers.append(father)
    # Resizing takes any number of channels: once for all, not once for each.
    fathers = np.stack(fathers, axis=2, dtype="float32")
    sons = _sons(fathers, scale, augmentation, kernel, rng)
    size = fathers.shape[:2]
    larger = interpolate(sons, scale, size, interpolation)
    if augmentation.noise_on == "interpolated":
        larger = _noisy(larger, augmentation.noise_std, rng)
    both = (larger.reshape(fathers.shape), fathers)
    return tuple(np.ascontiguousarray(np.moveaxis(x, 2, 0)) for x in both)


def _sons(fathers, scale, augmentation, kernel, rng):
    """Fathers (H, W, count, C) downscaled and spoilt, (h, w, count * C)."""
    spec, clipped = augmentation.degradation, augmentation.clip_sons
    if spec in PLAIN:
        flat = fathers.reshape(*fathers.shape[:2], -1)
        sons = downscale(flat, scale, kernel, spec)
    else:
        made = _parsed(spec)
        each = [made.apply(f, scale, rng) for f in np.moveaxis(fathers, 2, 0)]
        sons = np.concatenate(each, axis=2, dtype="float32")
        clipped = clipped or not all(step.shrinks for step in made.steps)
    if augmentation.noise_on == "son":
        sons = _noisy(sons, augmentation.noise_std, rng)
    return np.clip(sons, 0, 1) if clipped else sons


def _noisy(images, levels, rng):
    """With noise, and what a file can hold of it."""
    if not levels:
        return images
    noise = rng.standard_normal(images.shape, "float32")
    return np.clip(images + noise * np.float32(levels / 255), 0, 1)


def _father(sources, scale, augmentation, kernel, rng, progress, size):
    """Draw one view; arguments as for `training_pairs`."""
    if _passes_over_the_latest(sources, augmentation.result_share, rng):
        sources = sources[:-1]
    if augmentation.view == "warp":
        turning = augmentation.flip and dihedral.has_all(kernel)
        place = _place(augmentation.order, rng, progress)
        father = warped_father(sources, augmentation, turning, rng, place, size)
        return _recoloured(father, augmentation.swap_colours, rng)
    base, axes, shear, turned = _geometry(augmentation, sources, rng, progress)
    # The smallest source that need not be enlarged: the sharpest father.
    image, own = next(
        (s for s in sources if np.subtract(s[1], base).min() > -1e-6),
        sources[-1],
    )
    father_scale = tuple(
        b * a / o for b, a, o in zip(base, axes, own, strict=True)
    )
    windows = [
        window_of(image.shape, father_scale, size, rng)
        for _ in range(augmentation.candidates)
    ]
    window = windows[0]
    if len(windows) > 1:
        window = max(windows, key=lambda w: detail(image, father_scale, w))
    sharp = augmentation.view == "resize"
    father = father_view(image, father_scale, shear, window, not sharp)
    if turned:
        turns = dihedral.symmetries(scale, kernel)
        father = dihedral.turned(father, turns[rng.integers(len(turns))])
    return _recoloured(father, augmentation.swap_colours, rng)


def _passes_over_the_latest(sources, share, rng):
    return len(sources) > 1 and share < 1 and rng.random() >= share


def _blended(father, other, rng):
    """The first, with up to half of another; whole views differ in size."""
    if father.shape != other.shape:
        return father
    share = np.float32(rng.uniform(0.5, 1))
    return share * father + (1 - share) * other


@functools.cache
def _parsed(spec):
    return parse(spec)


def _recoloured(father, probability, rng):
    if not probability or father.shape[-1] not in (3, 4):
        return father
    if rng.random() >= probability:
        return father
    order = [*rng.permutation(3), 3][: father.shape[-1]]
    return np.take(father, order, axis=-1)


def batch(
    sources,
    scale,
    augmentation,
    kernel,
    interpolation,
    batch_size,
    steps,
    seed,
    k,
):
    """Batch k of `single_image`, whose arguments it takes, as NumPy arrays."""
    rng = np.random.default_rng((seed, int(k)))
    sizes = augmentation.crop_sizes
    size = int(rng.choice(sizes)) if sizes else None
    progress = min(int(k) / max(steps - 1, 1), 1.0)
    return training_pairs(
        sources,
        scale,
        augmentation,
        kernel,
        rng,
        progress,
        size,
        batch_size,
        interpolation,
    )


def _geometry(augmentation, sources, rng, progress):
    """A father's size relative to the image, axis ratio, shear and turns."""
    largest = sources[-1][1]
    kind = rng.random()
    if kind < augmentation.as_is:
        return largest, (1.0, 1.0), 0.0, False
    if kind < augmentation.as_is + augmentation.no_interpolation:
        return largest, (1.0, 1.0), 0.0, augmentation.flip
    low, high = augmentation.father_scale
    place = _place(augmentation.order, rng, progress)
    father = low + (high - low) * place
    if augmentation.scale_jitter:
        father += rng.normal() * augmentation.scale_jitter
        father = max(father, low / 2)
    base = tuple(father * side for side in largest)
    difference = rng.normal() * augmentation.scale_difference / 2
    axes = tuple(np.clip((1 + difference, 1 - difference), 0.5, 1.5))
    return base, axes, rng.normal() * augmentation.shear, augmentation.flip


def _place(order, rng, progress):
    """Where in the range of scales a father lies, 0 to 1."""
    drawn = rng.random()
    return {"random": drawn, "up": progress, "down": 1 - progress}[order]


def _check(holds, message):
    if not holds:
        raise ValueError(message)
