"""What every network is: a functional Keras graph that knows its scale."""

import functools

import keras
import numpy as np

from sr_keras.models.protocols import update

# What a factor may be above a level's own, in floating point.
_EPSILON = 1e-9


class Network(keras.Model):
    """LR image in, SR image out.

    A subclass builds its graph in `__init__` from explicit arguments, and
    keeps those arguments in `arguments`.

    Args:
        inputs: KerasTensor (N, H, W, C), float32 in [0, 1].
        outputs: KerasTensor (N, scale*H, scale*W, C); the size of the input
            for a refiner.
        scale: int, or for a refiner any factor or (y, x) pair of factors.
        about: dict of JSON values, what is known of where it comes from.
        name: str.
    """

    # The factors it can be built for; None for any.
    scales = None
    # Whether it takes and gives luma alone, with its default arguments.
    luma = False
    # A refiner sharpens an image that already has its final size.
    refiner = False
    # How a refiner's input has been enlarged, by its name in `resize`.
    interpolation = "bicubic"
    # Whether it learns from the photo that it is to enlarge, and no other.
    zero_shot = False
    # How many times in a row a refiner is applied to get to its scale.
    passes = 1
    # What the subclass was built with, by the names of its own parameters.
    arguments = {}
    # How many input pixels away an input pixel changes the output; None
    # where it is felt everywhere.
    reach = None

    # keras.Model lets unknown arguments pass unseen; here they are named.
    def __init__(self, inputs, outputs, scale, about=None, name=None):
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.scale = scale if np.isscalar(scale) else tuple(scale)
        self.about = update(dict(about or {}))

    @property
    def learner(self):
        """The keras.Model that is trained; it shares this one's weights.

        Its output is one SR image or a list of them, smallest first, and may
        lack a border.
        """
        return self

    @property
    def core(self):
        """The network within a wrapper; itself where it is none."""
        return self

    def images(self):
        """The SR images in the graph, for a network that has several.

        Returns:
            dict of int, the factor, to KerasTensor, smallest first.
        """
        return {}

    @functools.cached_property
    def levels(self):
        """Networks that end at a smaller SR image of this one's graph.

        They share its weights. A dict of int, the factor, to `Level`.
        """
        return {s: Level(self, s) for s in self.images() if 1 < s < self.scale}

    def reach_at(self, scale):
        """Return `reach` for the SR image of a factor in `images`."""
        return self.reach

    def __dir__(self):
        # Keras saves and loads what it finds here: the weights once more for
        # each level, and without end for a `learner` that is the network.
        hidden = {"core", "learner", "levels"}
        return [name for name in super().__dir__() if name not in hidden]

    def get_config(self):
        """Return the constructor's arguments."""
        own = {"name": self.name, "scale": self.scale, "about": self.about}
        return {**own, **self.arguments}

    @classmethod
    def from_config(cls, config):
        """Build the network that `get_config` described."""
        return cls(**config)


@keras.saving.register_keras_serializable("sr_keras")
class Level(Network):
    """A network up to one of its smaller SR images.

    Args:
        network: `Network`.
        scale: int, the factor of the image.
    """

    def __init__(self, network, scale):
        super().__init__(
            network.input,
            network.images()[scale],
            scale,
            about=network.about,
            name=network.name,
        )
        self._reach = network.reach_at(scale)
        self._whole = keras.saving.serialize_keras_object(network)

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt; None everywhere."""
        return self._reach

    def get_config(self):
        """Return the whole network, the factor, and what is known."""
        about, scale = self.about, self.scale
        return {"network": self._whole, "scale": scale, "about": about}

    @classmethod
    def from_config(cls, config):
        """Build the whole network, and return the level of it."""
        network = keras.saving.deserialize_keras_object(config["network"])
        level = network.levels[config["scale"]]
        level.about = config["about"]
        return level


def level_for(network, factor):
    """The smallest network that reaches a factor, of those in a network.

    Args:
        network: `Network`, or an exported file.
        factor: number, the larger one of two axes.

    Returns:
        One of the network's levels, or the network.
    """
    levels = getattr(network, "levels", {})
    enough = [s for s in levels if s >= factor * (1 - _EPSILON)]
    return levels[min(enough)] if enough else network


def reach_of(*stages):
    """How far a pixel is felt after a row of enlargements and filters.

    Args:
        *stages: pairs of int (factor, radius): the image is enlarged by a
            whole factor, 1 for not at all, each pixel to a block, and then
            filtered with a kernel that reaches `radius` of its new pixels.

    Returns:
        int, in pixels of the input: the distance from an input pixel to the
        furthest one whose block of the output it changes.
    """
    first = last = 0
    scale = 1
    for factor, radius in stages:
        first = first * factor - radius
        last = (last + 1) * factor - 1 + radius
        scale *= factor
    return max(-(first // scale), last // scale)
