"""EDSR: Enhanced Deep Residual Networks for Single Image Super-Resolution.

B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, CVPR Workshops 2017,
https://arxiv.org/abs/1707.02921

Residual blocks without batch normalisation, at the size of the LR image, and
sub-pixel convolutions at the end.
"""

import keras
from keras import layers, ops

from sr_keras.models import weight_maps
from sr_keras.models.layers import DIV2K_MEAN, MeanShift, PixelShuffle
from sr_keras.models.network import Network, reach_of
from sr_keras.models.recipes import COSINE, EPSILON


@keras.saving.register_keras_serializable("sr_keras")
class EDSR(Network):
    """The network of section 3.2 and table 1.

    The defaults are the authors' baseline, of 1,369,859, 1,554,499 and
    1,517,571 parameters at x2, x3 and x4; "edsr-full" is their final model,
    of 40,729,603 at x2. As in their code the mean colour of DIV2K is taken
    off, bytes are what the layers see, and the first weights are PyTorch's.

    Args:
        scale: int, 2, 3 or 4.
        num_blocks: int, residual blocks (16, or 32 in the final model).
        num_filters: int, their channels (64, or 256).
        residual_scaling: number, by which a block's residual is multiplied
            (section 3.3: 0.1 with 256 channels).
        value_range: number, what 1 becomes inside the network.
        channels: int, the image's: 1 grey, 3 RGB.
        **kwargs: as for `Network`.

    Raises:
        ValueError: no block or no filters.
    """

    scales = (2, 3, 4)

    def __init__(
        self,
        scale=2,
        num_blocks=16,
        num_filters=64,
        residual_scaling=1.0,
        value_range=255.0,
        channels=3,
        **kwargs,
    ):
        if min(num_blocks, num_filters) < 1:
            raise ValueError(
                "edsr needs 1 block and 1 filter or more, not "
                f"{num_blocks} and {num_filters}"
            )
        inputs = keras.Input((None, None, channels), name="lr")
        mean = DIV2K_MEAN if channels == 3 else (sum(DIV2K_MEAN) / 3,)
        x = MeanShift(mean, value_range, name="subtract_mean")(inputs)
        x = first = _convolution(num_filters, "head")(x)
        for i in range(num_blocks):
            x = _residual_block(x, num_filters, residual_scaling, i + 1)
        x = _convolution(num_filters, "body")(x)
        x = layers.Add(name="skip")([x, first])
        for i, factor in enumerate(_factors(scale), start=1):
            filters = factor**2 * num_filters
            x = _convolution(filters, f"upsample{i}")(x)
            x = PixelShuffle(factor, name=f"shuffle{i}")(x)
        x = _convolution(channels, "tail")(x)
        outputs = MeanShift(mean, value_range, undo=True, name="add_mean")(x)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = {
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "residual_scaling": residual_scaling,
            "value_range": value_range,
            "channels": channels,
        }

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        upsampling = []
        for factor in _factors(self.scale):
            upsampling += [(1, 1), (factor, 0)]
        body = 2 * self.arguments["num_blocks"] + 2
        return reach_of((1, body), *upsampling, (1, 1))


def _residual_block(x, num_filters, scaling, number):
    y = _convolution(num_filters, f"block{number}_conv1", "relu")(x)
    y = _convolution(num_filters, f"block{number}_conv2")(y)
    if scaling != 1:
        y = ops.multiply(y, scaling)
    return layers.Add(name=f"block{number}")([x, y])


def _convolution(filters, name, activation=None):
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation=activation,
        kernel_initializer=keras.initializers.VarianceScaling(
            1 / 3, "fan_in", "uniform"
        ),
        name=name,
    )


def _factors(scale):
    """The factors of its sub-pixel convolutions: 4 is 2 and 2."""
    return (2, 2) if scale == 4 else (scale,)


def published(shapes, scale):
    """The names in github.com/sanghyun-son/EDSR-PyTorch."""
    blocks = max(weight_maps.count(shapes, r"body\.(\d+)\.body\."), 1)
    conv = weight_maps.conv
    found = conv("head", "head.0")
    for i in range(blocks):
        for k, index in ((1, 0), (2, 2)):
            found |= conv(f"block{i + 1}_conv{k}", f"body.{i}.body.{index}")
    found |= conv("body", f"body.{blocks}")
    for i, factor in enumerate(_factors(scale)):
        found |= conv(f"upsample{i + 1}", f"tail.0.{2 * i}", shuffle=factor)
    found |= conv("tail", "tail.1")
    arguments = {"num_blocks": blocks}
    filters = shapes.get("head.0.bias")
    if filters:
        arguments["num_filters"] = filters[0]
        # No tensor tells it: section 3.3 has 0.1 for 256 filters.
        arguments["residual_scaling"] = 0.1 if filters[0] == 256 else 1.0
    return weight_maps.Published(
        found, arguments, ignored=r"(sub|add)_mean\.(weight|bias)"
    )


# Section 4.2: 48x48 LR patches, batch 16, L1, Adam (0.9, 0.999, 1e-8 on
# images in [0, 255]), 1e-4
# halved every 2e5 steps; their code stops at 3e5.
_LEARNING = {
    "loss": "l1", "optimizer": "adam", "learning_rate": 1e-4, "beta1": 0.9,
    "beta2": 0.999, "epsilon": EPSILON, "schedule": "step",
    "step_every": 200, "step_factor": 0.5, "epochs": 300,
    "steps_per_epoch": 1000,
}  # fmt: skip

RECIPES = {
    "default": {
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": COSINE,
    },
    "paper": {
        # github.com/sanghyun-son/EDSR-PyTorch, utility.py, calc_psnr.
        "evaluation": {"protocol": "y", "pipeline": "files"},
        # Section 4.2: 48x48 LR pixels. Of HR that is 96x96, 144x144 and
        # 192x192 at x2, x3 and x4.
        "data": {
            "hr_patch_size": None, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": _LEARNING,
    },
}  # fmt: skip
