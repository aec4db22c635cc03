import numpy as np
import pytest
from checks import NetworkContract, picture, randomized

from sr_keras import models
from sr_keras.models.edsr import EDSR
from sr_keras.models.layers import DIV2K_MEAN


class TestEDSR(NetworkContract):
    name = "edsr"
    parameters = 1_369_859
    small = {"num_blocks": 2, "num_filters": 4}


class TestEDSRx3(NetworkContract):
    name = "edsr"
    parameters = 1_554_499
    scale = 3
    small = {"num_blocks": 1, "num_filters": 3, "channels": 1}
    channels = 1


class TestEDSRx4(NetworkContract):
    name = "edsr"
    parameters = 1_517_571
    scale = 4
    small = {"num_blocks": 1, "num_filters": 3, "residual_scaling": 0.1}


def test_the_full_network_has_the_authors_parameters():
    _, fixed = models.network_class("edsr-full")
    assert fixed == {
        "num_blocks": 32,
        "num_filters": 256,
        "residual_scaling": 0.1,
    }
    # The count is a polynomial in blocks and filters: few of both do.
    for blocks, filters in ((2, 4), (3, 4), (2, 7)):
        small = EDSR(num_blocks=blocks, num_filters=filters)
        assert small.count_params() == _count(blocks, filters)
    assert _count(32, 256) == 40_729_603
    assert _count(16, 64) == 1_369_859


def _count(blocks, filters):
    """Parameters at x2: head, blocks and body, upsampling, tail."""
    square = 9 * filters * filters + filters
    head = 27 * filters + filters
    upsampling = 4 * square
    return head + (2 * blocks + 1) * square + upsampling + 27 * filters + 3


def test_the_mean_is_in_the_graph():
    network = randomized(EDSR(num_blocks=1, num_filters=3))
    for name in ("head", "tail"):
        layer = network.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, np.zeros_like(bias)])
    tail = network.get_layer("tail")
    tail.set_weights([np.zeros_like(w) for w in tail.get_weights()])
    result = np.asarray(network(picture(4, 4)[None]))
    np.testing.assert_allclose(
        result, np.broadcast_to(DIV2K_MEAN, result.shape), rtol=0, atol=1e-6
    )


def test_the_layers_see_bytes():
    network = EDSR(num_blocks=1, num_filters=3)
    seen = network.get_layer("subtract_mean")(np.ones((1, 1, 1, 3), "float32"))
    np.testing.assert_allclose(
        seen[0, 0, 0], 255 * (1 - np.array(DIV2K_MEAN)), rtol=1e-6
    )


def test_residuals_are_scaled():
    plain = randomized(EDSR(num_blocks=1, num_filters=3))
    scaled = EDSR(num_blocks=1, num_filters=3, residual_scaling=0.1)
    scaled.set_weights(plain.get_weights())
    last = plain.get_layer("block1_conv2")
    last.set_weights([0.1 * w for w in last.get_weights()])
    image = picture(5, 5)[None]
    np.testing.assert_allclose(plain(image), scaled(image), atol=1e-5)


@pytest.mark.parametrize("arguments", [{"num_blocks": 0}, {"num_filters": 0}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match="1 block and 1 filter or more"):
        models.build("edsr", 2, **arguments)


def test_the_papers_patches_are_of_48_lr_pixels():
    # What `pipelines.paired` takes where no size is given.
    assert models.recipe("edsr", "paper")["data"]["hr_patch_size"] is None
