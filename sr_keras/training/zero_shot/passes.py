"""The scales that a zero-shot training goes through.

Either the same factor again and again (passes), or growing factors (Shocher
et al. 2018, section 3.3).
"""

import dataclasses
import itertools
import math

import numpy as np

# Steps and rate of a later pass, relative to the first.
_LATER = 0.4


def passes_for(scale, scaling_steps=1, kernel=None):
    """How many passes serve a factor best: none of them more than 2.

    One photo is too little to learn larger leaps from: with one pass of 4
    the network knows its small sons by heart and nothing else.

    Args:
        scale: pair (y, x) of factors.
        scaling_steps: int, the other way to get there: then 1.
        kernel: ndarray, the blur kernel, which belongs to one pass.

    Returns:
        int.
    """
    if kernel is not None or scaling_steps > 1:
        return 1
    return max(1, math.ceil(math.log2(max(scale)) - 1e-9))


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the training, which ends with a new source.

    Attributes:
        factor: pair (y, x), what the network learns to enlarge by.
        reached: pair (y, x), the new source's size over the image's.
        passes: int, how often the factor is taken to get there.
        first: int, the step it begins with.
        last: int, the step it ends before.
        rate: float, what the learning rate is multiplied by.
    """

    factor: tuple
    reached: tuple
    passes: int
    first: int
    last: int
    rate: float = 1.0


def passes(scale, count, max_steps):
    """One factor all the time, practised on every pass's result in turn.

    The first pass is the most work: the next only adjust to larger images.

    Args:
        scale: pair (y, x) of factors.
        count: int, passes.
        max_steps: int, for all of them.

    Yields:
        Stage.
    """
    factor = tuple(s ** (1 / count) for s in scale)
    shares = np.cumsum([0.0, 1.0, *[_LATER] * (count - 1)])
    steps = [round(s * max_steps / shares[-1]) for s in shares]
    for i in range(count):
        reached = tuple(s ** ((i + 1) / count) for s in scale)
        rate = 1.0 if i == 0 else _LATER
        yield Stage(factor, reached, i + 1, steps[i], steps[i + 1], rate)


def gradual(scale, count, max_steps):
    """Growing factors, each applied to the image itself.

    Section 3.3 of the paper; as in the authors' X2_GRADUAL_IDEAL_CONF one
    axis goes ahead of the other where the count allows.

    Args:
        scale: pair (y, x) of factors.
        count: int, factors on the way, the last one included.
        max_steps: int, for all of them.

    Yields:
        Stage.
    """
    if count % 3:
        path = [[(i + 1) / count] * 2 for i in range(count)]
    else:
        levels = [i / (count // 3) for i in range(count // 3 + 1)]
        path = [
            pair
            for low, high in itertools.pairwise(levels)
            for pair in ((low, high), (high, low), (high, high))
        ]
    for i, shares in enumerate(path):
        factor = tuple(s**p for s, p in zip(scale, shares, strict=True))
        first, last = (max_steps * j // count for j in (i, i + 1))
        yield Stage(factor, factor, 1, first, last)
