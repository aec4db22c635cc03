import numpy as np
import pytest
from checks import NEEDS_16_BITS, NetworkContract, picture, randomized

from sr_keras import models
from sr_keras.models.lens import Lens


class TestLens(NetworkContract):
    name = "lens"
    parameters = 255_948
    small = {"num_blocks": 2, "num_filters": 4}
    recipes = ("default",)


class TestLensX3(NetworkContract):
    name = "lens"
    scale = 3
    channels = 1
    small = {"num_blocks": 1, "num_filters": 3, "channels": 1}
    recipes = ("default",)

    def test_parameter_count(self):
        small = models.build(
            "lens", 2, num_filters=16, num_blocks=5, channels=1
        )
        assert small.count_params() == 23_940


def test_it_begins_with_the_nearest_pixel():
    network = randomized(Lens(scale=3, num_blocks=1, num_filters=4))
    tail = network.get_layer("tail")
    tail.set_weights([np.zeros_like(w) for w in tail.get_weights()])
    image = picture(4, 5)
    expected = image.repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(network(image[None])[0], expected)


@NEEDS_16_BITS
def test_a_bfloat16_network_keeps_the_digits_of_the_image():
    from keras import config

    config.set_dtype_policy("mixed_bfloat16")
    try:
        network = Lens(num_blocks=1, num_filters=4)
    finally:
        config.set_dtype_policy("float32")
    tail = network.get_layer("tail")
    tail.set_weights([np.zeros_like(w) for w in tail.get_weights()])
    image = picture(4, 5)
    np.testing.assert_array_equal(network(image[None])[0, ::2, ::2], image)


@pytest.mark.parametrize("arguments", [{"num_blocks": 0}, {"num_filters": 0}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match="1 block and 1 filter or more"):
        models.build("lens", 2, **arguments)
