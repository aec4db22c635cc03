"""Which way an image takes through a network, whatever the factor.

- A network that enlarges by its own factor does so once, or several times in
  a row until it is at least as large as asked for; what is too large is
  resized, with antialiasing. If its graph has smaller SR images as well
  (`Network.levels`), the last time ends at the smallest that is enough.
- A refiner and a classical interpolation go to any size themselves.
"""

import dataclasses
import math

import numpy as np

from sr_keras.imaging.resize import imresize
from sr_keras.imaging.scale import geometry, output_size, parse_scale
from sr_keras.inference import channels
from sr_keras.inference.compiled import Runner, rounded
from sr_keras.inference.refine import refine
from sr_keras.inference.tiled import Enlarger, Pixels
from sr_keras.models.network import level_for

# What a factor may be short of a network's own by, in floating point.
_EPSILON = 1e-9


def enlargement(network, source, scale, size, finish, **options):
    """Get an image ready to be enlarged.

    Args:
        network: `Network`.
        source: `Pixels`, or what has its `shape` and `part`.
        scale: number or (y, x) pair of factors; the network's own when None
            and there is no size.
        size: pair (height, width) of the result; from the scale when None.
        finish: refine.Finish.
        **options: with_trust and report, as for `Enlarger`.

    Returns:
        Enlarger.

    Raises:
        ValueError: a factor or size that cannot be used, or an image with
            channels that the network does not take.
    """
    if scale is None and size is None:
        scale = network.scale
    scale, size = geometry(source.shape[:2], scale, size)
    scale = parse_scale(scale)
    channels.check(source.shape[-1], network)
    if _goes_anywhere(network, scale, finish):
        bare = network.core
        runner = Anywhere(bare, source.shape[:2], scale, size, finish)
        plain = dataclasses.replace(finish, fusion="none", back_projection=0)
        return Enlarger(runner, source, scale, size, plain, **options)
    for _ in range(passes(network.scale, scale) - 1):
        source = Pixels(_once(network, source, finish))
        scale = tuple(s / network.scale for s in scale)
    network = level_for(network, max(scale))
    runner = _runner(network, source.shape[-1])
    return Enlarger(runner, source, scale, size, finish, **options)


def passes(own, scale):
    """How many times in a row a network has to enlarge.

    Args:
        own: int, its factor.
        scale: pair (y, x) of factors.

    Returns:
        int, at least 1.
    """
    count, reached = 1, own
    while own > 1 and reached < max(scale) * (1 - _EPSILON):
        count, reached = count + 1, reached * own
    return count


def needed_factor(shape, scale, size):
    """The largest factor of an axis, for choosing a network.

    Args:
        shape: pair (H, W) of the image.
        scale: as in `enlargement`.
        size: as in `enlargement`.

    Returns:
        float, or None where neither says.
    """
    if scale is None and size is None:
        return None
    return max(geometry(shape, scale, size)[0])


class Anywhere:
    """What goes to any size by itself, in place of a `Runner`.

    Args:
        network: a refiner, or a classical interpolation.
        shape: pair (H, W) of the image.
        scale: pair (y, x) of factors.
        size: pair (height, width) of the result.
        finish: refine.Finish.
    """

    own = None
    reach = None
    fixed = False

    def __init__(self, network, shape, scale, size, finish):
        self.network, self._shape = network, tuple(shape)
        self._scale, self._size, self._finish = scale, tuple(size), finish
        self.bytes_per_pixel = 100 * math.prod(scale)

    def whole(self, image, tile=None, limit=math.inf, report=None):
        """Enlarge an image: see `Runner.whole`."""
        turned = image.shape[:2] != self._shape
        size = self._size[::-1] if turned else self._size
        scale = self._scale[::-1] if turned else self._scale
        if hasattr(self.network, "interpolate"):
            return self.network.interpolate(image, scale=scale, size=size)

        def refined(x):
            return refine(
                self.network,
                x,
                scale,
                size,
                self._finish,
                report=report and (lambda done, total: report(done / total)),
            )["fused"]

        return channels.enlarged(
            image, self.network, refined, lambda x: imresize(x, scale, size)
        )

    def sample(self, image):
        """What takes as long as a part of an image of this size."""
        shape = image.shape[:2]
        size = output_size(shape, self._scale)
        like = Anywhere(self.network, shape, self._scale, size, self._finish)
        return like.whole(image)

    def rounded(self, array, bits):
        """Clip and round: see `Runner.rounded`."""
        return rounded(array, bits, self.network)


def _goes_anywhere(network, scale, finish):
    if hasattr(network, "interpolate") or network.refiner:
        return True
    refiner = network.core
    if refiner is network:
        return False
    # What is learned from pairs takes a refiner's way only where it must.
    own = (network.scale, network.scale)
    return refiner.zero_shot or tuple(scale) != own or finish.keep_colours


def _runner(network, count):
    """A `Runner`, or what an exported file has in its place."""
    make = getattr(network, "runner", None)
    return make(count) if make else Runner(network, count)


def _once(network, source, finish):
    """All of an image, enlarged by the network's own factor."""
    own = (network.scale, network.scale)
    size = tuple(n * network.scale for n in source.shape[:2])
    runner = _runner(network, source.shape[-1])
    plain = dataclasses.replace(finish, back_projection=0, color_guard=False)
    return np.clip(Enlarger(runner, source, own, size, plain).array(), 0, 1)
