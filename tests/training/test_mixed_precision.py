"""Images keep all their digits in networks that compute in 16 bits."""

import contextlib

import keras
import numpy as np
import pytest
from checks import NEEDS_16_BITS, picture

from sr_keras import models

# What makes each network quick.
SMALL = {
    "srcnn": {"num_filters": [4, 4]},
    "espcn": {"num_filters": [4, 4]},
    "edsr": {"num_blocks": 1, "num_filters": 4},
    "edsr-full": {"num_blocks": 1, "num_filters": 4},
    "srresnet": {"num_blocks": 1, "num_filters": 4},
    "srgan": {"num_blocks": 1, "num_filters": 4},
    "lapsrn": {"num_layers": 1, "num_filters": 4},
    "zssr": {"num_layers": 2, "num_filters": 4},
    "a2n": {"num_blocks": 1, "num_filters": 4, "up_filters": 4},
    "a2n-m": {"num_blocks": 1, "num_filters": 4, "up_filters": 4},
    "drn-s": {"num_blocks": 1, "num_filters": 4},
    "drn-l": {"num_blocks": 1, "num_filters": 4},
    "lens": {"num_blocks": 1, "num_filters": 4},
    "vae": {"num_blocks": 1, "num_filters": 4, "latent_channels": 2},
}
pytestmark = NEEDS_16_BITS

POLICIES = ("mixed_bfloat16", "mixed_float16")

# Layers of images, which are exact by their kind.
OF_IMAGES = ("FixedUpsample", "MeanShift", "Interpolation", "Fourier")


@contextlib.contextmanager
def computing(policy):
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


def built(name, policy):
    """A network under a policy that adds nothing to what it interpolates."""
    cls, _ = models.network_class(name)
    scale = cls.scales[0] if cls.scales else 2
    with computing(policy):
        network = models.build(name, scale, **SMALL.get(name, {}))
    for variable in network.weights:
        # LapSRN's own interpolation of the image is learned.
        if not variable.path.split("/")[-2].endswith("_image"):
            variable.assign(0 * variable)
    return network


def results(network, images):
    """What it gives in use, and what its learner gives."""
    learner = getattr(network, "network", network).learner
    found = [network(images), *keras.tree.flatten(learner(images))]
    assert {keras.backend.standardize_dtype(x.dtype) for x in found} == {
        "float32"
    }
    return [keras.ops.convert_to_numpy(x) for x in found]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", models.list_models())
def test_the_image_is_that_of_float32(name, policy):
    network, exact = built(name, policy), built(name, "float32")
    images = picture(16, 16, network.input_shape[-1])[None]
    for a, b in zip(
        results(network, images), results(exact, images), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    if network.weights:  # it does compute in 16 bits where it may
        inner = getattr(network, "network", network)
        kinds = {layer.compute_dtype for layer in inner.layers}
        assert kinds == {"float32", policy.removeprefix("mixed_")}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "name", [n for n in models.list_models() if n in SMALL]
)
def test_layers_of_images_are_exact(name, policy):
    network = built(name, policy)
    inner = getattr(network, "network", network)
    for layer in {*network.layers, *inner.layers}:
        if type(layer).__name__ in OF_IMAGES:
            assert layer.compute_dtype == "float32", layer.name


def test_the_divergence_is_measured_in_float32():
    """It is a mean over many pixels, of which bfloat16 would lose most."""
    with computing("mixed_bfloat16"):
        network = models.build("vae", 2, **SMALL["vae"])
    network(picture(12, 12)[None], training=True)
    (loss,) = network.losses
    assert loss.dtype == "float32"
