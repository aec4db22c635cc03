"""The dual heads of DRN (Guo et al. 2020, section 3.1), for any network.

A head takes the SR image of one level to the image of the level before, half
as large. What all of them learn is how LR images come about.
"""

import math

import keras

from sr_keras.models.drn import DRN, down_block

FILE = "dual.keras"

# Channels where the network does not say; those of DRN-S x4.
_FILTERS = 16


@keras.saving.register_keras_serializable("sr_keras")
class DualHeads(keras.Model):
    """One head for each doubling of the size.

    With the filters of the authors' networks a head has 864 (DRN-S x4), 432
    (DRN-S x8), 1,080 (DRN-L x4) or 540 (DRN-L x8) parameters.

    Args:
        levels: int, how many heads; the first gives the LR image.
        num_filters: int, channels between a head's two convolutions.
        channels: int, the image's.
        negative_slope: number, of the leaky ReLU between them.
        name: str.
    """

    def __init__(
        self,
        levels,
        num_filters=_FILTERS,
        channels=3,
        negative_slope=0.2,
        name="dual",
    ):
        if min(levels, num_filters) < 1:
            raise ValueError(
                "dual heads need 1 level and 1 filter, not "
                f"{levels} and {num_filters}"
            )
        inputs = [
            keras.Input((None, None, channels), name=f"sr{i}")
            for i in range(1, levels + 1)
        ]
        outputs = [
            down_block(x, num_filters, channels, f"head{i}", negative_slope)
            for i, x in enumerate(inputs, 1)
        ]
        super().__init__(inputs, outputs, name=name)
        self.levels = levels
        self.arguments = {
            "levels": levels,
            "num_filters": num_filters,
            "channels": channels,
            "negative_slope": negative_slope,
            "name": name,
        }

    def head(self, level, image):
        """Take an image to the level before.

        Args:
            level: int, the image's: 1 for twice the LR size.
            image: tensor (N, H, W, C).

        Returns:
            Tensor (N, ceil(H/2), ceil(W/2), C).
        """
        for part in ("border", "shrink", "act", "after"):
            image = self.get_layer(f"head{level}_{part}")(image)
        return image

    def to_lr(self, level, image):
        """Take an image all the way down.

        Args:
            level: int, the image's.
            image: tensor (N, H, W, C).

        Returns:
            Tensor (N, H / 2^level, W / 2^level, C), what LR image it makes.
        """
        for i in range(level, 0, -1):
            image = self.head(i, image)
        return image

    def get_config(self):
        """Return the constructor's arguments."""
        return dict(self.arguments)

    @classmethod
    def from_config(cls, config):
        """Build the heads that `get_config` described."""
        return cls(**config)


def heads_for(network, num_filters=None):
    """New dual heads that fit a network.

    Args:
        network: `Network` of a factor 2, 4, 8 or 16.
        num_filters: int; None for the network's own where it is DRN, else 16.

    Returns:
        DualHeads.

    Raises:
        ValueError: the factor is another.
    """
    levels = levels_of(network)
    if num_filters is None:
        # The channels that DRN has at the full size.
        own = isinstance(network, DRN)
        num_filters = network.get_layer("head").filters if own else _FILTERS
    return DualHeads(levels, num_filters, network.output_shape[-1])


def levels_of(network):
    """How many times a network doubles the size.

    Args:
        network: `Network`.

    Returns:
        int.

    Raises:
        ValueError: its factor is no power of two.
    """
    levels = math.log2(network.scale) if isinstance(network.scale, int) else 0
    if levels < 1 or levels != int(levels):
        raise ValueError(
            f"dual heads halve the size: they are for x2, x4 and x8, not "
            f"x{network.scale}"
        )
    return int(levels)


def check_fit(heads, network, name):
    """Refuse heads of another network.

    Args:
        heads: DualHeads.
        network: `Network`.
        name: str, where the heads are from.

    Raises:
        ValueError: they are for another factor or other channels.
    """
    ours = levels_of(network), network.output_shape[-1]
    theirs = heads.levels, heads.arguments["channels"]
    if ours != theirs:
        raise ValueError(
            f"the dual heads of {name} are for x{2 ** theirs[0]} and "
            f"{theirs[1]} channels, not x{2 ** ours[0]} and {ours[1]}: leave "
            "out --init-dual"
        )
