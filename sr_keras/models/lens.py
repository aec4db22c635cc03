"""Lens: the network of the weights that come with this package.

Residual blocks without normalisation at the size of the LR image (Lim et al.
2017, "EDSR", https://arxiv.org/abs/1707.02921) and one sub-pixel convolution at
the end (Shi et al. 2016, "ESPCN", https://arxiv.org/abs/1609.05158), which adds
to the nearest pixel: the anchor of Du et al. 2021,
https://arxiv.org/abs/2105.10288, section 3.2. No layer works at the size of the
result, so that nearly all of the time goes into 3x3 convolutions.
"""

import keras
from keras import layers

from sr_keras.models.layers import EXACT, PixelShuffle
from sr_keras.models.network import Network, reach_of


@keras.saving.register_keras_serializable("sr_keras")
class Lens(Network):
    """A chain of residual blocks, and the nearest pixel.

    The defaults have 255,948 parameters at x2. With 16 filters, 5 blocks and 1
    channel there are 23,940.

    Args:
        scale: int, 2, 3 or 4.
        num_blocks: int, residual blocks of two convolutions.
        num_filters: int, their channels.
        channels: int, the image's: 1 luma, 3 RGB.
        **kwargs: as for `Network`.

    Raises:
        ValueError: no block or no filters.
    """

    scales = (2, 3, 4)

    def __init__(
        self, scale=2, num_blocks=6, num_filters=48, channels=3, **kwargs
    ):
        if min(num_blocks, num_filters) < 1:
            raise ValueError(
                "lens needs 1 block and 1 filter or more, not "
                f"{num_blocks} and {num_filters}"
            )
        inputs = keras.Input((None, None, channels), name="lr")
        x = _convolution(num_filters, "head", "relu")(inputs)
        for i in range(1, num_blocks + 1):
            y = _convolution(num_filters, f"block{i}_conv1", "relu")(x)
            y = _convolution(num_filters, f"block{i}_conv2", **_small())(y)
            x = layers.Add(name=f"block{i}")([x, y])
        phases = scale * scale
        x = _convolution(phases * channels, "tail", **_small())(x)
        anchor = layers.Concatenate(name="anchor", **EXACT)([inputs] * phases)
        x = layers.Add(name="residual", **EXACT)([anchor, x])
        outputs = PixelShuffle(scale, name="shuffle", **EXACT)(x)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = {
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "channels": channels,
        }

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        body = 2 * self.arguments["num_blocks"] + 2
        return reach_of((1, body), (self.scale, 0))


def _small():
    """Nearly no residual at first.

    Training starts from the nearest pixel, and with blocks that leave things
    as they are: features do not grow from block to block (Zhang et al. 2019,
    "Fixup Initialization", https://arxiv.org/abs/1901.09321).
    """
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=1e-3)}


def _convolution(filters, name, activation=None, **kwargs):
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation=activation,
        name=name,
        **{"kernel_initializer": "he_normal", **kwargs},
    )


RECIPES = {
    "default": {
        "data": {
            "hr_patch_size": 64, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": {
            "loss": "l1", "optimizer": "muon", "learning_rate": 3e-3,
            "schedule": "cosine", "final_rate": 1e-5, "epochs": 100,
            "steps_per_epoch": 500,
        },
    },
}  # fmt: skip
