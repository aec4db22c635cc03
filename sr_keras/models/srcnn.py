"""SRCNN: Image Super-Resolution Using Deep Convolutional Networks.

C. Dong, C. C. Loy, K. He, X. Tang, IEEE TPAMI 2016,
https://arxiv.org/abs/1501.00092

The first convolutional network of the field: three layers that sharpen the
bicubic interpolation of the luma.
"""

import functools
import math

import keras
from keras import layers

from sr_keras.models import weight_maps
from sr_keras.models.layers import EXACT, EdgePad
from sr_keras.models.network import Network


@keras.saving.register_keras_serializable("sr_keras")
class SRCNN(Network):
    """The network of section 3.1: 9-1-5, or 9-3-5 or 9-5-5 of 4.3.2.2.

    A refiner: its input is the luma, interpolated to the final size already.
    With the defaults it has 8,129 parameters. It runs with the edge pixels
    repeated before each layer, as the authors' code does; its `learner` has
    the same layers without padding.

    Args:
        scale: int, the factor it is trained for.
        kernel_sizes: three odd ints, one a layer.
        num_filters: two ints, the channels after the first two layers (the
            paper's 64 and 32).
        channels: int, the image's: 1 luma, 3 RGB.
        initial_stddev: number, the standard deviation of the first weights
            (section 3.3: 0.001); He et al. 2015 when None.
        **kwargs: as for `Network`.

    Raises:
        ValueError: not three odd kernel sizes, or not two numbers of filters.
    """

    scales = (2, 3, 4)
    luma = True
    refiner = True

    def __init__(
        self,
        scale=3,
        kernel_sizes=(9, 1, 5),
        num_filters=(64, 32),
        channels=1,
        initial_stddev=None,
        **kwargs,
    ):
        _check(kernel_sizes, num_filters)
        inputs = keras.Input((None, None, channels), name="interpolated")
        x = inputs
        convolutions = _layers(
            kernel_sizes, (*num_filters, channels), initial_stddev
        )
        for convolution, size in zip(convolutions, kernel_sizes, strict=True):
            x = EdgePad(size // 2, name=f"{convolution.name}_border")(x)
            x = convolution(x)
        super().__init__(inputs, x, scale, **kwargs)
        self.arguments = {
            "kernel_sizes": list(kernel_sizes),
            "num_filters": list(num_filters),
            "channels": channels,
            "initial_stddev": initial_stddev,
        }

    @property
    def reach(self):
        """How many pixels away an input pixel changes an output pixel."""
        return sum(size // 2 for size in self.arguments["kernel_sizes"])

    @functools.cached_property
    def learner(self):
        """The same layers without padding: section 3.3, "no padding".

        (N, H, W, C) gives (N, H - 2*reach, W - 2*reach, C).
        """
        inputs = keras.Input(self.input_shape[1:])
        x = inputs
        for i in (1, 2, 3):
            x = self.get_layer(f"conv{i}")(x)
        return keras.Model(inputs, x, name=f"{self.name}_learner")


def _layers(kernel_sizes, filters, stddev):
    initializer = "he_normal"
    if stddev is not None:
        initializer = keras.initializers.RandomNormal(stddev=stddev)
    return [
        layers.Conv2D(
            filters[i],
            kernel_sizes[i],
            padding="valid",
            activation="relu" if i < 2 else None,
            kernel_initializer=initializer,
            name=f"conv{i + 1}",
            **(EXACT if i == 2 else {}),
        )
        for i in range(3)
    ]


def _check(kernel_sizes, num_filters):
    if len(kernel_sizes) != 3 or any(k < 1 or k % 2 == 0 for k in kernel_sizes):
        raise ValueError(
            "kernel_sizes must be three odd numbers, 9 1 5 for one, not "
            f"{kernel_sizes}"
        )
    if len(num_filters) != 2 or min(num_filters) < 1:
        raise ValueError(
            "num_filters must be two numbers from 1, 64 32 for one, not "
            f"{num_filters}"
        )


def published(shapes, scale):
    """The authors' MATLAB names, or conv1 to conv3: see `weight_maps`."""
    layers_ = (1, 2, 3)
    if any(name.startswith("weights_conv") for name in shapes):
        return _published_in_matlab(shapes)
    weights = [shapes.get(f"conv{i}.weight", ()) for i in layers_]
    found = {}
    for i in layers_:
        found |= weight_maps.conv(f"conv{i}", f"conv{i}")
    if any(len(shape) != 4 for shape in weights):
        return weight_maps.Published(found)
    arguments = {
        "kernel_sizes": [shape[3] for shape in weights],
        "num_filters": [shape[0] for shape in weights[:2]],
    }
    return weight_maps.Published(found, arguments)


def _published_in_matlab(shapes):
    """weights_conv1 to 3 are (81, 64), (64, 1, 32) and (32, 25) for 9-1-5."""
    layouts = (
        weight_maps.MATLAB_FIRST,
        weight_maps.MATLAB_MIDDLE,
        weight_maps.MATLAB_LAST,
    )
    found, sizes = {}, []
    for i, (layout, axis) in enumerate(zip(layouts, (0, 1, 1), strict=True)):
        name = f"weights_conv{i + 1}"
        found[f"conv{i + 1}/kernel"] = (name, layout)
        found[f"conv{i + 1}/bias"] = (
            f"biases_conv{i + 1}",
            weight_maps.MATLAB_BIAS,
        )
        shape = shapes.get(name, ())
        if len(shape) > axis:
            sizes.append(math.isqrt(shape[axis]))
    arguments = {"kernel_sizes": sizes} if len(sizes) == 3 else {}
    return weight_maps.Published(found, arguments)


RECIPES = {
    # x3 reaches 32.50 dB on Set5 with it: benchmarks/README.md.
    "default": {
        "data": {
            "hr_patch_size": 33, "stride": 14, "batch_size": 16,
            "degradation": "bicubic",
        },
        "learning": {
            "loss": "l2", "optimizer": "adam", "learning_rate": 1e-3,
            "schedule": "cosine", "final_rate": 1e-5, "epochs": 50,
            "steps_per_epoch": 3000,
        },
    },
    "paper": {
        # The authors' demo_SR.m.
        "evaluation": {"protocol": "y8", "pipeline": "luma"},
        # Section 3.3: weights from a Gaussian of deviation 0.001.
        "network": {"initial_stddev": 1e-3},
        # Section 4.1: 33x33 of the 91 images at stride 14, 24,800 of them,
        # neither flipped nor turned.
        "data": {
            "hr_patch_size": 33, "stride": 14, "augment": False,
            "batch_size": 128, "degradation": "bicubic",
        },
        "learning": {
            # Equation 4 holds for the loss as Caffe has it, half the sum
            # over the 21x21 pixels that are left: 441 / 2 times the mean.
            "loss": "220.5*l2",
            # Section 3.3: momentum 0.9, 1e-4 and 1e-5 for the last layer.
            "optimizer": "sgd", "momentum": 0.9, "learning_rate": 1e-4,
            "layer_rates": {"conv1": 1e-4, "conv2": 1e-4, "conv3": 1e-5},
            "schedule": "constant",
            # Figure 4: 8e8 backpropagations of one patch each.
            "epochs": 6250, "steps_per_epoch": 1000,
        },
    },
}  # fmt: skip
