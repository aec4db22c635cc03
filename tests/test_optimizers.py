import keras
import numpy as np
import pytest

from sr_keras import models
from sr_keras.cli import config
from sr_keras.training.optimizers import optimizer_of
from sr_keras.training.plan import Learning


def steps_of(gradients, **learning):
    """The steps that an optimizer takes, from 0."""
    optimizer = optimizer_of(Learning(**learning), None, 10)
    variable = keras.Variable(np.zeros(3, "float32"))
    optimizer.build([variable])
    places = []
    for gradient in gradients:
        gradient = keras.ops.convert_to_tensor(gradient, "float32")
        optimizer.apply([gradient], [variable])
        places.append(np.asarray(variable))
    return np.diff([np.zeros(3), *places], axis=0)


@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_epsilon_of_images_up_to_255_is_255_times_as_large(name):
    gradients = np.array([[1e-10, 1e-9, 1e-8], [3e-10, -1e-9, 2e-8]])
    small = steps_of(gradients, optimizer=name, epsilon=1e-8 / 255)
    large = steps_of(255 * gradients, optimizer=name, epsilon=1e-8)
    np.testing.assert_allclose(small, large, rtol=1e-4)
    # Keras's own epsilon takes almost all of such steps.
    assert np.all(np.abs(steps_of(gradients, epsilon=1e-7)) < np.abs(small))


@pytest.mark.parametrize(
    ("name", "own"), [("adam", 1e-7), ("adamw", 1e-7), ("muon", 1e-8)]
)
def test_epsilon_that_is_not_given(name, own):
    optimizer = optimizer_of(Learning(optimizer=name), None, 10)
    assert optimizer.epsilon == own


@pytest.mark.parametrize(
    ("name", "which", "epsilon"),
    [
        # option.py of EDSR-PyTorch, A2N and DRN: 1e-8, L1 on [0, 255].
        ("edsr", "paper", 1e-8 / 255),
        ("edsr-full", "paper", 1e-8 / 255),
        ("a2n", "paper", 1e-8 / 255),
        ("a2n-m", "paper", 1e-8 / 255),
        ("drn-s", "paper", 1e-8 / 255),
        ("drn-l", "paper", 1e-8 / 255),
        # Squared differences of images in [-1, 1].
        ("srresnet", "paper", 1e-8 / 4),
        ("srgan", "paper", 1e-8),
        ("edsr", "default", 1e-8 / 255),
        ("drn-s", "default", 1e-8 / 255),
        ("lapsrn", "default", 1e-8 / 255),
    ],
)
def test_epsilon_of_recipes(name, which, epsilon):
    learning = models.recipe(name, which)["learning"]
    made = optimizer_of(Learning(**learning), None, 10)
    assert made.epsilon == epsilon


def test_old_runs_keep_the_epsilon_that_they_began_with(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"version": "0.1.0", "learning": {"loss": "l1"}}')
    assert config.read(path)["learning"] == {"epsilon": None, "loss": "l1"}
    path.write_text('{"learning": {"loss": "l1"}}')
    assert config.read(path)["learning"] == {"loss": "l1"}
