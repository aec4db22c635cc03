import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import NetworkContract, picture
from cli_runs import scene

from sr_keras import models
from sr_keras.imaging.color import luma
from sr_keras.imaging.resize import imresize
from sr_keras.models.lapsrn import LapSRN
from sr_keras.training import losses
from sr_keras.training.optim.optimizers import optimizer_of
from sr_keras.training.plan import Learning
from sr_keras.training.trainers.pixel import PixelTrainer


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


def test_the_first_image_is_the_bilinear_one():
    network = LapSRN(scale=4, channels=1)
    kernel = network.get_layer("head").get_weights()[0]
    assert kernel.std() == pytest.approx(1e-3, rel=0.2)
    for level in (1, 2):
        kernel = network.get_layer(f"level{level}_features").get_weights()[0]
        assert kernel.std() == pytest.approx((2 / (16 * 64)) ** 0.5, rel=0.05)
    image = picture(12, 12, 1)[None]
    got = np.asarray(network(image))
    for layer in network.layers:
        if layer.name.endswith("_residual"):
            layer.set_weights([0 * w for w in layer.get_weights()])
    np.testing.assert_allclose(got, np.asarray(network(image)), atol=0.02)


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


def test_the_recipe_of_the_paper():
    recipe = models.recipe("lapsrn", "paper")
    assert recipe["data"]["hr_scale"] == (0.5, 1.0)
    assert recipe["data"]["hr_patch_size"] == 128
    assert recipe["data"]["batch_size"] == 64
    learning = recipe["learning"]
    assert learning["loss"] == "charbonnier_sum"
    rates = learning["learning_rate"], learning["layer_rates"]
    assert rates == (1e-6, {"bias": 1e-7})
    assert (learning["momentum"], learning["weight_decay"]) == (0.9, 1e-4)
    assert (learning["step_every"], learning["step_factor"]) == (50, 0.5)


@pytest.mark.parametrize(
    "scale",
    [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 8))],
)
def test_the_recipe_of_the_paper_is_stable(scale):
    """It used to be NaN at the third step."""
    keras.utils.set_random_seed(0)
    network = LapSRN(scale=scale, channels=1)
    learning = Learning(**models.recipe("lapsrn", "paper")["learning"])
    trainer = PixelTrainer(network)
    trainer.compile(
        optimizer_of(learning, network, 1000), losses.get(learning.loss),
        jit_compile=False,
    )  # fmt: skip
    scenes = [luma(scene(128, 128, seed=i)) for i in range(4)]
    hr = np.stack(scenes).astype("float32")
    lr = np.stack([imresize(x, 1 / scale) for x in hr])
    step = tf.function(trainer.train_step)
    found = []
    for _ in range(12):
        trainer.reset_metrics()
        found.append(float(step((tf.constant(lr), tf.constant(hr)))["loss"]))
    assert int(trainer.skipped_in_a_row) == 0
    assert np.isfinite(found).all()
    assert max(found) < 1.01 * found[0]
    assert found[-1] < 0.998 * found[0]
