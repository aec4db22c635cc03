"""The images of a training: which are learned from, and which are not."""

import sys

from sr_keras import pipelines
from sr_keras.pipelines.datasets import paired
from sr_keras.pipelines.sources import Source
from sr_keras.support.console import miss, say
from sr_keras.support.progress import counted
from sr_keras.training import held_out

# The part that is held back unless it is said.
_SPLIT = 0.1


def sources(job, scale, data, seed):
    """Open the images.

    Args:
        job: dict, the top level of config.json.
        scale: int.
        data: training.plan.Data.
        seed: int, for what is held back.

    Returns:
        Pair of pipelines.sources.Source: to train on, and to validate on, or
        None.

    Raises:
        ValueError, FileNotFoundError: there are none, or too few.
    """
    specs = job["sources"]
    train = _opened(specs, job, scale, data, "train")
    side = paired.side_of(scale, data.hr_patch_size)
    size = paired.least_side(scale, side, data.hr_scale)
    # Left out before they are divided: scores are of ordinary photos.
    train = paired.large_enough(train, scale, size)
    if _too_few(train, data):
        small = ""
        if train.skipped:
            count = counted(len(train.skipped), "image")
            small = f" ({count} left out, {train.skipped[0]})"
        raise ValueError(
            f"{train.name} has {counted(len(train), 'image')}, fewer than the "
            f"batch of {data.batch_size}: give more images or a smaller "
            f"--batch-size{small}"
        )
    split = job["validation_split"]
    before = job["held_out"] or ()
    if job["validation"]:
        held = _opened([job["validation"]], job, scale, data, "validation")
        return train, _ordered(held, before)
    if split == 0:
        return train, None
    held = _own(train, specs, job, scale, data) if split is None else None
    if held is not None:
        return train, _ordered(held, before)
    there, others = held_out.places_of(train, before)
    if there:
        parts = train.subset(others), train.subset(there)
    else:
        parts = train.divided(split or _SPLIT, seed)
    return _checked(*parts, train, data)


def name_left_out(every, named):
    """Say what is left out, once.

    Args:
        every: iterable of pipelines.sources.Source.
        named: set of str, the lines that were said before.

    Returns:
        Set of str, all lines.
    """
    every = list(every)
    for source in every:
        miss(source.unreadable)
    lines = {line for source in every for line in source.skipped}
    if new := sorted(lines - named):
        count = counted(len(new), "image")
        say(f"{count} cannot be used and had to be left out:", sys.stderr)
    for line in new:
        say(f"  {line}", sys.stderr)
    return lines


def _opened(specs, job, scale, data, split):
    return Source.joined(
        [
            pipelines.open_source(
                spec, scale, data.degradation, split, job["data_dir"]
            )
            for spec in specs
        ]
    )


def _own(train, specs, job, scale, data):
    """The images that the data set itself has for validation, or None."""
    try:
        held = _opened(specs, job, scale, data, "validation")
    except (ValueError, FileNotFoundError):
        return None
    return None if {*held.names} & {*train.names} else held


def _too_few(source, data):
    """Whether images would come twice in a batch, and not on purpose."""
    return len(source) < data.batch_size and data.stride is None


def _ordered(source, before):
    """The images with those first that were held out before."""
    there, others = held_out.places_of(source, before)
    return source.subset([*there, *others]) if there else source


def _checked(train, held, source, data):
    """The parts of a source, if there is enough to learn from."""
    if _too_few(train, data):
        raise ValueError(
            f"{source.name} has {counted(len(source), 'image')}, {len(held)} "
            f"of them for validation, and the others are fewer than the batch "
            f"of {data.batch_size}: give more images, a smaller --batch-size "
            "or --validation DIR"
        )
    return train, held
