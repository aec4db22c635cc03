import json

import numpy as np
import pytest
from checks import NetworkContract, data_folder, picture, randomized

from sr_keras import models
from sr_keras.models.srcnn import SRCNN


class TestSRCNN(NetworkContract):
    name = "srcnn"
    parameters = 8_129
    small = {"num_filters": (3, 2)}
    channels = 1


class TestSRCNNx3(NetworkContract):
    name = "srcnn"
    parameters = 8_129
    scale = 3
    small = {"num_filters": [2, 2], "kernel_sizes": [9, 5, 5], "channels": 3}


@pytest.mark.parametrize(
    ("sizes", "parameters", "label"),
    # Section 4.3.2; 33x33 gives 21x21 with 9-1-5 (section 4.1).
    [((9, 1, 5), 8_129, 21), ((9, 3, 5), 24_513, 19), ((9, 5, 5), 57_281, 17)],
)
def test_the_networks_of_the_paper(sizes, parameters, label):
    network = SRCNN(kernel_sizes=sizes)
    assert network.count_params() == parameters
    assert (33 - label) // 2 == network.reach
    assert network.learner(picture(33, 33, 1)[None]).shape == (
        1,
        label,
        label,
        1,
    )


def test_kernel_sizes_survive_json():
    config = json.loads(json.dumps(SRCNN(kernel_sizes=(9, 3, 5)).get_config()))
    again = SRCNN.from_config(config)
    assert again.arguments["kernel_sizes"] == [9, 3, 5]
    assert again.count_params() == 24_513


def test_replicates_the_edge_before_each_layer():
    network = randomized(SRCNN(kernel_sizes=(3, 1, 5), num_filters=(4, 3)))
    x = picture(8, 9, 1)
    for i, border in ((1, 1), (2, 0), (3, 2)):
        padded = np.pad(x, [(border,) * 2] * 2 + [(0, 0)], mode="edge")
        x = np.asarray(network.get_layer(f"conv{i}")(padded[None]))[0]
    got = network(picture(8, 9, 1)[None])[0]
    np.testing.assert_allclose(got, x, atol=1e-6)


def test_the_paper_starts_from_tiny_weights():
    arguments = models.recipe("srcnn", "paper")["network"]
    kernel = SRCNN(**arguments).get_layer("conv1").get_weights()[0]
    assert kernel.std() == pytest.approx(1e-3, rel=0.1)
    kernel = SRCNN().get_layer("conv1").get_weights()[0]
    assert kernel.std() == pytest.approx((2 / 81) ** 0.5, rel=0.1)


def test_rates_are_of_layers_that_there_are():
    network = SRCNN()
    rates = models.recipe("srcnn", "paper")["learning"]["layer_rates"]
    assert [network.get_layer(name).filters for name in rates] == [64, 32, 1]
    assert list(rates.values()) == [1e-4, 1e-4, 1e-5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_sizes": (9, 1)}, "three odd numbers"),
        ({"kernel_sizes": (9, 2, 5)}, "three odd numbers"),
        ({"kernel_sizes": (9, -1, 5)}, "three odd numbers"),
        ({"num_filters": (64,)}, "two numbers"),
        ({"num_filters": (64, 0)}, "two numbers"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("srcnn", 3, **arguments)


def test_holds_the_published_weights():
    path = data_folder("reference") / "srcnn_915_x3.npz"
    published = np.load(path)
    network = SRCNN(scale=3)
    for i in (1, 2, 3):
        kernel = published[f"conv{i}.weight"].transpose(2, 3, 1, 0)
        bias = published[f"conv{i}.bias"]
        network.get_layer(f"conv{i}").set_weights([kernel, bias])
    flat = np.full((1, 20, 20, 1), 0.5, "float32")
    np.testing.assert_allclose(network(flat), flat, atol=0.02)
