"""Batches with LR patches that have no HR: beside pairs, or instead of them.

For training on photos as they are.
"""

import functools

import numpy as np
import tensorflow as tf

from sr_keras.pipelines.datasets import paired as pairs
from sr_keras.pipelines.datasets.crops import Format
from sr_keras.pipelines.datasets.patches import Draw, Patches
from sr_keras.pipelines.sources import Source

# Sets the draws apart from those of patches.
_MIXING = 4


def mixed(
    source: Source,
    scale,
    photos: Source,
    ratio,
    *,
    batch_size=16,
    hr_patch_size=None,
    degradation="bicubic",
    seed=0,
    epoch=0,
    steps=None,
    share=(0, 1),
    **options,
) -> tf.data.Dataset:
    """Endless batches in which some of the LR patches are of photos.

    Each place of a batch is a photo's with the same probability, whatever the
    others are: a batch has pairs only, photos only, or both. Batch k of epoch
    e is a pure function of the arguments, as that of `pairs.paired`.

    Args:
        source: Source of the pairs, as for `paired`.
        scale: int, the factor.
        photos: Source of images that are taken as LR images, as they are.
        ratio: float in [0, 1], the probability of a photo.
        batch_size: as for `paired`; there may be fewer photos than that.
        hr_patch_size: as for `paired`.
        degradation: as for `paired`; of the pairs.
        seed: as for `paired`.
        epoch: as for `paired`.
        steps: as for `paired`; of `source`.
        share: as for `paired`.
        **options: channels, augment, patches_per_image, cache_gb, stride and
            hr_scale, as for `paired`; photos keep their size.

    Returns:
        tf.data.Dataset of dict: "lr" and "hr" shaped as those of `paired`,
        and "paired", float32 (N,): 1 where they belong together, 0
        where lr is a photo's and hr black.

    Raises:
        ValueError: as for `paired`; a ratio outside of [0, 1].
    """
    if not 0 <= ratio <= 1:
        raise ValueError(f"the unpaired ratio is from 0 to 1, not {ratio:g}")
    scale = pairs.whole_scale(scale)
    side = pairs.side_of(scale, hr_patch_size)
    each = options.pop("patches_per_image", pairs.PATCHES_PER_IMAGE)
    plan = pairs.planned(source, batch_size, each, steps, seed)
    made = pairs.patches_of(
        source, scale, plan, side, degradation=degradation, **options
    )
    own = _of_photos(photos, side // scale, plan, options)
    part = pairs.part_of(batch_size, share)
    count, channels = part.stop - part.start, options.get("channels", 3)
    shapes = [(count, n, n, channels) for n in (side // scale, side)]
    kinds = functools.partial(_paired, plan, ratio)
    batch = functools.partial(_batch, (made, own), kinds, part, shapes)
    data = pairs.endless(batch, [*shapes, (count,)], epoch * plan.steps)
    # There is no tuple of three: Keras takes the third for weights.
    return data.map(lambda lr, hr, one: {"lr": lr, "hr": hr, "paired": one})


def unpaired(
    source: Source,
    scale,
    *,
    lr_source=None,
    batch_size=16,
    hr_patch_size=None,
    degradation="bicubic",
    seed=0,
    epoch=0,
    steps=None,
    **options,
) -> tf.data.Dataset:
    """Endless batches of LR and HR patches of different images.

    Args:
        source: pipelines.sources.Source of the HR images.
        scale: int, the factor between the patches' sizes.
        lr_source: Source whose images are taken as LR images, as they are;
            None to degrade other patches of `source`.
        batch_size: as for `paired`.
        hr_patch_size: as for `paired`.
        degradation: as for `paired`; without `lr_source`.
        seed: int.
        epoch: as for `paired`.
        steps: as for `paired`; of `source`.
        **options: as for `paired`, but `interpolated`; the images of
            `lr_source` keep their size.

    Returns:
        tf.data.Dataset of (lr, hr), shaped as those of `paired`, that have
        nothing to do with each other.

    Raises:
        ValueError: as for `paired`.
    """
    scale = pairs.whole_scale(scale)
    side = pairs.side_of(scale, hr_patch_size)
    each = options.get("patches_per_image", pairs.PATCHES_PER_IMAGE)
    if steps is None:
        steps = pairs.steps_per_epoch(source, batch_size, each)
    common = {**options, "batch_size": batch_size, "epoch": epoch}
    common["steps"] = steps
    hrs = pairs.paired(
        source, scale, hr_patch_size=side, seed=2 * seed, **common
    ).map(lambda lr, hr: hr)
    common["seed"] = 2 * seed + 1
    if lr_source is None:
        lrs = pairs.paired(
            source,
            scale,
            hr_patch_size=side,
            degradation=degradation,
            **common,
        )
    else:
        common.pop("hr_scale", None)
        lrs = pairs.paired(lr_source, 1, hr_patch_size=side // scale, **common)
    lrs = lrs.map(lambda lr, hr: lr)
    return tf.data.Dataset.zip(lrs, hrs).with_options(hrs.options())


def _of_photos(photos, side, plan, options):
    photos = pairs.large_enough(photos, 1, (side, side))
    draw = Draw((side, side), 1, options.get("augment", True))
    form = Format(1, options.get("channels", 3))
    limit = options.get("cache_gb", 1.0) * pairs.GIGABYTE
    return Patches(photos, "bicubic", form, plan, draw, limit)


def _paired(plan, ratio, k):
    """Which places of batch k have a pair: bool (batch_size,)."""
    seed = (plan.seed, *divmod(int(k), plan.steps), _MIXING)
    return np.random.default_rng(seed).random(plan.batch_size) >= ratio


def _batch(patches, kinds, part, shapes, k):
    """A part of batch k: the LR and HR patches, and which belong together."""
    made, own = patches
    paired = kinds(k)[part]
    places = np.arange(part.start, part.stop)
    lrs, hrs = (np.zeros(shape, "float32") for shape in shapes)
    if paired.any():
        lrs[paired], hrs[paired] = made.batch(k, places[paired])
    if not paired.all():
        # At a factor of 1 both of a pair are the photo's.
        lrs[~paired] = own.batch(k, places[~paired])[0]
    return lrs, hrs, paired.astype("float32")
