"""A network as a compiled function of what people's images hold."""

import contextlib
import math

import numpy as np

from sr_keras.imaging.quantize import quantize, quantized
from sr_keras.imaging.resize import imresize
from sr_keras.inference import channels, luma
from sr_keras.inference.global_pooling import Stages
from sr_keras.inference.lock import ALONE
from sr_keras.models import graph
from sr_keras.models.classical import phases
from sr_keras.support import memory
from sr_keras.support.keras_settings import check_backend

# How far the interpolation of colour differences and alpha looks.
_INTERPOLATED = 2

# Libraries keep copies of their own of what they compute with: measured.
_COPIES = 1.5

# A tile of a stage has this many LR pixels a side: its margins are small.
_STAGE_SIDE = 256


class Runner:
    """A network that enlarges, and what is done for it before and after.

    Args:
        network: `Network`, no refiner.
        count: int, channels of the image: see `channels.enlarged`.

    Attributes:
        network: the same.
        own: int, its factor.
        fixed: bool, whether results depend, in their last bits, on how large
            the image is that the network gets.
        reach: int, how many LR pixels away a pixel is felt; None everywhere.
    """

    def __init__(self, network, count):
        check_backend()
        self.network = network
        # Then the graph has the network alone: see `luma`.
        self._in_colours = count == 3 and channels.is_for_luma(network)
        self._count = None if self._in_colours else count
        self.own = network.scale
        self._facts = _held(network, "_facts", dict)
        if not self._facts:
            self._facts["fixed"] = graph.depends_on_size(network)
            self._facts["bytes"] = graph.bytes_per_pixel(network)
        self.fixed = self._facts["fixed"]
        self.reach = network.reach
        if self.reach is not None:
            self.reach = max(self.reach, _INTERPOLATED)

    @property
    def bytes_per_pixel(self):
        """Memory for the features of a pixel of the image."""
        return _COPIES * self._facts["bytes"]

    def picture(self, image, bits=None):
        """Enlarge an image, or a part of it, in one go.

        Args:
            image: float32 ndarray (H, W, C), in [0, 1].
            bits: int, 8 or 16 for the integers of files, 32 for [0, 1]; None
                to clip nothing.

        Returns:
            ndarray (h, w, C).

        Raises:
            ValueError: the network takes no such image, or gives numbers
                that are none.
        """
        whole = bits in (8, 16)
        if self._in_colours:
            taps = phases("bicubic", self.own)
            result = luma.enlarged(image, self._of_luma, taps, whole and bits)
        else:
            result = self._computed(image, whole and bits)
        return result if whole or bits is None else np.clip(result, 0, 1)

    def _of_luma(self, y):
        return self._computed(y[..., None], False)[..., 0]

    def _computed(self, image, bits):
        with ALONE:
            found, total = self._compiled(bits)(image[None])
            found, total = found.numpy()[0], total.numpy()
        if not math.isfinite(total):
            raise ValueError(_NO_NUMBERS.format(self.network.name))
        return found

    def sample(self, image):
        """What takes as long as a part of an image of this size."""
        return self.picture(image, 8)

    def rounded(self, array, bits):
        """What `picture` does last, for an array of results."""
        return rounded(array, bits, self.network)

    def whole(self, image, tile=None, limit=math.inf, report=None):
        """Enlarge an image by a network that looks at all of it.

        Args:
            image: float32 ndarray (H, W, C), in [0, 1].
            tile: int, the side of a tile; None to choose.
            limit: bytes of memory.
            report: function (share that is done).

        Returns:
            float32 ndarray (h, w, C), not clipped.

        Raises:
            ValueError: as `picture`.
        """
        pixels = math.prod(image.shape[:2])
        fits = self.bytes_per_pixel * pixels < min(limit, _AT_ONCE)
        if fits and not tile:
            with contextlib.suppress(*memory.errors()):
                return self.picture(image)
        stages = self._stages()
        if stages is None:
            return self.picture(image)
        return channels.enlarged(
            image,
            self.network,
            lambda x: self._in_stages(stages, x, tile, limit, report),
            lambda x: imresize(x, self.network.scale),
        )

    def _in_stages(self, stages, image, tile, limit, report):
        own = self.network.scale
        size = [n * own for n in image.shape[:2]]
        result = np.empty((*size, image.shape[-1]), "float32")
        parts = stages.run(
            lambda window: image[window],
            image.shape[:2],
            tile or _STAGE_SIDE,
            limit,
            report,
        )
        for place, part in parts:
            result[place] = part
        return result

    def _stages(self):
        """The network in stages; None where it cannot be taken apart."""
        if "stages" not in self._facts:
            try:
                self._facts["stages"] = Stages(self.network)
            except ValueError:
                self._facts["stages"] = None
        return self._facts["stages"]

    def _compiled(self, bits):
        """The compiled function for this kind of image and result."""
        known = _held(self.network, "_pictures", dict)
        key = self._count, bits
        if key not in known:
            known[key] = _compiled(self.network, *key)
        return known[key]


def rounded(array, bits, network):
    """Clip and round an array of results.

    Args:
        array: float32 ndarray (h, w, C).
        bits: 8, 16 or 32, as for `quantize.quantize`.
        network: `Network`, whose name is told if it gave NaN.

    Returns:
        uint8, uint16 or float32 ndarray (h, w, C).

    Raises:
        ValueError: a number in it is none.
    """
    if not np.isfinite(array.sum(dtype="float64")):
        raise ValueError(_NO_NUMBERS.format(network.name))
    return quantize(array, bits)


def forget(network):
    """Forget what was compiled of a network: it computes otherwise now.

    Args:
        network: `Network`.
    """
    for name in ("_pictures", "_facts"):
        if hasattr(network, name):
            delattr(network, name)
    for level in getattr(network, "levels", {}).values():
        forget(level)


# The most that a network may take to see an image at once rather than in
# stages.
_AT_ONCE = 2_000_000_000

_NO_NUMBERS = (
    "{} gives NaN or infinity for this image: its training went wrong, or it "
    "was trained for images of another range"
)


class _Held:
    """Keeps Keras from following what a network is given to hold."""

    def __init__(self, value):
        self.value = value


def _held(network, name, make):
    if not hasattr(network, name):
        setattr(network, name, _Held(make()))
    return getattr(network, name).value


def _compiled(network, count, bits):
    import tensorflow as tf

    from sr_keras.inference import fused
    from sr_keras.models.classical import Interpolation

    # Its sums are written out, and the same for images of any size.
    interpolate = Interpolation(network.scale, dtype="float32")
    computed = fused.forward(network)

    def forward(x):
        return tf.cast(computed(x), tf.float32)

    def picture(images):
        found = (
            channels.enlarged(images, network, forward, interpolate)
            if count
            else forward(images)
        )
        total = tf.reduce_sum(found)
        return (quantized(found, bits) if bits else found), total

    shape = (1, None, None, count or 1)
    # XLA makes these convolutions twice as slow on a CPU; rewriting Python's
    # branches, of which none depends on pixels, takes longer than a tile.
    return tf.function(
        picture,
        input_signature=[tf.TensorSpec(shape, tf.float32)],
        autograph=False,
        jit_compile=False,
    )
