import keras
import numpy as np
import pytest
import tensorflow as tf

from sr_keras.training.optim.muon import ConvMuon, orthogonalized

SHAPES = [(576, 64), (64, 576), (96, 72), (200, 8), (8, 200), (1, 5), (5, 1)]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def kernel_and_bias(shape=(3, 3, 8, 8)):
    return [
        keras.Variable(normal(*shape), name="kernel"),
        keras.Variable(normal(shape[-1]), name="bias"),
    ]


def step(optimizer, variables, gradients):
    before = [np.array(v) for v in variables]
    optimizer.apply([tf.constant(g) for g in gradients], variables)
    return [np.array(v) - b for v, b in zip(variables, before, strict=True)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("magnitude", [1e-6, 1.0, 1e6])
def test_singular_values_become_one(shape, magnitude):
    matrix = normal(*shape) * np.float32(magnitude)
    got = np.asarray(orthogonalized(tf.constant(matrix)))
    assert got.shape == shape
    values = np.linalg.svd(got, compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3


@pytest.mark.parametrize("shape", SHAPES)
def test_directions_stay(shape):
    """U f(S) V^T has the singular vectors of U S V^T."""
    matrix = normal(*shape, seed=1)
    got = np.asarray(orthogonalized(tf.constant(matrix)))
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    core = u.T @ got @ vt.T
    np.testing.assert_allclose(core, np.diag(np.diag(core)), rtol=0, atol=1e-3)
    assert np.diag(core).min() > 0.6


@pytest.mark.parametrize("spread", [1.0, 10.0, 200.0])
def test_an_uneven_spectrum_is_evened(spread):
    u, _, vt = np.linalg.svd(normal(96, 16), full_matrices=False)
    matrix = (u * np.geomspace(1, 1 / spread, 16)) @ vt
    got = np.asarray(orthogonalized(tf.constant(matrix, "float32")))
    values = np.linalg.svd(got, compute_uv=False)
    assert values.max() / values.min() < 2.2
    assert 0.6 < values.min() < values.max() < 1.3


def test_a_transposed_matrix_gives_the_transposed_answer():
    matrix = normal(40, 9)
    np.testing.assert_allclose(
        orthogonalized(tf.constant(matrix.T)),
        np.asarray(orthogonalized(tf.constant(matrix))).T,
        rtol=0,
        atol=1e-6,
    )


def test_zero_stays_zero():
    assert np.abs(orthogonalized(tf.zeros((9, 4)))).max() == 0


@pytest.mark.parametrize("shape", [(3, 3, 8, 8), (3, 3, 8, 100), (1, 1, 64, 8)])
def test_a_hidden_kernels_step_is_orthogonal_and_of_adams_size(shape):
    kernel = keras.Variable(normal(*shape))
    (change,) = step(ConvMuon(0.01), [kernel], [normal(*shape, seed=1)])
    matrix = change.reshape(-1, shape[-1])
    values = np.linalg.svd(matrix, compute_uv=False)
    size = 0.2 * 0.01 * max(matrix.shape) ** 0.5
    assert 0.6 * size < values.min() < values.max() < 1.3 * size
    assert (change**2).mean() ** 0.5 == pytest.approx(0.002, rel=0.3)


def test_a_hidden_kernel_goes_down_its_gradient():
    variables = kernel_and_bias()
    gradients = [normal(*v.shape, seed=2) for v in variables]
    for change, gradient in zip(
        step(ConvMuon(0.01), variables, gradients), gradients, strict=True
    ):
        assert (change * gradient).sum() < 0


@pytest.mark.parametrize(
    "shape", [(8,), (3, 3, 3, 64), (3, 3, 64, 3), (9, 9), (3, 3, 7, 8)]
)
def test_everything_else_is_adams(shape):
    gradients = [normal(*shape, seed=i) for i in range(5)]
    results = []
    for optimizer in (
        ConvMuon(0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-9),
        keras.optimizers.Adam(0.01, 0.8, 0.99, epsilon=1e-9),
    ):
        variable = keras.Variable(normal(*shape, seed=9))
        for gradient in gradients:
            step(optimizer, [variable], [gradient])
        results.append(np.array(variable))
    np.testing.assert_allclose(*results, rtol=0, atol=1e-5)


def test_momentum_is_nesterovs():
    shape = (3, 3, 8, 8)
    kernel = keras.Variable(np.zeros(shape, "float32"))
    optimizer = ConvMuon(0.01, momentum=0.7)
    momentum = np.zeros(shape, "float32")
    for i in range(3):
        gradient = normal(*shape, seed=i)
        (change,) = step(optimizer, [kernel], [gradient])
        momentum = 0.7 * momentum + gradient
        ahead = (gradient + 0.7 * momentum).reshape(72, 8)
        expected = orthogonalized(tf.constant(ahead)).numpy().reshape(shape)
        expected = -0.01 * 0.2 * 72**0.5 * expected
        np.testing.assert_allclose(change, expected, rtol=0, atol=1e-6)


def test_zero_gradients_are_harmless():
    variables = kernel_and_bias()
    optimizer = ConvMuon(0.01)
    zeros = [np.zeros(v.shape, "float32") for v in variables]
    for _ in range(3):
        for change in step(optimizer, variables, zeros):
            assert np.abs(change).max() == 0
    gradients = [normal(*v.shape) for v in variables]
    for change in step(optimizer, variables, gradients):
        assert np.isfinite(change).all()
        assert np.abs(change).max() > 0


@pytest.mark.parametrize("magnitude", [1e-12, 1e12])
def test_gradients_of_any_size_are_finite(magnitude):
    variables = kernel_and_bias()
    optimizer = ConvMuon(0.01)
    for i in range(3):
        gradients = [
            normal(*v.shape, seed=i) * np.float32(magnitude) for v in variables
        ]
        for change in step(optimizer, variables, gradients):
            assert np.isfinite(change).all()


def network():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(3, 3, padding="same"),
        ]
    )


def fitted(epochs=3, run_eagerly=False, **options):
    model = network()
    model.compile(
        ConvMuon(5e-3, **options),
        "mse",
        run_eagerly=run_eagerly,
        jit_compile=False,
    )
    x = normal(2, 8, 8, 3) * 0.1
    history = model.fit(
        x, np.roll(x, 1, 1), epochs=epochs, verbose=0, shuffle=False
    )
    return model, history.history["loss"]


@pytest.mark.slow
def test_it_descends():
    _, losses = fitted(40)
    assert losses[-1] < losses[0] / 3


def test_graph_and_eager_steps_agree():
    graph, eager = (fitted(run_eagerly=eager)[0] for eager in (False, True))
    for a, b in zip(graph.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_weights_are_averaged():
    model, _ = fitted(use_ema=True, ema_momentum=0.9)
    averages = model.optimizer._model_variables_moving_average
    for weight, average in zip(model.weights, averages, strict=True):
        np.testing.assert_array_equal(weight, average)


def test_configuration():
    optimizer = ConvMuon(
        3e-3,
        momentum=0.8,
        beta_1=0.7,
        beta_2=0.95,
        epsilon=1e-6,
        use_ema=True,
        ema_momentum=0.9,
        name="mine",
    )
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is ConvMuon
    assert again.get_config() == optimizer.get_config()
    for name in ("momentum", "beta_1", "beta_2", "epsilon", "ema_momentum"):
        assert getattr(again, name) == getattr(optimizer, name)
    assert float(again.learning_rate) == pytest.approx(3e-3)


@pytest.mark.slow
def test_state_survives_saving(tmp_path):
    """A training that goes on from a file goes on as it would have."""
    model, _ = fitted()
    model.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    x = normal(2, 8, 8, 3, seed=5)
    for each in (model, again):
        each.train_on_batch(x, x)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
