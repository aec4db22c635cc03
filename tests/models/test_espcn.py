import numpy as np
import pytest
from checks import NetworkContract, picture, randomized

from sr_keras import models
from sr_keras.models.espcn import ESPCN


class TestESPCN(NetworkContract):
    name = "espcn"
    parameters = 21_284
    small = {"num_filters": (4, 3)}
    channels = 1


class TestESPCNx3(NetworkContract):
    name = "espcn"
    parameters = 22_729
    scale = 3
    small = {"num_filters": (3,), "kernel_sizes": (3, 5), "channels": 3}

    def test_parameter_count(self):
        assert models.build("espcn", 3).count_params() == self.parameters


def test_is_the_network_of_the_paper():
    network = ESPCN(scale=4)
    assert network.count_params() == 24_752
    convolutions = [network.get_layer(f"conv{i}") for i in (1, 2, 3)]
    assert [x.filters for x in convolutions] == [64, 32, 16]
    assert [x.kernel_size[0] for x in convolutions] == [5, 3, 3]
    activations = [x.activation.__name__ for x in convolutions]
    assert activations == ["tanh", "tanh", "linear"]
    # All of them see the LR image's size.
    assert network.reach == 2 + 1 + 1


def test_the_last_convolution_makes_the_phases():
    network = randomized(ESPCN(scale=2, num_filters=(2, 2)))
    last = network.get_layer("conv3")
    kernel, _ = last.get_weights()
    last.set_weights([np.zeros_like(kernel), np.array([1.0, 2.0, 3.0, 4.0])])
    block = np.asarray(network(picture(1, 1, 1)[None]))[0, ..., 0]
    np.testing.assert_array_equal(block, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_sizes": (5, 4, 3)}, "odd"),
        ({"num_filters": (64,)}, "2 of them"),
        ({"num_filters": (64, 0)}, "from 1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("espcn", 3, **arguments)
