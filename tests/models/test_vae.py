import numpy as np
import pytest
from checks import NetworkContract, randomized, smooth

from sr_keras import models
from sr_keras.imaging.resize import imresize
from sr_keras.inference.load import load
from sr_keras.models import artifact
from sr_keras.models.vae import VAE, Sampling

SMALL = {"num_blocks": 1, "num_filters": 6, "latent_channels": 4}


class TestVAE(NetworkContract):
    name = "vae"
    parameters = 126_627
    small = SMALL
    recipes = ("default",)


class TestVAEx4(NetworkContract):
    name = "vae"
    parameters = 163_619
    scale = 4
    small = {**SMALL, "channels": 1}
    channels = 1
    recipes = ("default",)


@pytest.fixture(scope="module")
def network():
    """A network that draws widely."""
    network = randomized(VAE(**SMALL, beta=0.5))
    last = network.get_layer("log_variance")
    kernel, bias = last.get_weights()
    last.set_weights([kernel * 0.1, bias * 0 + 1])
    return network


def test_training_draws_and_inference_does_not(network):
    image = smooth(8, 9)[None]
    plain = np.asarray(network(image))
    np.testing.assert_array_equal(network(image, training=False), plain)
    first = np.asarray(network(image, training=True))
    second = np.asarray(network(image, training=True))
    assert np.abs(first - second).max() > 1e-3
    assert np.abs(first - plain).max() > 1e-3


def test_the_divergence_is_among_the_losses(network):
    image = smooth(8, 9)[None]
    network(image)
    assert network.learner.losses == []
    network.learner(image, training=True)
    (loss,) = network.learner.losses
    assert float(loss) > 0
    mean = np.full((2, 3, 4, 5), 0.7, "float32")
    logarithm = np.full((2, 3, 4, 5), np.log(0.25), "float32")
    sampling = Sampling(beta=0.5)
    sampling([mean, logarithm], training=True)
    # log(1/s) + (s^2 + m^2 - 1) / 2 in each of five maps.
    expected = 0.5 * 5 * (np.log(2) + (0.25 + 0.49 - 1) / 2)
    np.testing.assert_allclose(sampling.losses[0], expected, rtol=1e-5)


def test_draws_have_the_mean_and_the_deviation():
    shape = (1, 60, 60, 4)
    mean = np.full(shape, 2.0, "float32")
    logarithm = np.full(shape, np.log(0.09), "float32")
    drawn = np.asarray(Sampling()([mean, logarithm], training=True))
    assert drawn.mean() == pytest.approx(2, abs=0.02)
    assert drawn.std() == pytest.approx(0.3, abs=0.01)


def test_samples(network, tmp_path):
    image = smooth(8, 9)
    drawn = network.samples(image, 4, seed=3)
    assert drawn.shape == (4, 16, 18, 3)
    assert drawn.dtype == np.float32
    assert 0 <= drawn.min() <= drawn.max() <= 1
    differences = np.abs(drawn[:, None] - drawn[None]).max((2, 3, 4))
    assert (differences[~np.eye(4, dtype=bool)] > 1e-3).all()
    np.testing.assert_array_equal(network.samples(image, 2, seed=3), drawn[:2])
    assert np.abs(network.samples(image, 1, seed=4) - drawn[:1]).max() > 1e-3
    artifact.save(network, tmp_path / "x.keras")
    again = load(tmp_path / "x.keras")
    np.testing.assert_array_equal(again.samples(image, 4, seed=3), drawn)


def test_no_deviation_draws_the_mean(network):
    again = VAE.from_config(network.get_config())
    again.set_weights(network.get_weights())
    last = again.get_layer("log_variance")
    kernel, bias = last.get_weights()
    last.set_weights([kernel * 0, bias * 0 - 60])
    image = smooth(8, 9)
    expected = np.clip(network(image[None])[0], 0, 1)
    for drawn in again.samples(image, 2):
        np.testing.assert_allclose(drawn, expected, rtol=0, atol=1e-6)


def test_draws_differ_on_edges_and_not_on_flats(network):
    image = np.full((24, 24, 3), 0.3, "float32")
    image[:, 12:] = 0.7
    spread = network.samples(image, 8).std(axis=0).mean(axis=(0, 2))
    edge, flat = spread[20:28].mean(), np.r_[spread[:8], spread[-8:]].mean()
    assert edge > 10 * flat


def test_starts_from_the_interpolation():
    image = smooth(12, 10)
    got = np.asarray(VAE()(image[None]))[0]
    assert 0 < np.abs(got - imresize(image, 2)).mean() < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_channels": 0}, "latent_channels is 1 or more, not 0"),
        ({"beta": -1}, "beta is 0 or more, not -1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("vae", 2, **arguments)
