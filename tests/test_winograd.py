import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import picture, randomized
from keras import layers

from sr_keras import models, runner, winograd
from sr_keras.training import precision


@pytest.fixture(scope="module")
def network():
    # Within [0, 1] inside too: 1e-5 of bytes would be less than float32 has.
    arguments = {"num_blocks": 1, "num_filters": 32, "up_filters": 4}
    return randomized(models.build("a2n", 2, value_range=1, **arguments))


def compiled(model):
    return tf.function(winograd.forward(model), autograph=False)


@pytest.fixture(scope="module")
def fast(network):
    return compiled(network)


@pytest.mark.parametrize("height", [1, 7, 8])
def test_any_height_gives_the_same(network, fast, height):
    image = picture(height, 7)[None]
    found = fast(image).numpy()
    np.testing.assert_allclose(found, network(image), rtol=0, atol=1e-5)


def test_a_bias_and_an_activation():
    inputs = keras.Input((None, None, 32))
    outputs = layers.Conv2D(
        32, 3, padding="same", activation="relu", bias_initializer="ones"
    )(inputs)
    model = keras.Model(inputs, outputs)
    image = np.random.default_rng(0).normal(size=(1, 9, 6, 32))
    image = image.astype("float32")
    found = compiled(model)(image).numpy()
    np.testing.assert_allclose(found, model(image), rtol=0, atol=1e-5)
    assert found.min() == 0


@pytest.mark.parametrize(
    "options",
    [
        {"filters": 16},
        {"kernel_size": 5},
        {"strides": 2},
        {"dilation_rate": 2},
        {"groups": 2},
        {"padding": "valid"},
        {"dtype": "mixed_bfloat16"},
    ],
)
def test_other_convolutions_are_left_alone(options):
    plain = {"filters": 64, "kernel_size": 3, "padding": "same"}
    inputs = keras.Input((None, None, 32))

    def model(**more):
        layer = layers.Conv2D(**{**plain, **more})
        return keras.Model(inputs, layer(inputs))

    assert winograd.pays(model())
    assert not winograd.pays(model(**options))


def counted(monkeypatch):
    calls = []
    products = winograd._products
    monkeypatch.setattr(
        winograd, "_products", lambda *x: calls.append(x) or products(*x)
    )
    return calls


def test_a_network_that_sees_all_is_computed_so(network, monkeypatch):
    runner.forget(network)
    calls = counted(monkeypatch)
    image = picture(10, 9)
    found = runner.Runner(network, 3).picture(image)
    assert len(calls) == 5
    expected = network(image[None])[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_weights_are_those_of_the_moment(network):
    image = picture(10, 9)
    own = runner.Runner(network, 3)
    before, weights = own.picture(image), network.get_weights()
    network.set_weights([w * 0.5 for w in weights])
    changed, expected = own.picture(image), network(image[None])[0]
    network.set_weights(weights)
    np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-5)
    assert abs(changed - before).max() > 1e-3


def test_a_network_with_exact_tiles_is_not(monkeypatch):
    calls = counted(monkeypatch)
    local = models.build("edsr", 2, num_blocks=1, num_filters=32)
    assert winograd.pays(local)
    runner.Runner(local, 3).picture(picture(8, 8))
    assert not calls


def test_bfloat16_is_computed_as_it_is(network, monkeypatch):
    calls = counted(monkeypatch)
    with precision.computing(network, "bfloat16", True):
        runner.Runner(network, 3).picture(picture(8, 8))
    assert not calls
    runner.Runner(network, 3).picture(picture(8, 8))
    assert calls


def test_so_are_the_tiles_of_a_large_image(network, monkeypatch):
    runner.forget(network)
    calls = counted(monkeypatch)
    image = picture(24, 20)
    found = runner.Runner(network, 3).whole(image, tile=7)
    assert len(calls) == 5
    expected = network(image[None])[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
