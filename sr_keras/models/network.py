"""What every network is: a functional Keras graph that knows its scale."""

import keras
import numpy as np

from sr_keras.protocols import update


class Network(keras.Model):
    """LR image in, SR image out.

    A subclass builds its graph in `__init__` from explicit arguments, and
    returns those arguments from `get_config`.

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
    # Whether it learns from the photo that it is to enlarge, and no other.
    zero_shot = False
    # How many times in a row a refiner is applied to get to its scale.
    passes = 1
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

    def __dir__(self):
        # Keras saves and loads what it finds here, and would follow a
        # `learner` that is the network itself without end.
        return [name for name in super().__dir__() if name != "learner"]

    def get_config(self):
        """Return the constructor's arguments."""
        return {"name": self.name, "scale": self.scale, "about": self.about}

    @classmethod
    def from_config(cls, config):
        """Build the network that `get_config` described."""
        return cls(**config)


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
