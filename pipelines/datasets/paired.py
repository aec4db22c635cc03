"""tf.data pipelines of (LR, HR) pairs from many images.

Every dataset here makes its batches with NumPy functions on as many threads as
there are processors, and yields them in order. Nothing depends on how fast any
of them is, so that batch k of epoch e is always the same.
"""

import functools
import os

import numpy as np
import tensorflow as tf

from sr_keras.pipelines.datasets.crops import Degrader, Format, check_sizes
from sr_keras.pipelines.datasets.numpy_ops import in_graph
from sr_keras.pipelines.datasets.patches import Draw, Patches, Plan, too_small
from sr_keras.pipelines.degradation.chain import DATASET
from sr_keras.pipelines.sources import Source
from sr_keras.support.progress import counted

# Patches of each image that are used when it is decoded.
PATCHES_PER_IMAGE = 16

# LR pixels of a patch's side, unless a patch size is given.
_LR_SIDE = 48

# Batches that are ready before they are needed.
_AHEAD = 8

GIGABYTE = 1e9


def paired(
    source: Source,
    scale,
    *,
    batch_size=16,
    hr_patch_size=None,
    degradation="bicubic",
    channels=3,
    interpolated=False,
    augment=True,
    seed=0,
    epoch=0,
    steps=None,
    patches_per_image=PATCHES_PER_IMAGE,
    cache_gb=1.0,
    stride=None,
    hr_scale=None,
    share=(0, 1),
) -> tf.data.Dataset:
    """Endless batches of training pairs: patches that belong together.

    Batch k of epoch e is a pure function of the arguments: a dataset made
    with `epoch=e` begins where one made with `epoch=0` is after e * `steps`
    batches. An image that cannot be read is left out, and is in
    `source.skipped` from then on.

    Args:
        source: pipelines.sources.Source.
        scale: int, the factor.
        batch_size: int, pairs in a batch; at most the number of images,
            unless `stride` is given.
        hr_patch_size: int, the side of an HR patch: 48 * scale if None. A
            multiple of the scale unless `interpolated`.
        degradation: how LR is made of HR, see `degradation.chain.parse`;
            "dataset" takes the LR images of the source.
        channels: 3 for RGB, 1 for Y of BT.601, studio swing.
        interpolated: whether LR comes enlarged to HR size, as refiners take
            it: True for bicubic, or a name in `resize.imresize`.
        augment: whether patches are flipped and turned, 8 ways.
        seed: int.
        epoch: int, the first epoch.
        steps: int, batches in an epoch; None for as many as one visit of
            every image makes: see `steps_per_epoch`.
        patches_per_image: int, patches taken each time an image is visited.
        cache_gb: float, gigabytes of decoded images to keep, in 8 bits.
        stride: int, corners are on this grid, no place twice in a visit; None
            for any place.
        hr_scale: pair (low, high), at most 1: HR images are first resized by a
            factor between these, another one each time, and small ones to the
            size of a patch; None for images as they are.
        share: pair (index, count): the part of each batch that is made, the
            index'th of count equal ones. All parts together are the batch.

    Returns:
        tf.data.Dataset of (lr, hr), float32 in [0, 1]: hr is (batch_size,
        hr_patch_size, hr_patch_size, channels), or a part of it, lr the
        factor smaller, or as large where `interpolated`.

    Raises:
        ValueError: a batch that has no such part; fewer images than the
            batch; all images smaller than the patch; LR and HR sizes that do
            not match; values that cannot be.
    """
    scale = whole_scale(scale)
    side = side_of(scale, hr_patch_size)
    plan = planned(source, batch_size, patches_per_image, steps, seed)
    patches = patches_of(
        source,
        scale,
        plan,
        side,
        degradation=degradation,
        channels=channels,
        interpolated=interpolated,
        augment=augment,
        cache_gb=cache_gb,
        stride=stride,
        hr_scale=hr_scale,
    )
    part = part_of(batch_size, share)
    count = part.stop - part.start
    lr_side = side if interpolated else side // scale
    shapes = [(count, n, n, channels) for n in (lr_side, side)]
    batch = functools.partial(patches.batch, part=part)
    return endless(batch, shapes, epoch * plan.steps)


def planned(source, batch_size, patches_per_image, steps, seed):
    """Which patches an epoch of `paired` has.

    Its arguments are as for `paired`.

    Returns:
        patches.Plan.

    Raises:
        ValueError: a number below 1.
    """
    _check_positive(
        batch_size=batch_size,
        patches_per_image=patches_per_image,
        **({} if steps is None else {"steps": steps}),
    )
    if steps is None:
        steps = steps_per_epoch(source, batch_size, patches_per_image)
    return Plan(batch_size, patches_per_image, steps, seed)


def patches_of(
    source,
    scale,
    plan,
    side,
    *,
    degradation="bicubic",
    channels=3,
    interpolated=False,
    augment=True,
    cache_gb=1.0,
    stride=None,
    hr_scale=None,
):
    """What draws the patches of `paired`.

    Args:
        source: as for `paired`.
        scale: int.
        plan: patches.Plan.
        side: int, that of an HR patch.
        degradation: as for `paired`.
        channels: as for `paired`.
        interpolated: as for `paired`.
        augment: as for `paired`.
        cache_gb: as for `paired`.
        stride: as for `paired`.
        hr_scale: as for `paired`.

    Returns:
        patches.Patches.

    Raises:
        ValueError: as for `paired`.
    """
    _check_patch(side, scale, interpolated, stride)
    form = Format(scale, _checked(channels), interpolated)
    _check_hr_scale(hr_scale, degradation)
    source = large_enough(source, scale, least_side(scale, side, hr_scale))
    # Of a grid, as SRCNN's, every image has many patches on purpose.
    if len(source) < plan.batch_size and stride is None:
        raise ValueError(
            f"{source.name} has {counted(len(source), 'image')}, fewer than "
            f"the batch of {plan.batch_size}: give more images or a smaller "
            "--batch-size"
        )
    if degradation == DATASET:
        check_pairs(source, scale)
    step = stride or (1 if interpolated else scale)
    draw = Draw((side, side), step, augment, stride is not None, hr_scale)
    limit = cache_gb * GIGABYTE
    return Patches(source, degradation, form, plan, draw, limit)


def side_of(scale, hr_patch_size=None):
    """The side of an HR patch: 48 LR pixels unless a size is given."""
    return scale * _LR_SIDE if hr_patch_size is None else hr_patch_size


def least_side(scale, side, hr_scale=None):
    """The size that an HR image must have.

    Args:
        scale: int.
        side: int, that of an HR patch.
        hr_scale: as for `paired`; then small images become larger.

    Returns:
        Pair (height, width).
    """
    return (scale if hr_scale else side,) * 2


def steps_per_epoch(source, batch_size, patches_per_image=PATCHES_PER_IMAGE):
    """The batches in which every image is visited once.

    Args:
        source: pipelines.sources.Source.
        batch_size: int.
        patches_per_image: int.

    Returns:
        int, at least 1.
    """
    return max(len(source) * patches_per_image // batch_size, 1)


def whole(
    source: Source,
    scale,
    *,
    degradation="bicubic",
    channels=3,
    interpolated=False,
    seed=0,
    limit=None,
) -> tf.data.Dataset:
    """Whole images, one by one, once: for validation.

    HR images are cropped to a multiple of the scale. One that cannot be read
    is left out, and is in `source.skipped` from then on.

    Args:
        source: as for `paired`.
        scale: as for `paired`.
        degradation: as for `paired`; what is random is drawn by `seed` and
            the image's number, the same every time.
        channels: as for `paired`.
        interpolated: as for `paired`.
        seed: int.
        limit: int, the most images; None for all of them.

    Returns:
        tf.data.Dataset of (lr, hr), float32 in [0, 1], each (1, h, w,
        channels).

    Raises:
        ValueError: as for `paired`.
    """
    scale = whole_scale(scale)
    form = Format(scale, _checked(channels), interpolated)
    source = large_enough(source, scale, (scale, scale))
    degrader = Degrader(source, degradation, form)
    count = len(source) if limit is None else min(limit, len(source))
    if degradation == DATASET:
        check_pairs(source, scale)
    # Twice the same: an image without pixels stands for one left out.
    missing = (np.zeros((1, 0, 0, channels), "float32"),) * 2

    def load(i):
        try:
            return tuple(x[None] for x in degrader.whole(int(i), seed))
        except (ValueError, OSError) as error:
            source.skip(int(i), error)
            return missing

    shapes = [(1, None, None, channels)] * 2
    data = tf.data.Dataset.range(count).map(in_graph(load, shapes))
    data = data.filter(lambda lr, hr: tf.size(hr) > 0)
    return data.prefetch(1).with_options(_options())


def whole_scale(scale):
    """The factor as an int.

    Args:
        scale: number, or pair of equal numbers.

    Returns:
        int.

    Raises:
        ValueError: it is not whole, or differs between the axes.
    """
    factors = {float(f) for f in np.ravel(scale)}
    factor = factors.pop()
    if factors or factor != int(factor) or factor < 1:
        raise ValueError(
            f"training pairs need one whole factor, not {scale}: use 2, 3, 4 "
            "or 8"
        )
    return int(factor)


def large_enough(source, scale, size):
    """The images that are no smaller than a patch, by what their files say.

    The others are in `source.skipped` from then on.

    Args:
        source: pipelines.sources.Source.
        scale: int.
        size: pair (height, width), the least an HR image may have.

    Returns:
        Source.

    Raises:
        ValueError: all images are too small.
    """
    kept, small = [], []
    names = source.names
    for i in range(len(source)):
        hr, _ = source.sizes(i)
        # If it says nothing, or is broken, decoding will tell.
        cropped = [n // scale * scale for n in hr or ()]
        if any(a < b for a, b in zip(cropped, size, strict=False)):
            small.append(too_small(names[i], hr, size))
            source.skip(i, small[-1])
        else:
            kept.append(i)
    if not kept:
        raise ValueError(small[0])
    return source.subset(kept) if small else source


def check_pairs(source, scale):
    """See that LR images fit their HR images, by what their files say.

    Args:
        source: pipelines.sources.Source.
        scale: int.

    Raises:
        ValueError: one does not.
    """
    for i in range(len(source)):
        hr, lr = source.sizes(i)
        if hr is not None and lr is not None:
            check_sizes(source, i, hr, lr, scale)


def _checked(channels):
    if channels not in (1, 3):
        raise ValueError(f"channels must be 3 (RGB) or 1 (Y), not {channels}")
    return channels


def part_of(batch_size, share):
    """The pairs of a batch that are a share of it.

    Args:
        batch_size: int.
        share: as for `paired`.

    Returns:
        slice.

    Raises:
        ValueError: there is no such share.
    """
    index, count = share
    if batch_size % count or not 0 <= index < count:
        raise ValueError(
            f"share {index} of {count} of a batch of {batch_size} cannot be: "
            "use a batch that can be divided, and shares from 0 up"
        )
    each = batch_size // count
    return slice(index * each, (index + 1) * each)


def _check_patch(side, scale, interpolated, stride):
    _check_positive(hr_patch_size=side)
    if stride is not None:
        _check_positive(stride=stride)
    if interpolated:
        return
    for name, value in (("hr_patch_size", side), ("stride", stride or scale)):
        if value % scale:
            raise ValueError(
                f"{name} must be a multiple of the scale {scale}, not {value}: "
                f"use {max(value // scale, 1) * scale}"
            )


def _check_hr_scale(hr_scale, degradation):
    if hr_scale is None:
        return
    low, high = hr_scale
    if not 0 < low <= high <= 1:
        raise ValueError(
            "hr_scale takes two factors above 0, the second from the first up "
            f"to 1, not {low:g} and {high:g}"
        )
    if degradation == DATASET:
        raise ValueError(
            "hr_scale resizes HR images, and those of --degradation dataset "
            "have LR images of one size: give another --degradation"
        )


def _check_positive(**values):
    for name, value in values.items():
        if value != int(value) or value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value}")


def endless(batch, shapes, start):
    """An endless dataset of what a function makes of 0, 1, 2 ...

    Args:
        batch: function (int) -> tuple of float32 ndarrays.
        shapes: list of tuples, theirs.
        start: int, the first number.

    Returns:
        tf.data.Dataset of tuples.
    """
    data = tf.data.Dataset.counter(start).map(
        in_graph(batch, shapes), num_parallel_calls=os.cpu_count() or 1
    )
    return data.prefetch(_AHEAD).with_options(_options())


def _options():
    # With nothing to tune, the tuning thread, which can take a minute to
    # notice the end, stays out.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return options
