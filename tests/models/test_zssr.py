import keras
import numpy as np
import pytest
from checks import NetworkContract, picture, randomized

from sr_keras import models, upscale
from sr_keras.models.zssr import ZSSR


class TestZSSR(NetworkContract):
    name = "zssr"
    parameters = 225_091
    small = {"num_layers": 3, "num_filters": 5}


class TestZSSROfTheirCode(NetworkContract):
    """The arguments that the recipes "paper" and "article" give it."""

    name = "zssr"
    parameters = 225_091
    small = {
        "num_layers": 3,
        "num_filters": 5,
        "use_bias": False,
        "initializer": "glorot",
        "value_range": 255.0,
        "interpolation": "bicubic-opencv",
    }


class TestZSSRx3(NetworkContract):
    name = "zssr"
    parameters = 225_091
    scale = 3
    small = {
        "num_layers": 2,
        "num_filters": 4,
        "kernel_size": 5,
        "activation": "tanh",
    }


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 225_091),
        ({"first_filters": 3}, 188_247),
        ({"first_filters": 64}, 225_091),
        ({"num_layers": 2, "num_filters": 8}, 3 * 9 * 8 + 8 + 8 * 9 * 3 + 3),
        ({"channels": 1}, 222_785),
        ({"num_layers": 2, "num_filters": 8, "kernel_size": 1}, 59),
    ],
)
def test_parameters(arguments, count):
    assert ZSSR(**arguments).count_params() == count


def test_is_the_network_of_the_paper():
    network = ZSSR()
    convolutions = [x for x in network.layers if x.name.startswith("conv")]
    assert len(convolutions) == 8
    activations = [x.activation.__name__ for x in convolutions]
    assert activations == ["relu"] * 7 + ["linear"]
    assert {x.kernel_size for x in convolutions} == {(3, 3)}
    assert [x.filters for x in convolutions] == [64] * 7 + [3]
    assert all(x.use_bias for x in convolutions)
    assert network.refiner


def stacked(network):
    """The kernels, and how many numbers each sum of a layer has."""
    kernels = [w for w in network.get_weights() if w.ndim == 4]
    return [(w, np.prod(w.shape[:3]), np.prod(w.shape[:2])) for w in kernels]


def test_the_network_of_the_authors_code():
    """github.com/assafshocher/ZSSR: no biases, variance 0.1 / fan-in."""
    keras.utils.set_random_seed(0)
    arguments = models.recipe("zssr", "paper")["network"]
    network = models.build_bare("zssr", 2, **arguments)
    assert len(network.weights) == 8
    assert network.count_params() == 225_091 - 7 * 64 - 3
    for kernel, fan_in, _ in stacked(network):
        deviation = np.sqrt(0.1 / fan_in)
        assert kernel.std() == pytest.approx(deviation, rel=0.08)
        # A normal distribution, with its tails.
        outer = (np.abs(kernel) > 2 * deviation).mean()
        assert outer == pytest.approx(0.0455, abs=0.02)


def test_the_network_of_the_article():
    """github.com/missinglinkai/ZSSR: Keras's weights, values up to 255."""
    keras.utils.set_random_seed(0)
    arguments = models.recipe("zssr", "article")["network"]
    network = models.build_bare("zssr", 2, **arguments)
    for kernel, fan_in, area in stacked(network):
        limit = np.sqrt(6 / (fan_in + area * kernel.shape[-1]))
        assert np.abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.08)
    network = randomized(network)
    plain = ZSSR(first_filters=3)
    plain.set_weights(network.get_weights())
    image = picture(9, 8)[None]
    expected = np.asarray(plain(image * 255)) / 255
    np.testing.assert_allclose(network(image), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("scale", [2, 3])
def test_its_own_interpolation(scale):
    """In the graph and outside of it, as OpenCV's."""
    import cv2

    network = models.build(
        "zssr", scale, num_layers=2, num_filters=2,
        interpolation="bicubic-opencv",
    )  # fmt: skip
    last = network.network.get_layer("conv2")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    image = picture(11, 14)
    size = (14 * scale, 11 * scale)
    expected = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(network(image[None])[0], expected, atol=1e-5)
    got = upscale(image, network.network, scale, self_ensemble=False,
                  keep_colours=False)  # fmt: skip
    np.testing.assert_allclose(got, expected.clip(0, 1), atol=1e-5)


def test_config_of_an_earlier_version():
    """Without the arguments that came later it is the same network."""
    network = randomized(ZSSR(num_layers=3, num_filters=4))
    config = network.get_config()
    for name in ("use_bias", "initializer", "value_range", "interpolation"):
        config.pop(name)
    again = ZSSR.from_config(config)
    again.set_weights(network.get_weights())
    image = picture(8, 8)[None]
    np.testing.assert_array_equal(network(image), again(image))


def test_starts_from_the_interpolation():
    image = picture(20, 20)[None]
    change = np.asarray(ZSSR()(image)) - image
    assert 0 < np.abs(change).max() < 0.1


def test_the_residual_is_global():
    network = randomized(ZSSR(num_layers=2, num_filters=3))
    network.get_layer("conv2").set_weights(
        [np.zeros((3, 3, 3, 3)), np.full(3, 0.25)]
    )
    image = picture(6, 6)[None]
    np.testing.assert_allclose(network(image), image + 0.25, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "kernel", "reach"), [(8, 3, 8), (2, 5, 4), (3, 1, 0), (4, 3, 4)]
)
def test_reach_is_how_far_a_pixel_is_felt(layers, kernel, reach):
    network = randomized(
        ZSSR(
            num_layers=layers,
            num_filters=4,
            kernel_size=kernel,
            activation="linear",
        )
    )
    assert network.reach == reach
    image = np.zeros((1, 25, 25, 3), "float32")
    before = np.asarray(network(image))
    image[0, 12, 12] = 1
    felt = np.abs(np.asarray(network(image)) - before)[0].max(-1) > 0
    rows = np.flatnonzero(felt.any(1))
    assert (rows[0], rows[-1]) == (12 - reach, 12 + reach)


@pytest.mark.parametrize("scale", [2, 2.37, (1.5, 2.0)])
def test_a_refiner_keeps_any_scale(scale):
    network = models.build_bare("zssr", scale, num_layers=2, num_filters=2)
    assert network.scale == scale
    again = ZSSR.from_config(network.get_config())
    assert again.scale == scale


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_layers": 1}, "2 layers or more, not 1"),
        ({"num_filters": 0}, "1 filter or more, not 0"),
        ({"passes": 0}, "1 pass or more, not 0"),
        ({"kernel_size": 4}, "odd, not 4"),
        ({"kernel_size": 0}, "odd, not 0"),
        ({"activation": "swoosh"}, "swoosh"),
        ({"initializer": "hee"}, "no initializer 'hee': did you mean he"),
        ({"interpolation": "cubic"}, "no interpolation 'cubic'.*use one of"),
        ({"value_range": 0}, "value_range must be positive, not 0"),
        ({"channels": 0}, "0"),
        ({"nonsense": 7}, "nonsense"),
        ({"num_layers": "8"}, "str"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("zssr", 2, **arguments)


@pytest.mark.parametrize("which", ["default", "fast", "paper", "article"])
def test_recipes_are_settings(which):
    from sr_keras.training.settings import settings

    made = settings(models.recipe("zssr", which))
    network = models.build_bare("zssr", 2, **made.network)
    assert network.count_params() > 0
    # TensorFlow 1's for the authors' Adam, Keras's of images up to 255.
    epsilons = {"paper": 1e-8, "article": 1e-7 / 255}
    assert made.learning.epsilon == epsilons.get(which)
    if which == "article" and made.network:
        assert network.count_params() == 188_247
