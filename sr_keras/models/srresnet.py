"""SRResNet: the generator of SRGAN, trained for PSNR.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta,
A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi, "Photo-Realistic Single Image
Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
https://arxiv.org/abs/1609.04802
"""

import dataclasses
import math

import keras
from keras import layers

from sr_keras.models import weight_maps
from sr_keras.models.layers import MeanShift, PixelShuffle
from sr_keras.models.network import Network, reach_of
from sr_keras.models.recipes import COSINE


@keras.saving.register_keras_serializable("sr_keras")
class SRResNet(Network):
    """The generator of figure 4: k9n64, residual blocks, sub-pixel, k9n3.

    With the defaults it learns 1,548,547 parameters at x4. The convolutions
    that batch normalisation follows have no bias, which it would undo.

    Args:
        scale: int, 2, 4 or 8.
        num_blocks: int, residual blocks (the paper's 16).
        num_filters: int, their channels (the paper's 64).
        channels: int, the image's: 1 grey, 3 RGB.
        initial_scale: number, multiplies the first weights of He et al. 2015;
            Keras's own first weights (Glorot, Bengio 2010) when None.
        initial_gamma: number, the first gamma of every batch normalisation.
        shared_slope: bool, whether a PReLU has one slope for all channels.
        **kwargs: as for `Network`.

    Raises:
        ValueError: no block or no filters, or first weights of 0.
    """

    scales = (2, 4, 8)

    def __init__(
        self,
        scale=4,
        num_blocks=16,
        num_filters=64,
        channels=3,
        initial_scale=None,
        initial_gamma=1.0,
        shared_slope=False,
        **kwargs,
    ):
        arguments = {
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "channels": channels,
            "initial_scale": initial_scale,
            "initial_gamma": initial_gamma,
            "shared_slope": shared_slope,
        }
        _check(arguments)
        make = _Layers(initial_scale, initial_gamma, shared_slope)
        inputs = keras.Input((None, None, channels), name="lr")
        x = make.convolution(num_filters, 9, "head")(inputs)
        x = first = make.prelu("head_prelu")(x)
        for i in range(num_blocks):
            x = _residual_block(x, make, f"block{i + 1}")
        x = _normalised(x, make, "body")
        x = layers.Add(name="skip")([x, first])
        for i in range(_doublings(scale)):
            name = f"upsample{i + 1}"
            x = make.convolution(4 * num_filters, 3, name)(x)
            x = PixelShuffle(2, name=f"shuffle{i + 1}")(x)
            x = make.prelu(f"{name}_prelu")(x)
        x = make.convolution(channels, 9, "tail")(x)
        # Section 3.2: LR images are in [0, 1], HR images in [-1, 1].
        outputs = MeanShift((0.5,), 2.0, undo=True, name="to_unit")(x)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = arguments

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        body = 4 + 2 * self.arguments["num_blocks"] + 1
        upsampling = [(1, 1), (2, 0)] * _doublings(self.scale)
        return reach_of((1, body), *upsampling, (1, 4))


@dataclasses.dataclass(frozen=True)
class _Layers:
    """Makes the layers with weights, with their first weights."""

    initial_scale: float | None
    initial_gamma: float
    shared_slope: bool

    def convolution(self, filters, size, name, use_bias=True):
        """A convolution that keeps the size."""
        initializer = "glorot_uniform"
        if self.initial_scale is not None:
            # A variance of 2 / fan_in is He's.
            initializer = keras.initializers.VarianceScaling(
                2 * self.initial_scale**2, "fan_in", "untruncated_normal"
            )
        return layers.Conv2D(
            filters,
            size,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=initializer,
            name=name,
        )

    def normalization(self, name):
        """A batch normalisation with PyTorch's epsilon and momentum."""
        return layers.BatchNormalization(
            momentum=0.9,
            epsilon=1e-5,
            gamma_initializer=keras.initializers.Constant(self.initial_gamma),
            name=name,
        )

    def prelu(self, name):
        """A PReLU; its slopes begin at a quarter, as in He et al. 2015."""
        return layers.PReLU(
            alpha_initializer=keras.initializers.Constant(0.25),
            shared_axes=[1, 2, 3] if self.shared_slope else [1, 2],
            name=name,
        )


def _check(arguments):
    blocks, filters = arguments["num_blocks"], arguments["num_filters"]
    if min(blocks, filters) < 1:
        raise ValueError(
            "srresnet needs 1 block and 1 filter or more, not "
            f"{blocks} and {filters}"
        )
    for name in ("initial_scale", "initial_gamma"):
        value = arguments[name]
        if value is not None and not 0 < value < math.inf:
            raise ValueError(
                f"srresnet: {name} must be more than 0, not {value}"
            )


def _residual_block(x, make, name):
    y = _normalised(x, make, f"{name}_conv1")
    y = make.prelu(f"{name}_prelu")(y)
    y = _normalised(y, make, f"{name}_conv2")
    return layers.Add(name=name)([x, y])


def _normalised(x, make, name):
    x = make.convolution(x.shape[-1], 3, name, use_bias=False)(x)
    return make.normalization(f"{name}_norm")(x)


def _doublings(scale):
    return round(math.log2(scale))


def published(shapes, scale):
    """MXNet's names, in the order of the graph: see `models.weight_maps`.

    They are those of github.com/WolframRhodium/Super-Resolution-Zoo.
    """
    # Two in a block, and the body's.
    blocks = (weight_maps.count(shapes, r"batchnorm(\d+)_") - 1) // 2
    blocks = max(blocks, 1)
    convolutions = ["head"]
    prelus = ["head_prelu"]
    for i in range(blocks):
        convolutions += [f"block{i + 1}_conv1", f"block{i + 1}_conv2"]
        prelus.append(f"block{i + 1}_prelu")
    convolutions.append("body")
    for i in range(_doublings(scale)):
        convolutions.append(f"upsample{i + 1}")
        prelus.append(f"upsample{i + 1}_prelu")
    convolutions.append("tail")
    found = {}
    for i, name in enumerate(convolutions):
        normalised = 0 < i <= 2 * blocks + 1
        found |= weight_maps.conv(
            name,
            f"convolution{i}",
            shuffle=2 if name.startswith("upsample") else None,
            bias=not normalised,
            joint="_",
        )
        if normalised:
            found |= weight_maps.norm(
                f"{name}_norm", f"batchnorm{i - 1}", joint="_"
            )
    for i, name in enumerate(prelus):
        found[f"{name}/alpha"] = (
            f"leakyrelu{i}_weight",
            weight_maps.SLOPES,
        )
    return weight_maps.Published(found, {"num_blocks": blocks})


RECIPES = {
    "default": {
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": COSINE,
    },
    "paper": {
        # Section 3.1: Y, by a tool whose rounding it does not say.
        "evaluation": {"protocol": None, "pipeline": "files"},
        # Section 3.2: 16 HR patches of 96x96 a step.
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        # Section 3.2: MSE of images in [-1, 1], which has 4 times the
        # gradients of [0, 1]; Adam with beta1 = 0.9, 1e-4 for 1e6 steps. It
        # names no epsilon: Kingma and Ba 2015, algorithm 1, has 1e-8.
        "learning": {
            "loss": "l2", "optimizer": "adam", "learning_rate": 1e-4,
            "beta1": 0.9, "epsilon": 1e-8 / 4, "schedule": "constant",
            "epochs": 1000, "steps_per_epoch": 1000,
        },
    },
}  # fmt: skip
