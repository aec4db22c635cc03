"""DRN: Closed-loop Matters: Dual Regression Networks for Single Image SR.

Y. Guo, J. Chen, J. Wang, Q. Chen, J. Cao, Z. Deng, Y. Xu, M. Tan, CVPR 2020,
https://arxiv.org/abs/2003.07018

A U-Net: the interpolated image is shrunk in steps and enlarged again, and an
SR image is read off at every size. The dual heads, which bring these back to
the size before, belong to training.
"""

import functools
import math

import keras
from keras import layers

from sr_keras.models import weight_maps
from sr_keras.models.layers import (
    DIV2K_MEAN,
    FixedUpsample,
    ImageLayer,
    MeanShift,
    PixelShuffle,
)
from sr_keras.models.network import Network
from sr_keras.models.recipes import COSINE, EPSILON

# (blocks, filters) of table 1 and the authors' code, by variant and scale.
_SIZES = {
    ("s", 4): (30, 16),
    ("s", 8): (30, 8),
    ("l", 4): (40, 20),
    ("l", 8): (36, 10),
}


@keras.saving.register_keras_serializable("sr_keras")
class DRN(Network):
    """The primal network of section 3.2 and figure 3.

    It has 4,804,041 parameters at x4 and 5,402,976 at x8; the large one
    9,825,869 and 10,003,994. As in the authors' code the image is enlarged
    with PyTorch's bicubic, the mean colour of DIV2K is taken off, and bytes
    are what the layers see.

    Args:
        scale: int, 4 or 8.
        variant: str, "s" or "l": the sizes that follow when they are None.
        num_blocks: int, residual blocks before each enlargement.
        num_filters: int, channels at the full size; half the size has twice
            as many.
        reduction: int, channels over those in the middle of an attention.
        negative_slope: number, of the leaky ReLU in the down blocks.
        value_range: number, what 1 becomes inside the network.
        channels: int, the image's: 1 grey, 3 RGB.
        **kwargs: as for `Network`.

    Raises:
        ValueError: another variant, no block or no filters.
    """

    scales = (4, 8)

    def __init__(
        self,
        scale=4,
        variant="s",
        num_blocks=None,
        num_filters=None,
        reduction=16,
        negative_slope=0.2,
        value_range=255.0,
        channels=3,
        **kwargs,
    ):
        arguments = {
            "variant": variant,
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "reduction": reduction,
            "negative_slope": negative_slope,
            "value_range": value_range,
            "channels": channels,
        }
        blocks, filters = _sizes(scale, arguments)
        mean = DIV2K_MEAN if channels == 3 else (sum(DIV2K_MEAN) / 3,)
        inputs = keras.Input((None, None, channels), name="lr")
        x = FixedUpsample(scale, "pytorch", name="upsample")(inputs)
        x = MeanShift(mean, value_range, name="subtract_mean")(x)
        x = convolution(filters, name="head")(x)
        levels = _levels(scale)
        copies = []
        for i in range(levels):
            copies.append(x)
            width = filters * 2**i
            x = down_block(x, width, 2 * width, f"down{i + 1}", negative_slope)
        images = []
        for i in range(levels + 1):
            if i:
                x = _refined(x, blocks, reduction, f"up{i}")
                x = _up(x, copies.pop(), f"up{i}")
            image = convolution(channels, name=f"tail{i}")(x)
            shift = MeanShift(mean, value_range, undo=True, name=f"sr{i}")
            images.append(shift(image))
        super().__init__(inputs, Last(name="last")(images), scale, **kwargs)
        self.arguments = arguments

    def images(self):
        """Return the images of section 3.2, by their factor.

        That of x1 is the LR image anew.
        """
        levels = range(_levels(self.scale) + 1)
        return {2**i: self.get_layer(f"sr{i}").output for i in levels}

    @functools.cached_property
    def learner(self):
        """The same graph with the SR images of all sizes, from x1 on."""
        images = list(self.images().values())
        return keras.Model(self.input, images, name=f"{self.name}_learner")


@keras.saving.register_keras_serializable("sr_keras")
class Last(ImageLayer):
    """The last of several tensors.

    All images are in the network's graph, so that all weights are its own.
    """

    def call(self, images):
        """Return the last of a list of tensors."""
        return images[-1]

    def compute_output_shape(self, input_shape):
        """The last's."""
        return input_shape[-1]


def down_block(x, filters, channels, name, negative_slope=0.2):
    """Half the size: a convolution with stride 2, and one after it.

    Without biases. It shrinks the features in the network, and as a dual
    head (section 3.1) an SR image to the image of the level before: then
    `filters` are the network's and `channels` those of the image.

    Args:
        x: KerasTensor (N, H, W, C).
        filters: int, the channels between the two.
        channels: int, the channels of the result.
        name: str, what the layers' names begin with.
        negative_slope: number, of the leaky ReLU between the two.

    Returns:
        KerasTensor (N, ceil(H/2), ceil(W/2), channels).
    """
    # As PyTorch has it: a border on all four sides, whatever the size.
    x = layers.ZeroPadding2D(1, name=f"{name}_border")(x)
    x = convolution(
        filters, bias=False, strides=2, padding="valid", name=f"{name}_shrink"
    )(x)
    x = layers.LeakyReLU(negative_slope, name=f"{name}_act")(x)
    return convolution(channels, bias=False, name=f"{name}_after")(x)


def convolution(filters, size=3, bias=True, **options):
    """A convolution with PyTorch's first weights."""
    return layers.Conv2D(
        filters,
        size,
        use_bias=bias,
        kernel_initializer=keras.initializers.VarianceScaling(
            1 / 3, "fan_in", "uniform"
        ),
        **{"padding": "same", **options},
    )


def _refined(x, blocks, reduction, name):
    for i in range(1, blocks + 1):
        x = _attentive(x, reduction, f"{name}_block{i}")
    return x


def _attentive(x, reduction, name):
    """A residual block with channel attention (Zhang et al. 2018, RCAN)."""
    filters = x.shape[-1]
    middle = max(filters // reduction, 1)
    y = convolution(filters, activation="relu", name=f"{name}_conv1")(x)
    y = convolution(filters, name=f"{name}_conv2")(y)
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")
    weights = convolution(middle, 1, activation="relu", name=f"{name}_squeeze")(
        mean(y)
    )
    weights = convolution(
        filters, 1, activation="sigmoid", name=f"{name}_excite"
    )(weights)
    y = layers.Multiply(name=f"{name}_weighed")([y, weights])
    return layers.Add(name=name)([x, y])


def _up(x, copy, name):
    """Twice the size; the features that were there on the way down join."""
    x = convolution(4 * x.shape[-1], name=f"{name}_conv")(x)
    x = PixelShuffle(2, name=f"{name}_shuffle")(x)
    x = convolution(copy.shape[-1], 1, name=f"{name}_reduce")(x)
    return layers.Concatenate(name=name)([x, copy])


def _sizes(scale, arguments):
    variant = arguments["variant"]
    if (variant, scale) not in _SIZES:
        raise ValueError(
            f"drn: there is no variant {variant!r} at x{scale}: use s or l "
            "at x4 or x8"
        )
    given = arguments["num_blocks"], arguments["num_filters"]
    sizes = tuple(
        usual if value is None else value
        for usual, value in zip(_SIZES[variant, scale], given, strict=True)
    )
    if min(*sizes, arguments["reduction"]) < 1:
        raise ValueError(
            "drn needs 1 block and 1 filter, and a reduction of 1 or more, not "
            f"{sizes[0]}, {sizes[1]} and {arguments['reduction']}"
        )
    return sizes


def _levels(scale):
    return round(math.log2(scale))


def published(shapes, scale):
    """The names in github.com/guoyongcs/DRN: see `models.weight_maps`."""
    blocks = weight_maps.count(shapes, r"up_blocks\.\d+\.(\d+)\.body\.")
    blocks = max(blocks, 1)
    conv = weight_maps.conv
    found = conv("head", "head")
    for i in range(_levels(scale)):
        down = f"down.{i}.dual_module"
        found |= conv(f"down{i + 1}_shrink", f"{down}.0.0", bias=False)
        found |= conv(f"down{i + 1}_after", f"{down}.1", bias=False)
        ours, theirs = f"up{i + 1}", f"up_blocks.{i}"
        for k in range(blocks):
            for name, part in (
                ("conv1", "body.0"),
                ("conv2", "body.2"),
                ("squeeze", "body.3.conv_du.0"),
                ("excite", "body.3.conv_du.2"),
            ):
                found |= conv(
                    f"{ours}_block{k + 1}_{name}", f"{theirs}.{k}.{part}"
                )
        found |= conv(f"{ours}_conv", f"{theirs}.{blocks}.0", shuffle=2)
        found |= conv(f"{ours}_reduce", f"{theirs}.{blocks + 1}")
    for i in range(_levels(scale) + 1):
        found |= conv(f"tail{i}", f"tail.{i}")
    return weight_maps.Published(
        found, {"num_blocks": blocks}, r"(sub|add)_mean\.(weight|bias)"
    )


# "paper" is what github.com/guoyongcs/DRN, option.py, has.
RECIPES = {
    "default": {
        "objective": "dual",
        "data": {
            "hr_patch_size": 192, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": COSINE,
    },
    "paper": {
        # github.com/guoyongcs/DRN, utility.py, calc_psnr.
        "evaluation": {"protocol": "y", "pipeline": "files"},
        "objective": "dual",
        "data": {
            "hr_patch_size": 384, "batch_size": 32, "degradation": "bicubic",
        },
        "dual": {"dual_weight": 0.1},
        "learning": {
            "loss": "l1", "optimizer": "adam", "learning_rate": 1e-4,
            "beta1": 0.9, "beta2": 0.999, "epsilon": EPSILON,
            "schedule": "cosine", "final_rate": 1e-7, "epochs": 1000,
            "steps_per_epoch": 1000, "skip_factor": 1e6,
        },
    },
}  # fmt: skip
