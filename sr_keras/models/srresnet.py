"""SRResNet: the generator of SRGAN, trained for PSNR.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta,
A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi, "Photo-Realistic Single Image
Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
https://arxiv.org/abs/1609.04802
"""

import math

import keras
from keras import layers

from sr_keras.layers import MeanShift, PixelShuffle
from sr_keras.models import published as published_weights
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
        **kwargs: as for `Network`.

    Raises:
        ValueError: no block or no filters.
    """

    scales = (2, 4, 8)

    def __init__(
        self, scale=4, num_blocks=16, num_filters=64, channels=3, **kwargs
    ):
        if min(num_blocks, num_filters) < 1:
            raise ValueError(
                "srresnet needs 1 block and 1 filter or more, not "
                f"{num_blocks} and {num_filters}"
            )
        inputs = keras.Input((None, None, channels), name="lr")
        x = layers.Conv2D(num_filters, 9, padding="same", name="head")(inputs)
        x = first = _prelu("head_prelu")(x)
        for i in range(num_blocks):
            x = _residual_block(x, num_filters, f"block{i + 1}")
        x = _normalised(x, num_filters, "body")
        x = layers.Add(name="skip")([x, first])
        for i in range(_doublings(scale)):
            x = layers.Conv2D(
                4 * num_filters, 3, padding="same", name=f"upsample{i + 1}"
            )(x)
            x = PixelShuffle(2, name=f"shuffle{i + 1}")(x)
            x = _prelu(f"upsample{i + 1}_prelu")(x)
        x = layers.Conv2D(channels, 9, padding="same", name="tail")(x)
        # Section 3.2: LR images are in [0, 1], HR images in [-1, 1].
        outputs = MeanShift((0.5,), 2.0, undo=True, name="to_unit")(x)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = {
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "channels": channels,
        }

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        body = 4 + 2 * self.arguments["num_blocks"] + 1
        upsampling = [(1, 1), (2, 0)] * _doublings(self.scale)
        return reach_of((1, body), *upsampling, (1, 4))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), **self.arguments}


def _residual_block(x, num_filters, name):
    y = _normalised(x, num_filters, f"{name}_conv1")
    y = _prelu(f"{name}_prelu")(y)
    y = _normalised(y, num_filters, f"{name}_conv2")
    return layers.Add(name=name)([x, y])


def _normalised(x, num_filters, name):
    x = layers.Conv2D(
        num_filters, 3, padding="same", use_bias=False, name=name
    )(x)
    # The epsilon and the momentum of PyTorch, in Keras' terms.
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name=f"{name}_norm"
    )(x)


def _prelu(name):
    """One slope a channel, from a quarter as He et al. 2015 have it."""
    return layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.25),
        shared_axes=[1, 2],
        name=name,
    )


def _doublings(scale):
    return round(math.log2(scale))


def published(shapes, scale):
    """MXNet's names, in the order of the graph: see `models.published`.

    They are those of github.com/WolframRhodium/Super-Resolution-Zoo.
    """
    # Two in a block, and the body's.
    blocks = (published_weights.count(shapes, r"batchnorm(\d+)_") - 1) // 2
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
        found |= published_weights.conv(
            name,
            f"convolution{i}",
            shuffle=2 if name.startswith("upsample") else None,
            bias=not normalised,
            joint="_",
        )
        if normalised:
            found |= published_weights.norm(
                f"{name}_norm", f"batchnorm{i - 1}", joint="_"
            )
    for i, name in enumerate(prelus):
        found[f"{name}/alpha"] = (
            f"leakyrelu{i}_weight",
            published_weights.SLOPES,
        )
    return published_weights.Published(found, {"num_blocks": blocks})


RECIPES = {
    "default": {
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": COSINE,
    },
    "paper": {
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
