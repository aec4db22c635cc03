"""ESPCN: sub-pixel convolution.

W. Shi, J. Caballero, F. Huszar, J. Totz, A. P. Aitken, R. Bishop,
D. Rueckert, Z. Wang, "Real-Time Single Image and Video Super-Resolution Using
an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016,
https://arxiv.org/abs/1609.05158

All layers work at the size of the LR image; the last one makes the scale**2
pixels that each of its pixels becomes.
"""

import keras
from keras import layers

from sr_keras.models.layers import EXACT, PixelShuffle
from sr_keras.models.network import Network, reach_of


@keras.saving.register_keras_serializable("sr_keras")
class ESPCN(Network):
    """The network of section 3.2: 5-3-3, 64 and 32 filters, tanh, on luma.

    With the defaults it has 21,284, 22,729 and 24,752 parameters at x2, x3
    and x4.

    Args:
        scale: int, 2, 3 or 4.
        kernel_sizes: odd ints, one a layer.
        num_filters: ints, the channels after each layer but the last.
        activation: str, a Keras activation: the paper prefers tanh to relu.
        channels: int, the image's: 1 luma, 3 RGB.
        **kwargs: as for `Network`.

    Raises:
        ValueError: an even kernel size, no filters, or not one number of
            filters fewer than kernels.
    """

    scales = (2, 3, 4)
    luma = True

    def __init__(
        self,
        scale=3,
        kernel_sizes=(5, 3, 3),
        num_filters=(64, 32),
        activation="tanh",
        channels=1,
        **kwargs,
    ):
        _check(kernel_sizes, num_filters)
        inputs = keras.Input((None, None, channels), name="lr")
        filters = (*num_filters, scale * scale * channels)
        x = inputs
        for i, size in enumerate(kernel_sizes):
            x = layers.Conv2D(
                filters[i],
                size,
                padding="same",
                activation=activation if i < len(num_filters) else None,
                kernel_initializer="orthogonal",
                name=f"conv{i + 1}",
                **(EXACT if i == len(num_filters) else {}),
            )(x)
        outputs = PixelShuffle(scale, name="shuffle", **EXACT)(x)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = {
            "kernel_sizes": list(kernel_sizes),
            "num_filters": list(num_filters),
            "activation": activation,
            "channels": channels,
        }

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        sizes = self.arguments["kernel_sizes"]
        return reach_of(*[(1, size // 2) for size in sizes], (self.scale, 0))


def _check(kernel_sizes, num_filters):
    if any(size < 1 or size % 2 == 0 for size in kernel_sizes):
        raise ValueError(f"kernel_sizes must be odd, not {kernel_sizes}")
    if len(num_filters) != len(kernel_sizes) - 1 or min(num_filters) < 1:
        raise ValueError(
            "num_filters needs a number from 1 for each layer but the last, "
            f"{len(kernel_sizes) - 1} of them, not {num_filters}"
        )


RECIPES = {
    # With tanh x2 ends 0.3 dB lower on Set5: benchmarks/README.md.
    "default": {
        "network": {"activation": "relu"},
        "data": {
            "hr_patch_size": 48, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": {
            "loss": "l2", "optimizer": "muon", "learning_rate": 2e-3,
            "schedule": "cosine", "final_rate": 1e-5, "epochs": 40,
            "steps_per_epoch": 3000,
        },
    },
    "paper": {
        # It names neither.
        "evaluation": {"protocol": None, "pipeline": None},
        # Section 4.2: 17x17 LR pixels at stride 14, of 91 images as they are.
        # Its LR images are blurred by a Gaussian that it does not name.
        "data": {
            "hr_patch_size": 17 * 3, "stride": 14 * 3, "augment": False,
            "batch_size": 16, "degradation": "bicubic",
        },
        "scales": {
            2: {"data": {"hr_patch_size": 17 * 2, "stride": 14 * 2}},
            4: {"data": {"hr_patch_size": 17 * 4, "stride": 14 * 4}},
        },
        "learning": {
            # Equation 4; section 4.2: from 0.01 down to 0.0001, a tenth for
            # the last layer. It stops after 100 epochs without improvement;
            # the steps are ours.
            "loss": "l2", "optimizer": "sgd", "learning_rate": 1e-2,
            "layer_rates": {"conv3": 1e-3},
            "schedule": "step", "step_every": 100, "step_factor": 0.1,
            "final_rate": 1e-4, "epochs": 300, "steps_per_epoch": 1000,
        },
    },
}  # fmt: skip
