import numpy as np
import pytest
from checks import NetworkContract, picture

from sr_keras import models
from sr_keras.models.lapsrn import LapSRN


class TestLapSRN(NetworkContract):
    name = "lapsrn"
    parameters = 438_547
    small = {"num_layers": 2, "num_filters": 3}


class TestLapSRNx4(NetworkContract):
    name = "lapsrn"
    parameters = 875_302
    scale = 4
    small = {"num_layers": 1, "num_filters": 3}


class TestLapSRNx8(NetworkContract):
    name = "lapsrn"
    parameters = 758_137
    scale = 8
    small = {"num_layers": 1, "num_filters": 2, "channels": 1}
    channels = 1


@pytest.mark.parametrize(("scale", "depth"), [(2, 10), (4, 10), (8, 5)])
def test_depth_is_the_papers(scale, depth):
    network = LapSRN(scale=scale)
    assert network.arguments["num_layers"] == depth
    names = [x.name for x in network.layers]
    assert f"level1_conv{depth}" in names
    assert f"level1_conv{depth + 1}" not in names


def test_luma_as_in_the_paper():
    level = 10 * 36_928 + 64 * 64 * 16 + 64 + 64 * 9 + 1 + 16
    network = LapSRN(scale=4, channels=1)
    assert network.count_params() == 9 * 64 + 64 + 2 * level


def test_the_learner_gives_every_level():
    network = LapSRN(scale=8, num_layers=1, num_filters=2)
    images = picture(5, 6)[None]
    shapes = [x.shape[1:3] for x in network.learner(images)]
    assert shapes == [(10, 12), (20, 24), (40, 48)]
    single = LapSRN(scale=2, num_layers=1, num_filters=2)
    assert len(single.learner(images)) == 1


def test_a_level_adds_to_the_image_below_it():
    network = LapSRN(scale=4, num_layers=1, num_filters=2)
    for level in (1, 2):
        layer = network.get_layer(f"level{level}_residual")
        layer.set_weights([0 * w for w in layer.get_weights()])
    # Bilinear at first: inside a ramp stays the ramp.
    ramp = np.linspace(0, 1, 12, dtype="float32")
    image = np.broadcast_to(ramp[:, None, None], (12, 12, 3))[None]
    got = np.asarray(network(image))[0, 8:-8, 8:-8, 0]
    place = (np.arange(8, 40) + 0.5) / 4 - 0.5
    expected = np.broadcast_to(place[:, None] / 11, got.shape)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("arguments", [{"num_layers": 0}, {"num_filters": 0}])
def test_refuses(arguments):
    with pytest.raises(ValueError, match="1 layer and 1 filter or more"):
        models.build("lapsrn", 2, **arguments)
