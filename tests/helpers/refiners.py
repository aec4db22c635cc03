"""Refiners, and runs of them, for the tests of inference."""

import numpy as np
from checks import randomized

from sr_keras import models
from sr_keras.imaging.resize import output_size
from sr_keras.inference.refine import refine


def refiner(scale=2, layers=3, **arguments):
    """A network whose answer is far from its input, everywhere."""
    return randomized(
        models.build_bare(
            "zssr", scale, num_layers=layers, num_filters=4, **arguments
        )
    )


def identity(scale=2):
    network = refiner(scale)
    last = network.get_layer("conv3")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    return network


def gaussian(size=7, sigma_y=1.2, sigma_x=1.2, lean=0.0):
    y, x = np.mgrid[:size, :size] - size // 2
    values = np.exp(
        -((y / sigma_y) ** 2 + (x / sigma_x) ** 2 + lean * x * y) / 2
    )
    return values / values.sum()


LEANING = gaussian(9, 2.0, 1.0, 0.5)


def run(network, image, scale, finish, outputs=("fused",), **options):
    size = options.pop("size", None) or output_size(image.shape, scale)
    return refine(network, image, scale, size, finish, outputs, **options)
