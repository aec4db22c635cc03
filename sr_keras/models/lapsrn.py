"""LapSRN: a Laplacian pyramid.

W.-S. Lai, J.-B. Huang, N. Ahuja, M.-H. Yang, "Deep Laplacian Pyramid Networks
for Fast and Accurate Super-Resolution", CVPR 2017,
https://arxiv.org/abs/1704.03915

One level doubles the size: of the features, and of the image, to which it
adds the residual that it sees in the features.
"""

import functools
import math

import keras
from keras import layers

from sr_keras.models.layers import EXACT, BilinearKernel
from sr_keras.models.network import Network, reach_of
from sr_keras.models.recipes import COSINE

# Standard deviation of the first weights of the first convolution:
# init_LapSRN_opts.m, init_sigma.
_SIGMA = 1e-3


@keras.saving.register_keras_serializable("sr_keras")
class LapSRN(Network):
    """The pyramid of section 3.1; every level has weights of its own.

    Section 4.2 chooses 10 convolutions a level for x2 and x4, and 5 for x8:
    the defaults. The sizes are the paper's; in the authors' code the features
    are enlarged with 3x3 weights. The first weights are the code's
    (github.com/phoenix104104/LapSRN, init_LapSRN_model.m), with which the
    first SR image is about the bilinear one: the paper's bilinear enlargement
    of features makes the recipe "paper" diverge within ten steps.

    Args:
        scale: int, 2, 4 or 8.
        num_layers: int, convolutions before each enlargement of the
            features; the paper's for the scale when None.
        num_filters: int, channels of the features (the paper's 64).
        channels: int, the image's: 3 RGB, 1 luma as in the paper.
        **kwargs: as for `Network`.

    Raises:
        ValueError: no layer or no filters.
    """

    scales = (2, 4, 8)

    def __init__(
        self, scale=4, num_layers=None, num_filters=64, channels=3, **kwargs
    ):
        if num_layers is None:
            num_layers = 5 if scale == 8 else 10
        if min(num_layers, num_filters) < 1:
            raise ValueError(
                "lapsrn needs 1 layer and 1 filter or more, not "
                f"{num_layers} and {num_filters}"
            )
        inputs = keras.Input((None, None, channels), name="lr")
        image = inputs
        first = keras.initializers.RandomNormal(stddev=_SIGMA)
        head = _convolution(num_filters, "head", first)
        features = _activated(head(inputs))
        for level in range(1, _levels(scale) + 1):
            for i in range(num_layers):
                name = f"level{level}_conv{i + 1}"
                features = _activated(_convolution(num_filters, name)(features))
            name = f"level{level}_features"
            doubling = _doubling(num_filters, name, "he_normal")
            features = _activated(doubling(features))
            name = f"level{level}_residual"
            residual = _convolution(channels, name)(features)
            name = f"level{level}_image"
            doubling = _doubling(
                channels, name, BilinearKernel(), use_bias=False, **EXACT
            )
            image = doubling(image)
            image = layers.Add(name=f"level{level}_sr", **EXACT)(
                [image, residual]
            )
        super().__init__(inputs, image, scale, **kwargs)
        self.arguments = {
            "num_layers": num_layers,
            "num_filters": num_filters,
            "channels": channels,
        }

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        return self.reach_at(self.scale)

    def reach_at(self, scale):
        """Return `reach` for the SR image of a level."""
        level = [(1, self.arguments["num_layers"]), (2, 1)]
        return reach_of((1, 1), *level * _levels(scale), (1, 1))

    def images(self):
        """Return the SR image of every level, by its factor."""
        levels = range(1, _levels(self.scale) + 1)
        return {2**i: self.get_layer(f"level{i}_sr").output for i in levels}

    @functools.cached_property
    def learner(self):
        """The same graph with an SR image of every level, smallest first."""
        images = list(self.images().values())
        return keras.Model(self.input, images, name=f"{self.name}_learner")


def _convolution(filters, name, initializer="he_normal"):
    return layers.Conv2D(
        filters, 3, padding="same", kernel_initializer=initializer, name=name
    )


def _doubling(filters, name, initializer, **options):
    """A transposed convolution; section 4.1: 4x4."""
    return layers.Conv2DTranspose(
        filters,
        4,
        strides=2,
        padding="same",
        kernel_initializer=initializer,
        name=name,
        **options,
    )


def _activated(x):
    return layers.LeakyReLU(0.2)(x)


def _levels(scale):
    return round(math.log2(scale))


RECIPES = {
    "default": {
        "data": {
            "hr_patch_size": 128, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": {**COSINE, "loss": "charbonnier"},
    },
    "paper": {
        # Its bicubic rows: docs/papers.md.
        "evaluation": {"protocol": "y8", "pipeline": "luma"},
        # Section 4.1: 64 HR patches of 128x128 a step, on luma, of images at
        # 0.5 to 1 of their size.
        "network": {"channels": 1},
        "data": {
            "hr_patch_size": 128, "batch_size": 64, "degradation": "bicubic",
            "hr_scale": (0.5, 1.0),
        },
        # Section 4.1: momentum 0.9, weight decay 1e-4, the rate halved every
        # 50 epochs of 1,000 steps. Equation 2 sums over levels, and
        # vllab_nn_L1_loss.m over pixels. In init_LapSRN_model.m biases have a
        # tenth of the rate, without which the loss grows. With the paper's
        # rate, 1e-5, the loss of x2 goes up and down between 0.9 and 1.8 times
        # the first for 300 steps; init_LapSRN_opts.m ends with 1e-6, with
        # which it falls.
        "learning": {
            "loss": "charbonnier_sum", "optimizer": "sgd",
            "learning_rate": 1e-6, "layer_rates": {"bias": 1e-7},
            "momentum": 0.9, "weight_decay": 1e-4, "schedule": "step",
            "step_every": 50, "step_factor": 0.5, "epochs": 300,
            "steps_per_epoch": 1000,
        },
    },
}  # fmt: skip
