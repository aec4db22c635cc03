import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from sr_keras import models
from sr_keras.training import config, objectives
from sr_keras.training.optim.optimizers import optimizer_of
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


def network_of(*values):
    """What an optimizer needs to know of a network, with layers a, b, c."""
    variables = []
    for name, value in zip("abc", values, strict=False):
        with keras.name_scope(name):
            variables.append(keras.Variable(np.float32([value]), name="kernel"))
    learner = types.SimpleNamespace(trainable_variables=variables)
    return types.SimpleNamespace(name="abc", learner=learner)


def places_of(values, gradients, graph=False, **learning):
    """Where weights are after each step of an optimizer, (steps, weights)."""
    network = network_of(*values)
    variables = network.learner.trainable_variables
    optimizer = optimizer_of(Learning(**learning), network, 10)
    optimizer.build(variables)
    step = optimizer.apply
    if graph:
        step = tf.function(lambda g: optimizer.apply(g, variables))
    places = []
    for gradient in gradients:
        step([tf.constant([g], "float32") for g in gradient])
        places.append([float(v[0]) for v in variables])
    return np.array(places)


@pytest.mark.parametrize("graph", [False, True])
def test_decay_of_sgd_is_a_part_of_the_gradient(graph):
    # By hand: v = 0.5 v - 0.1 (g + 0.2 w), w = w + v.
    # w = 2, g = 1: v = -0.14, w = 1.86.
    # g = -1: v = -0.07 - 0.1 (-1 + 0.372) = -0.0072, w = 1.8528.
    found = places_of(
        [2.0], [[1.0], [-1.0]], graph, optimizer="sgd", learning_rate=0.1,
        momentum=0.5, weight_decay=0.2,
    )  # fmt: skip
    np.testing.assert_allclose(found[:, 0], [1.86, 1.8528], rtol=1e-6)


@pytest.mark.parametrize("graph", [False, True])
def test_decay_of_sgd_is_that_of_torch(graph):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    values, gradients = rng.normal(size=3), rng.normal(size=(5, 3))
    found = places_of(
        values, gradients, graph, optimizer="sgd", learning_rate=0.1,
        momentum=0.9, weight_decay=0.3, layer_rates={"b": 0.02, "c": 0},
    )  # fmt: skip
    weights = [torch.tensor([v], requires_grad=True) for v in values]
    groups = [
        {"params": [w], "lr": rate}
        for w, rate in zip(weights, (0.1, 0.02, 0.0), strict=True)
    ]
    optimizer = torch.optim.SGD(groups, 0.1, momentum=0.9, weight_decay=0.3)
    for i, step in enumerate(gradients):
        for weight, gradient in zip(weights, step, strict=True):
            weight.grad = torch.tensor([gradient])
        optimizer.step()
        wanted = [w.item() for w in weights]
        np.testing.assert_allclose(found[i], wanted, rtol=1e-5)


def test_biases_have_a_rate_of_their_own():
    """LapSRN's have a tenth (init_LapSRN_model.m); a layer's comes first."""
    network = models.build("lapsrn", 2, num_layers=1, num_filters=2)
    rates = {"bias": 0.01, "level1_residual": 0.5}
    optimizer = optimizer_of(
        Learning(optimizer="sgd", learning_rate=0.1, layer_rates=rates),
        network, 10,
    )  # fmt: skip
    variables = network.learner.trainable_variables
    factors = {}
    for variable, factor in zip(variables, optimizer.factors, strict=True):
        layer, kind = variable.path.split("/")[-2:]
        factors.setdefault((layer == "level1_residual", kind), set()).add(
            round(factor, 6)
        )
    assert factors == {
        (False, "kernel"): {1.0}, (False, "bias"): {0.1},
        (True, "kernel"): {5.0}, (True, "bias"): {5.0},
    }  # fmt: skip


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_decoupled_decay_is_at_the_rate_of_the_layer(name, graph):
    given = {"optimizer": name, "learning_rate": 0.1, "weight_decay": 0.5}
    found = places_of(
        [2.0, 2.0, 2.0], [[0, 0, 0]], graph, **given,
        layer_rates={"b": 0.02, "c": 0},
    )  # fmt: skip
    np.testing.assert_allclose(found, [[1.9, 1.98, 2.0]], rtol=1e-6)
    np.testing.assert_allclose(places_of([2.0], [[0]], **given), [[1.9]])


def test_adam_takes_no_decay_in_silence():
    with pytest.raises(ValueError, match="0.1: use --optimizer adamw"):
        Learning(optimizer="adam", weight_decay=0.1)
    for name in ("adamw", "muon", "sgd"):
        Learning(optimizer=name, weight_decay=0.1)


@pytest.mark.parametrize("name", ["srcnn", "lapsrn"])
@pytest.mark.parametrize("objective", ["adversarial", "dual"])
def test_other_objectives_leave_the_settings_of_sgd_behind(name, objective):
    recipe = models.recipe(name, "paper")
    _, groups = objectives.groups_of(recipe, objective, [{}])
    made = Learning(**groups["learning"])
    assert made.optimizer == "adam"
    assert not made.weight_decay
    assert not made.layer_rates


def test_old_runs_go_on_as_they_began(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"version": "0.1.0", "learning": {"loss": "l1"}}')
    assert config.read(path)["learning"] == {"epsilon": None, "loss": "l1"}
    path.write_text(
        '{"version": "0.1.0", "learning": '
        '{"optimizer": "adam", "weight_decay": 0.1}}'
    )
    assert Learning(**config.read(path)["learning"]).weight_decay == 0
    path.write_text('{"version": "0.1.0", "data": {"stride": 2}}')
    assert config.read(path)["data"] == {"hr_scale": None, "stride": 2}
    path.write_text('{"learning": {"loss": "l1"}}')
    assert config.read(path)["learning"] == {"loss": "l1"}
