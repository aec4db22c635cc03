"""What exported files compute: a network, its colours, its clipping."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from sr_keras.imaging import color
from sr_keras.inference import channels
from sr_keras.models import artifact, graph
from sr_keras.models.classical import Interpolation
from sr_keras.models.layers import FixedUpsample

# What TensorFlow's quantization-aware training leaves in a graph.
_FAKE = "FakeQuant"


class Picture:
    """From LR to SR, as a file has it.

    Args:
        network: `Network`, no bare refiner.
        colour: bool, whether a network for luma takes and gives RGB.

    Attributes:
        network: the same.
        channels: int, of what it takes and gives.
        on_luma: bool, whether the network sees luma.
        colour: bool, whether RGB goes around it.
        scale: int.
    """

    def __init__(self, network, colour=True):
        self.network, self.scale = network, network.scale
        own = network.input_shape[-1]
        bare = network.core
        self.zero_shot = bare.zero_shot
        self.on_luma = channels.is_for_luma(network)
        self.colour = self.on_luma and colour
        self.channels = 3 if self.colour else own

    def __call__(self, images):
        """Enlarge as `sr_keras.upscale` does; (N, H, W, C) tensor."""
        if not self.colour:
            found = self.network(images, training=False)
            return tf.clip_by_value(found, 0.0, 1.0)
        interpolate = Interpolation(self.scale, dtype="float32")
        found = channels.enlarged(
            images,
            _Luma(self.network),
            lambda x: self.network(x, training=False),
            interpolate,
        )
        return tf.clip_by_value(found, 0.0, 1.0)

    def plain(self, images):
        """The same in few and common operations, for phones."""
        if not self.colour:
            found = self._replayed(images)
            # What has learned its range is clipped to it already.
            return found if self.has_ranges else _clipped(found)
        # To whose every feature has a range, what is around it adds its own.
        ranged = _ranged if self.has_ranges else tf.identity
        ycbcr = ranged(_mixed(ranged(images), *_to_ycbcr()))
        luma = self._replayed(ycbcr[..., :1])
        upsample = FixedUpsample(self.scale, dtype="float32")
        colours = ranged(upsample(ycbcr[..., 1:]))
        both = ranged(tf.concat([luma, colours], axis=-1))
        rgb = _mixed(both, *_to_rgb())
        return _ranged(rgb) if self.has_ranges else _clipped(rgb)

    @functools.cached_property
    def has_ranges(self):
        """Whether the network has learned the ranges of its features."""
        own = tf.TensorSpec((1, None, None, self.network.input_shape[-1]))
        traced = tf.function(self._replayed).get_concrete_function(own)
        return any(
            node.op.startswith(_FAKE)
            for node in traced.graph.as_graph_def().node
        )

    def facts(self):
        """What a file says of itself.

        Returns:
            dict of JSON values.
        """
        network = self.network
        return {
            "name": network.about.get("name", network.name),
            "scale": int(self.scale),
            "reach": network.reach,
            "channels": self.channels,
            "luma": self.on_luma and not self.colour,
            "zero_shot": bool(self.zero_shot),
            "bytes_per_pixel": float(graph.bytes_per_pixel(network)),
            "versions": artifact.versions(),
        }

    @functools.cached_property
    def compiled(self):
        """The function of Keras: float32 ndarray to ndarray."""
        # XLA makes these convolutions twice as slow on a CPU.
        run = tf.function(
            self,
            input_signature=[self.specification()],
            jit_compile=False,
        )
        return lambda x: run(tf.constant(x, tf.float32)).numpy()

    def specification(self, batch=None, size=None):
        """The input.

        Args:
            batch: int, or None for any.
            size: pair (height, width), or None for any.

        Returns:
            tf.TensorSpec.
        """
        shape = (batch, *(size or (None, None)), self.channels)
        return tf.TensorSpec(shape, tf.float32, name="images")

    def shuffles(self):
        """How many depth-to-spaces are in it."""
        found, _ = graph.calls(
            self.network, keras.Input(self.network.input_shape[1:])
        )
        names = [type(call.layer).__name__ for call in found]
        return sum(n in ("PixelShuffle", "FixedUpsample") for n in names)

    def _replayed(self, images):
        """The network, layer by layer, some in another form."""
        network = self.network
        inputs = keras.Input(network.input_shape[1:])
        calls, last = graph.calls(network, inputs)
        calls = [call._replace(layer=_plain(call.layer)) for call in calls]
        return graph.replay(calls, {id(inputs): images})[id(last)]


class _Luma:
    """What `channels.enlarged` asks of a network for luma."""

    zero_shot = False

    def __init__(self, network):
        self.name, self.input_shape = network.name, network.input_shape
        self.core = self


def _plain(layer):
    """A layer in a form that all have; itself in most cases."""
    if (
        isinstance(layer, layers.UpSampling2D)
        and layer.interpolation == "nearest"
    ):
        # Keras repeats rows and columns along a fifth axis.
        return functools.partial(_nearest, tuple(layer.size))
    return layer


def _nearest(factors, x):
    size = [n if n else tf.shape(x)[i] for i, n in enumerate(x.shape)]
    size = [n * f for n, f in zip(size[1:3], factors, strict=True)]
    return tf.image.resize(x, size, "nearest")


def _clipped(images):
    return tf.clip_by_value(images, 0.0, 1.0)


def _ranged(images):
    """Rounded to 8 bits, of the range of an image."""
    return tf.quantization.fake_quant_with_min_max_args(images, 0.0, 1.0)


def _mixed(images, matrix, offset):
    """Each pixel's channels, times a matrix."""
    weights = tf.constant(matrix.T[None, None], tf.float32)
    found = tf.nn.conv2d(images, weights, 1, "VALID")
    return tf.nn.bias_add(found, tf.constant(offset, tf.float32))


def _to_ycbcr():
    return _affine(color.rgb_to_ycbcr)


def _to_rgb():
    return _affine(color.ycbcr_to_rgb)


def _affine(convert):
    """A colour conversion as matrix and offset."""
    offset = convert(np.zeros((1, 3)))[0]
    return (convert(np.eye(3)) - offset).T, offset
